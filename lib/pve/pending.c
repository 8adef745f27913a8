/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/pending.h"

#include <string.h>

const struct phx_pve_line *phx_pve_pending_list(const struct phx_pve_text *text, size_t section) {
        const struct phx_pve_section *place = &text->sections[section];

        for (size_t i = place->first; i < place->first + place->count; i++)
                if (text->lines[i].kind == PHX_PVE_LXC &&
                    !phx_pve_line_sets(&text->lines[i], PHX_PVE_KEY_RUNTIME))
                        return &text->lines[i];
        return NULL;
}

static bool is_between(char c) {
        return c != '\0' && strchr(",; \t\r\f\v", c);
}

/* Names between commas, semicolons and blanks, each with a '!' before it or without. */
static bool pending_names(const char *list, size_t size, const char *key) {
        size_t at = 0, end;

        for (; at < size; at = end + 1) {
                end = at;
                while (end < size && !is_between(list[end]))
                        end++;
                if (end > at && list[at] == '!')
                        at++;
                if (phx_pve_is(list + at, end - at, key))
                        return true;
        }
        return false;
}

const struct phx_pve_line *phx_pve_pending_delete(
                const struct phx_pve_text *text,
                size_t section,
                const char *key) {
        const struct phx_pve_line *line = phx_pve_text_key(text, section, "delete");

        return line && pending_names(line->value, line->value_size, key) ? line : NULL;
}
