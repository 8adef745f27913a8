/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "lxc/reader.h"

struct walk {
        int (*called)(void *data,
                      const struct phx_lxc_place *place,
                      const struct phx_lxc_line *line);
        void *data;
        const char *directory;
        unsigned depth;
        unsigned visits;
};

static int walk_text(struct walk *walk, const char *path, const char *text, size_t size);

static int walk_file(struct walk *walk, const char *path) {
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        if (++walk->visits > PHX_LXC_INCLUDE_COUNT)
                return 0;
        r = phx_file_read_at(AT_FDCWD, path, PHX_LXC_CONFIG_LIMIT, &text, &size);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return walk_text(walk, path, text, size);
}

static bool lxc_walk_is_config_name(const char *name) {
        return strlen(name) > strlen(".conf") && phx_has_suffix(name, ".conf");
}

static int walk_entries(struct walk *walk, const char *path, DIR *directory) {
        const struct dirent *entry;
        int r = 0;

        while (r >= 0 && (entry = readdir(directory))) {
                phx_autofree char *file = NULL;

                if (!lxc_walk_is_config_name(entry->d_name))
                        continue;
                if (phx_printf(&file, "%s/%s", path, entry->d_name) < 0)
                        return -ENOMEM;
                r = walk_file(walk, file);
        }
        return r;
}

/* From "/" where it is relative, and without the slashes that say nothing. */
static char *path_of(const char *value, size_t size) {
        char *path = malloc(size + 2), *end = path;

        if (!path)
                return NULL;
        *end++ = '/';
        for (size_t i = 0; i < size; i++)
                if (value[i] != '/' || end[-1] != '/')
                        *end++ = value[i];
        if (end > path + 1 && end[-1] == '/')
                end--;
        *end = '\0';
        return path;
}

static int walk_include(struct walk *walk, const struct phx_lxc_line *line) {
        phx_autofree char *path = path_of(line->value, line->value_size);
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const char *outer = walk->directory;
        int r;

        if (!path)
                return -ENOMEM;
        if (walk->depth >= PHX_LXC_INCLUDE_DEPTH)
                return 0;
        walk->depth++;
        directory = opendir(path);
        if (directory && !outer)
                walk->directory = path;
        r = directory ? walk_entries(walk, path, directory) : walk_file(walk, path);
        walk->directory = outer;
        walk->depth--;
        return r;
}

static int walk_text(struct walk *walk, const char *path, const char *text, size_t size) {
        struct phx_lxc_place place = { path, 1, walk->directory };
        const char *counted = text;
        struct phx_lxc_line line;
        size_t offset = 0;
        int r = 0;

        while (r >= 0 && phx_lxc_text_next(text, size, &offset, &line)) {
                for (; counted < line.start; counted++)
                        place.line += *counted == '\n';
                r = walk->called(walk->data, &place, &line);
                if (r >= 0 && phx_lxc_line_is(&line, PHX_LXC_KEY_INCLUDE) && line.value_size > 0)
                        r = walk_include(walk, &line);
        }
        return r;
}

int phx_lxc_walk(
                const char *path,
                const char *text,
                size_t size,
                int (*called)(void *data,
                              const struct phx_lxc_place *place,
                              const struct phx_lxc_line *line),
                void *data) {
        struct walk walk = { .called = called, .data = data };
        int r;

        r = walk_text(&walk, path, text, size);
        return r < 0 ? r : 0;
}
