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

#include "codec/json.h"

#define ROUNDS 20000

static const char sample[] =
                "{ \"a\": [ 0, -1, 12, 1.5e-3, true, false, null, {}, [] ],\n"
                " \"b\": { \"\\u00e9\\ud83d\\ude00\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\303\251\" },\r\n"
                "\t\"c\" : \"\360\237\230\200\", \"d\":[[],{\"x\":[]}] }";

static bool is_a(size_t depth, const char *key, size_t size) {
        return size == 1 && *key == 'a';
}

/* 0 and what jansson gets, or a negative errno and the text. */
static int soften(
                const char *data,
                size_t size,
                phx_json_is_ours *is_ours,
                char *copy,
                struct phx_error *error) {
        const struct phx_json_text text = { "f", data, size };

        memcpy(copy, data, size);
        copy[size] = '\0';
        return phx_json_soften(&text, is_ours, copy, error);
}

static void assert_softened(const char *data, const char *expected) {
        struct phx_error error = { 0 };
        char copy[512];

        assert_int_equal(soften(data, strlen(data), is_a, copy, &error), 0);
        assert_string_equal(error.text, "");
        assert_string_equal(copy, expected);
}

static void what_jansson_cannot_hold_is_taken_from_its_copy(void **state) {
        assert_softened("[9223372036854775807,-9223372036854775808]",
                        "[9223372036854775807,-9223372036854775808]");
        assert_softened("[9223372036854775808,-9223372036854775809 ]",
                        "[0.5                ,0.5                  ]");
        assert_softened("[1e9,0.25]", "[0.5,0.5 ]");
        assert_softened("\"\\u0000\\\\u0000\\ud800\"", "\"\\u0001\\\\u0000\\u0001\"");
        assert_softened("\"\\ud83d\\ude00\\ude00\\ud83dx\"", "\"\\ud83d\\ude00\\u0001\\u0001x\"");
}

static void what_is_foreign_is_blank_but_for_what_is_one_value(void **state) {
        assert_softened("{\"a\":{\"a\":[1]}}", "{\"a\":{\"a\":[1]}}");
        assert_softened("{\"b\":{\"a\":[1]},\"a\":[{}]}", "{\"b\":0        ,\"a\":[{}]}");
        assert_softened("{\"b\":\"x\",\"c\":1,\"a\":{\"b\":[ [] , {} ] }}",
                        "{\"b\":\"x\",\"c\":1,\"a\":{\"b\":0           }}");
        assert_softened("{\"b\":1,\"a\":[[],{\"c\":\n{}}]}", "{\"b\":1,\"a\":[[],{\"c\":\n0 }]}");
        /* It may be ours, when it is decoded. */
        assert_softened("{\"\\u0061\":[ ]}", "{\"\\u0061\":[ ]}");
}

static void a_text_may_nest_as_deep_as_it_is_long(void **state) {
        size_t size = 200000;
        phx_autofree char *data = malloc(size + 1), *copy = malloc(size + 1);
        phx_cleanup(phx_json_decref) json_t *root = NULL;
        struct phx_error error = { 0 };

        assert_true(data && copy);
        memset(data, '[', size / 2);
        memset(data + size / 2, ']', size / 2);
        assert_int_equal(soften(data, size, is_a, copy, &error), 0);
        root = json_loadb(copy, size, 0, NULL);
        assert_non_null(root);
        assert_int_equal(soften(data, size - 1, is_a, copy, &error), -EINVAL);
        assert_int_equal(soften(data, size, NULL, copy, &error), -EINVAL);
        assert_string_equal(error.text, "f:1: nests deeper than 64 levels");
}

static void what_is_wrong_is_said_where_it_stands(void **state) {
        static const struct {
                const char *data, *text;
        } cases[] = {
                { "{",
                  "f:1: not valid JSON: found the end of the file, expected a key in double "
                  "quotes or '}'" },
                { "{\n'a': 1}",
                  "f:2: not valid JSON: found ''', expected a key in double quotes or '}'" },
                { "{ \"a\": 1,\n}",
                  "f:2: not valid JSON: found '}', expected a key in double quotes after the ','" },
                { "{ \"a\" 1 }", "f:1: not valid JSON: found '1', expected ':' after the key" },
                { "{ \"a\": 1\n\"b\": 2 }",
                  "f:2: not valid JSON: found '\"', expected ',' or '}'" },
                { "[ 1 2 ]", "f:1: not valid JSON: found '2', expected ',' or ']'" },
                { "[ \n,]", "f:2: not valid JSON: found ',', expected a value or ']'" },
                { "{ \"a\": True }",
                  "f:1: not valid JSON: found 'True', expected a value: a string in double "
                  "quotes, a number, true, false, null, an object or an array" },
                { "[ 1.5.2 ]",
                  "f:1: not valid JSON: found '1.5.2', expected a number as JSON writes it, such "
                  "as 12, -0.5 or 1e6" },
                { "[ \"a\n\" ]",
                  "f:1: not valid JSON: found a string that does not end on its line, expected a "
                  "closing '\"'" },
                { "[ \"a\tb\" ]", "f:1: not valid JSON: found a tab in a string, expected \\t" },
                { "[ \"\001\" ]",
                  "f:1: not valid JSON: found a control character in a string, expected \\u and "
                  "its number" },
                { "[ \"C:\\x\" ]",
                  "f:1: not valid JSON: found '\\x', expected one of \\\" \\\\ \\/ \\b \\f \\n "
                  "\\r \\t \\u; a backslash itself is \\\\" },
                { "[ \"\\u12g4\" ]",
                  "f:1: not valid JSON: found '\\u', expected four hexadecimal digits after it" },
                { "[ \"\355\240\200\" ]", "f:1: not valid UTF-8: found the byte 0xed" },
                { "[ \302\240 ]", "f:1: not valid JSON: found '\\u00a0', expected a value or ']'" },
                { "[] x",
                  "f:1: not valid JSON: found 'x', expected nothing after the end of the value" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                struct phx_error error = { 0 };
                char copy[512];

                assert_int_equal(
                                soften(cases[i].data, strlen(cases[i].data), NULL, copy, &error),
                                -EINVAL);
                assert_string_equal(error.text, cases[i].text);
        }
}

static unsigned next_random(unsigned *seed) {
        *seed = *seed * 1103515245U + 12345U;
        return *seed >> 16;
}

/* Cut, with bytes exchanged, and with parts twice. */
static size_t spoil(char *data, unsigned *seed) {
        static const char bytes[] = "{}[]\",:\\u0019-+.eEtruefalsn \n\t\303\251\377";
        size_t size = sizeof(sample) - 1;

        memcpy(data, sample, size);
        for (unsigned n = 1 + next_random(seed) % 3; n > 0; n--)
                data[next_random(seed) % size] = bytes[next_random(seed) % (sizeof(bytes) - 1)];
        if (next_random(seed) % 4 == 0)
                size -= next_random(seed) % size;
        return size;
}

/* What is accepted, jansson takes; what jansson takes as it is, is accepted. */
static void the_grammar_is_that_of_jansson(void **state) {
        size_t accepted = 0, refused = 0;
        unsigned seed = 1;

        for (int i = 0; i < ROUNDS; i++) {
                char data[sizeof(sample)], copy[sizeof(sample)];
                size_t size = spoil(data, &seed);
                phx_cleanup(phx_json_decref) json_t *softened = NULL, *plain = NULL;

                plain = json_loadb(data, size, JSON_DECODE_ANY, NULL);
                if (soften(data, size, i % 2 ? is_a : NULL, copy, NULL) < 0) {
                        assert_null(plain);
                        refused++;
                        continue;
                }
                accepted++;
                softened = json_loadb(copy, size, JSON_DECODE_ANY, NULL);
                assert_non_null(softened);
        }
        assert_true(accepted > ROUNDS / 20 && refused > ROUNDS / 20);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_jansson_cannot_hold_is_taken_from_its_copy),
                cmocka_unit_test(what_is_foreign_is_blank_but_for_what_is_one_value),
                cmocka_unit_test(a_text_may_nest_as_deep_as_it_is_long),
                cmocka_unit_test(what_is_wrong_is_said_where_it_stands),
                cmocka_unit_test(the_grammar_is_that_of_jansson),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
