/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/schedule.h"

#define MS UINT64_C(1000)
#define S (1000 * MS)

static const struct phx_report quiet = {
        .retry_usec = PHX_NEVER,
        .debounce_usec = 200 * MS,
        .longest_delay_usec = 2 * S,
        .resync_usec = 600 * S,
};

/* A schedule after its first look, which ended at NOW. */
static struct schedule settled(uint64_t now) {
        struct schedule schedule;

        schedule_init(&schedule, now);
        (void) schedule_begin(&schedule, now);
        schedule_end(&schedule, now, &quiet);
        return schedule;
}

static void the_first_look_is_full_and_at_once(void **state) {
        struct schedule schedule;

        schedule_init(&schedule, 5 * S);
        assert_true(schedule_due(&schedule) <= 5 * S);
        /* Not one that forgets: what was kept over a restart is believed. */
        assert_int_equal(schedule_begin(&schedule, 5 * S), LOOK_FULL);
}

static void without_events_only_the_resync_is_due(void **state) {
        struct schedule schedule = settled(10 * S);

        assert_true(schedule_due(&schedule) == 610 * S);
        assert_true(schedule_is_lazy(&schedule));
        assert_true(schedule_begin(&schedule, 610 * S));
}

/* While something else goes on and on. */
static void some_events_do_not_wait_for_others(void **state) {
        struct schedule schedule = settled(10 * S);

        schedule_event(&schedule, 20 * S, false);
        schedule_event(&schedule, 20 * S + 150 * MS, false);
        schedule_within(&schedule, 20 * S + 160 * MS, 20 * MS);
        schedule_event(&schedule, 20 * S + 160 * MS, false);
        assert_true(schedule_due(&schedule) == 20 * S + 180 * MS);
        /* A later wish does not put that off, nor does one that may wait longer. */
        schedule_within(&schedule, 20 * S + 170 * MS, 500 * MS);
        schedule_event(&schedule, 20 * S + 170 * MS, false);
        assert_true(schedule_due(&schedule) == 20 * S + 180 * MS);
        assert_int_equal(schedule_begin(&schedule, 20 * S + 180 * MS), LOOK_PLAIN);
        schedule_event(&schedule, 20 * S + 190 * MS, false);
        schedule_end(&schedule, 20 * S + 200 * MS, &quiet);
        assert_true(schedule_due(&schedule) == 20 * S + 390 * MS);

        /* What happens during a look is due as soon after it as other events are. */
        assert_int_equal(schedule_begin(&schedule, 21 * S), LOOK_PLAIN);
        schedule_within(&schedule, 21 * S + 990 * MS, 20 * MS);
        schedule_event(&schedule, 21 * S + 990 * MS, false);
        assert_true(schedule_due(&schedule) == PHX_NEVER);
        schedule_end(&schedule, 22 * S, &quiet);
        assert_true(schedule_due(&schedule) == 22 * S + 190 * MS);
}

/* However many there are: the first one is served at once, the others no faster than other events.
 */
static void a_hasty_event_does_not_keep_it_busy(void **state) {
        struct schedule schedule = settled(10 * S);
        unsigned looks = 0;

        for (uint64_t now = 20 * S; now < 22 * S; now += 10 * MS) {
                schedule_within(&schedule, now, 20 * MS);
                schedule_event(&schedule, now, false);
                if (schedule_due(&schedule) > now)
                        continue;
                if (looks++ == 0)
                        assert_true(now == 20 * S + 20 * MS);
                (void) schedule_begin(&schedule, now);
                schedule_end(&schedule, now, &quiet);
        }
        assert_int_equal(looks, 10);
}

static void only_what_a_person_asks_for_trusts_nothing(void **state) {
        struct schedule schedule = settled(10 * S);

        schedule_ask(&schedule);
        schedule_event(&schedule, 20 * S, true);
        assert_int_equal(schedule_begin(&schedule, 20 * S), LOOK_ASKED);
        schedule_end(&schedule, 21 * S, &quiet);
        schedule_event(&schedule, 22 * S, true);
        assert_int_equal(schedule_begin(&schedule, 23 * S), LOOK_FULL);
        schedule_end(&schedule, 24 * S, &quiet);
        assert_int_equal(schedule_begin(&schedule, 624 * S), LOOK_FULL);
        schedule_fail(&schedule, 625 * S, false);
        assert_int_equal(schedule_begin(&schedule, 626 * S), LOOK_FULL);
}

static void an_event_waits_for_the_dust_to_settle(void **state) {
        struct schedule schedule = settled(10 * S);

        schedule_event(&schedule, 20 * S, false);
        assert_true(schedule_due(&schedule) == 20 * S + 200 * MS);
        assert_false(schedule_is_lazy(&schedule));
        schedule_event(&schedule, 20 * S + 150 * MS, false);
        assert_true(schedule_due(&schedule) == 20 * S + 350 * MS);
        assert_false(schedule_begin(&schedule, 20 * S + 350 * MS));
}

static void a_storm_waits_no_longer_than_the_longest_delay(void **state) {
        struct schedule schedule = settled(10 * S);

        for (uint64_t t = 20 * S; t < 30 * S; t += 100 * MS)
                schedule_event(&schedule, t, false);
        assert_true(schedule_due(&schedule) == 22 * S);
}

static void an_event_during_a_look_means_another(void **state) {
        struct schedule schedule = settled(10 * S);

        (void) schedule_begin(&schedule, 20 * S);
        schedule_event(&schedule, 21 * S, true);
        assert_true(schedule_due(&schedule) == PHX_NEVER);
        schedule_end(&schedule, 25 * S, &quiet);
        assert_true(schedule_due(&schedule) == 21 * S + 200 * MS);
        assert_true(schedule_begin(&schedule, 25 * S));
        schedule_end(&schedule, 26 * S, &quiet);
        assert_true(schedule_due(&schedule) == 626 * S);
}

static void a_report_can_ask_for_a_retry(void **state) {
        struct schedule schedule = settled(10 * S);
        struct phx_report report = quiet;

        (void) schedule_begin(&schedule, 20 * S);
        report.retry_usec = 4 * S;
        schedule_end(&schedule, 21 * S, &report);
        assert_true(schedule_due(&schedule) == 25 * S);
        assert_int_equal(schedule_begin(&schedule, 25 * S), LOOK_FULL);
        schedule_end(&schedule, 26 * S, &quiet);
        assert_true(schedule_due(&schedule) == 626 * S);
}

/* However many compiles end meanwhile. */
static void a_compile_does_not_put_off_a_retry(void **state) {
        struct schedule schedule = settled(10 * S);
        struct phx_report report = quiet;

        (void) schedule_begin(&schedule, 20 * S);
        report.retry_usec = 4 * S;
        report.is_settling = true;
        schedule_end(&schedule, 21 * S, &report);
        for (uint64_t now = 22 * S; now < 25 * S; now += S) {
                schedule_compiled(&schedule);
                assert_int_equal(schedule_begin(&schedule, now), LOOK_COMPILED);
                schedule_end(&schedule, now, &report);
        }
        assert_true(schedule_due(&schedule) == 25 * S);
        assert_int_equal(schedule_begin(&schedule, 25 * S), LOOK_PLAIN);
}

static void what_only_settles_is_a_plain_look(void **state) {
        struct schedule schedule = settled(10 * S);
        struct phx_report report = quiet;

        (void) schedule_begin(&schedule, 20 * S);
        report.retry_usec = 4 * S;
        report.is_settling = true;
        schedule_end(&schedule, 21 * S, &report);
        assert_true(schedule_due(&schedule) == 25 * S);
        assert_int_equal(schedule_begin(&schedule, 25 * S), LOOK_PLAIN);
        schedule_fail(&schedule, 26 * S, false);
        assert_int_equal(schedule_begin(&schedule, 27 * S), LOOK_FULL);
}

static void the_delays_are_the_newest_report_s(void **state) {
        struct schedule schedule = settled(10 * S);
        struct phx_report report = quiet;

        (void) schedule_begin(&schedule, 20 * S);
        report.debounce_usec = 1 * S;
        report.resync_usec = PHX_NEVER;
        schedule_end(&schedule, 21 * S, &report);
        assert_true(schedule_due(&schedule) == PHX_NEVER);
        schedule_event(&schedule, 30 * S, false);
        assert_true(schedule_due(&schedule) == 31 * S);
}

static void failures_back_off_and_events_cut_them_short(void **state) {
        struct schedule schedule = settled(10 * S);
        static const uint64_t delays[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };

        for (size_t i = 0; i < PHX_ELEMENTS(delays); i++) {
                (void) schedule_begin(&schedule, 20 * S);
                schedule_fail(&schedule, 20 * S, false);
                assert_true(schedule_due(&schedule) == (20 + delays[i]) * S);
        }
        schedule_event(&schedule, 21 * S, false);
        assert_true(schedule_due(&schedule) == 21 * S + 200 * MS);
        assert_true(schedule_begin(&schedule, 22 * S));
        schedule_end(&schedule, 23 * S, &quiet);
        schedule_fail(&schedule, 30 * S, false);
        assert_true(schedule_due(&schedule) == 31 * S);
}

static void a_held_failure_waits_whatever_happens(void **state) {
        struct schedule schedule = settled(10 * S);

        (void) schedule_begin(&schedule, 20 * S);
        schedule_fail(&schedule, 20 * S, true);
        schedule_event(&schedule, 20 * S, false);
        schedule_ask(&schedule);
        assert_true(schedule_due(&schedule) == 21 * S);
}

static void who_asks_is_answered_at_once_and_in_full(void **state) {
        struct schedule schedule = settled(10 * S);

        schedule_ask(&schedule);
        assert_true(schedule_due(&schedule) <= 11 * S);
        assert_true(schedule_begin(&schedule, 11 * S));
        schedule_ask(&schedule);
        schedule_end(&schedule, 12 * S, &quiet);
        assert_true(schedule_due(&schedule) <= 12 * S);
}

static void the_resync_can_be_limited(void **state) {
        struct schedule schedule = settled(10 * S);

        schedule.resync_limit_usec = 30 * S;
        assert_true(schedule_due(&schedule) == 40 * S);
        assert_true(schedule_begin(&schedule, 40 * S));
}

static void labels_are_due_by_themselves_only_when_they_are_to_be_looked_at(void **state) {
        struct schedule schedule = settled(10 * S);
        struct phx_report report = quiet;

        /* Off, or nothing runs. */
        assert_true(schedule_due(&schedule) == 610 * S);
        report.label_resync_usec = 30 * S;
        assert_int_equal(schedule_begin(&schedule, 20 * S), LOOK_PLAIN);
        schedule_end(&schedule, 20 * S, &report);
        for (uint64_t at = 50; at < 620; at += 30) {
                assert_true(schedule_due(&schedule) == at * S);
                assert_true(schedule_look_due(&schedule) == 620 * S);
                assert_true(schedule_is_lazy(&schedule));
                assert_int_equal(schedule_begin(&schedule, at * S), LOOK_LABELS);
                assert_true(schedule_due(&schedule) == PHX_NEVER);
                schedule_end_labels(&schedule, at * S, false);
        }
        /* They put off no other look. */
        assert_true(schedule_due(&schedule) == 620 * S);
        assert_int_equal(schedule_begin(&schedule, 620 * S), LOOK_FULL);
        schedule_end(&schedule, 621 * S, &quiet);
        assert_true(schedule_due(&schedule) == (621 + 600) * S);
}

static void a_label_that_differs_is_looked_at_at_once(void **state) {
        struct schedule schedule = settled(10 * S);
        struct phx_report report = quiet;

        report.label_resync_usec = 30 * S;
        (void) schedule_begin(&schedule, 20 * S);
        schedule_end(&schedule, 20 * S, &report);
        assert_int_equal(schedule_begin(&schedule, 50 * S), LOOK_LABELS);
        schedule_end_labels(&schedule, 51 * S, true);
        assert_true(schedule_due(&schedule) <= 51 * S);
        assert_false(schedule_is_lazy(&schedule));
        assert_int_equal(schedule_begin(&schedule, 51 * S), LOOK_PLAIN);
        schedule_end(&schedule, 52 * S, &report);
        assert_true(schedule_due(&schedule) == 82 * S);
}

static void what_was_compiled_is_taken_at_once_and_consumes_nothing_else(void **state) {
        struct schedule schedule = settled(10 * S);

        schedule_event(&schedule, 20 * S, false);
        schedule_compiled(&schedule);
        assert_int_equal(schedule_due(&schedule), 0);
        assert_false(schedule_is_lazy(&schedule));
        assert_int_equal(schedule_begin(&schedule, 20 * S), LOOK_COMPILED);
        schedule_end(&schedule, 20 * S + 10 * MS, &quiet);
        /* The event still waits for the dust to settle, and the resync is no later for it. */
        assert_int_equal(schedule_due(&schedule), 20 * S + 200 * MS);
        assert_int_equal(schedule_begin(&schedule, 21 * S), LOOK_PLAIN);
        schedule_end(&schedule, 21 * S, &quiet);
        schedule_compiled(&schedule);
        assert_int_equal(schedule_begin(&schedule, 300 * S), LOOK_COMPILED);
        schedule_end(&schedule, 300 * S, &quiet);
        assert_int_equal(schedule_due(&schedule), 621 * S);
}

static void what_was_compiled_comes_with_what_else_is_due(void **state) {
        struct schedule schedule = settled(10 * S);

        schedule_compiled(&schedule);
        schedule_ask(&schedule);
        assert_int_equal(schedule_begin(&schedule, 20 * S), LOOK_ASKED);
        schedule_end(&schedule, 20 * S, &quiet);
        assert_int_equal(schedule_due(&schedule), 620 * S);
        /* After a failure it waits for the next try. */
        (void) schedule_begin(&schedule, 30 * S);
        schedule_fail(&schedule, 30 * S, false);
        schedule_compiled(&schedule);
        assert_int_equal(schedule_due(&schedule), 31 * S);
        assert_int_equal(schedule_begin(&schedule, 31 * S), LOOK_FULL);
        schedule_end(&schedule, 31 * S, &quiet);
        assert_int_equal(schedule_due(&schedule), 631 * S);
}

static void what_happens_while_labels_are_looked_at_is_not_lost(void **state) {
        struct schedule schedule = settled(10 * S);
        struct phx_report report = quiet;

        report.label_resync_usec = 30 * S;
        (void) schedule_begin(&schedule, 20 * S);
        schedule_end(&schedule, 20 * S, &report);
        /* Neither an event before, whose dust has not settled, nor one meanwhile. */
        schedule_event(&schedule, 50 * S - 100 * MS, true);
        assert_true(schedule_due(&schedule) == 50 * S);
        assert_int_equal(schedule_begin(&schedule, 50 * S), LOOK_LABELS);
        schedule_ask(&schedule);
        schedule_end_labels(&schedule, 50 * S, false);
        assert_true(schedule_due(&schedule) <= 50 * S);
        assert_int_equal(schedule_begin(&schedule, 50 * S), LOOK_ASKED);
        schedule_end(&schedule, 51 * S, &report);

        schedule_event(&schedule, 80 * S + 900 * MS, true);
        assert_int_equal(schedule_begin(&schedule, 81 * S), LOOK_LABELS);
        schedule_end_labels(&schedule, 81 * S, false);
        assert_true(schedule_due(&schedule) == 81 * S + 100 * MS);
        assert_int_equal(schedule_begin(&schedule, 81 * S + 100 * MS), LOOK_FULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_look_is_full_and_at_once),
                cmocka_unit_test(without_events_only_the_resync_is_due),
                cmocka_unit_test(some_events_do_not_wait_for_others),
                cmocka_unit_test(a_hasty_event_does_not_keep_it_busy),
                cmocka_unit_test(only_what_a_person_asks_for_trusts_nothing),
                cmocka_unit_test(an_event_waits_for_the_dust_to_settle),
                cmocka_unit_test(a_storm_waits_no_longer_than_the_longest_delay),
                cmocka_unit_test(an_event_during_a_look_means_another),
                cmocka_unit_test(a_report_can_ask_for_a_retry),
                cmocka_unit_test(a_compile_does_not_put_off_a_retry),
                cmocka_unit_test(what_only_settles_is_a_plain_look),
                cmocka_unit_test(the_delays_are_the_newest_report_s),
                cmocka_unit_test(failures_back_off_and_events_cut_them_short),
                cmocka_unit_test(a_held_failure_waits_whatever_happens),
                cmocka_unit_test(who_asks_is_answered_at_once_and_in_full),
                cmocka_unit_test(the_resync_can_be_limited),
                cmocka_unit_test(labels_are_due_by_themselves_only_when_they_are_to_be_looked_at),
                cmocka_unit_test(a_label_that_differs_is_looked_at_at_once),
                cmocka_unit_test(what_was_compiled_is_taken_at_once_and_consumes_nothing_else),
                cmocka_unit_test(what_was_compiled_comes_with_what_else_is_due),
                cmocka_unit_test(what_happens_while_labels_are_looked_at_is_not_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
