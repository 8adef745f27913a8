/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/siphash.h"

static const uint8_t key[PHX_SIPHASH_SIZE] = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};

static void hash_of(const void *data, size_t size, size_t piece, uint8_t digest[PHX_SIPHASH_SIZE]) {
        struct phx_siphash hash;

        phx_siphash_init(&hash, key);
        for (size_t i = 0; i < size; i += piece)
                phx_siphash_add(&hash,
                                (const uint8_t *) data + i,
                                size - i < piece ? size - i : piece);
        phx_siphash_end(&hash, digest);
}

/* From the reference implementation: the bytes 0, 1, 2, … under the key 0, 1, 2, … */
static void known_values_come_out(void **state) {
        static const uint8_t none[] = { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                        0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 },
                             one[] = { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
                                       0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 };
        uint8_t digest[PHX_SIPHASH_SIZE];

        hash_of("", 0, 1, digest);
        assert_memory_equal(digest, none, sizeof(digest));
        hash_of("", 1, 1, digest);
        assert_memory_equal(digest, one, sizeof(digest));
}

static void the_pieces_do_not_matter(void **state) {
        uint8_t data[64], whole[PHX_SIPHASH_SIZE], pieces[PHX_SIPHASH_SIZE];

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t) (i * 7);
        for (size_t size = 0; size <= sizeof(data); size++) {
                hash_of(data, size, sizeof(data), whole);
                for (size_t piece = 1; piece < 20; piece++) {
                        hash_of(data, size, piece, pieces);
                        assert_memory_equal(pieces, whole, sizeof(whole));
                }
        }
}

static void each_byte_and_the_size_matter(void **state) {
        uint8_t data[40] = { 0 }, digest[PHX_SIPHASH_SIZE], other[PHX_SIPHASH_SIZE];

        hash_of(data, sizeof(data), 8, digest);
        for (size_t i = 0; i < sizeof(data); i++) {
                data[i] ^= 1;
                hash_of(data, sizeof(data), 8, other);
                assert_memory_not_equal(other, digest, sizeof(digest));
                data[i] ^= 1;
                hash_of(data, i, 8, other);
                assert_memory_not_equal(other, digest, sizeof(digest));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(known_values_come_out),
                cmocka_unit_test(the_pieces_do_not_matter),
                cmocka_unit_test(each_byte_and_the_size_matter),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
