/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Pieces of a line; for the files that read one. */

#include <string.h>

#include "pve/text.h"

struct phx_pve_slice {
        const char *start;
        size_t size;
};

static inline bool phx_pve_is_blank(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool phx_pve_is_lower(char c) {
        return c >= 'a' && c <= 'z';
}

static inline bool phx_pve_is_digit(char c) {
        return c >= '0' && c <= '9';
}

static inline bool phx_pve_is_lxc_char(char c) {
        return phx_pve_is_lower(c) || phx_pve_is_digit(c) || c == '_' || c == '-' || c == '.';
}

static inline struct phx_pve_slice phx_pve_skip(struct phx_pve_slice slice, size_t size) {
        return (struct phx_pve_slice){ slice.start + size, slice.size - size };
}

static inline struct phx_pve_slice phx_pve_skip_blanks(struct phx_pve_slice slice) {
        while (slice.size > 0 && phx_pve_is_blank(slice.start[0]))
                slice = phx_pve_skip(slice, 1);
        return slice;
}

static inline struct phx_pve_slice phx_pve_trim(struct phx_pve_slice slice) {
        slice = phx_pve_skip_blanks(slice);
        while (slice.size > 0 && phx_pve_is_blank(slice.start[slice.size - 1]))
                slice.size--;
        return slice;
}

static inline bool phx_pve_begins(struct phx_pve_slice slice, const char *prefix) {
        return slice.size >= strlen(prefix) && memcmp(slice.start, prefix, strlen(prefix)) == 0;
}

static inline void phx_pve_set_key(
                struct phx_pve_line *line,
                struct phx_pve_slice key,
                struct phx_pve_slice value) {
        line->key = key.start;
        line->key_size = key.size;
        line->value = value.start;
        line->value_size = value.size;
}

/* Of a line that Proxmox does not read: why, and what it was meant to set. */
void phx_pve_read_dropped(struct phx_pve_slice content, struct phx_pve_line *line);
