/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "bus/pack.h"

#define CONTAINER                                                                                  \
        "{\"id\":\"web\",\"lock\":null,\"running\":false,\"notes\":[],\"tasks\":12,\"lints\":["    \
        "{\"rule\":\"may-leave\",\"text\":\"a \\\"quoted\\\",\\\"lock\\\":null word\",\"line\":7}" \
        "],\"decided_by\":[{\"layer\":\"config\",\"line\":null},{\"layer\":\"disk\",\"line\":9}]}"

static struct pack pack;

static int tear_down(void **state) {
        pack_done(&pack);
        return 0;
}

/* Returns how many bytes it has when it is packed. */
static size_t assert_comes_back(const char *json) {
        phx_cleanup(phx_buffer_done) struct phx_buffer packed = { 0 }, again = { 0 }, text = { 0 };
        size_t size = strlen(json);

        assert_int_equal(pack_add(&pack, json, size, &packed), 0);
        assert_non_null(phx_buffer_add_space(&text, size));
        assert_ptr_equal(pack_write(&pack, packed.data, packed.size, text.data), text.data + size);
        assert_string_equal(text.data, json);
        assert_int_equal(pack_add(&pack, json, size, &again), 0);
        assert_int_equal(again.size, packed.size);
        assert_memory_equal(again.data, packed.data, packed.size);
        return packed.size;
}

static void an_object_comes_back_and_is_half_as_long(void **state) {
        assert_true(assert_comes_back(CONTAINER) < strlen(CONTAINER) / 2);
}

static void what_only_looks_like_a_key_comes_back(void **state) {
        static const char *const texts[] = {
                "",
                "{",
                "{\"",
                "{\"a",
                "{\"a\"",
                "{\"a\":",
                ",\"a\":nul",
                ",\"\":null",
                "[\"a\",\"b\",\"c\"]",
                "{\"text\":\"ends with a comma,\",\"line\":1}",
                "{\"text\":\"{\",\"a\":\"b\"}",
                "{\"A\":null,\"with space\":null,\"\\u00e9\":[]}",
                "{\"a_key_that_is_just_short_enough\":1,\"a_key_that_is_rather_too_long_to_pack\":1}",
                "\"\xc3\xa9\xff\"",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++)
                (void) assert_comes_back(texts[i]);
}

static void control_characters_are_refused(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer packed = { 0 };

        for (char c = 0; c < ' '; c++) {
                char text[] = "{\"a\":\"b?\"}";

                *strchr(text, '?') = c;
                assert_int_equal(pack_add(&pack, text, sizeof(text) - 1, &packed), -EBADMSG);
        }
}

static void keys_beyond_the_last_number_stay_as_they_are(void **state) {
        for (int round = 0; round < 2; round++)
                for (unsigned i = 0; i < 2 * PACK_WORDS; i++) {
                        char json[64];

                        (void) snprintf(json, sizeof(json), "{\"k%u\":null,\"k%u\":[]}", i, i / 2);
                        (void) assert_comes_back(json);
                }
        assert_int_equal(pack.count, PACK_WORDS);
}

/* Pieces of JSON in any order. */
static void random_texts_come_back(void **state) {
        static const char *const pieces[] = {
                ",",  "{",   "}",     "\"",   ":", "null", "false",
                "[]", "key", "other", "\\\"", "1", "é",    "[",
        };

        srandom(7);
        for (unsigned i = 0; i < 20000; i++) {
                char json[256] = "";

                for (long n = random() % 40; n > 0; n--)
                        (void) strcat(json, pieces[(size_t) random() % PHX_ELEMENTS(pieces)]);
                (void) assert_comes_back(json);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(an_object_comes_back_and_is_half_as_long, tear_down),
                cmocka_unit_test_teardown(what_only_looks_like_a_key_comes_back, tear_down),
                cmocka_unit_test_teardown(control_characters_are_refused, tear_down),
                cmocka_unit_test_teardown(keys_beyond_the_last_number_stay_as_they_are, tear_down),
                cmocka_unit_test_teardown(random_texts_come_back, tear_down),
        };

        return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
