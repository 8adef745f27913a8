/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/stream.h"

#include <errno.h>
#include <string.h>

struct span {
        const uint8_t *data;
        size_t size;
};

static int stream_take(struct phx_stream *stream, size_t size, const uint8_t **ret_data) {
        if (size > stream->size - stream->position) {
                (void) phx_stream_malformed(stream, "ends in the middle of a value");
                /* Spelled out, so that the compiler knows that the data is there after success. */
                return -EPROTO;
        }

        *ret_data = stream->data + stream->position;
        stream->position += size;
        return 0;
}

uint32_t phx_stream_number(const uint8_t *data, size_t size) {
        uint32_t value = 0;

        for (size_t i = size; i > 0; i--)
                value = value << 8 | data[i - 1];
        return value;
}

/* A length of WIDTH bytes, then as many bytes as it says. */
static int take_sized(struct phx_stream *stream, size_t width, struct span *ret_span) {
        const uint8_t *length = NULL, *data = NULL;
        size_t size;
        int r;

        r = stream_take(stream, width, &length);
        if (r < 0)
                return r;
        size = phx_stream_number(length, width);
        r = stream_take(stream, size, &data);
        if (r < 0)
                return r;

        *ret_span = (struct span){ data, size };
        return 0;
}

static int stream_take_text(struct phx_stream *stream, struct span *ret_span) {
        struct span span = { 0 };
        int r;

        r = take_sized(stream, 2, &span);
        if (r < 0)
                return r;
        if (span.size == 0 || span.data[span.size - 1] != '\0')
                return phx_stream_malformed(stream, "text without an end");

        *ret_span = span;
        return 0;
}

static int stream_take_value(struct phx_stream *stream, uint8_t code, struct span *ret_span) {
        struct span span = { 0 };
        int r;

        switch (code) {
        case PHX_STREAM_U8:
        case PHX_STREAM_U16:
        case PHX_STREAM_U32:
        case PHX_STREAM_U64:
                span.size = (size_t) 1 << code;
                r = stream_take(stream, span.size, &span.data);
                break;
        case PHX_STREAM_ARRAY: /* a count, of entries and not of values */
                span.size = 2;
                r = stream_take(stream, span.size, &span.data);
                break;
        case PHX_STREAM_STRING:
                r = stream_take_text(stream, &span);
                break;
        case PHX_STREAM_BLOB:
                r = take_sized(stream, 4, &span);
                break;
        case PHX_STREAM_STRUCT:
        case PHX_STREAM_STRUCTEND:
        case PHX_STREAM_LIST:
        case PHX_STREAM_LISTEND:
        case PHX_STREAM_ARRAYEND:
                r = 0;
                break;
        default:
                return phx_stream_malformed(stream, "unknown type of value");
        }
        if (r < 0)
                return r;

        *ret_span = span;
        return 0;
}

int phx_stream_next(struct phx_stream *stream, struct phx_stream_item *ret_item) {
        const uint8_t *code = NULL;
        struct span tag = { 0 }, value = { 0 };
        int r;

        r = stream_take(stream, 1, &code);
        if (r < 0)
                return r;
        if (*code == PHX_STREAM_NAME) {
                r = stream_take_text(stream, &tag);
                if (r < 0)
                        return r;
                r = stream_take(stream, 1, &code);
                if (r < 0)
                        return r;
        }
        r = stream_take_value(stream, *code, &value);
        if (r < 0)
                return r;

        *ret_item = (struct phx_stream_item){ (const char *) tag.data,
                                              *code,
                                              value.data,
                                              value.size };
        return 0;
}

bool phx_stream_is(const struct phx_stream_item *item, uint8_t code, const char *tag) {
        return item->code == code && item->tag && strcmp(item->tag, tag) == 0;
}

bool phx_stream_peek(const struct phx_stream *stream, uint8_t code, const char *tag) {
        struct phx_stream ahead = *stream;
        struct phx_stream_item item = { 0 };

        ahead.error = NULL;
        return phx_stream_next(&ahead, &item) == 0 && phx_stream_is(&item, code, tag);
}
