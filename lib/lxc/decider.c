/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/decider.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "lxc/text.h"
#include "lxc/walk.h"

struct search {
        const char *effective;
        struct phx_lxc_decider found;
        char *directory; /* where FOUND was read in, when that was by a directory's include */
        bool is_effective;
};

static void search_done(struct search *search) {
        phx_lxc_decider_done(&search->found);
        free(search->directory);
}

static bool says(const struct phx_lxc_line *line, const char *value) {
        return strlen(value) == line->value_size &&
               memcmp(line->value, value, line->value_size) == 0;
}

static int look_at_line(
                void *data,
                const struct phx_lxc_place *place,
                const struct phx_lxc_line *line) {
        struct search *search = data;

        if (!phx_lxc_line_is(line, PHX_LXC_KEY_PROFILE))
                return 0;
        search->found.line = place->line;
        search->is_effective = !search->effective || says(line, search->effective);
        if (phx_replace(&search->found.file, place->file) < 0)
                return -ENOMEM;
        return phx_replace(&search->directory, place->directory);
}

int phx_lxc_decide(
                struct phx_lxc_reader *reader,
                const char *path,
                const char *text,
                size_t size,
                const char *effective,
                struct phx_lxc_decider *ret_decider) {
        phx_cleanup(search_done) struct search search = { .effective = effective };
        int r;

        r = phx_lxc_walk(reader, path, text, size, look_at_line, &search);
        if (r >= 0 && !search.is_effective && search.directory)
                r = phx_replace(&search.found.file, search.directory);
        if (r < 0)
                return r;
        if (!search.is_effective)
                search.found.line = 0;
        *ret_decider = PHX_TAKE_STRUCT(search.found);
        return 0;
}

void phx_lxc_decider_done(struct phx_lxc_decider *decider) {
        free(decider->file);
        *decider = (struct phx_lxc_decider){ 0 };
}
