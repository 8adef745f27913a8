/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/chains.h"
#include "restart-fixture.h"

static void what_may_be_restarted_is_begun(void **state) {
        phx_cleanup(host_done) struct host host = host_new();
        const struct phx_restart_item *item;

        host_add(&host, "web");
        assert_int_equal(host_look(&host), 0);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOW);
        assert_int_equal(host.plan.count, 1);
        assert_int_equal(host.plan.steps[0].kind, PHX_ACTION_RESTART);
        host_pass(&host);
        item = phx_restarts_find(&host.restarts, "web");
        assert_int_equal(item->phase, PHX_RESTART_UNDER_WAY);
        assert_string_equal(item->init, "101 7");
        assert_string_equal(item->before, "lxc-old");
        assert_true(item->is_enforced);
        assert_string_equal(item->label, "lxc-new");
        assert_int_equal(item->since, host.wall);
        assert_int_equal(host.restarts.begun, host.wall);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_UNDER_WAY);
}

static void each_reason_is_named(void **state) {
        phx_cleanup(host_done) struct host host = host_new();
        struct host_container *web = host_add(&host, "web");

        web->policy = PHX_RESTART_NEVER;
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_POLICY);
        web->policy = PHX_RESTART_WINDOW;
        host.window.next_usec = host.wall + 5;
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_WINDOW);
        assert_int_equal(phx_restart_waits_find(&host.waits, "web")->at, host.wall + 5);
        assert_int_equal(host.waits.next, host.wall + 5);
        host.window.is_open = true;
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOW);
        web->has_pending = true;
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOT_READY);
        web->restart = PHX_RESTART_HA;
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_BACKEND);
        web->is_suspended = true;
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_SUSPENDED);
        assert_int_equal(host.plan.count, 0);
        host_start(&host, "web", "lxc-new");
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NONE);
}

static void nothing_is_begun_before_profile_and_config_are_right(void **state) {
        phx_cleanup(host_done) struct host host = host_new();
        struct host_container *web = host_add(&host, "web");

        host.is_new_loaded = false;
        host_look(&host);
        assert_int_equal(host.plan.count, 0);
        host.is_new_loaded = true;
        (void) snprintf(web->config, sizeof(web->config), "lxc-old");
        host_look(&host);
        assert_int_equal(host.plan.count, 1);
        assert_int_equal(host.plan.steps[0].kind, PHX_ACTION_ASSIGN);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOT_READY);
        (void) snprintf(web->config, sizeof(web->config), "lxc-new");
        web->started = 0; /* its init cannot be told from another one */
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOT_READY);
}

static void an_unknown_window_is_closed_and_asked_for_again(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "web")->policy = PHX_RESTART_WINDOW;
        host.window = (struct phx_window){ .is_open = true };
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_WINDOW);
        assert_int_equal(phx_restart_waits_find(&host.waits, "web")->at, PHX_NEVER);
        assert_int_equal(host.waits.next, host.wall + 60 * SECOND);
}

static void an_operator_needs_no_policy(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "web")->policy = PHX_RESTART_NEVER;
        assert_int_equal(phx_restarts_ask(&host.restarts, "web", PHX_RESTART_IN_WINDOW, 1), 1);
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_WINDOW);
        assert_int_equal(phx_restarts_ask(&host.restarts, "web", PHX_RESTART_NOW, 1), 1);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(phx_restarts_find(&host.restarts, "web")->when, PHX_RESTART_NOW);
}

static void what_requires_no_restart_is_not_restarted_for_an_operator(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "web");
        host_start(&host, "web", "lxc-new");
        assert_int_equal(phx_restarts_ask(&host.restarts, "web", PHX_RESTART_NOW, 1), 1);
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host.jobs.count, 0);
}

static void lower_numbers_come_first_and_one_at_a_time(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "a")->order = 2;
        host_add(&host, "b")->order = 1;
        host_add(&host, "c")->order = 1;
        host_look(&host);
        assert_int_equal(host_due(&host, "b"), PHX_RESTART_DUE_NOW);
        assert_int_equal(host_due(&host, "c"), PHX_RESTART_DUE_TURN);
        assert_int_equal(host_due(&host, "a"), PHX_RESTART_DUE_TURN);
        host.settings.jobs = 2;
        host_look(&host);
        assert_int_equal(host_due(&host, "c"), PHX_RESTART_DUE_NOW);
        assert_int_equal(host_due(&host, "a"), PHX_RESTART_DUE_TURN);
}

static void dependencies_come_before_any_order(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        /* web -> app -> db, where app requires no restart. */
        host_add(&host, "web")->depends[0] = "app";
        host_add(&host, "app")->depends[0] = "db";
        host_add(&host, "db")->order = 9;
        host_start(&host, "app", "lxc-new");
        host.settings.jobs = 3;
        host_look(&host);
        assert_int_equal(host_due(&host, "db"), PHX_RESTART_DUE_NOW);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_CHAIN);
        assert_string_equal(phx_restart_waits_find(&host.waits, "web")->why, "db");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "db"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_CHAIN);
}

static void what_a_restart_under_way_depends_on_waits(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "web")->depends[0] = "db";
        host_add(&host, "db");
        host_start(&host, "db", "lxc-new");
        host.settings.jobs = 3;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        host_start(&host, "db", "lxc-old");
        host_look(&host);
        assert_int_equal(host_due(&host, "db"), PHX_RESTART_DUE_CHAIN);
        assert_string_equal(phx_restart_waits_find(&host.waits, "db")->why, "web");
}

static void time_passes_between_two_beginnings(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "a");
        host_add(&host, "b");
        host.settings.jobs = 2;
        host.settings.interval_usec = 5 * SECOND;
        host_look(&host);
        assert_int_equal(host_due(&host, "a"), PHX_RESTART_DUE_NOW);
        assert_int_equal(host_due(&host, "b"), PHX_RESTART_DUE_INTERVAL);
        assert_int_equal(phx_restart_waits_find(&host.waits, "b")->at, host.wall + 5 * SECOND);
        host_apply(&host);
        host.wall += 4 * SECOND;
        host_look(&host);
        assert_int_equal(host_due(&host, "b"), PHX_RESTART_DUE_INTERVAL);
        assert_int_equal(host.waits.next, host.wall + SECOND);
        host.wall += SECOND;
        host_look(&host);
        assert_int_equal(host_due(&host, "b"), PHX_RESTART_DUE_NOW);
}

static void dependents_wait_for_what_is_about_to_be_repaired(void **state) {
        phx_cleanup(host_done) struct host host = host_new();
        struct host_container *db;

        host_add(&host, "web")->depends[0] = "db";
        db = host_add(&host, "db");
        (void) snprintf(db->config, sizeof(db->config), "lxc-old");
        host_look(&host);
        assert_int_equal(host.plan.count, 1);
        assert_int_equal(host.plan.steps[0].kind, PHX_ACTION_ASSIGN);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_CHAIN);
}

static void a_chain_may_be_as_long_as_the_file(void **state) {
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = host_need(
                        calloc(1, sizeof(*desired)));
        phx_cleanup(phx_chains_done) struct phx_chains chains = { 0 };
        enum { COUNT = 20000 };
        phx_autofree bool *marked = host_need(calloc(COUNT, sizeof(*marked)));
        phx_autofree size_t *found = host_need(calloc(COUNT, sizeof(*found)));

        for (unsigned i = 0; i < COUNT; i++) {
                struct phx_desired_container *container;
                char id[16];

                (void) snprintf(id, sizeof(id), "%u", i);
                container = host_need(phx_desired_add_container(desired, id));
                assert_int_equal(phx_strings_addf(&container->dependencies, "%u", i + 1), 0);
        }
        assert_int_equal(phx_chains_make(desired, &chains), 0);
        assert_int_equal(chains.order_count, COUNT);
        marked[COUNT - 1] = true;
        phx_chains_below(&chains, marked, found);
        assert_int_equal(found[0], COUNT - 1);
        assert_int_equal(found[COUNT - 1], PHX_CHAINS_NONE);
        marked[COUNT - 1] = false;
        marked[0] = true;
        phx_chains_above(&chains, marked, found);
        assert_int_equal(found[COUNT - 1], 0);
        assert_int_equal(found[0], PHX_CHAINS_NONE);
}

static void a_job_is_what_its_backend_does(void **state) {
        phx_cleanup(host_done) struct host host = host_new();
        const struct phx_job *job;

        host_add(&host, "web");
        host_pass(&host);
        assert_int_equal(host.jobs.count, 1);
        job = &host.jobs.items[0];
        assert_string_equal(job->name, "restart-web.1");
        assert_int_equal(job->verb, PHX_JOB_RESTART);
        assert_string_equal(job->service, "lxc@web.service");
        assert_int_equal(job->command_count, 2);
        assert_string_equal(job->commands[0].arguments.items[0], "/usr/bin/lxc-stop");
        assert_string_equal(job->commands[1].arguments.items[4], "web");
        assert_true(phx_job_is_valid(job));
        assert_false(job->is_resumed);
        host.observed->containers[0].backend = PHX_BACKEND_PVE;
        phx_jobs_done(&host.jobs);
        assert_int_equal(
                        phx_restarts_jobs(
                                        &(struct phx_restart_view){ .settings = &host.settings,
                                                                    .restarts = &host.restarts,
                                                                    .boot = host.boot },
                                        host.desired,
                                        host.observed,
                                        &host.jobs),
                        0);
        job = &host.jobs.items[0];
        assert_null(job->service);
        assert_int_equal(job->command_count, 1);
        assert_string_equal(job->commands[0].arguments.items[0], "/usr/sbin/pct");
        assert_string_equal(job->commands[0].arguments.items[1], "reboot");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_may_be_restarted_is_begun),
                cmocka_unit_test(each_reason_is_named),
                cmocka_unit_test(nothing_is_begun_before_profile_and_config_are_right),
                cmocka_unit_test(an_unknown_window_is_closed_and_asked_for_again),
                cmocka_unit_test(an_operator_needs_no_policy),
                cmocka_unit_test(what_requires_no_restart_is_not_restarted_for_an_operator),
                cmocka_unit_test(lower_numbers_come_first_and_one_at_a_time),
                cmocka_unit_test(dependencies_come_before_any_order),
                cmocka_unit_test(what_a_restart_under_way_depends_on_waits),
                cmocka_unit_test(time_passes_between_two_beginnings),
                cmocka_unit_test(dependents_wait_for_what_is_about_to_be_repaired),
                cmocka_unit_test(a_chain_may_be_as_long_as_the_file),
                cmocka_unit_test(a_job_is_what_its_backend_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
