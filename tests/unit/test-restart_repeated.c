/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Restarts by policy that do not help for long. */

#include "restart-fixture.h"

static struct phx_restart_item *item_of(const struct host *host) {
        return host_need(phx_restarts_find(&host->restarts, "web"));
}

/* It is restarted, and 5 s later one of its tasks leaves its profile. */
static void repeat(struct host *host) {
        host_pass(host);
        assert_int_equal(host_phase(host, "web"), PHX_RESTART_UNDER_WAY);
        host_start(host, "web", "lxc-new");
        host_end(host, PHX_JOB_DONE, NULL);
        host_pass(host);
        host->wall += PHX_RESTART_STAY_USEC;
        host_pass(host);
        assert_int_equal(host_restarts(host), 0);
        host->wall += 5 * SECOND;
        (void) snprintf(host->containers[0].label, sizeof(host->containers[0].label), "unconfined");
}

static struct host repeated(void) {
        struct host host = host_new();

        host.settings.rollback = true;
        host_add(&host, "web");
        for (unsigned i = 0; i < PHX_RESTART_REPEATS; i++)
                repeat(&host);
        return host;
}

static void one_that_does_not_help_is_not_repeated_for_ever(void **state) {
        phx_cleanup(host_done) struct host host = repeated();

        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(
                        item_of(&host)->why,
                        "it was restarted 3 times within 10 min, and requires it again");
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_FAILED);
        /* Nothing is known against its profile. */
        assert_string_equal(host.containers[0].config, "lxc-new");
        host.wall += 2 * PHX_RESTART_REPEATS_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
}

static void another_input_or_an_operator_begins_to_count_again(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                phx_cleanup(host_done) struct host host = repeated();

                host_pass(&host);
                if (i == 0)
                        host.key = "key-2";
                else
                        assert_int_equal(
                                        phx_restarts_ask(
                                                        &host.restarts,
                                                        "web",
                                                        PHX_RESTART_NOW,
                                                        host.wall),
                                        1);
                for (unsigned j = 0; j < PHX_RESTART_REPEATS; j++)
                        repeat(&host);
        }
}

static void those_of_long_ago_do_not_count(void **state) {
        phx_cleanup(host_done) struct host host = repeated();

        host.wall += PHX_RESTART_REPEATS_USEC;
        repeat(&host);
        assert_int_equal(item_of(&host)->repeated, 1);
        repeat(&host);
        repeat(&host);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
}

static void another_boot_does_not_count(void **state) {
        phx_cleanup(host_done) struct host host = repeated();

        host.boot = "boot-2";
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(item_of(&host)->repeated, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_that_does_not_help_is_not_repeated_for_ever),
                cmocka_unit_test(another_input_or_an_operator_begins_to_count_again),
                cmocka_unit_test(those_of_long_ago_do_not_count),
                cmocka_unit_test(another_boot_does_not_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
