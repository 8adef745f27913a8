/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "codec/json_index.h"
#include "codec/json_refuse.h"

static const char sample[] = "{\n"
                             "  \"a\": [ 1, \"x\", { \"b\":\n"
                             "      true } ],\n"
                             "  \"\\u0061b\" : { \"\": -1.5e3, \"c\": {} },\n"
                             "  \"a\\u0000\": 5, \"A\": { \"b\": 1, \"b\": 2, \"a\": 3 },\n"
                             "  \"d\"\n"
                             "    :null\n"
                             "}\n";

/* A place and one of the same steps in another text. */
static void assert_same(const struct phx_json_place *one, const struct phx_json_place *other) {
        struct phx_json_member found = { 0 }, expected = { 0 };
        bool is_there = phx_json_find(other, &expected);

        assert_int_equal(phx_json_find(one, &found), is_there);
        if (is_there)
                assert_memory_equal(&found, &expected, sizeof(found));
}

/* Every key there is, and some that are not, on every level. */
static void compare_below(
                const struct phx_json_place *one,
                const struct phx_json_place *other,
                size_t levels) {
        static const char *const keys[] = { "a", "ab", "b", "c", "", "d", "A", "a\001", "e" };

        assert_same(one, other);
        if (levels == 0)
                return;
        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++) {
                const struct phx_json_place key = phx_json_member(one, keys[i]),
                                            other_key = phx_json_member(other, keys[i]);

                compare_below(&key, &other_key, levels - 1);
        }
        for (size_t i = 0; i < 4; i++) {
                const struct phx_json_place element = phx_json_element(one, i),
                                            other_element = phx_json_element(other, i);

                compare_below(&element, &other_element, levels - 1);
        }
}

static void an_index_finds_what_is_found_without(void **state) {
        for (size_t size = 0; size <= sizeof(sample) - 1; size++) {
                phx_cleanup(phx_json_index_done) struct phx_json_index index = { 0 };
                const struct phx_json_text plain = { .data = sample, .size = size },
                                           text = { .data = sample, .size = size, .index = &index };
                const struct phx_json_place root = { .text = &text }, other = { .text = &plain };

                compare_below(&root, &other, 3);
                for (size_t at = 0; at <= size + 1; at++) {
                        assert_int_equal(phx_json_line(&text, at), phx_json_line(&plain, at));
                        assert_int_equal(phx_json_column(&text, at), phx_json_column(&plain, at));
                }
        }
}

static void lines_are_counted_over_all_blocks(void **state) {
        phx_cleanup(phx_json_index_done) struct phx_json_index index = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        struct phx_json_text text = { .index = &index }, plain = { 0 };

        /* Lines that are longer than a block, and blocks of many lines. */
        for (size_t i = 0; i < 40; i++)
                assert_int_equal(
                                phx_buffer_addf(&buffer, "%*s\n", i % 3 == 0 ? 5000 : (int) i, "x"),
                                0);
        while (buffer.size % 4096 != 0)
                assert_int_equal(phx_buffer_add_text(&buffer, "\n"), 0);
        text.data = plain.data = buffer.data;
        text.size = plain.size = buffer.size;
        for (size_t at = 0; at <= buffer.size; at += 97) {
                assert_int_equal(phx_json_line(&text, at), phx_json_line(&plain, at));
                assert_int_equal(phx_json_column(&text, at), phx_json_column(&plain, at));
        }
        assert_int_equal(phx_json_line(&text, buffer.size), phx_json_line(&plain, buffer.size));
}

/* However often something is asked for, a text is walked once for each of its levels. */
static void nothing_is_walked_twice(void **state) {
        phx_cleanup(phx_json_index_done) struct phx_json_index index = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        struct phx_json_text text = { .index = &index };
        const struct phx_json_place root = { .text = &text };
        const size_t count = 1000;

        for (size_t i = 0; i < count; i++)
                assert_int_equal(
                                phx_buffer_addf(&buffer,
                                                "%s\"%zu\": [ %zu, \"\" ]",
                                                i == 0 ? "{" : ",",
                                                i,
                                                i),
                                0);
        assert_int_equal(phx_buffer_add_text(&buffer, "}"), 0);
        text.data = buffer.data;
        text.size = buffer.size;
        for (size_t n = 0; n < 2 * count; n++) {
                struct phx_json_member member;
                char key[32];

                (void) snprintf(key, sizeof(key), "%zu", n % count);
                const struct phx_json_place place = phx_json_member(&root, key),
                                            first = phx_json_element(&place, 0);
                assert_true(phx_json_find(&first, &member));
                assert_memory_equal(
                                buffer.data + member.value.begin,
                                key,
                                member.value.end - member.value.begin);
        }
        assert_int_equal(index.count, 1 + count + 2 * count);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_index_finds_what_is_found_without),
                cmocka_unit_test(lines_are_counted_over_all_blocks),
                cmocka_unit_test(nothing_is_walked_twice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
