/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The way to a directory is the way to the one above it, and one step: each step is made once, from
 * the descriptor of the directory above. Only what needs no explanation is found out here. For a
 * link and for what is to be refused there is one walker, that of trust.c, with its texts. */

#include "base/ways.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>

#include "base/strings.h"

/* As deep as any path that is of use here. */
#define DEPTH_LIMIT 64

static int ways_compare(const void *a, const void *b) {
        return strcmp(((const struct phx_way *) a)->path, ((const struct phx_way *) b)->path);
}

static void way_free(void *data) {
        struct phx_way *way = data;

        phx_closep(&way->fd);
        free(way->path);
        free(way);
}

static void way_open_root(const struct phx_ways *ways, struct phx_way *way) {
        way->fd = open(ways->trust->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        way->kind = way->fd < 0 ? PHX_WAY_OTHER : PHX_WAY_OPEN;
}

/* From ABOVE, which holds it. */
static void way_step(
                const struct phx_ways *ways,
                const struct phx_way *above,
                struct phx_way *way) {
        const char *name = strrchr(way->path, '/') + 1;
        struct stat st;

        way->kind = above->kind;
        way->reach = above->reach;
        if (above->kind != PHX_WAY_OPEN)
                return;
        way->kind = PHX_WAY_OTHER;
        if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            phx_is_remote(way->path))
                return;
        way->fd = openat(above->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (way->fd < 0 && errno == ENOENT) {
                way->kind = PHX_WAY_ABSENT;
                way->reach = (size_t) (name - 1 - way->path);
        } else if (way->fd >= 0 && fstat(way->fd, &st) >= 0 && S_ISDIR(st.st_mode) &&
                   phx_trust_accepts(ways->trust, &st))
                way->kind = PHX_WAY_OPEN;
        if (way->kind == PHX_WAY_OPEN || way->fd < 0)
                return;
        (void) close(way->fd);
        way->fd = -1;
}

static struct phx_way *way_find(const struct phx_ways *ways, char *path) {
        struct phx_way key = { .path = path }, *const * found;

        found = tfind(&key, &ways->tree, ways_compare);
        return found ? *found : NULL;
}

static const struct phx_way *ways_walk(struct phx_ways *ways, char *path, unsigned depth) {
        struct phx_way *way = way_find(ways, path);
        const struct phx_way *above = NULL;
        char *slash;

        if (way)
                return way;
        slash = strrchr(path, '/');
        if (!slash || depth == DEPTH_LIMIT)
                return NULL;
        if (slash != path || path[1]) {
                char *end = slash == path ? slash + 1 : slash, kept = *end;

                *end = '\0';
                above = ways_walk(ways, path, depth + 1);
                *end = kept;
                if (!above)
                        return NULL;
        }

        way = calloc(1, sizeof(*way));
        if (!way)
                return NULL;
        way->fd = -1;
        way->path = strdup(path);
        if (!way->path || !tsearch(way, &ways->tree, ways_compare)) {
                way_free(way);
                return NULL;
        }
        if (above)
                way_step(ways, above, way);
        else
                way_open_root(ways, way);
        return way;
}

const struct phx_way *phx_ways_to(struct phx_ways *ways, const char *directory) {
        phx_autofree char *path = strdup(directory);

        return path ? ways_walk(ways, path, 0) : NULL;
}

const struct phx_way *phx_ways_to_parent(struct phx_ways *ways, const char *path) {
        const char *slash = strrchr(path, '/');
        phx_autofree char *parent = NULL;

        if (!slash)
                return NULL;
        parent = slash == path ? strdup("/") : strndup(path, (size_t) (slash - path));
        return parent ? ways_walk(ways, parent, 0) : NULL;
}

void phx_ways_done(struct phx_ways *ways) {
        tdestroy(ways->tree, way_free);
        ways->tree = NULL;
}
