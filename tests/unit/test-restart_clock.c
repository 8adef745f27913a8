/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The clock on the wall is set while restarts are under way. */

#include "restart-fixture.h"

#define HOURS (UINT64_C(3600) * SECOND)

static struct host began_at(uint64_t wall) {
        struct host host = host_new();

        host_set_clock(&host, wall);
        host_add(&host, "web");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        return host;
}

static void pass_after(struct host *host, uint64_t usec) {
        host->wall += usec;
        host_pass(host);
}

static void a_clock_that_is_set_ends_no_restart(void **state) {
        phx_cleanup(host_done) struct host host = began_at(100 * HOURS);

        host_set_clock(&host, 102 * HOURS);
        pass_after(&host, SECOND);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_true(host.waits.next == host.wall + 299 * SECOND);
        host_set_clock(&host, 90 * HOURS);
        pass_after(&host, SECOND);
        assert_true(host.waits.next == host.wall + 298 * SECOND);
        pass_after(&host, 297 * SECOND);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        pass_after(&host, SECOND);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
}

static void a_clock_that_is_set_back_holds_up_no_other(void **state) {
        phx_cleanup(host_done) struct host host = began_at(100 * HOURS);

        host_add(&host, "app");
        host_start(&host, "web", "lxc-new");
        host_end(&host, PHX_JOB_DONE, NULL);
        pass_after(&host, SECOND);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_TURN);
        host_set_clock(&host, HOURS);
        pass_after(&host, PHX_RESTART_STAY_USEC - SECOND);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        pass_after(&host, SECOND);
        assert_int_equal(host_phase(&host, "app"), PHX_RESTART_UNDER_WAY);
}

/* To before the boot, by a clock that has lost its battery. */
static void a_clock_may_be_set_to_anything(void **state) {
        phx_cleanup(host_done) struct host host = began_at(100 * HOURS);

        host.booted = 99 * HOURS;
        host.restarts.items[0].booted = host.booted;
        host_set_clock(&host, HOURS + SECOND);
        host_pass(&host);
        assert_true(host.waits.next == host.wall + 300 * SECOND);
        pass_after(&host, 300 * SECOND);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
}

/* Clocks are corrected all the time: nothing is written for that. */
static void a_clock_that_is_corrected_changes_nothing(void **state) {
        phx_cleanup(host_done) struct host host = began_at(100 * HOURS);
        uint64_t since = host.restarts.items[0].since, booted = host.booted;

        host_set_clock(&host, host.wall + SECOND);
        assert_int_equal(host_look(&host), 0);
        host_set_clock(&host, host.wall - 2 * SECOND);
        assert_int_equal(host_look(&host), 0);
        assert_true(host.restarts.items[0].since == since);
        assert_true(host.restarts.items[0].booted == booted);
        host_set_clock(&host, host.wall - SECOND);
        assert_int_equal(host_look(&host), 1);
        assert_true(host.restarts.items[0].since == since - 2 * SECOND);
        assert_int_equal(host_look(&host), 0);
}

/* Of what was stored before the host booted with another clock, nothing lies ahead. */
static void what_another_boot_has_left_does_not_lie_ahead(void **state) {
        phx_cleanup(host_done) struct host host = began_at(100 * HOURS);

        host.settings.rollback = true;
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        while (host_look(&host) > 0)
                ;
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK);
        host.boot = "boot-2";
        host.wall = 2 * HOURS;
        host.booted = HOURS;
        /* Its config cannot be edited. */
        assert_int_equal(host_look(&host), 1);
        host.wall += 300 * SECOND;
        assert_int_equal(host_look(&host), 1);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ROLLED_BACK);
}

static void a_clock_that_is_set_changes_no_interval(void **state) {
        phx_cleanup(host_done) struct host host = began_at(100 * HOURS);

        host_add(&host, "app");
        host.settings.jobs = 2;
        host.settings.interval_usec = 60 * SECOND;
        host.wall += SECOND;
        host_set_clock(&host, 102 * HOURS);
        host_look(&host);
        assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_INTERVAL);
        assert_true(phx_restart_waits_find(&host.waits, "app")->at == host.wall + 59 * SECOND);
        host_set_clock(&host, 90 * HOURS);
        host_look(&host);
        assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_INTERVAL);
        assert_true(phx_restart_waits_find(&host.waits, "app")->at == host.wall + 59 * SECOND);
        host.wall += 59 * SECOND;
        host_look(&host);
        assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_NOW);
}

/* Before this boot began, at the latest. */
static void an_interval_goes_on_after_a_boot(void **state) {
        static const struct {
                uint64_t booted, left;
        } cases[] = { { 50 * HOURS, 50 * SECOND },
                      { 100 * HOURS + 30 * SECOND, 20 * SECOND },
                      { 101 * HOURS, 0 } };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(host_done) struct host host = began_at(100 * HOURS);

                host_add(&host, "app");
                host.settings.jobs = 2;
                host.settings.interval_usec = 60 * SECOND;
                host.boot = "boot-2";
                host.booted = cases[i].booted;
                host.wall = host.booted + 10 * SECOND;
                host_look(&host);
                if (cases[i].left == 0) {
                        assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_NOW);
                        continue;
                }
                assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_INTERVAL);
                assert_true(phx_restart_waits_find(&host.waits, "app")->at ==
                            host.wall + cases[i].left);
        }
}

/* As an earlier version has left it: then a clock that was set back holds nothing up. */
static void a_beginning_of_no_known_boot_does_not_lie_ahead(void **state) {
        phx_cleanup(host_done) struct host host = began_at(100 * HOURS);

        host_add(&host, "app");
        host.settings.jobs = 2;
        host.settings.interval_usec = 60 * SECOND;
        assert_int_equal(phx_replace(&host.restarts.begun_boot, NULL), 0);
        host_look(&host);
        assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_INTERVAL);
        host_set_clock(&host, 90 * HOURS);
        host_look(&host);
        assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_NOW);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_clock_that_is_set_ends_no_restart),
                cmocka_unit_test(a_clock_that_is_set_back_holds_up_no_other),
                cmocka_unit_test(a_clock_may_be_set_to_anything),
                cmocka_unit_test(a_clock_that_is_corrected_changes_nothing),
                cmocka_unit_test(what_another_boot_has_left_does_not_lie_ahead),
                cmocka_unit_test(a_clock_that_is_set_changes_no_interval),
                cmocka_unit_test(an_interval_goes_on_after_a_boot),
                cmocka_unit_test(a_beginning_of_no_known_boot_does_not_lie_ahead),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
