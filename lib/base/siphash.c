/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/siphash.h"

#include <endian.h>
#include <string.h>

#define WORD sizeof(uint64_t)

static inline uint64_t siphash_rotate(uint64_t x, unsigned bits) {
        return x << bits | x >> (64 - bits);
}

static inline uint64_t siphash_word(const void *data) {
        uint64_t word;

        memcpy(&word, data, sizeof(word));
        return le64toh(word);
}

static inline void siphash_round(uint64_t v[4]) {
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

static inline void siphash_take(uint64_t v[4], uint64_t word) {
        v[3] ^= word;
        siphash_round(v);
        siphash_round(v);
        v[0] ^= word;
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

/* All whole words of BYTES, each put together from two if they do not begin where one does. The
 * state is a copy meanwhile, which the compiler keeps in registers. Returns what comes before the
 * next word. */
static uint64_t siphash_take_words(
                struct phx_siphash *hash,
                const uint8_t *bytes,
                size_t size,
                unsigned shift) {
        uint64_t v[4] = { hash->v[0], hash->v[1], hash->v[2], hash->v[3] };
        uint64_t tail = hash->tail;

        for (; size >= WORD; size -= WORD, bytes += WORD) {
                uint64_t word = siphash_word(bytes);

                siphash_take(v, tail | word << shift);
                tail = shift > 0 ? word >> (64 - shift) : 0;
        }
        memcpy(hash->v, v, sizeof(v));
        return tail;
}

void phx_siphash_add(struct phx_siphash *hash, const void *data, size_t size) {
        const unsigned shift = 8 * (unsigned) (hash->size % WORD);
        const uint8_t *bytes = data;
        uint64_t word;

        hash->size += size;
        hash->tail = siphash_take_words(hash, bytes, size, shift);
        word = siphash_rest(bytes + size / WORD * WORD, size % WORD);
        hash->tail |= word << shift;
        if (shift / 8 + size % WORD < WORD)
                return;
        siphash_take(hash->v, hash->tail);
        hash->tail = word >> (64 - shift);
}

static uint64_t siphash_half(struct phx_siphash *hash) {
        for (unsigned i = 0; i < 4; i++)
                siphash_round(hash->v);
        return htole64(hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3]);
}

void phx_siphash_end(struct phx_siphash *hash, uint8_t ret_digest[PHX_SIPHASH_SIZE]) {
        uint64_t half;

        siphash_take(hash->v, hash->tail | (uint64_t) hash->size << 56);
        hash->v[2] ^= 0xee;
        half = siphash_half(hash);
        memcpy(ret_digest, &half, sizeof(half));
        hash->v[1] ^= 0xdd;
        half = siphash_half(hash);
        memcpy(ret_digest + WORD, &half, sizeof(half));
}
