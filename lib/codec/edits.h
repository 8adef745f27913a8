/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/buffer.h"
#include "codec/json_scan.h"

/* Changes of a text, gathered in any order and made all at once. */

/* The bytes of SPAN become TEXT; an empty span is a place to insert at. */
struct phx_edit {
        struct phx_json_span span;
        char *text;
};

/* The zero value is empty. */
struct phx_edits {
        struct phx_edit *items;
        size_t count;
        size_t capacity;
};
void phx_edits_done(struct phx_edits *edits);

/* Formats the text. Spans of different edits do not overlap. 0 or -ENOMEM. */
int phx_edits_add(struct phx_edits *edits, struct phx_json_span span, const char *format, ...)
                PHX_PRINTF(3, 4);

/* Sorts the edits, and adds the changed text to RESULT. 0 or -ENOMEM. */
int phx_edits_apply(
                struct phx_edits *edits,
                const char *text,
                size_t size,
                struct phx_buffer *result);
