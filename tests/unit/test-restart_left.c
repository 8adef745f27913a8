/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Containers that a restart has left stopped. */

#include "restart-fixture.h"

static struct host left_stopped(enum phx_restart_policy policy) {
        struct host host = host_new();

        host_add(&host, "web");
        host_pass(&host);
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        host.containers[0].policy = policy;
        return host;
}

static void expect_start(const struct host *host) {
        assert_int_equal(host_phase(host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(host->jobs.count, 1);
        assert_int_equal(host->jobs.items[0].verb, PHX_JOB_START);
}

static enum phx_cause cause_of(const struct host *host) {
        size_t at = 0;
        const struct phx_drift *drift =
                        phx_drifts_next(&host->drifts, PHX_LAYER_RUNNING, "web", &at);

        return drift ? drift->cause : PHX_CAUSE_NONE;
}

/* Beside its drift nothing is to be done. */
static void expect_drift(const struct host *host, enum phx_cause cause) {
        assert_int_equal(cause_of(host), cause);
        assert_int_equal(host->jobs.count, 0);
        assert_int_equal(host->plan.count, 0);
}

static void come_up(struct host *host) {
        host_start(host, "web", "lxc-new");
        host_end(host, PHX_JOB_DONE, NULL);
        host_pass(host);
        host->wall += PHX_RESTART_STAY_USEC;
        host_pass(host);
        assert_int_equal(host_due(host, "web"), PHX_RESTART_DUE_NONE);
        assert_int_equal(cause_of(host), PHX_CAUSE_NONE);
        assert_int_equal(host_events(host, PHX_RESTART_EVENT_DONE), 1);
}

static void another_input_has_it_started(void **state) {
        phx_cleanup(host_done) struct host host = left_stopped(PHX_RESTART_IMMEDIATE);

        host.key = "key-2";
        host_pass(&host);
        expect_start(&host);
        assert_int_equal(cause_of(&host), PHX_CAUSE_STARTING);
        come_up(&host);
}

static void its_policy_is_that_of_a_restart(void **state) {
        phx_cleanup(host_done) struct host host = left_stopped(PHX_RESTART_NEVER);

        host.key = "key-2";
        host_pass(&host);
        expect_drift(&host, PHX_CAUSE_REQUIRES_START);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_POLICY);
        host.containers[0].policy = PHX_RESTART_WINDOW;
        host.window.next_usec = host.wall + 3600 * SECOND;
        host_pass(&host);
        expect_drift(&host, PHX_CAUSE_REQUIRES_START);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_WINDOW);
        assert_true(host.waits.next == host.window.next_usec);
        host.window.is_open = true;
        host_pass(&host);
        expect_start(&host);
        come_up(&host);
}

static void what_systemd_does_not_do_is_not_forgotten(void **state) {
        static const enum phx_job_outcome outcomes[] = { PHX_JOB_REFUSED, PHX_JOB_GONE };

        for (size_t i = 0; i < PHX_ELEMENTS(outcomes); i++) {
                phx_cleanup(host_done) struct host host = left_stopped(PHX_RESTART_IMMEDIATE);

                host.key = "key-2";
                host_pass(&host);
                expect_start(&host);
                host_end(&host, outcomes[i], "no bus");
                host_pass(&host);
                if (outcomes[i] == PHX_JOB_REFUSED)
                        host.wall += 300 * SECOND;
                host_pass(&host);
                expect_start(&host);
                come_up(&host);
        }
}

static void a_rollback_that_left_it_stopped_is_followed_by_a_start(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host.settings.rollback = true;
        host_add(&host, "web");
        host_pass(&host);
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ROLLED_BACK);
        host.key = "key-2";
        host_pass(&host);
        expect_start(&host);
        assert_string_equal(host.containers[0].config, "lxc-new");
        come_up(&host);
}

static void an_input_that_changes_under_a_rollback_has_it_started(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host.settings.rollback = true;
        host_add(&host, "web");
        host_pass(&host);
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        host.key = "key-2";
        host_pass(&host);
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host.jobs.count, 0);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        expect_start(&host);
        come_up(&host);
}

/* Of these nobody knows that they are to run. */
static void what_others_have_stopped_is_left_so(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "web");
        host_pass(&host);
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        host_start(&host, "web", "");
        host_pass(&host);
        host.key = "key-2";
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host.jobs.count, 0);
}

static void neither_is_another_boot_nor_one_that_was_started_by_hand(void **state) {
        phx_cleanup(host_done) struct host host = left_stopped(PHX_RESTART_NEVER);

        host.key = "key-2";
        host_pass(&host);
        host_start(&host, "web", "lxc-old");
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        host_done(&host);
        host = left_stopped(PHX_RESTART_NEVER);
        host.key = "key-2";
        host_pass(&host);
        host.boot = "boot-2";
        host.containers[0].policy = PHX_RESTART_IMMEDIATE;
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host.jobs.count, 0);
}

static void ask(struct host *host, enum phx_restart_when when) {
        assert_int_equal(phx_restarts_ask(&host->restarts, "web", when, host->wall), 1);
}

static void what_is_asked_for_in_a_window_waits_for_it(void **state) {
        phx_cleanup(host_done) struct host host = left_stopped(PHX_RESTART_NEVER);

        ask(&host, PHX_RESTART_IN_WINDOW);
        host.window = (struct phx_window){ .next_usec = PHX_NEVER };
        host_pass(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_WINDOW);
        assert_true(host.waits.next == host.wall + 60 * SECOND);
        host.window = (struct phx_window){ .is_known = true, .next_usec = 9999 * SECOND };
        host_pass(&host);
        expect_drift(&host, PHX_CAUSE_REQUIRES_START);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_WINDOW);
        assert_true(phx_restart_waits_find(&host.waits, "web")->at == 9999 * SECOND);
        host.window.is_open = true;
        host_pass(&host);
        expect_start(&host);
        come_up(&host);
}

static void each_reason_is_named(void **state) {
        phx_cleanup(host_done) struct host host = left_stopped(PHX_RESTART_NEVER);

        ask(&host, PHX_RESTART_NOW);
        host.containers[0].is_suspended = true;
        host_pass(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_SUSPENDED);
        host.containers[0].is_suspended = false;
        host.containers[0].restart = PHX_RESTART_NO_QUORUM;
        host_pass(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_BACKEND);
        host.containers[0].restart = PHX_RESTART_PLAIN;
        host.containers[0].has_pending = true;
        host_pass(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOT_READY);
        host.containers[0].has_pending = false;
        host_pass(&host);
        expect_start(&host);
}

/* A restart takes the only place. */
static void it_waits_for_its_turn(void **state) {
        phx_cleanup(host_done) struct host host = left_stopped(PHX_RESTART_NEVER);

        host_add(&host, "app");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "app"), PHX_RESTART_UNDER_WAY);
        ask(&host, PHX_RESTART_NOW);
        host_pass(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_TURN);
        assert_int_equal(phx_restart_waits_find(&host.waits, "web")->action, PHX_ACTION_START);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(another_input_has_it_started),
                cmocka_unit_test(its_policy_is_that_of_a_restart),
                cmocka_unit_test(what_systemd_does_not_do_is_not_forgotten),
                cmocka_unit_test(a_rollback_that_left_it_stopped_is_followed_by_a_start),
                cmocka_unit_test(an_input_that_changes_under_a_rollback_has_it_started),
                cmocka_unit_test(what_others_have_stopped_is_left_so),
                cmocka_unit_test(neither_is_another_boot_nor_one_that_was_started_by_hand),
                cmocka_unit_test(what_is_asked_for_in_a_window_waits_for_it),
                cmocka_unit_test(each_reason_is_named),
                cmocka_unit_test(it_waits_for_its_turn),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
