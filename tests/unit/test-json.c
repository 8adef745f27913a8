/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "codec/json.h"

static const char sample[] = "{\n"
                             "  \"a\": [ 1, \"x ] } \\\" \\\\\", { \"b\":\n"
                             "      true } ],\n"
                             "  \"\\u0061b\" : { \"\": -1.5e3, \"c\": {} },\n"
                             "  \"d\"\n"
                             "    :null\n"
                             "}\n";

static const struct phx_json_text text = { "f", sample, sizeof(sample) - 1 };
static const struct phx_json_place root = { .text = &text };

static void assert_value(const struct phx_json_place *place, const char *value, size_t line) {
        struct phx_json_member member;
        size_t size;

        assert_true(phx_json_find(place, &member));
        size = member.value.end - member.value.begin;
        assert_int_equal(size, strlen(value));
        assert_memory_equal(sample + member.value.begin, value, size);
        assert_int_equal(phx_json_line(&text, member.value.begin), line);
}

static void every_value_is_found_where_it_stands(void **state) {
        const struct phx_json_place a = phx_json_member(&root, "a"), a0 = phx_json_element(&a, 0),
                                    a1 = phx_json_element(&a, 1), a2 = phx_json_element(&a, 2),
                                    b = phx_json_member(&a2, "b"),
                                    ab = phx_json_member(&root, "ab"),
                                    empty = phx_json_member(&ab, ""), c = phx_json_member(&ab, "c"),
                                    d = phx_json_member(&root, "d");

        assert_value(&a0, "1", 2);
        assert_value(&a1, "\"x ] } \\\" \\\\\"", 2);
        assert_value(&a2, "{ \"b\":\n      true }", 2);
        assert_value(&b, "true", 3);
        assert_value(&empty, "-1.5e3", 4);
        assert_value(&c, "{}", 4);
        assert_value(&d, "null", 6);
}

static void what_is_not_there_is_not_found(void **state) {
        const struct phx_json_place a = phx_json_member(&root, "a"), a3 = phx_json_element(&a, 3),
                                    key = phx_json_member(&a, "0"),
                                    none = phx_json_member(&root, "b"),
                                    below = phx_json_member(&none, "x"),
                                    index = phx_json_element(&root, 0);
        struct phx_json_member member;

        assert_false(phx_json_find(&a3, &member));
        assert_false(phx_json_find(&key, &member));
        assert_false(phx_json_find(&none, &member));
        assert_false(phx_json_find(&below, &member));
        assert_false(phx_json_find(&index, &member));
}

/* The finder trusts the syntax; what is cut off must still not lead it outside. */
static void no_prefix_of_a_text_is_read_beyond_its_end(void **state) {
        for (size_t size = 0; size <= text.size; size++) {
                phx_autofree char *copy = malloc(size + 1);
                const struct phx_json_text part = { "f", copy, size };
                const struct phx_json_place top = { .text = &part },
                                            ab = phx_json_member(&top, "ab"),
                                            c = phx_json_member(&ab, "c"),
                                            a = phx_json_member(&top, "a"),
                                            a2 = phx_json_element(&a, 2);
                phx_cleanup(phx_buffer_done) struct phx_buffer path = { 0 };
                struct phx_json_span first;
                struct phx_json_member member = { 0 };

                assert_non_null(copy);
                memcpy(copy, sample, size);
                (void) phx_json_find(&c, &member);
                (void) phx_json_find(&a2, &member);
                assert_true(member.value.end <= size && member.value.begin <= size);
                (void) phx_json_find_duplicate(&part, size, &path, &first);
        }
}

static void a_path_is_shown_as_people_write_it(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer path = { 0 };

        assert_int_equal(phx_json_path_add(&path, "lxc_configs", 0), 0);
        assert_int_equal(phx_json_path_add(&path, "910", 0), 0);
        assert_int_equal(phx_json_path_add(&path, NULL, 12), 0);
        assert_int_equal(phx_json_path_add(&path, "a.b", 0), 0);
        assert_int_equal(phx_json_path_add(&path, "c\nd", 0), 0);
        assert_string_equal(path.data, "lxc_configs.910[12][\"a.b\"][\"c?d\"]");
}

static void the_nearest_name_is_meant(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings known = { 0 };

        assert_int_equal(phx_strings_add(&known, "boot_order"), 0);
        assert_int_equal(phx_strings_add(&known, "boot_delay"), 0);
        assert_int_equal(phx_strings_add(&known, "features"), 0);
        assert_string_equal(phx_json_nearest("boot_dela", &known, 3), "boot_delay");
        assert_string_equal(phx_json_nearest("feature", &known, 1), "features");
        assert_string_equal(phx_json_nearest("features", &known, 0), "features");
        assert_string_equal(phx_json_nearest("Boot-Order", &known, 0), "boot_order");
        assert_string_equal(phx_json_nearest(" FEATURES: ", &known, 0), "features");
        assert_null(phx_json_nearest("feat", &known, 3));
        assert_null(phx_json_nearest("", &known, 3));
}

static int load(const char *data, size_t size, struct phx_error *error) {
        const struct phx_json_text source = { "f", data, size };
        phx_cleanup(phx_json_decref) json_t *value = NULL;

        return phx_json_load(&source, NULL, &value, error);
}

static void sixty_four_levels_are_enough(void **state) {
        char data[2 * PHX_JSON_DEPTH + 16] = "{\"\":";
        struct phx_error error = { 0 };
        size_t size = strlen(data), depth = PHX_JSON_DEPTH - 1;

        memset(data + size, '[', depth);
        memset(data + size + depth, ']', depth);
        data[size + 2 * depth] = '}';
        assert_int_equal(load(data, size + 2 * depth + 1, &error), 0);

        depth++;
        memset(data + size, '[', depth);
        memset(data + size + depth, ']', depth);
        data[size + 2 * depth] = '}';
        assert_int_equal(load(data, size + 2 * depth + 1, &error), -EINVAL);
        assert_string_equal(error.text, "f:1: nests deeper than 64 levels");
}

static void brackets_in_strings_do_not_nest(void **state) {
        char data[256] = "{\"\\\"";
        struct phx_error error = { 0 };
        size_t size = strlen(data);

        memset(data + size, '[', 100);
        memcpy(data + size + 100, "\": 1}", 6);
        assert_int_equal(load(data, strlen(data), &error), 0);
}

static void a_message_is_one_line_without_half_characters(void **state) {
        static const char data[] =
                        "{ \"k\": \"\x7f"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé\" }";
        const struct phx_json_text source = { "f", data, sizeof(data) - 1 };
        const struct phx_json_place top = { .text = &source }, place = phx_json_member(&top, "k");
        struct phx_error error = { 0 };

        assert_int_equal(phx_json_refuse_found(&error, &place, "expected %d", 1), -EINVAL);
        assert_string_equal(
                        error.text,
                        "f:1: k: found '?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…', expected 1");
        assert_int_equal(phx_json_refuse_found(NULL, &place, "expected %d", 1), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_value_is_found_where_it_stands),
                cmocka_unit_test(what_is_not_there_is_not_found),
                cmocka_unit_test(no_prefix_of_a_text_is_read_beyond_its_end),
                cmocka_unit_test(a_path_is_shown_as_people_write_it),
                cmocka_unit_test(the_nearest_name_is_meant),
                cmocka_unit_test(sixty_four_levels_are_enough),
                cmocka_unit_test(brackets_in_strings_do_not_nest),
                cmocka_unit_test(a_message_is_one_line_without_half_characters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
