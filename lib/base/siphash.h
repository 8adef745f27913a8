/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SipHash-2-4 with a result of 128 bits, added to piece by piece. Much cheaper than SHA-256. Under
 * a key that only this process knows, no one else finds two inputs with the same result: for what
 * is compared within one process. Under a key that is known, it is a checksum: it finds accidents,
 * and no forgery. For what is stored see base/seal.h. */

#define PHX_SIPHASH_SIZE 16

struct phx_siphash {
        uint64_t v[4];
        uint64_t tail; /* bytes that do not fill a word yet, the first one lowest */
        size_t size;   /* of all that was added */
};

void phx_siphash_init(struct phx_siphash *hash, const uint8_t key[PHX_SIPHASH_SIZE]);
void phx_siphash_add(struct phx_siphash *hash, const void *data, size_t size);
/* HASH is of no use then. */
void phx_siphash_end(struct phx_siphash *hash, uint8_t ret_digest[PHX_SIPHASH_SIZE]);

/* The hash of something that many share, kept with it: a change of it says that it is not known any
 * more. */
struct phx_siphash_kept {
        bool is_known;
        uint8_t digest[PHX_SIPHASH_SIZE];
};
