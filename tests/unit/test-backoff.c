/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reconcile/backoff.h"

#define SECOND 1000000ULL

static const struct phx_drift load = {
        .layer = PHX_LAYER_KERNEL,
        .kind = PHX_DRIFT_DIFFERS,
        .action = PHX_ACTION_LOAD,
        .object = "lxc-web",
        .expected = "new",
        .found = "old",
};

static void who_never_failed_does_not_wait(void **state) {
        const struct phx_backoff backoff = { 0 };

        assert_int_equal(phx_backoff_wait(&backoff, &load, 0), 0);
        assert_null(phx_backoff_text(&backoff, &load));
}

static void each_failure_doubles_the_wait_up_to_five_minutes(void **state) {
        static const uint64_t seconds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };
        phx_cleanup(phx_backoff_done) struct phx_backoff backoff = { 0 };
        uint64_t now = 12345;

        for (size_t i = 0; i < PHX_ELEMENTS(seconds); i++) {
                assert_int_equal(phx_backoff_fail(&backoff, &load, "no", now), 0);
                assert_int_equal(phx_backoff_wait(&backoff, &load, now), seconds[i] * SECOND);
                now += seconds[i] * SECOND;
                assert_int_equal(phx_backoff_wait(&backoff, &load, now - 1), 1);
                assert_int_equal(phx_backoff_wait(&backoff, &load, now), 0);
        }
        assert_int_equal(backoff.count, 1);
}

static void after_very_many_failures_the_wait_is_still_five_minutes(void **state) {
        phx_cleanup(phx_backoff_done) struct phx_backoff backoff = { 0 };

        for (unsigned i = 0; i < 1000; i++)
                assert_int_equal(phx_backoff_fail(&backoff, &load, "no", 0), 0);
        assert_int_equal(phx_backoff_wait(&backoff, &load, 0), 300 * SECOND);
}

static void new_input_does_not_wait_for_an_old_failure(void **state) {
        phx_cleanup(phx_backoff_done) struct phx_backoff backoff = { 0 };
        struct phx_drift newer = load;

        assert_int_equal(phx_backoff_fail(&backoff, &load, "no", 0), 0);
        newer.expected = "newer";
        assert_int_equal(phx_backoff_wait(&backoff, &newer, 0), 0);
        newer.expected = load.expected;
        newer.found = "meddled with";
        assert_int_equal(phx_backoff_wait(&backoff, &newer, 0), SECOND);
}

static void the_last_text_is_kept(void **state) {
        phx_cleanup(phx_backoff_done) struct phx_backoff backoff = { 0 };

        assert_int_equal(phx_backoff_fail(&backoff, &load, "first", 0), 0);
        assert_int_equal(phx_backoff_fail(&backoff, &load, "second", 0), 0);
        assert_string_equal(phx_backoff_text(&backoff, &load), "second");
}

static void what_succeeds_starts_anew(void **state) {
        phx_cleanup(phx_backoff_done) struct phx_backoff backoff = { 0 };

        assert_int_equal(phx_backoff_fail(&backoff, &load, "no", 0), 0);
        assert_int_equal(phx_backoff_fail(&backoff, &load, "no", 0), 0);
        phx_backoff_forget(&backoff, &load);
        assert_int_equal(phx_backoff_wait(&backoff, &load, 0), 0);
        assert_int_equal(phx_backoff_fail(&backoff, &load, "no", 0), 0);
        assert_int_equal(phx_backoff_wait(&backoff, &load, 0), SECOND);
}

static void only_what_would_be_tried_again_is_kept(void **state) {
        phx_cleanup(phx_backoff_done) struct phx_backoff backoff = { 0 };
        struct phx_drift other = load, blocked = load;
        const struct phx_drifts all = { (struct phx_drift[]){ load, other, blocked }, 3 };

        other.object = "lxc-db";
        blocked.object = "lxc-mail";
        all.items[1] = other;
        all.items[2] = blocked;
        assert_int_equal(phx_backoff_fail(&backoff, &load, "no", 0), 0);
        assert_int_equal(phx_backoff_fail(&backoff, &other, "no", 0), 0);
        assert_int_equal(phx_backoff_fail(&backoff, &blocked, "no", 0), 0);
        phx_backoff_keep(&backoff, &all);
        assert_int_equal(backoff.count, 3);

        all.items[0].expected = "newer";
        all.items[2].action = PHX_ACTION_NONE;
        phx_backoff_keep(&backoff, &all);
        assert_int_equal(backoff.count, 1);
        assert_null(phx_backoff_text(&backoff, &load));
        assert_null(phx_backoff_text(&backoff, &blocked));
        assert_string_equal(phx_backoff_text(&backoff, &other), "no");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_never_failed_does_not_wait),
                cmocka_unit_test(each_failure_doubles_the_wait_up_to_five_minutes),
                cmocka_unit_test(after_very_many_failures_the_wait_is_still_five_minutes),
                cmocka_unit_test(new_input_does_not_wait_for_an_old_failure),
                cmocka_unit_test(the_last_text_is_kept),
                cmocka_unit_test(what_succeeds_starts_anew),
                cmocka_unit_test(only_what_would_be_tried_again_is_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
