/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A line that Proxmox drops is taken apart by looser rules, for the reason and for what its author
 * meant: an operator who indents the profile's line believes the container to be confined. */

#include "base/strings.h"
#include "pve/slice.h"

static const char mark[] = "\xef\xbb\xbf";

static bool pve_is_loose_char(char c) {
        return phx_pve_is_lxc_char(phx_lower(c));
}

static bool has_capitals(struct phx_pve_slice key) {
        for (size_t i = 0; i < key.size; i++)
                if (phx_lower(key.start[i]) != key.start[i])
                        return true;
        return false;
}

static bool is_lxc_name(struct phx_pve_slice key) {
        return key.size > 4 && phx_lower(key.start[0]) == 'l' && phx_lower(key.start[1]) == 'x' &&
               phx_lower(key.start[2]) == 'c' && key.start[3] == '.';
}

/* A key and a value, in whatever way: false for words. */
static bool read_meant(
                struct phx_pve_slice content,
                struct phx_pve_line *line,
                char *ret_sign,
                bool *ret_gap) {
        struct phx_pve_slice key = content, rest;

        key.size = 0;
        while (key.size < content.size && pve_is_loose_char(content.start[key.size]))
                key.size++;
        rest = phx_pve_skip_blanks(phx_pve_skip(content, key.size));
        if (key.size == 0 || rest.size == 0 || (rest.start[0] != ':' && rest.start[0] != '='))
                return false;
        *ret_sign = rest.start[0];
        *ret_gap = rest.start != key.start + key.size;
        phx_pve_set_key(line, key, phx_pve_trim(phx_pve_skip(rest, 1)));
        return true;
}

static enum phx_pve_drop reason_of(const struct phx_pve_line *line, char sign, bool has_gap) {
        const struct phx_pve_slice key = { line->key, line->key_size };

        if (has_capitals(key))
                return PHX_PVE_DROP_CASE;
        if (sign == ':' && has_gap)
                return PHX_PVE_DROP_COLON;
        if (is_lxc_name(key))
                return PHX_PVE_DROP_UNKNOWN;
        if (sign == '=')
                return PHX_PVE_DROP_EQUALS;
        return line->value_size == 0 ? PHX_PVE_DROP_EMPTY : PHX_PVE_DROP_UNKNOWN;
}

void phx_pve_read_dropped(struct phx_pve_slice content, struct phx_pve_line *line) {
        const bool has_mark = phx_pve_begins(content, mark);
        const struct phx_pve_slice whole = has_mark ? phx_pve_skip(content, strlen(mark)) : content;
        const struct phx_pve_slice inner = phx_pve_skip_blanks(whole);
        bool has_gap = false, has_key = false;
        char sign = '\0';

        line->kind = PHX_PVE_DROPPED;
        if (inner.size > 0 && inner.start[0] != '#' && inner.start[0] != '[')
                has_key = read_meant(inner, line, &sign, &has_gap);
        if (has_mark)
                line->drop = PHX_PVE_DROP_MARK;
        else if (inner.size > 0 && inner.start[0] == '#')
                line->drop = PHX_PVE_DROP_NOTE;
        else if (inner.size > 0 && inner.start[0] == '[')
                line->drop = PHX_PVE_DROP_HEADER;
        else if (!has_key)
                line->drop = PHX_PVE_DROP_WORDS;
        else if (inner.start != whole.start)
                line->drop = PHX_PVE_DROP_INDENTED;
        else
                line->drop = reason_of(line, sign, has_gap);
}
