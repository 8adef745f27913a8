/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/stamp.h"

/* A list of texts as the content of a file: each ends with a NUL, as names may hold any other byte.
 * A number is a text, too, in hexadecimal. The reader must know what they are. */

/* NULL is the same as "". 0 or -ENOMEM. */
int phx_texts_add(struct phx_buffer *bytes, const char *text);
int phx_texts_add_number(struct phx_buffer *bytes, uint64_t number);
int phx_texts_add_stamp(struct phx_buffer *bytes, const struct phx_stamp *stamp);

/* Reads them one after the other. */
struct phx_texts {
        const char *at;
        const char *end;
        bool is_short; /* more were asked for than there are */
};

/* Of SIZE bytes, which are borrowed. One without its NUL at the end counts as missing. */
struct phx_texts phx_texts_of(const char *bytes, size_t size);
/* Borrowed from the bytes; "" when there is none. */
const char *phx_texts_next(struct phx_texts *texts);
/* The same, with NULL in place of "". */
const char *phx_texts_next_or_null(struct phx_texts *texts);
/* 0 when there is none, or for what is no number. */
uint64_t phx_texts_next_number(struct phx_texts *texts);
struct phx_stamp phx_texts_next_stamp(struct phx_texts *texts);
/* -EBADMSG for what is no SHA-256. */
int phx_texts_next_digest(struct phx_texts *texts, char ret_digest[PHX_SHA256_HEX]);
/* Whether all were asked for, and not one more. */
bool phx_texts_are_read(const struct phx_texts *texts);
