/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Containers that are to run, or not to, as their entries say. */

#include "restart-fixture.h"

/* It is in its profile where it runs. */
static void add(struct host *host, const char *id, enum phx_run_state state, bool is_running) {
        struct host_container *container = host_add(host, id);

        container->state = state;
        (void) snprintf(container->label, sizeof(container->label), "lxc-new");
        if (!is_running)
                host_start(host, id, "");
}

static const struct phx_restart_item *item_of(const struct host *host) {
        return host_need(phx_restarts_find(&host->restarts, "web"));
}

static const struct phx_drift *drift_of(const struct host *host) {
        size_t at = 0;

        return phx_drifts_next(&host->drifts, PHX_LAYER_RUNNING, "web", &at);
}

static size_t running_drifts(const struct host *host) {
        size_t count = 0;

        for (size_t i = 0; i < host->drifts.count; i++)
                count += host->drifts.items[i].layer == PHX_LAYER_RUNNING;
        return count;
}

/* One whose start, or stop, is under way. */
static struct host begun(enum phx_run_state state) {
        struct host host = host_new();

        add(&host, "web", state, state == PHX_RUN_STOPPED);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(host.jobs.count, 1);
        return host;
}

/* It has come up, and stays so. */
static void come_up(struct host *host) {
        host_start(host, "web", "lxc-new");
        host_end(host, PHX_JOB_DONE, NULL);
        host_pass(host);
        assert_int_equal(host_phase(host, "web"), PHX_RESTART_CHECKED);
        assert_int_equal(phx_restart_waits_find(&host->waits, "web")->action, PHX_ACTION_START);
        host->wall += PHX_RESTART_STAY_USEC;
        host_pass(host);
        assert_int_equal(host_phase(host, "web"), PHX_RESTART_STARTED);
        assert_int_equal(host->jobs.count, 0);
}

static void a_start_is_one_job_and_is_done_when_it_stays_up(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);
        const struct phx_job *job = &host.jobs.items[0];

        assert_string_equal(job->name, "start-web.1");
        assert_int_equal(job->verb, PHX_JOB_START);
        assert_string_equal(job->service, "lxc@web.service");
        assert_int_equal(job->command_count, 1);
        assert_string_equal(job->commands[0].arguments.items[0], "/usr/bin/lxc-start");
        assert_int_equal(drift_of(&host)->cause, PHX_CAUSE_STARTING);
        assert_true(host.desired->containers[0].mark.has_job);
        host_pass(&host);
        assert_int_equal(host.restarts.serial, 1);
        come_up(&host);
        assert_false(host.desired->containers[0].mark.has_job);
        assert_int_equal(running_drifts(&host), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
        assert_int_equal(host.events.items[0].action, PHX_ACTION_START);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NONE);
        /* The interval is one between restarts. */
        assert_int_equal(host.restarts.begun, 0);
}

static void a_stop_is_one_job_that_kills_nothing(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_STOPPED);
        const struct phx_job *job = &host.jobs.items[0];

        assert_string_equal(job->name, "stop-web.1");
        assert_int_equal(job->verb, PHX_JOB_STOP);
        assert_string_equal(job->service, "lxc@web.service");
        assert_int_equal(job->command_count, 1);
        assert_string_equal(job->commands[0].arguments.items[0], "/usr/bin/lxc-stop");
        assert_string_equal(job->commands[0].arguments.items[1], "--nokill");
        /* It is down, and its job is not at its end yet: no other may begin. */
        host_start(&host, "web", "");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host.restarts.count, 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
        assert_int_equal(host.events.items[0].action, PHX_ACTION_STOP);
        assert_int_equal(running_drifts(&host), 0);
}

static void what_no_entry_speaks_of_is_left_as_it_is(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        add(&host, "web", PHX_RUN_UNMANAGED, false);
        add(&host, "db", PHX_RUN_UNMANAGED, true);
        add(&host, "up", PHX_RUN_RUNNING, true);
        add(&host, "down", PHX_RUN_STOPPED, false);
        host_pass(&host);
        assert_int_equal(running_drifts(&host), 0);
        assert_int_equal(host.restarts.count, 0);
}

static void each_reason_is_named(void **state) {
        phx_cleanup(host_done) struct host host = host_new();
        struct host_container *web = &host.containers[0];

        add(&host, "web", PHX_RUN_RUNNING, false);
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOW);
        assert_int_equal(host.plan.steps[0].kind, PHX_ACTION_START);
        host.is_new_loaded = false;
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOT_READY);
        host.is_new_loaded = true;
        (void) snprintf(web->config, sizeof(web->config), "lxc-old");
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOT_READY);
        (void) snprintf(web->config, sizeof(web->config), "lxc-new");
        web->has_pending = true;
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOT_READY);
        web->restart = PHX_RESTART_LOCKED;
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_BACKEND);
        web->is_suspended = true;
        host_look(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_SUSPENDED);
        assert_true(drift_of(&host)->is_suspended);
        assert_int_equal(host.plan.count, 0);
}

static void dependencies_are_started_first_and_stopped_last(void **state) {
        static const enum phx_run_state states[] = { PHX_RUN_RUNNING, PHX_RUN_STOPPED };

        for (size_t i = 0; i < PHX_ELEMENTS(states); i++) {
                phx_cleanup(host_done) struct host host = host_new();
                const char *first = i == 0 ? "db" : "web", *second = i == 0 ? "web" : "db";

                host.settings.jobs = 4;
                add(&host, "web", states[i], i == 1);
                add(&host, "app", PHX_RUN_UNMANAGED, true);
                add(&host, "db", states[i], i == 1);
                /* Over one that is left alone. */
                host_find(&host, "web")->depends[0] = "app";
                host_find(&host, "app")->depends[0] = "db";
                host_pass(&host);
                assert_int_equal(host_phase(&host, first), PHX_RESTART_UNDER_WAY);
                assert_int_equal(host_due(&host, second), PHX_RESTART_DUE_CHAIN);
                assert_string_equal(phx_restart_waits_find(&host.waits, second)->why, first);
                host_start(&host, first, i == 0 ? "lxc-new" : "");
                host_end(&host, PHX_JOB_DONE, NULL);
                host_pass(&host);
                host.wall += PHX_RESTART_STAY_USEC;
                host_pass(&host);
                assert_int_equal(host_phase(&host, second), PHX_RESTART_UNDER_WAY);
        }
}

static void a_start_that_failed_holds_up_what_depends_on_it(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);

        add(&host, "app", PHX_RUN_RUNNING, false);
        host_find(&host, "app")->depends[0] = "web";
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_CHAIN);
        /* The other way round it holds up nothing. */
        host_find(&host, "app")->depends[0] = NULL;
        host_find(&host, "web")->depends[0] = "app";
        host_pass(&host);
        assert_int_equal(host_phase(&host, "app"), PHX_RESTART_UNDER_WAY);
}

static void they_share_their_places_with_restarts(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "old")->order = 1;
        add(&host, "a", PHX_RUN_RUNNING, false);
        host_find(&host, "a")->order = 2;
        add(&host, "b", PHX_RUN_RUNNING, false);
        host_find(&host, "b")->order = 1;
        add(&host, "c", PHX_RUN_STOPPED, true);
        host_pass(&host);
        assert_int_equal(host.jobs.count, 1);
        assert_string_equal(host.jobs.items[0].name, "stop-c.1");
        assert_int_equal(host_due(&host, "b"), PHX_RESTART_DUE_TURN);
        assert_int_equal(host_due(&host, "old"), PHX_RESTART_DUE_TURN);
        host_start(&host, "c", "");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_string_equal(host.jobs.items[0].name, "start-b.2");
}

/* Two of one chain would be down at once. */
static void no_restart_begins_in_the_chain_of_what_is_started_or_stopped(void **state) {
        static const enum phx_run_state states[] = { PHX_RUN_RUNNING, PHX_RUN_STOPPED };

        for (size_t i = 0; i < PHX_ELEMENTS(states); i++) {
                phx_cleanup(host_done) struct host host = host_new();

                host.settings.jobs = 2;
                /* It is to be restarted, and the other one depends on it. */
                host_add(&host, "db");
                add(&host, "web", states[i], states[i] == PHX_RUN_STOPPED);
                host_find(&host, "web")->depends[0] = "db";
                host_look(&host);
                assert_int_equal(host.plan.count, 1);
                assert_string_equal(host.plan.steps[0].drift->object, "web");
                assert_int_equal(host_due(&host, "db"), PHX_RESTART_DUE_CHAIN);
                assert_string_equal(phx_restart_waits_find(&host.waits, "db")->why, "web");
                /* Of no chain, it is begun beside it. */
                host_find(&host, "web")->depends[0] = NULL;
                host_look(&host);
                assert_int_equal(host.plan.count, 2);
        }
}

static void a_start_that_failed_is_not_tried_again(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);

        host.settings.rollback = true;
        host_end(&host, PHX_JOB_FAILED, "lxc@web.service failed");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_int_equal(drift_of(&host)->kind, PHX_DRIFT_STATE);
        assert_int_equal(drift_of(&host)->cause, PHX_CAUSE_START_FAILED);
        assert_string_equal(drift_of(&host)->detail, "lxc@web.service failed");
        assert_int_equal(running_drifts(&host), 1);
        host.wall += 100000 * SECOND;
        host_pass(&host);
        assert_int_equal(host.restarts.serial, 1);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_FAILED);
        /* Another policy of its profile is another input. */
        host.key = "key-2";
        host_pass(&host);
        assert_int_equal(host.restarts.serial, 2);
}

static void another_boot_is_another_try(void **state) {
        static const enum phx_run_state states[] = { PHX_RUN_RUNNING, PHX_RUN_STOPPED };
        static const enum phx_job_outcome outcomes[] = { PHX_JOB_FAILED, PHX_JOB_REFUSED };

        /* systemd refuses what begins while the host goes down. */
        for (size_t i = 0; i < PHX_ELEMENTS(states) * PHX_ELEMENTS(outcomes); i++) {
                phx_cleanup(host_done) struct host host = begun(states[i / 2]);

                host_end(&host, outcomes[i % 2], "no");
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
                host.boot = "boot-2";
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
                assert_int_equal(host.jobs.count, 1);
        }
}

static void an_operator_may_ask_for_another_try(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);

        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(phx_restarts_ask(&host.restarts, "web", PHX_RESTART_NOW, host.wall), 1);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(host.jobs.items[0].verb, PHX_JOB_START);
}

static void a_request_changes_no_job_that_runs(void **state) {
        static const enum phx_run_state states[] = { PHX_RUN_RUNNING, PHX_RUN_STOPPED };

        for (size_t i = 0; i < PHX_ELEMENTS(states); i++) {
                phx_cleanup(host_done) struct host host = begun(states[i]);
                phx_autofree char *name = strdup(host.jobs.items[0].name);

                host.wall += host.settings.deadline_usec;
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
                assert_int_equal(
                                phx_restarts_ask(&host.restarts, "web", PHX_RESTART_NOW, host.wall),
                                1);
                host_pass(&host);
                assert_int_equal(host.jobs.count, 1);
                assert_string_equal(host.jobs.items[0].name, name);
                host_end(&host, PHX_JOB_FAILED, "no");
                host_pass(&host);
                assert_int_equal(host.restarts.serial, 2);
                assert_int_equal(host.jobs.count, 1);
                assert_int_equal(host.jobs.items[0].verb, i == 0 ? PHX_JOB_START : PHX_JOB_STOP);
        }
}

static void one_that_is_stopped_is_started_again_but_not_for_ever(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);

        for (unsigned i = 1; i <= PHX_STATE_STARTS; i++) {
                come_up(&host);
                assert_int_equal(item_of(&host)->starts, i);
                host_start(&host, "web", "");
                host_pass(&host);
        }
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(
                        item_of(&host)->why,
                        "it was started 3 times within 10 min, and stopped again each time");
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(drift_of(&host)->cause, PHX_CAUSE_START_FAILED);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_FAILED), 1);
        assert_int_equal(phx_restarts_ask(&host.restarts, "web", PHX_RESTART_NOW, host.wall), 1);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
}

static void starts_of_long_ago_do_not_count(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);

        for (unsigned i = 0; i < 3 * PHX_STATE_STARTS; i++) {
                come_up(&host);
                host.wall += PHX_STATE_STARTS_USEC / 2;
                host_start(&host, "web", "");
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        }
        come_up(&host);
        host.wall += PHX_STATE_STARTS_USEC;
        /* That it is over is no reason to write anything, */
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_STARTED);
        assert_int_equal(host_look(&host), 0);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NONE);
        /* and it goes with the next one that is settled. */
        assert_int_equal(phx_restarts_ask(&host.restarts, "web", PHX_RESTART_NOW, host.wall), 1);
        host_pass(&host);
        assert_int_equal(host.restarts.count, 0);
}

static void starts_of_long_ago_go_with_the_next_change(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);

        come_up(&host);
        host.wall += PHX_STATE_STARTS_USEC;
        add(&host, "db", PHX_RUN_STOPPED, true);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_STARTED);
        host_start(&host, "db", "");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host.restarts.count, 0);
}

/* Three starts, of which the last one was long ago: it is started, and is not left. */
static void one_that_stops_after_long_is_started_as_for_the_first_time(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);

        for (unsigned i = 1; i < PHX_STATE_STARTS; i++) {
                come_up(&host);
                host_start(&host, "web", "");
                host_pass(&host);
        }
        come_up(&host);
        assert_int_equal(item_of(&host)->starts, PHX_STATE_STARTS);
        host.wall += PHX_STATE_STARTS_USEC;
        host_pass(&host);
        host_start(&host, "web", "");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(item_of(&host)->starts, 1);
}

static void one_that_dies_at_once_has_failed(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);

        host_start(&host, "web", "lxc-new");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host_start(&host, "web", "");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "it did not stay up");
        /* Somebody has started it, and it is well. */
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        host.wall += PHX_RESTART_STAY_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_STARTED);
        assert_int_equal(running_drifts(&host), 0);
}

static void one_that_comes_up_in_another_label_has_failed(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);

        host_start(&host, "web", "lxc-old");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "it runs under lxc-old (enforce)");
        assert_int_equal(drift_of(&host)->cause, PHX_CAUSE_START_FAILED);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 0);
}

static void a_stop_that_fails_is_reported_and_left(void **state) {
        static const struct {
                enum phx_job_outcome outcome;
                const char *why;
        } cases[] = {
                { PHX_JOB_FAILED, "no" },
                { PHX_JOB_REFUSED, "systemd does not accept it: no" },
                { PHX_JOB_DONE, "after 300 s it still runs" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(host_done) struct host host = begun(PHX_RUN_STOPPED);

                host.settings.rollback = true;
                host_end(&host, cases[i].outcome, "no");
                host_pass(&host);
                if (cases[i].outcome == PHX_JOB_DONE) {
                        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
                        host.wall += host.settings.deadline_usec;
                        host_pass(&host);
                }
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
                assert_string_equal(item_of(&host)->why, cases[i].why);
                assert_int_equal(drift_of(&host)->cause, PHX_CAUSE_STOP_FAILED);
                assert_int_equal(running_drifts(&host), 1);
                /* It goes down after all. */
                host_start(&host, "web", "");
                host_pass(&host);
                assert_int_equal(host.restarts.count, 0);
        }
}

/* The stop is what failed, whatever else is wrong with the container. */
static void a_stop_that_failed_is_named_beside_its_label_and_lines(void **state) {
        static const char *const labels[] = { "lxc-old", "lxc-new" };

        for (size_t i = 0; i < PHX_ELEMENTS(labels); i++) {
                phx_cleanup(host_done) struct host host = begun(PHX_RUN_STOPPED);
                struct host_container *web = &host.containers[0];
                size_t count = 0;

                (void) snprintf(web->label, sizeof(web->label), "%s", labels[i]);
                web->at_start = "lxc.cap.drop";
                host_end(&host, PHX_JOB_FAILED, "no");
                host_pass(&host);
                for (size_t at = 0; at < host.drifts.count; at++) {
                        const struct phx_drift *drift = &host.drifts.items[at];

                        if (drift->layer != PHX_LAYER_RUNNING)
                                continue;
                        count++;
                        assert_int_equal(drift->cause, PHX_CAUSE_STOP_FAILED);
                        assert_string_equal(drift->detail, "no");
                }
                assert_int_equal(count, 2);
        }
}

/* A start that failed is said of its lines as well, with why. */
static void a_start_that_failed_by_its_lines_says_why(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_RUNNING);

        host_start(&host, "web", "lxc-new");
        host.containers[0].at_start = "lxc.cap.drop";
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_int_equal(drift_of(&host)->kind, PHX_DRIFT_RUNNING);
        assert_int_equal(drift_of(&host)->cause, PHX_CAUSE_START_FAILED);
        assert_non_null(drift_of(&host)->detail);
        assert_string_equal(drift_of(&host)->detail, "it was started without lxc.cap.drop");
}

/* Its directory was removed meanwhile. */
static void a_stop_of_what_is_gone_ends(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_STOPPED);

        host.containers[0].is_unseen = true;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host.restarts.count, 0);
}

static void a_stop_of_what_is_gone_is_overdue_as_such(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_STOPPED);
        phx_autofree char *name = strdup(host.jobs.items[0].name);

        host.containers[0].is_unseen = true;
        host.wall += host.settings.deadline_usec;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "it is not on this host");
        assert_int_equal(phx_job_results_add(&host.results, name, PHX_JOB_DONE, NULL), 0);
        host_pass(&host);
        assert_int_equal(host.restarts.count, 0);
}

static void a_stop_whose_end_was_not_seen_is_begun_again(void **state) {
        phx_cleanup(host_done) struct host host = begun(PHX_RUN_STOPPED);

        host_end(&host, PHX_JOB_GONE, NULL);
        host_pass(&host);
        assert_string_equal(host.jobs.items[0].name, "stop-web.2");
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_FAILED), 0);
        host.boot = "boot-2";
        host_start(&host, "web", "");
        host_pass(&host);
        assert_int_equal(host.restarts.count, 0);
}

static void one_that_is_to_be_stopped_is_not_restarted(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host_add(&host, "web")->state = PHX_RUN_STOPPED;
        assert_int_equal(phx_restarts_ask(&host.restarts, "web", PHX_RESTART_NOW, host.wall), 1);
        host_pass(&host);
        assert_int_equal(host.jobs.count, 1);
        assert_int_equal(host.jobs.items[0].verb, PHX_JOB_STOP);
}

static void proxmox_is_asked_by_its_own_command(void **state) {
        static const struct {
                enum phx_run_state state;
                const char *word;
        } cases[] = { { PHX_RUN_RUNNING, "start" }, { PHX_RUN_STOPPED, "shutdown" } };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(host_done) struct host host = begun(cases[i].state);
                const struct phx_restart_view view = host_view(&host);
                const struct phx_job *job = &host.jobs.items[0];

                phx_jobs_done(&host.jobs);
                host.observed->containers[0].backend = PHX_BACKEND_PVE;
                assert_int_equal(
                                phx_restarts_jobs(&view, host.desired, host.observed, &host.jobs),
                                0);
                job = &host.jobs.items[0];
                assert_null(job->service);
                assert_int_equal(job->command_count, 1);
                assert_string_equal(job->commands[0].arguments.items[0], "/usr/sbin/pct");
                assert_string_equal(job->commands[0].arguments.items[1], cases[i].word);
                assert_string_equal(job->commands[0].arguments.items[2], "web");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_start_is_one_job_and_is_done_when_it_stays_up),
                cmocka_unit_test(a_stop_is_one_job_that_kills_nothing),
                cmocka_unit_test(what_no_entry_speaks_of_is_left_as_it_is),
                cmocka_unit_test(each_reason_is_named),
                cmocka_unit_test(dependencies_are_started_first_and_stopped_last),
                cmocka_unit_test(a_start_that_failed_holds_up_what_depends_on_it),
                cmocka_unit_test(they_share_their_places_with_restarts),
                cmocka_unit_test(no_restart_begins_in_the_chain_of_what_is_started_or_stopped),
                cmocka_unit_test(a_start_that_failed_is_not_tried_again),
                cmocka_unit_test(another_boot_is_another_try),
                cmocka_unit_test(an_operator_may_ask_for_another_try),
                cmocka_unit_test(a_request_changes_no_job_that_runs),
                cmocka_unit_test(one_that_is_stopped_is_started_again_but_not_for_ever),
                cmocka_unit_test(starts_of_long_ago_do_not_count),
                cmocka_unit_test(starts_of_long_ago_go_with_the_next_change),
                cmocka_unit_test(one_that_stops_after_long_is_started_as_for_the_first_time),
                cmocka_unit_test(one_that_dies_at_once_has_failed),
                cmocka_unit_test(one_that_comes_up_in_another_label_has_failed),
                cmocka_unit_test(a_stop_that_fails_is_reported_and_left),
                cmocka_unit_test(a_stop_that_failed_is_named_beside_its_label_and_lines),
                cmocka_unit_test(a_start_that_failed_by_its_lines_says_why),
                cmocka_unit_test(a_stop_of_what_is_gone_ends),
                cmocka_unit_test(a_stop_of_what_is_gone_is_overdue_as_such),
                cmocka_unit_test(a_stop_whose_end_was_not_seen_is_begun_again),
                cmocka_unit_test(one_that_is_to_be_stopped_is_not_restarted),
                cmocka_unit_test(proxmox_is_asked_by_its_own_command),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
