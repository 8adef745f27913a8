#include "system/lxc_decider.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/strings.h"
#include "system/lxc_reader.h"
#include "system/lxc_text.h"

static int walk(const char *path,
                const char *text,
                size_t size,
                unsigned depth,
                struct phx_lxc_decider *decider);

static int walk_file(const char *path, unsigned depth, struct phx_lxc_decider *decider) {
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_file_read_at(AT_FDCWD, path, PHX_LXC_CONFIG_LIMIT, &text, &size);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return walk(path, text, size, depth, decider);
}

static int is_config_name(const struct dirent *entry) {
        return strlen(entry->d_name) > strlen(".conf") && phx_has_suffix(entry->d_name, ".conf");
}

static int walk_directory(
                const char *path,
                struct dirent **entries,
                int count,
                unsigned depth,
                struct phx_lxc_decider *decider) {
        int r = 0;

        for (int i = 0; i < count; i++) {
                phx_autofree char *file = NULL;

                if (r >= 0 && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0) {
                        file = NULL;
                        r = -ENOMEM;
                }
                if (r >= 0)
                        r = walk_file(file, depth, decider);
                free(entries[i]);
        }
        return r;
}

static int walk_include(const char *value, unsigned depth, struct phx_lxc_decider *decider) {
        phx_autofree char *path = NULL;
        struct dirent **entries = NULL;
        int count, r;

        if (depth > PHX_LXC_INCLUDE_DEPTH)
                return 0;
        if (asprintf(&path, "%s%s", value[0] == '/' ? "" : "/", value) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        count = scandir(path, &entries, is_config_name, alphasort);
        if (count < 0)
                return walk_file(path, depth, decider);
        r = walk_directory(path, entries, count, depth, decider);
        free(entries);
        return r;
}

static int walk(const char *path,
                const char *text,
                size_t size,
                unsigned depth,
                struct phx_lxc_decider *decider) {
        const char *counted = text;
        struct phx_lxc_line line;
        unsigned number = 1;
        size_t offset = 0;
        int r = 0;

        while (r >= 0 && phx_lxc_text_next(text, size, &offset, &line)) {
                phx_autofree char *value = NULL;

                for (; counted < line.start; counted++)
                        number += *counted == '\n';
                if (phx_lxc_line_is(&line, PHX_LXC_KEY_PROFILE)) {
                        r = phx_replace(&decider->file, path);
                        decider->line = number;
                }
                if (!phx_lxc_line_is(&line, PHX_LXC_KEY_INCLUDE) || line.value_size == 0)
                        continue;
                value = strndup(line.value, line.value_size);
                r = value ? walk_include(value, depth + 1, decider) : -ENOMEM;
        }
        return r;
}

int phx_lxc_decide(
                const char *path,
                const char *text,
                size_t size,
                struct phx_lxc_decider *ret_decider) {
        struct phx_lxc_decider decider = { 0 };
        int r;

        r = walk(path, text, size, 0, &decider);
        if (r < 0) {
                phx_lxc_decider_done(&decider);
                return r;
        }
        *ret_decider = decider;
        return 0;
}

void phx_lxc_decider_done(struct phx_lxc_decider *decider) {
        free(decider->file);
        *decider = (struct phx_lxc_decider){ 0 };
}
