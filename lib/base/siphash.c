/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/siphash.h"

#include <endian.h>
#include <string.h>

#define WORD sizeof(uint64_t)

static uint64_t siphash_rotate(uint64_t x, unsigned bits) {
        return x << bits | x >> (64 - bits);
}

static uint64_t siphash_word(const void *data) {
        uint64_t word;

        memcpy(&word, data, sizeof(word));
        return le64toh(word);
}

static void siphash_round(uint64_t v[4]) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = siphash_rotate(v[1], 13) ^ v[0];
        v[3] = siphash_rotate(v[3], 16) ^ v[2];
        v[0] = siphash_rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = siphash_rotate(v[1], 17) ^ v[2];
        v[3] = siphash_rotate(v[3], 21) ^ v[0];
        v[2] = siphash_rotate(v[2], 32);
}

static void siphash_take(struct phx_siphash *hash, uint64_t word) {
        hash->v[3] ^= word;
        siphash_round(hash->v);
        siphash_round(hash->v);
        hash->v[0] ^= word;
}

void phx_siphash_init(struct phx_siphash *hash, const uint8_t key[PHX_SIPHASH_SIZE]) {
        const uint64_t low = siphash_word(key), high = siphash_word(key + WORD);

        *hash = (struct phx_siphash){
                .v = {
                        low ^ UINT64_C(0x736f6d6570736575),
                        high ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
                        low ^ UINT64_C(0x6c7967656e657261),
                        high ^ UINT64_C(0x7465646279746573),
                },
        };
}

/* The BYTES that do not fill a word, the first one lowest. */
static uint64_t siphash_rest(const uint8_t *bytes, size_t size) {
        uint64_t word = 0;

        for (size_t i = 0; i < size; i++)
                word |= (uint64_t) bytes[i] << (8 * i);
        return word;
}

/* What is added need not begin where a word does: each word is put together from two. */
void phx_siphash_add(struct phx_siphash *hash, const void *data, size_t size) {
        const unsigned shift = 8 * (unsigned) (hash->size % WORD);
        const uint8_t *bytes = data;
        uint64_t word;

        hash->size += size;
        for (; size >= WORD; size -= WORD, bytes += WORD) {
                word = siphash_word(bytes);
                siphash_take(hash, hash->tail | word << shift);
                hash->tail = shift > 0 ? word >> (64 - shift) : 0;
        }
        word = siphash_rest(bytes, size);
        hash->tail |= word << shift;
        if (shift / 8 + size < WORD)
                return;
        siphash_take(hash, hash->tail);
        hash->tail = word >> (64 - shift);
}

static uint64_t siphash_half(struct phx_siphash *hash) {
        for (unsigned i = 0; i < 4; i++)
                siphash_round(hash->v);
        return htole64(hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3]);
}

void phx_siphash_end(struct phx_siphash *hash, uint8_t ret_digest[PHX_SIPHASH_SIZE]) {
        uint64_t half;

        siphash_take(hash, hash->tail | (uint64_t) hash->size << 56);
        hash->v[2] ^= 0xee;
        half = siphash_half(hash);
        memcpy(ret_digest, &half, sizeof(half));
        hash->v[1] ^= 0xdd;
        half = siphash_half(hash);
        memcpy(ret_digest + WORD, &half, sizeof(half));
}
