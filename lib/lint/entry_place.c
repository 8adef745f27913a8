/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Entries that differ in nothing that a rule looks at break the same rules, each at its own place:
 * the options that do not count may stand between those that do, so that these are counted. */

#include "lint/entry_place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/texts.h"
#include "lint/entry.h"

static const char *const asked_options[] = { PHX_ENTRY_DROP,
                                             PHX_ENTRY_DEVICES,
                                             PHX_ENTRY_OLD_DEVICES,
                                             PHX_ENTRY_AUTO,
                                             PHX_ENTRY_MOUNT };

int phx_entry_place(
                struct phx_lint *lint,
                const struct phx_container_config *config,
                const char *key,
                const struct phx_lxc_option *option) {
        bool is_gpu = strcmp(key, PHX_ENTRY_GPU) == 0;
        phx_autofree char *item = NULL;

        if (option && phx_printf(&item, PHX_ENTRY_OPTIONS "[%zu]", option->index) < 0)
                return -ENOMEM;
        lint->line = option ? option->line : is_gpu ? config->gpu_line : config->line;
        lint->column = option ? option->column : is_gpu ? config->gpu_column : config->column;
        return phx_replace(&lint->key, item ? item : key);
}

/* The first option from AT on that a rule looks at, or NULL; AT is then behind it. */
static const struct phx_lxc_option *next_asked(const struct phx_lxc_options *options, size_t *at) {
        while (*at < options->count) {
                const struct phx_lxc_option *option = &options->items[(*at)++];

                for (size_t i = 0; i < PHX_ELEMENTS(asked_options); i++)
                        if (strcmp(option->key, asked_options[i]) == 0)
                                return option;
        }
        return NULL;
}

/* As texts that end with a NUL, so that no two lists of them read the same. */
int phx_lint_entry_text(
                const struct phx_container_config *config,
                const char *namespace,
                struct phx_buffer *text) {
        const struct phx_lxc_option *option;
        size_t at = 0;
        int r;

        r = phx_texts_add(text, config->profile);
        if (r >= 0)
                r = phx_texts_add(text, namespace ? "namespace" : "");
        if (r >= 0)
                r = phx_texts_add(text, config->unprivileged ? "unprivileged" : "");
        if (r >= 0)
                r = phx_texts_add(text, config->gpu_assignment);
        while (r >= 0 && (option = next_asked(&config->options, &at))) {
                r = phx_texts_add(text, option->key);
                if (r >= 0)
                        r = phx_texts_add(text, option->value);
        }
        return r;
}

/* The option of CONFIG that stands for the one of ASKED that KEY names; NULL when that is none. */
static const struct phx_lxc_option *same_option(
                const struct phx_container_config *asked,
                const struct phx_container_config *config,
                const char *key) {
        const size_t prefix = strlen(PHX_ENTRY_OPTIONS "[");
        const struct phx_lxc_option *from, *to;
        size_t from_at = 0, to_at = 0, index;

        if (strncmp(key, PHX_ENTRY_OPTIONS "[", prefix) != 0)
                return NULL;
        index = strtoul(key + prefix, NULL, 10);
        do {
                from = next_asked(&asked->options, &from_at);
                to = next_asked(&config->options, &to_at);
        } while (from && from->index != index);
        return from ? to : NULL;
}

int phx_lint_entry_move(
                const struct phx_lints *found,
                const struct phx_container_config *asked,
                const struct phx_container_config *config,
                struct phx_lints *lints) {
        for (size_t i = 0; i < found->count; i++) {
                const struct phx_lint *from = &found->items[i];
                const struct phx_lxc_option *option = same_option(asked, config, from->key);
                struct phx_lint *lint = phx_lints_add(lints, from->rule, from->text);

                if (!lint || phx_entry_place(lint, config, from->key, option) < 0)
                        return -ENOMEM;
        }
        return 0;
}
