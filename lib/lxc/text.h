/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The text of an LXC container's config, as liblxc reads it, and the edit of the lines that are
 * ours. Pure functions: no file is opened here.
 *
 * Measured with liblxc 5.0.2 and 6.0.4, which agree: a line ends at a line feed or at a carriage
 * return (even within a comment), the text at the first NUL; blanks and tabs around key and value
 * do not count; a line whose first character is '#' is a comment, one that does not begin with
 * "lxc." is passed over, one without '=' makes the whole config invalid; a value in two equal
 * quotes loses them; there are no sections, no continued lines and no comments behind a value; keys
 * are case-sensitive. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/strings.h"

#define PHX_LXC_KEY_PROFILE "lxc.apparmor.profile"
#define PHX_LXC_KEY_INCLUDE "lxc.include"

/* One line, in place: pointers into the text. KEY is NULL for what sets nothing. */
struct phx_lxc_line {
        const char *start;
        size_t size; /* with its end: "\n", "\r", "\r\n" or none */
        const char *key;
        size_t key_size;
        const char *value; /* without quotes */
        size_t value_size;
};

/* Steps through a text: *OFFSET begins at 0. False at the end. */
bool phx_lxc_text_next(
                const char *text,
                size_t size,
                size_t *offset,
                struct phx_lxc_line *ret_line);

bool phx_lxc_line_is(const struct phx_lxc_line *line, const char *key);

/* The values of all lines of KEY but the empty ones (which reset a list), in their order. */
int phx_lxc_text_values(const char *text, size_t size, const char *key, struct phx_strings *values);

/* An edit of a config's own text. Items are "key=value", written as "key = value", and a line is
 * one only when it reads just so. Those with the key lxc.apparmor.profile are passed over: PROFILE
 * decides. */
struct phx_lxc_edit {
        struct phx_strings removed; /* lines of ours: for each, the last that is still there */
        struct phx_strings tail; /* behind all other lines, in this order: the last word counts */
        const char *profile;     /* borrowed; NULL leaves the profile's lines alone */
};

void phx_lxc_edit_done(struct phx_lxc_edit *edit);

/* The text as it should be: all lines but those removed, and the profile's, stay byte by byte and
 * in their order. With a profile, its line is the only one and stands after every lxc.include,
 * since an include may set another one; a right one keeps its place. The tail goes to the end, or
 * before the profile's line where that is the last.
 *
 * Returns 1 when RET_TEXT differs from the text, 0 when it is the same, or a negative errno:
 * -EINVAL for an item or a profile that is not one line of a config, or a text with a NUL. */
int phx_lxc_text_edit(
                const char *text,
                size_t size,
                const struct phx_lxc_edit *edit,
                struct phx_buffer *ret_text,
                struct phx_error *error);

/* How many lines read as ITEM is written. */
size_t phx_lxc_text_copies(const char *text, size_t size, const char *item);
