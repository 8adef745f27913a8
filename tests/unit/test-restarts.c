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
#include "codec/restarts_json.h"
#include "state/restarts.h"

static void ask(struct phx_restarts *list, const char *id, enum phx_restart_when when) {
        assert_int_equal(phx_restarts_ask(list, id, when, 7), 1);
}

static void a_request_is_kept_once_and_sorted(void **state) {
        phx_cleanup(phx_restarts_done) struct phx_restarts list = { 0 };

        ask(&list, "web", PHX_RESTART_NOW);
        ask(&list, "db", PHX_RESTART_IN_WINDOW);
        assert_int_equal(phx_restarts_ask(&list, "web", PHX_RESTART_NOW, 9), 0);
        assert_int_equal(list.count, 2);
        assert_string_equal(list.items[0].id, "db");
        assert_int_equal(list.items[0].when, PHX_RESTART_IN_WINDOW);
        assert_string_equal(list.items[1].id, "web");
        assert_int_equal(list.items[1].since, 7);
        ask(&list, "db", PHX_RESTART_NOW);
        assert_int_equal(phx_restarts_find(&list, "db")->when, PHX_RESTART_NOW);
        assert_int_equal(phx_restarts_remove(&list, "db"), 1);
        assert_int_equal(phx_restarts_remove(&list, "db"), 0);
        assert_null(phx_restarts_find(&list, "db"));
}

static void what_is_under_way_is_not_asked_for_again(void **state) {
        phx_cleanup(phx_restarts_done) struct phx_restarts list = { 0 };

        for (unsigned i = 0; i < PHX_RESTART_PHASES; i++) {
                struct phx_restart_item *item = phx_restarts_get(&list, "web");

                item->phase = (enum phx_restart_phase) i;
                assert_int_equal(phx_replace(&item->why, "it is broken"), 0);
                if (phx_restart_is_under_way(item)) {
                        assert_int_equal(phx_restarts_ask(&list, "web", PHX_RESTART_NOW, 1), 0);
                        continue;
                }
                ask(&list, "web", PHX_RESTART_NOW);
                item = phx_restarts_find(&list, "web");
                assert_int_equal(item->phase, PHX_RESTART_ASKED);
                assert_string_equal(item->why, "");
                (void) phx_restarts_remove(&list, "web");
        }
}

static void fill(struct phx_restarts *list) {
        struct phx_restart_item *item = phx_restarts_get(list, "web");

        item->phase = PHX_RESTART_BACK_UNDER_WAY;
        item->when = PHX_RESTART_IN_WINDOW;
        item->since = UINT64_C(1764470000000001);
        item->ended = UINT64_C(1764470000000002);
        item->up = UINT64_C(1764470000000004);
        item->booted = UINT64_C(1764460000000000);
        item->serial = list->serial = 12;
        item->is_start = item->is_enforced = true;
        item->again = UINT64_C(1764470000000003);
        assert_int_equal(
                        phx_restarts_note_begun(
                                        list,
                                        UINT64_C(1764470000000000),
                                        "b-1",
                                        UINT64_C(1764460000000005)),
                        0);
        assert_int_equal(phx_replace(&item->boot, "b-1"), 0);
        assert_int_equal(phx_replace(&item->directory, "website"), 0);
        assert_int_equal(phx_replace(&item->init, "210 4711"), 0);
        assert_int_equal(phx_replace(&item->before, "lxc-a"), 0);
        assert_int_equal(phx_replace(&item->label, "lxc-b//&:lxc-web:unconfined"), 0);
        assert_int_equal(phx_replace(&item->input, "abc"), 0);
        assert_int_equal(phx_replace(&item->why, "it does not run: \"x\""), 0);
        assert_non_null(phx_restarts_get(list, "db"));
}

static void what_is_stored_is_read_back(void **state) {
        phx_cleanup(phx_restarts_done) struct phx_restarts list = { 0 }, back = { 0 };
        phx_autofree char *text = NULL;

        fill(&list);
        assert_int_equal(phx_restarts_render(&list, &text), 0);
        assert_int_equal(phx_restarts_parse(text, strlen(text), &back, NULL), 0);
        assert_true(phx_restarts_equal(&list, &back));
        assert_true(back.items[0].is_resumed && back.items[1].is_resumed);
        assert_false(list.items[0].is_resumed);
}

static void a_copy_is_equal_until_something_changes(void **state) {
        phx_cleanup(phx_restarts_done) struct phx_restarts list = { 0 }, copy = { 0 };

        fill(&list);
        assert_int_equal(phx_restarts_copy(&copy, &list), 0);
        assert_true(phx_restarts_equal(&list, &copy));
        copy.items[1].ended++;
        assert_false(phx_restarts_equal(&list, &copy));
        assert_int_equal(phx_restarts_copy(&copy, &list), 0);
        copy.items[1].again = 0;
        assert_false(phx_restarts_equal(&list, &copy));
        assert_int_equal(phx_restarts_copy(&copy, &list), 0);
        assert_int_equal(phx_replace(&copy.items[1].why, "other"), 0);
        assert_false(phx_restarts_equal(&list, &copy));
        assert_int_equal(phx_restarts_copy(&copy, &list), 0);
        assert_int_equal(phx_replace(&copy.items[1].directory, "other"), 0);
        assert_false(phx_restarts_equal(&list, &copy));
        assert_int_equal(phx_restarts_copy(&copy, &list), 0);
        assert_int_equal(phx_replace(&copy.begun_boot, "b-2"), 0);
        assert_false(phx_restarts_equal(&list, &copy));
        assert_int_equal(phx_restarts_copy(&copy, &list), 0);
        copy.begun_booted++;
        assert_false(phx_restarts_equal(&list, &copy));
}

static void what_an_earlier_version_has_stored_is_read(void **state) {
        static const char text[] =
                        "{ \"version\": 1, \"serial\": 7, \"begun\": 5, \"restarts\": [] }";
        phx_cleanup(phx_restarts_done) struct phx_restarts list = { 0 };

        assert_int_equal(phx_restarts_parse(text, sizeof(text) - 1, &list, NULL), 0);
        assert_int_equal(list.begun, 5);
        assert_null(list.begun_boot);
}

static void a_damaged_file_changes_nothing(void **state) {
        static const char *const texts[] = {
                "",
                "[]",
                "{ \"version\": 2, \"serial\": 1, \"begun\": 0, \"restarts\": [] }",
                "{ \"version\": 1, \"serial\": 1, \"begun\": 0, \"restarts\": [ {} ] }",
        };
        phx_cleanup(phx_restarts_done) struct phx_restarts list = { 0 }, two = { 0 };
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };

        fill(&list);
        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++) {
                assert_int_equal(
                                phx_restarts_parse(texts[i], strlen(texts[i]), &list, &error),
                                -EBADMSG);
                assert_int_equal(list.count, 2);
        }
        /* An id that is a path, and one that is there twice. */
        fill(&two);
        assert_int_equal(phx_replace(&two.items[1].id, "../x"), 0);
        assert_int_equal(phx_restarts_render(&two, &text), 0);
        assert_int_equal(phx_restarts_parse(text, strlen(text), &list, NULL), -EBADMSG);
        assert_int_equal(phx_replace(&two.items[1].id, "db"), 0);
        free(text);
        assert_int_equal(phx_restarts_render(&two, &text), 0);
        assert_int_equal(phx_restarts_parse(text, strlen(text), &list, NULL), -EBADMSG);
}

static void every_phase_and_permission_has_its_word(void **state) {
        for (unsigned i = 0; i < PHX_RESTART_PHASES; i++)
                assert_non_null(phx_restart_phase_to_string((enum phx_restart_phase) i));
        for (unsigned i = 0; i < PHX_RESTART_WHENS; i++)
                assert_non_null(phx_restart_when_to_string((enum phx_restart_when) i));
        assert_null(phx_restart_phase_to_string((enum phx_restart_phase) PHX_RESTART_PHASES));
        assert_null(phx_restart_when_to_string((enum phx_restart_when) PHX_RESTART_WHENS));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_request_is_kept_once_and_sorted),
                cmocka_unit_test(what_is_under_way_is_not_asked_for_again),
                cmocka_unit_test(what_is_stored_is_read_back),
                cmocka_unit_test(a_copy_is_equal_until_something_changes),
                cmocka_unit_test(what_an_earlier_version_has_stored_is_read),
                cmocka_unit_test(a_damaged_file_changes_nothing),
                cmocka_unit_test(every_phase_and_permission_has_its_word),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
