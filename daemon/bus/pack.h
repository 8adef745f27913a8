/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/buffer.h"

/* The JSON of an object in half of its size: most of it are keys, which are the same in all. */

#define PACK_WORDS 255
#define PACK_WORD_SIZE 32

/* The keys that have been seen. The zero value has seen none. */
struct pack {
        struct pack_word {
                char text[PACK_WORD_SIZE]; /* with the quotation marks and the colon */
                unsigned char size;
                unsigned char next; /* the word that came behind it last */
        } * words;                  /* room for PACK_WORDS; NULL while there is none */
        size_t count;
};

void pack_done(struct pack *pack);
/* Appends SIZE bytes of JSON, packed; the same text gives the same bytes each time. 0, -ENOMEM, or
 * -EBADMSG for a control character, which JSON does not have. */
int pack_add(struct pack *pack, const char *json, size_t size, struct phx_buffer *packed);
/* Writes what was packed to where there is room for it; returns the end. */
char *pack_write(const struct pack *pack, const char *packed, size_t size, char *to);
