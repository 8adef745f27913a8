/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/texts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int phx_texts_add(struct phx_buffer *bytes, const char *text) {
        if (!text)
                text = "";
        return phx_buffer_add(bytes, text, strlen(text) + 1);
}

int phx_texts_add_number(struct phx_buffer *bytes, uint64_t number) {
        char text[2 * sizeof(number) + 1];

        (void) snprintf(text, sizeof(text), "%" PRIx64, number);
        return phx_texts_add(bytes, text);
}

struct phx_texts phx_texts_of(const char *bytes, size_t size) {
        while (size > 0 && bytes[size - 1] != '\0')
                size--;
        return (struct phx_texts){ .at = bytes, .end = bytes + size };
}

const char *phx_texts_next(struct phx_texts *texts) {
        const char *text = texts->at;

        if (texts->at == texts->end) {
                texts->is_short = true;
                return "";
        }
        texts->at += strlen(text) + 1;
        return text;
}

const char *phx_texts_next_or_null(struct phx_texts *texts) {
        const char *text = phx_texts_next(texts);

        return text[0] ? text : NULL;
}

uint64_t phx_texts_next_number(struct phx_texts *texts) {
        return strtoull(phx_texts_next(texts), NULL, 16);
}

bool phx_texts_are_read(const struct phx_texts *texts) {
        return texts->at == texts->end && !texts->is_short;
}
