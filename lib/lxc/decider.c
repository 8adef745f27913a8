/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/decider.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "lxc/text.h"
#include "lxc/walk.h"

/* The boot gate's two hooks. */
enum gate_hook {
        GATE_PRE_START,
        GATE_START_HOST,
};
#define GATE_HOOKS (GATE_START_HOST + 1)

static const struct {
        const char *key;
        const char *command; /* the end of it: where the program is, the installation says */
} gate_hooks[GATE_HOOKS] = {
        [GATE_PRE_START] = { "lxc.hook.pre-start", "/phoenixd-gate pre-start" },
        [GATE_START_HOST] = { "lxc.hook.start-host", "/phoenixd-gate start-host" },
};

struct search {
        const char *effective;
        struct phx_lxc_decider found;
        char *directory; /* where FOUND was read in, when that was by a directory's include */
        bool is_effective;
        bool is_gated[GATE_HOOKS];
        char *emptied[GATE_HOOKS]; /* where it was, when it is not gated by now */
};

static void search_done(struct search *search) {
        phx_lxc_decider_done(&search->found);
        free(search->directory);
        for (size_t i = 0; i < GATE_HOOKS; i++)
                free(search->emptied[i]);
}

static bool says(const struct phx_lxc_line *line, const char *value) {
        return strlen(value) == line->value_size &&
               memcmp(line->value, value, line->value_size) == 0;
}

static bool is_gate(const struct phx_lxc_line *line, const char *command) {
        size_t size = strlen(command);

        return line->value_size > size &&
               memcmp(line->value + line->value_size - size, command, size) == 0;
}

const char *phx_lxc_gate_program(const struct phx_lxc_line *line, size_t *ret_size) {
        for (size_t i = 0; i < GATE_HOOKS; i++) {
                const char *end, *at;

                if (!phx_lxc_line_is(line, gate_hooks[i].key) ||
                    !is_gate(line, gate_hooks[i].command))
                        continue;
                end = memrchr(line->value, ' ', line->value_size);
                at = memrchr(line->value, ' ', (size_t) (end - line->value));
                at = at ? at + 1 : line->value;
                *ret_size = (size_t) (end - at);
                return at;
        }
        return NULL;
}

/* An empty value takes back all commands of the hook that came before; of "lxc.hook", of all hooks.
 */
static int look_at_hook(
                struct search *search,
                const struct phx_lxc_place *place,
                const struct phx_lxc_line *line) {
        bool is_any = line->value_size == 0 && phx_lxc_line_is(line, "lxc.hook");
        int r = 0;

        for (size_t i = 0; r >= 0 && i < GATE_HOOKS; i++) {
                if (!is_any && !phx_lxc_line_is(line, gate_hooks[i].key))
                        continue;
                if (line->value_size > 0)
                        search->is_gated[i] |= is_gate(line, gate_hooks[i].command);
                else if (search->is_gated[i]) {
                        search->is_gated[i] = false;
                        free(PHX_TAKE(search->emptied[i]));
                        r = phx_printf(&search->emptied[i], "%s:%u", place->file, place->line);
                }
        }
        return r < 0 ? r : 0;
}

static int look_at_line(
                void *data,
                const struct phx_lxc_place *place,
                const struct phx_lxc_line *line) {
        static const char hook[] = "lxc.hook";
        struct search *search = data;

        if (line->key && line->key_size >= strlen(hook) &&
            memcmp(line->key, hook, strlen(hook)) == 0)
                return look_at_hook(search, place, line);
        if (!phx_lxc_line_is(line, PHX_LXC_KEY_PROFILE))
                return 0;
        search->found.line = place->line;
        search->is_effective = !search->effective || says(line, search->effective);
        if (phx_replace(&search->found.file, place->file) < 0)
                return -ENOMEM;
        return phx_replace(&search->directory, place->directory);
}

static int take_ungated(struct search *search) {
        for (size_t i = 0; i < GATE_HOOKS; i++)
                if (!search->is_gated[i])
                        return phx_replace(
                                        &search->found.ungated,
                                        search->emptied[i] ? search->emptied[i] : "");
        return 0;
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
        if (r >= 0)
                r = take_ungated(&search);
        if (r < 0)
                return r;
        if (!search.is_effective)
                search.found.line = 0;
        *ret_decider = PHX_TAKE_STRUCT(search.found);
        return 0;
}

void phx_lxc_decider_done(struct phx_lxc_decider *decider) {
        free(decider->file);
        free(decider->ungated);
        *decider = (struct phx_lxc_decider){ 0 };
}
