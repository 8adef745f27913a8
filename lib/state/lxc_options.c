/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/lxc_options.h"

#include <errno.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"

#define BLANKS " \t"
#define KEY_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789._-"

void phx_lxc_options_done(struct phx_lxc_options *options) {
        for (size_t i = 0; i < options->count; i++) {
                free(options->items[i].key);
                free(options->items[i].value);
        }
        free(options->items);
        *options = (struct phx_lxc_options){ 0 };
}

struct phx_lxc_option *phx_lxc_options_add(
                struct phx_lxc_options *options,
                const char *key,
                const char *value) {
        struct phx_lxc_option *option = phx_grow(&options->items, &options->count, sizeof(*option));

        if (!option || phx_replace(&option->key, key) < 0 || phx_replace(&option->value, value) < 0)
                return NULL;
        option->index = options->count - 1;
        return option;
}

int phx_lxc_options_copy(struct phx_lxc_options *options, const struct phx_lxc_options *other) {
        for (size_t i = 0; i < other->count; i++) {
                const struct phx_lxc_option *from = &other->items[i];
                struct phx_lxc_option *to = phx_lxc_options_add(options, from->key, from->value);

                if (!to)
                        return -ENOMEM;
                to->index = from->index;
                to->line = from->line;
                to->column = from->column;
        }
        return 0;
}

bool phx_lxc_option_split(const char *text, struct phx_lxc_option_text *ret_option) {
        struct phx_lxc_option_text option = { 0 };
        const char *at;

        option.key = text + strspn(text, BLANKS);
        option.key_size = strspn(option.key, KEY_CHARACTERS);
        if (!phx_has_prefix(option.key, "lxc.") || option.key_size == strlen("lxc."))
                return false;

        at = option.key + option.key_size;
        if (*at != ':')
                at += strspn(at, BLANKS);
        if (*at != ':' && *at != '=')
                return false;
        if (*at == ':' && at != option.key + option.key_size)
                return false;

        option.value = at + 1 + strspn(at + 1, BLANKS);
        option.value_size = strlen(option.value);
        while (option.value_size > 0 && strchr(BLANKS, option.value[option.value_size - 1]))
                option.value_size--;
        for (size_t i = 0; i < option.value_size; i++)
                if ((unsigned char) option.value[i] < ' ' || option.value[i] == 0x7f)
                        return false;

        *ret_option = option;
        return true;
}

void phx_lxc_option_unquote(struct phx_lxc_option_text *option) {
        if (option->value_size < 2 || !strchr("'\"", option->value[0]) ||
            option->value[option->value_size - 1] != option->value[0])
                return;
        option->value++;
        option->value_size -= 2;
}
