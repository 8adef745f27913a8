/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"

static void copies_are_kept_in_order(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings list = { 0 }, copy = { 0 };
        char text[] = "a";

        assert_int_equal(phx_strings_add(&list, text), 0);
        text[0] = 'x';
        assert_int_equal(phx_strings_addf(&list, "%s-%d", "b", 2), 0);
        assert_string_equal(list.items[0], "a");
        assert_string_equal(list.items[1], "b-2");
        assert_int_equal(phx_strings_copy(&copy, &list), 0);
        assert_true(phx_strings_equal(&copy, &list));
        assert_ptr_not_equal(copy.items[0], list.items[0]);
}

static void once_means_once(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings list = { 0 };

        assert_int_equal(phx_strings_add_once(&list, "a"), 1);
        assert_int_equal(phx_strings_add_once(&list, "a"), 0);
        assert_int_equal(phx_strings_add_once(&list, "b"), 1);
        assert_int_equal(list.count, 2);
        assert_true(phx_strings_has(&list, "b"));
        assert_false(phx_strings_has(&list, ""));
}

static void sorting_makes_order_of_no_account(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings one = { 0 }, other = { 0 }, none = { 0 };

        phx_strings_sort(&none);
        assert_int_equal(phx_strings_add(&one, "b"), 0);
        assert_int_equal(phx_strings_add(&one, "B"), 0);
        assert_int_equal(phx_strings_add(&other, "B"), 0);
        assert_int_equal(phx_strings_add(&other, "b"), 0);
        assert_false(phx_strings_equal(&one, &other));
        phx_strings_sort(&one);
        phx_strings_sort(&other);
        assert_true(phx_strings_equal(&one, &other));
        assert_string_equal(one.items[0], "B");
        assert_false(phx_strings_equal(&one, &none));
        assert_true(phx_strings_equal(&none, &none));
}

static void prefixes_and_suffixes_are_told(void **state) {
        assert_true(phx_has_prefix("lxc-a", "lxc-"));
        assert_true(phx_has_prefix("a", ""));
        assert_false(phx_has_prefix("lxc", "lxc-"));
        assert_true(phx_has_suffix("a.bak", ".bak"));
        assert_false(phx_has_suffix("bak", ".bak"));
        assert_true(phx_has_suffix("", ""));
}

static void two_nulls_are_equal(void **state) {
        assert_true(phx_equal(NULL, NULL));
        assert_false(phx_equal(NULL, ""));
        assert_false(phx_equal("", NULL));
        assert_true(phx_equal("a", "a"));
        assert_false(phx_equal("a", "b"));
}

static void distance_counts_edits(void **state) {
        char longest[65], too_long[66];

        assert_int_equal(phx_distance("", ""), 0);
        assert_int_equal(phx_distance("mode", "mode"), 0);
        assert_int_equal(phx_distance("mode", "mod"), 1);
        assert_int_equal(phx_distance("mode", "node"), 1);
        assert_int_equal(phx_distance("kitten", "sitting"), 3);
        assert_int_equal(phx_distance("", "abc"), 3);
        assert_int_equal(phx_distance("abc", ""), 3);

        memset(longest, 'x', sizeof(longest));
        longest[64] = '\0';
        memset(too_long, 'x', sizeof(too_long));
        too_long[65] = '\0';
        assert_int_equal(phx_distance(longest, longest), 0);
        assert_true(phx_distance(too_long, "x") == SIZE_MAX);
        assert_true(phx_distance("x", too_long) == SIZE_MAX);
}

static void replacing_frees_the_old_and_copies_the_new(void **state) {
        phx_autofree char *text = NULL;

        assert_int_equal(phx_replace(&text, "a"), 0);
        assert_string_equal(text, "a");
        assert_int_equal(phx_replace(&text, text), 0);
        assert_string_equal(text, "a");
        assert_int_equal(phx_replace(&text, NULL), 0);
        assert_null(text);
}

static void three_texts_become_one(void **state) {
        phx_autofree char *text = NULL, *nothing = NULL;

        assert_int_equal(phx_concat(&text, "/etc/apparmor.d", "/", "lxc-web"), 0);
        assert_string_equal(text, "/etc/apparmor.d/lxc-web");
        assert_int_equal(phx_concat(&nothing, "", "", ""), 0);
        assert_string_equal(nothing, "");
}

static void three_texts_become_an_item(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings strings = { 0 };

        assert_int_equal(phx_strings_add_concat(&strings, "/var/lib/lxc", "/", "c0"), 0);
        assert_int_equal(phx_strings_add_concat(&strings, "", "", ""), 0);
        assert_int_equal(strings.count, 2);
        assert_string_equal(strings.items[0], "/var/lib/lxc/c0");
        assert_string_equal(strings.items[1], "");
}

static void a_number_is_written_in_decimal(void **state) {
        static const uint64_t numbers[] = { 0, 9, 10, 123456789, INT64_MAX, UINT64_MAX };
        char text[PHX_DECIMAL_SIZE], expected[PHX_DECIMAL_SIZE];

        for (size_t i = 0; i < PHX_ELEMENTS(numbers); i++) {
                (void) snprintf(expected, sizeof(expected), "%" PRIu64, numbers[i]);
                assert_ptr_equal(phx_decimal(text, numbers[i]), text + strlen(expected));
                assert_string_equal(text, expected);
        }
}

static void words_are_alike_but_for_case_and_what_stands_between(void **state) {
        assert_true(phx_alike("AppArmor-Profile", "apparmor_profile"));
        assert_true(phx_alike(" boot.order:", "bootOrder"));
        assert_true(phx_alike("", "_"));
        assert_false(phx_alike("boot_order", "boot_order2"));
        assert_false(phx_alike("boot_orde", "boot_order"));
        assert_false(phx_alike("\303\204", "\303\244"));
}

static void what_cannot_be_seen_is_escaped(void **state) {
        static const struct {
                const char *text, *visible;
        } cases[] = {
                { "plain, \303\244 and \342\200\246", "plain, \303\244 and \342\200\246" },
                { "a\342\201\240b", "a\\u2060b" },
                { "\357\273\277x", "\\ufeffx" },
                { "a\342\200\256b", "a\\u202eb" },
                { "a\302\240b", "a\\u00a0b" },
                { "a\033[31m\n", "a\\u001b[31m\\u000a" },
                { "\363\240\201\201", "\\U000e0041" },
                { "a\377\303", "a\\xff\\xc3" },
                { "\300\200", "\\xc0\\x80" },
                { "", "" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_autofree char *visible = phx_visible(cases[i].text);

                assert_string_equal(visible, cases[i].visible);
        }
}

static void what_has_no_room_is_cut_between_characters(void **state) {
        static const char text[] = "ab\342\201\240cd\303\244";
        static const char *const cut[] = { [10] = "ab\\u2060c",
                                           [11] = "ab\\u2060cd",
                                           [12] = "ab\\u2060cd",
                                           [13] = "ab\\u2060cd\303\244" };

        for (size_t size = 10; size < PHX_ELEMENTS(cut); size++) {
                char *buffer = malloc(size);

                /* As snprintf() leaves it. */
                assert_non_null(buffer);
                (void) snprintf(buffer, size, "%s", text);
                phx_make_visible(buffer, size);
                if (size > strlen(text))
                        assert_string_equal(buffer, cut[size]);
                free(buffer);
        }
        for (size_t size = 1; size <= sizeof(text); size++) {
                char *buffer = malloc(size);

                assert_non_null(buffer);
                (void) snprintf(buffer, size, "%s", text);
                phx_make_visible(buffer, size);
                assert_true(strlen(buffer) < size);
                assert_null(strstr(buffer, "\\x"));
                free(buffer);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(copies_are_kept_in_order),
                cmocka_unit_test(once_means_once),
                cmocka_unit_test(sorting_makes_order_of_no_account),
                cmocka_unit_test(three_texts_become_one),
                cmocka_unit_test(three_texts_become_an_item),
                cmocka_unit_test(a_number_is_written_in_decimal),
                cmocka_unit_test(words_are_alike_but_for_case_and_what_stands_between),
                cmocka_unit_test(what_cannot_be_seen_is_escaped),
                cmocka_unit_test(what_has_no_room_is_cut_between_characters),
                cmocka_unit_test(prefixes_and_suffixes_are_told),
                cmocka_unit_test(two_nulls_are_equal),
                cmocka_unit_test(distance_counts_edits),
                cmocka_unit_test(replacing_frees_the_old_and_copies_the_new),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
