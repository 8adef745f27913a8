/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Restarts of containers that run under their label, and were started with other managed lines than
 * their configs have now. */

#include "restart-fixture.h"

static struct host with_line(void) {
        struct host host = host_new();
        struct host_container *web = host_add(&host, "web");

        (void) snprintf(web->label, sizeof(web->label), "lxc-new");
        web->at_start = "lxc.cap.drop";
        return host;
}

static const struct phx_restart_item *item_of(const struct host *host) {
        return host_need(phx_restarts_find(&host->restarts, "web"));
}

static const struct phx_drift *drift_of(const struct host *host) {
        size_t at = 0;

        return phx_drifts_next(&host->drifts, PHX_LAYER_RUNNING, "web", &at);
}

static void it_is_restarted_where_that_is_permitted(void **state) {
        phx_cleanup(host_done) struct host host = with_line();

        host.containers[0].policy = PHX_RESTART_NEVER;
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_POLICY);
        assert_true(phx_drift_requires_restart(drift_of(&host)));
        host.containers[0].policy = PHX_RESTART_IMMEDIATE;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(host.jobs.count, 1);
        assert_string_equal(item_of(&host)->before, "lxc-new");
        assert_int_equal(drift_of(&host)->cause, PHX_CAUSE_RESTARTING);
}

static void it_is_done_when_another_init_has_the_line(void **state) {
        phx_cleanup(host_done) struct host host = with_line();

        host_pass(&host);
        host_start(&host, "web", "lxc-new");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        host.wall += PHX_RESTART_STAY_USEC;
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
        assert_null(drift_of(&host));
}

/* Else it would be restarted again and again. */
static void another_init_without_the_line_has_failed(void **state) {
        phx_cleanup(host_done) struct host host = with_line();

        host_pass(&host);
        host_start(&host, "web", "lxc-new");
        host.containers[0].at_start = "lxc.cap.drop";
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "it was started without lxc.cap.drop");
        assert_int_equal(drift_of(&host)->cause, PHX_CAUSE_RESTART_FAILED);
        host.wall += 1000 * SECOND;
        host_pass(&host);
        assert_int_equal(host.restarts.serial, 1);
}

static void after_the_deadline_the_line_is_named_as_well(void **state) {
        phx_cleanup(host_done) struct host host = with_line();

        host_pass(&host);
        host_start(&host, "web", "lxc-new");
        host.containers[0].at_start = "lxc.cap.drop";
        host_pass(&host);
        host.wall += host.settings.deadline_usec;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "it was started without lxc.cap.drop");
}

/* While it is seen whether it stays up, its options change again. */
static void a_line_that_comes_during_the_check_is_no_success(void **state) {
        phx_cleanup(host_done) struct host host = with_line();

        host_pass(&host);
        host_start(&host, "web", "lxc-new");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.containers[0].at_start = "lxc.seccomp.profile";
        host.wall += PHX_RESTART_STAY_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "it was started without lxc.seccomp.profile");
}

/* It was in the same profile before: there is nothing to go back to. */
static void it_is_not_rolled_back(void **state) {
        phx_cleanup(host_done) struct host host = with_line();

        host.settings.rollback = true;
        host_pass(&host);
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(host.containers[0].config, "lxc-new");
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_BACK), 0);
}

static void with_another_label_one_restart_is_for_both(void **state) {
        phx_cleanup(host_done) struct host host = with_line();
        size_t count = 0;

        (void) snprintf(host.containers[0].label, sizeof(host.containers[0].label), "lxc-old");
        host_look(&host);
        for (size_t i = 0; i < host.drifts.count; i++)
                count += phx_drift_requires_restart(&host.drifts.items[i]);
        assert_int_equal(count, 1);
        assert_string_equal(drift_of(&host)->found, "lxc-old (enforce), pid 101");
}

/* A busy monitor answers only later, and until then it is not known whether the restart has helped.
 */
static void lines_that_are_not_compared_yet_are_no_success(void **state) {
        phx_cleanup(host_done) struct host host = with_line();

        host_pass(&host);
        host_start(&host, "web", "lxc-new");
        host.containers[0].is_uncompared = true;
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += PHX_RESTART_GRACE_USEC + PHX_RESTART_STAY_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        /* The restart has not helped, and another one would not. */
        host.containers[0].is_uncompared = false;
        host.containers[0].at_start = "lxc.cap.drop";
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "it was started without lxc.cap.drop");
        host.wall += 1000 * SECOND;
        host_pass(&host);
        assert_int_equal(host.restarts.serial, 2);
}

static void lines_that_compare_well_later_are_a_success(void **state) {
        phx_cleanup(host_done) struct host host = with_line();

        host_pass(&host);
        host_start(&host, "web", "lxc-new");
        host.containers[0].is_uncompared = true;
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += 2 * PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        host.containers[0].is_uncompared = false;
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
}

static void lines_that_are_never_compared_have_failed(void **state) {
        phx_cleanup(host_done) struct host host = with_line();

        host_pass(&host);
        host_start(&host, "web", "lxc-new");
        host.containers[0].is_uncompared = true;
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += host.settings.deadline_usec;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "its managed lines cannot be compared");
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 0);
}

/* What it was restarted for is right. */
static void a_restart_for_another_label_does_not_wait_for_lines(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "web");
        host_pass(&host);
        host_start(&host, "web", "lxc-new");
        host.containers[0].is_uncompared = true;
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += PHX_RESTART_STAY_USEC;
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
}

/* Its job failed before it stopped anything. The profile that it still runs in is the one that its
 * config names again, and its lines are of no account for that. */
static void a_way_back_stops_nothing_that_never_left(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "web")->at_start = "lxc.cap.drop";
        host.settings.rollback = true;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_string_equal(host.containers[0].config, "lxc-old");
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ROLLED_BACK);
        assert_int_equal(host.restarts.serial, 1);
        assert_int_equal(host.jobs.count, 0);
        host.wall += 1000 * SECOND;
        host_pass(&host);
        assert_int_equal(host.restarts.serial, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_is_restarted_where_that_is_permitted),
                cmocka_unit_test(it_is_done_when_another_init_has_the_line),
                cmocka_unit_test(another_init_without_the_line_has_failed),
                cmocka_unit_test(after_the_deadline_the_line_is_named_as_well),
                cmocka_unit_test(a_line_that_comes_during_the_check_is_no_success),
                cmocka_unit_test(lines_that_are_not_compared_yet_are_no_success),
                cmocka_unit_test(lines_that_compare_well_later_are_a_success),
                cmocka_unit_test(lines_that_are_never_compared_have_failed),
                cmocka_unit_test(a_restart_for_another_label_does_not_wait_for_lines),
                cmocka_unit_test(a_way_back_stops_nothing_that_never_left),
                cmocka_unit_test(it_is_not_rolled_back),
                cmocka_unit_test(with_another_label_one_restart_is_for_both),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
