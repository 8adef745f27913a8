/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "codec/suspensions_json.h"
#include "state/report.h"
#include "state/suspensions.h"

static void set(struct phx_suspensions *list,
                const char *object,
                const char *reason,
                uint64_t until) {
        phx_cleanup(phx_suspension_done) struct phx_suspension one = { .since = 1, .until = until };

        assert_int_equal(phx_replace(&one.object, object), 0);
        assert_int_equal(phx_replace(&one.reason, reason), 0);
        assert_true(phx_suspension_is_valid(&one));
        assert_int_equal(phx_suspensions_set(list, &one), 0);
}

static void an_own_one_comes_before_that_for_all(void **state) {
        phx_cleanup(phx_suspensions_done) struct phx_suspensions list = { 0 };

        assert_null(phx_suspensions_find(&list, "101"));
        set(&list, "101", "moved", PHX_NEVER);
        assert_null(phx_suspensions_find(&list, "102"));
        set(&list, "*", "upgrade", 9);
        assert_string_equal(phx_suspensions_find(&list, "101")->reason, "moved");
        assert_string_equal(phx_suspensions_find(&list, "102")->reason, "upgrade");
        set(&list, "101", "moved again", 5);
        assert_int_equal(list.count, 2);
        assert_string_equal(phx_suspensions_find(&list, "101")->reason, "moved again");
        assert_int_equal(phx_suspensions_remove(&list, "101"), 1);
        assert_int_equal(phx_suspensions_remove(&list, "101"), 0);
        assert_string_equal(phx_suspensions_find(&list, "101")->reason, "upgrade");
}

static void an_end_is_the_end(void **state) {
        phx_cleanup(phx_suspensions_done) struct phx_suspensions list = { 0 };

        assert_true(phx_suspensions_next_end(&list) == PHX_NEVER);
        set(&list, "101", "", PHX_NEVER);
        assert_true(phx_suspensions_next_end(&list) == PHX_NEVER);
        set(&list, "102", "", 50);
        set(&list, "103", "", 40);
        assert_int_equal(phx_suspensions_next_end(&list), 40);
        assert_null(phx_suspensions_find_over(&list, 39));
        assert_string_equal(phx_suspensions_find_over(&list, 40)->object, "103");
}

static void what_can_be_none_is_told_from_what_can(void **state) {
        char good[] = "101", path[] = "../101", line[] = "a\nb", longest[202];
        const struct {
                char *object;
                char *reason;
                uint64_t until;
                bool is_valid;
        } cases[] = {
                { good, good, 6, true },     { good, good, PHX_NEVER, true },
                { good, good, 5, false },    { path, good, 6, false },
                { good, line, 6, false },    { good, longest + 1, 6, true },
                { good, longest, 6, false }, { good, NULL, 6, false },
        };

        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                const struct phx_suspension one = {
                        cases[i].object, cases[i].reason, 5, cases[i].until, 0,
                };

                assert_int_equal(phx_suspension_is_valid(&one), cases[i].is_valid);
        }
}

static void the_words_say_who_and_until_when(void **state) {
        char object[] = "101", reason[] = "being moved";
        struct phx_suspension one = { object, reason, 1, UINT64_C(1700000000000000), 1000 };
        phx_autofree char *words = phx_suspension_words(&one), *open_end = NULL;

        assert_string_equal(words, "by uid 1000 until 2023-11-14 22:13:20 UTC: being moved");
        one.until = PHX_NEVER;
        reason[0] = '\0';
        open_end = phx_suspension_words(&one);
        assert_string_equal(open_end, "by uid 1000 until it is resumed");
}

static void a_list_survives_the_journey(void **state) {
        phx_cleanup(phx_suspensions_done) struct phx_suspensions list = { 0 }, back = { 0 };
        phx_autofree char *text = NULL, *again = NULL;

        set(&list, "lxc-web", "a \"reason\"", 7);
        set(&list, "*", "", PHX_NEVER);
        assert_int_equal(phx_suspensions_render(&list, &text), 0);
        assert_string_equal(
                        text,
                        "{\"version\":1,\"suspensions\":["
                        "{\"object\":\"*\",\"reason\":\"\",\"since\":1,\"until\":null,\"by_uid\":0},"
                        "{\"object\":\"lxc-web\",\"reason\":\"a \\\"reason\\\"\",\"since\":1,"
                        "\"until\":7,\"by_uid\":0}]}");
        assert_int_equal(phx_suspensions_parse(text, strlen(text), &back, NULL), 0);
        assert_int_equal(phx_suspensions_render(&back, &again), 0);
        assert_string_equal(again, text);
}

static void what_we_would_not_write_is_damaged(void **state) {
        static const char *const cases[] = {
                "",
                "{}",
                "{\"version\":2,\"suspensions\":[]}",
                "{\"version\":1,\"suspensions\":[{}]}",
                "{\"version\":1,\"suspensions\":[{\"object\":\"../x\",\"reason\":\"\",\"since\":1,"
                "\"until\":null,\"by_uid\":0}]}",
                "{\"version\":1,\"suspensions\":[{\"object\":\"x\",\"reason\":\"\",\"since\":1,"
                "\"until\":1,\"by_uid\":0}]}",
                /* It would be taken for one without an end. */
                "{\"version\":1,\"suspensions\":[{\"object\":\"x\",\"reason\":\"y\",\"since\":1,"
                "\"Until\":9,\"by_uid\":0}]}",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(phx_suspensions_done) struct phx_suspensions list = { 0 };
                struct phx_error error = { 0 };

                set(&list, "101", "stays", 7);
                assert_int_equal(
                                phx_suspensions_parse(cases[i], strlen(cases[i]), &list, &error),
                                -EBADMSG);
                assert_true(phx_has_prefix(error.text, "suspensions: "));
                assert_int_equal(list.count, 1);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_own_one_comes_before_that_for_all),
                cmocka_unit_test(an_end_is_the_end),
                cmocka_unit_test(what_can_be_none_is_told_from_what_can),
                cmocka_unit_test(the_words_say_who_and_until_when),
                cmocka_unit_test(a_list_survives_the_journey),
                cmocka_unit_test(what_we_would_not_write_is_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
