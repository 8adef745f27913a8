/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What AppArmor writes policies in: one byte of code, then the value, little-endian and unaligned.
 * A value may be preceded by a name tag. Structs, lists and arrays have an opening and a closing
 * code and nothing that says how long they are, so that finding an end means walking through all
 * that is before it. The reader of the same stream in the kernel is
 * security/apparmor/policy_unpack.c. */

/* enum sd_code in apparmor_parser's parser_interface.c. */
enum phx_stream_code {
        PHX_STREAM_U8,
        PHX_STREAM_U16,
        PHX_STREAM_U32,
        PHX_STREAM_U64,
        PHX_STREAM_NAME,
        PHX_STREAM_STRING,
        PHX_STREAM_BLOB,
        PHX_STREAM_STRUCT,
        PHX_STREAM_STRUCTEND,
        PHX_STREAM_LIST,
        PHX_STREAM_LISTEND,
        PHX_STREAM_ARRAY,
        PHX_STREAM_ARRAYEND,
};

/* ERROR may be NULL. Any bytes may be given; nothing outside of them is read. */
struct phx_stream {
        const uint8_t *data;
        size_t size;
        size_t position;
        struct phx_error *error;
};

/* A value as it was met: SIZE bytes at DATA, which for structs, lists and their ends are none, and
 * for arrays the count of entries. Text ends with a NUL, which is counted. Borrowed from the
 * stream's bytes. */
struct phx_stream_item {
        const char *tag; /* NULL without a name tag */
        uint8_t code;
        const uint8_t *data;
        size_t size;
};

/* Takes the next value; -EPROTO with a text when it is cut short or of an unknown type. */
int phx_stream_next(struct phx_stream *stream, struct phx_stream_item *ret_item);

/* Looks without moving; false also at the end of the stream and at what cannot be read, which the
 * caller will then meet and name. */
bool phx_stream_peek(const struct phx_stream *stream, uint8_t code, const char *tag);

/* Whether the item has this type and this tag. */
bool phx_stream_is(const struct phx_stream_item *item, uint8_t code, const char *tag);

/* The little-endian number in SIZE bytes, of which it takes the lowest four. */
uint32_t phx_stream_number(const uint8_t *data, size_t size);

/* Sets "compiled policy, byte N: WHAT" and returns -EPROTO. */
static inline int phx_stream_malformed(const struct phx_stream *stream, const char *what) {
        return phx_error_set(
                        stream->error,
                        -EPROTO,
                        "compiled policy, byte %zu: %s",
                        stream->position,
                        what);
}
