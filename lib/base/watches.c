/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/watches.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trust.h"

/* As many as the kernel follows for one path (path_resolution(7)). */
#define LINKS_LIMIT 40

/* On the way: AT is a real directory, REST is still to be walked from there. */
struct way {
        char at[PATH_MAX];
        char rest[PATH_MAX];
        unsigned links;
        bool is_seen; /* MODE is that of AT */
        mode_t mode;
};

enum stepped {
        STEPPED_ON,
        STEPPED_TO_THE_END,
};

/* Takes the next component off the front of REST; an empty one when nothing is left. */
static void watches_next_component(struct way *way, char name[NAME_MAX + 1]) {
        const char *start = way->rest + strspn(way->rest, "/");
        size_t length = strcspn(start, "/");

        /* One that is too long exists nowhere, whatever it is cut to. */
        (void) snprintf(name, NAME_MAX + 1, "%.*s", (int) length, start);
        memmove(way->rest, start + length, strlen(start + length) + 1);
}

static void to_parent(struct way *way) {
        char *slash = strrchr(way->at, '/');

        slash[slash == way->at] = '\0';
        way->is_seen = false;
}

/* Puts the target of the link at PATH in front of what is left. */
static bool turn(struct way *way, const char *path) {
        char target[PATH_MAX], joined[2 * PATH_MAX];
        ssize_t n = readlink(path, target, sizeof(target) - 1);

        if (n <= 0 || ++way->links > LINKS_LIMIT)
                return false;
        target[n] = '\0';
        if (snprintf(joined, sizeof(joined), "%s/%s", target, way->rest) >= PATH_MAX)
                return false;
        memcpy(way->rest, joined, strlen(joined) + 1);
        if (target[0] == '/') {
                memcpy(way->at, "/", 2);
                way->is_seen = false;
        }
        return true;
}

static enum stepped watches_step(struct way *way, const char *name) {
        char path[2 * PATH_MAX];
        struct stat st;

        if (strcmp(name, ".") == 0)
                return STEPPED_ON;
        if (strcmp(name, "..") == 0) {
                to_parent(way);
                return STEPPED_ON;
        }

        if (snprintf(path, sizeof(path), "%s/%s", strcmp(way->at, "/") == 0 ? "" : way->at, name) >=
                            PATH_MAX ||
            phx_is_remote(path) || lstat(path, &st) < 0)
                return STEPPED_TO_THE_END;
        if (S_ISLNK(st.st_mode))
                return turn(way, path) ? STEPPED_ON : STEPPED_TO_THE_END;
        if (!S_ISDIR(st.st_mode))
                return STEPPED_TO_THE_END;

        memcpy(way->at, path, strlen(path) + 1);
        way->is_seen = true;
        way->mode = st.st_mode;
        return STEPPED_ON;
}

static bool may_others_write(struct way *way) {
        struct stat st;

        if (!way->is_seen) {
                if (stat(way->at, &st) < 0)
                        return true;
                way->is_seen = true;
                way->mode = st.st_mode;
        }
        return way->mode & 0022;
}

/* On the way nothing but the next component matters. */
static int watches_add_step(struct phx_strings *watches, const struct way *way, const char *name) {
        phx_autofree char *watch = NULL;
        int r;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return 0;
        if (phx_concat(&watch, strcmp(way->at, "/") == 0 ? "" : way->at, "//", name) < 0)
                return -ENOMEM;
        r = phx_strings_add_once(watches, watch);
        return r < 0 ? r : 0;
}

/* What is longer leads nowhere. */
static bool watches_set_rest(struct way *way, const char *path) {
        if (strlen(path) >= sizeof(way->rest))
                return false;
        memcpy(way->rest, path, strlen(path) + 1);
        return true;
}

/* On from where WAY is: 1 when it has come to the end of REST. */
static int walk(struct phx_strings *watches, struct way *way) {
        char name[NAME_MAX + 1];
        int r = 0;

        for (watches_next_component(way, name); name[0] && r >= 0;
             watches_next_component(way, name)) {
                if (!may_others_write(way))
                        r = watches_add_step(watches, way, name);
                if (watches_step(way, name) == STEPPED_TO_THE_END)
                        return r < 0 ? r : watches_add_step(watches, way, name);
        }
        return r < 0 ? r : 1;
}

static int watches_add(struct phx_strings *watches, struct way *way, const char *path) {
        int r = watches_set_rest(way, path) ? walk(watches, way) : 0;

        if (r > 0)
                r = phx_strings_add_once(watches, way->at);
        return r < 0 ? r : 0;
}

int phx_watches_add_directory(struct phx_strings *watches, const char *directory) {
        struct way way = { .at = "/" };

        return watches_add(watches, &way, directory);
}

int phx_watches_add_directories(
                struct phx_strings *watches,
                const char *above,
                const struct phx_strings *names) {
        struct way there = { .at = "/" };
        int r = watches_set_rest(&there, above) ? walk(watches, &there) : 0;

        if (r <= 0)
                return r;
        for (size_t i = 0; r >= 0 && i < names->count; i++) {
                struct way way = there;

                r = watches_add(watches, &way, names->items[i]);
        }
        return r < 0 ? r : 0;
}

int phx_watches_add_file(struct phx_strings *watches, const char *path) {
        return phx_watches_add_directory(watches, path);
}
