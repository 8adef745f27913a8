/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/edits.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

#define FEW 16

void phx_edits_done(struct phx_edits *edits) {
        for (size_t i = 0; i < edits->count; i++)
                free(edits->items[i].text);
        free(edits->items);
        *edits = (struct phx_edits){ 0 };
}

int phx_edits_add(struct phx_edits *edits, struct phx_json_span span, const char *format, ...) {
        struct phx_edit edit = { .span = span };
        va_list arguments;
        int r;

        if (edits->count == edits->capacity) {
                size_t capacity = edits->capacity ? 2 * edits->capacity : FEW;
                struct phx_edit *items =
                                reallocarray(edits->items, capacity, sizeof(*edits->items));

                if (!items)
                        return -ENOMEM;
                edits->items = items;
                edits->capacity = capacity;
        }
        va_start(arguments, format);
        r = phx_vprintf(&edit.text, format, arguments);
        va_end(arguments);
        if (r < 0)
                return r;
        edits->items[edits->count++] = edit;
        return 0;
}

/* What is inserted stands before what begins at the same byte. */
static int edits_compare(const void *a, const void *b) {
        const struct phx_json_span one = ((const struct phx_edit *) a)->span,
                                   two = ((const struct phx_edit *) b)->span;

        if (one.begin != two.begin)
                return one.begin < two.begin ? -1 : 1;
        if (one.end != two.end)
                return one.end < two.end ? -1 : 1;
        return 0;
}

int phx_edits_apply(
                struct phx_edits *edits,
                const char *text,
                size_t size,
                struct phx_buffer *result) {
        size_t at = 0;
        int r = 0;

        if (edits->count > 1)
                qsort(edits->items, edits->count, sizeof(*edits->items), edits_compare);
        for (size_t i = 0; r >= 0 && i < edits->count; i++) {
                const struct phx_edit *edit = &edits->items[i];

                assert(edit->span.begin >= at && edit->span.end <= size);
                r = phx_buffer_add(result, text + at, edit->span.begin - at);
                if (r >= 0)
                        r = phx_buffer_add_text(result, edit->text);
                at = edit->span.end;
        }
        return r < 0 ? r : phx_buffer_add(result, text + at, size - at);
}
