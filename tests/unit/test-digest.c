/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"

/* The examples of FIPS 180-4. */
static void digests_are_the_published_ones(void **state) {
        char sha1[PHX_SHA1_HEX], sha256[PHX_SHA256_HEX];

        phx_sha256("abc", 3, sha256);
        assert_string_equal(
                        sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        phx_sha256("", 0, sha256);
        assert_string_equal(
                        sha256,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        phx_sha1_two("abc", 3, "", 0, sha1);
        assert_string_equal(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static void two_pieces_are_hashed_as_one(void **state) {
        const char *text = "hello world";
        char whole[PHX_SHA256_HEX], pieces[PHX_SHA256_HEX];
        char sha1[PHX_SHA1_HEX];

        phx_sha256(text, 11, whole);
        for (size_t i = 0; i <= 11; i++) {
                phx_sha256_two(text, i, text + i, 11 - i, pieces);
                assert_string_equal(pieces, whole);
        }
        phx_sha1_two("ab", 2, "c", 1, sha1);
        assert_string_equal(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(digests_are_the_published_ones),
                cmocka_unit_test(two_pieces_are_hashed_as_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
