/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Steps that fail, or whose results do not stay: what is told of them, and when they are tried
 * again. */

#include "pass-fixture.h"

static void a_failure_is_retried_later_and_later(void **state) {
        static const uint64_t seconds[] = { 1, 2, 4, 8 };
        struct subject *subject = *state;

        subject->fake->fault = FAKE_FAIL;
        for (size_t i = 0; i < PHX_ELEMENTS(seconds); i++) {
                unsigned actions = subject->fake->actions;

                assert_int_equal(run(subject), 0);
                assert_int_equal(subject->fake->actions, actions + 2);
                assert_int_equal(subject->report->retry_usec, seconds[i] * SECOND);
                assert_int_equal(fake_count(subject->fake, PHX_RECORD_FAILED), 2);
                assert_true(subject->report->degraded);

                /* An event meanwhile is no reason to try again. */
                subject->now_usec += SECOND / 2;
                assert_int_equal(run(subject), 0);
                assert_int_equal(subject->fake->actions, actions + 2);
                assert_int_equal(subject->fake->record_count, 0);
                subject->now_usec += seconds[i] * SECOND;
        }
        assert_string_equal(
                        subject->report->status,
                        "Degraded: lxc-web: the deployed file is missing; install failed and will be "
                        "retried: lxc-web: no such luck (and 2 more); 1 profile in force, 0 of 1 "
                        "container confined, 1 stopped");
}

static void a_failure_is_told_with_its_next_try(void **state) {
        struct subject *subject = *state;
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;

        subject->fake->fault = FAKE_FAIL;
        phx_pass_set_clock(subject->pass, subject->now_usec, 1000 * SECOND);
        assert_int_equal(run(subject), 0);
        /* A little later by the one clock, and hardly by the other: nothing to tell. */
        phx_pass_set_clock(subject->pass, subject->now_usec + 5, 1000 * SECOND + 9);
        assert_int_equal(run(subject), 0);
        snapshot = phx_pass_take_snapshot(subject->pass);
        assert_true(subject->report->degraded);
        assert_int_equal(snapshot->counters.failures, 2);
        assert_true(snapshot->changes[0].has_failed);
        assert_string_equal(snapshot->drifts[0].object, "lxc-web");
        assert_non_null(snapshot->drifts[0].failure);
        assert_true(snapshot->drifts[0].retry_at == 1001 * SECOND);
        assert_true(phx_snapshot_find_profile(snapshot, "lxc-web")->state == PHX_PROFILE_DRIFT);
        assert_true(phx_snapshot_find_container(snapshot, "web")->state == PHX_CONTAINER_DRIFT);
}

static void forgotten_failures_are_not_waited_for(void **state) {
        struct subject *subject = *state;

        subject->fake->fault = FAKE_FAIL;
        assert_int_equal(run(subject), 0);
        subject->fake->fault = FAKE_SOUND;
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->report->changes, 0);
        phx_pass_forget_failures(subject->pass);
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->report->changes, 3);
        assert_false(subject->report->degraded);
}

static void one_failure_does_not_stop_the_others(void **state) {
        struct subject *subject = *state;

        subject->fake->fault = FAKE_FAIL;
        subject->fake->fault_at = 1;
        subject->fake->fault_error = -ENOSPC;
        assert_int_equal(run(subject), 0);
        assert_string_equal(subject->fake->observed->containers[0].effective, "lxc-web");
        assert_int_equal(subject->report->changes, 2);
        assert_int_equal(fake_find(subject->fake, PHX_RECORD_FAILED, 0)->error, -ENOSPC);
        assert_string_equal(
                        fake_find(subject->fake, PHX_RECORD_FAILED, 0)->message,
                        "lxc-web: installing the deployed file failed: lxc-web: no such luck");
}

static void a_success_that_does_not_show_is_a_failure(void **state) {
        struct subject *subject = *state;

        subject->fake->fault = FAKE_LIE;
        subject->fake->fault_at = 2;
        assert_int_equal(run(subject), 0);
        assert_string_equal(
                        fake_find(subject->fake, PHX_RECORD_FAILED, 0)->message,
                        "lxc-web: loading the policy into the kernel failed: done, but reading back "
                        "shows: not loaded in the kernel");
        assert_int_equal(fake_find(subject->fake, PHX_RECORD_FAILED, 0)->error, -EIO);
        assert_int_equal(subject->report->changes, 1);
        assert_int_equal(subject->report->retry_usec, SECOND);
}

/* Puts the file away as often as it is put there. */
static void remove_file(struct fake *fake) {
        (void) fake_deploy(fake, "lxc-web", NULL, true);
}

static void who_undoes_a_repair_at_once_is_told_of_and_waited_for(void **state) {
        struct subject *subject = *state;

        subject->fake->meddle = remove_file;
        (void) fake_deploy(subject->fake, "lxc-web", "file 0", true);
        assert_int_equal(run(subject), 0);
        assert_int_equal(fake_count(subject->fake, PHX_RECORD_FAILED), 1);
        assert_true(subject->report->degraded);
        assert_int_equal(subject->report->retry_usec, SECOND);
}

/* Another kind of drift than the one that was repaired. */
static void weaken_kernel(struct fake *fake) {
        if (fake->actions > 0)
                fake_load(fake, "lxc-web", PHX_POLICY_COMPLAIN, "policy 1");
}

static void a_repair_is_not_done_when_another_drift_takes_its_place(void **state) {
        struct subject *subject = *state;

        (void) fake_deploy(subject->fake, "lxc-web", "file 1", true);
        subject->fake->meddle = weaken_kernel;
        assert_int_equal(run(subject), 0);
        assert_int_equal(fake_count(subject->fake, PHX_RECORD_CHANGED), 0);
        assert_string_equal(
                        fake_find(subject->fake, PHX_RECORD_FAILED, 0)->message,
                        "lxc-web: loading the policy into the kernel failed: done, but reading back "
                        "shows: loaded in mode complain, expected enforce");
        assert_string_equal(subject->fake->observed->containers[0].effective, "unconfined");
}

/* A new text after each repair: the author is typing. */
static void edit_source(struct fake *fake) {
        struct phx_desired_profile *profile = &fake->desired->profiles[0];

        (void) snprintf(profile->digest, sizeof(profile->digest), "edit %u", fake->actions);
}

static void rounds_end_and_the_rest_is_left_for_the_next_pass(void **state) {
        struct subject *subject = *state;

        subject->fake->meddle = edit_source;
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->fake->looks, 5);
        assert_int_equal(subject->report->retry_usec, SECOND);
        assert_true(subject->report->degraded);
        assert_true(fake_audit_is_complete(subject->fake));
}

static void an_old_failure_of_what_must_not_be_repaired_wakes_nobody(void **state) {
        struct subject *subject = *state;

        subject->fake->fault = FAKE_FAIL;
        assert_int_equal(run(subject), 0);
        subject->now_usec += 100 * SECOND;
        subject->fake->desired->mode = PHX_MODE_OBSERVE;
        assert_int_equal(run(subject), 0);
        assert_true(subject->report->retry_usec == PHX_NEVER);

        subject->fake->desired->mode = PHX_MODE_ENFORCE;
        subject->fake->desired->has_configuration = false;
        assert_int_equal(run(subject), 0);
        assert_true(subject->report->retry_usec == PHX_NEVER);
}

static void without_a_picture_there_is_no_report_and_results_come_later(void **state) {
        struct subject *subject = *state;

        subject->fake->is_down = true;
        assert_int_equal(run(subject), -ECONNABORTED);
        assert_string_equal(subject->error.text, "the machine is down");
        assert_null(subject->report->status);
        fake_restart(subject->fake);
        assert_int_equal(run(subject), 0);
        assert_false(subject->report->degraded);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                PASS_TEST(a_failure_is_retried_later_and_later),
                PASS_TEST(a_failure_is_told_with_its_next_try),
                PASS_TEST(forgotten_failures_are_not_waited_for),
                PASS_TEST(one_failure_does_not_stop_the_others),
                PASS_TEST(a_success_that_does_not_show_is_a_failure),
                PASS_TEST(who_undoes_a_repair_at_once_is_told_of_and_waited_for),
                PASS_TEST(a_repair_is_not_done_when_another_drift_takes_its_place),
                PASS_TEST(rounds_end_and_the_rest_is_left_for_the_next_pass),
                PASS_TEST(an_old_failure_of_what_must_not_be_repaired_wakes_nobody),
                PASS_TEST(without_a_picture_there_is_no_report_and_results_come_later),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
