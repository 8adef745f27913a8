/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "restart-fixture.h"

/* One container whose restart is under way. */
static struct host begun(void) {
        struct host host = host_new();

        host_add(&host, "web");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(host.jobs.count, 1);
        return host;
}

static const struct phx_restart_item *item_of(const struct host *host) {
        return host_need(phx_restarts_find(&host->restarts, "web"));
}

static const struct phx_drift *drift_of(const struct host *host, enum phx_layer layer) {
        size_t at = 0;

        return phx_drifts_next(&host->drifts, layer, "web", &at);
}

/* What is up is done when it has stayed so, and its job has ended. */
static void stay_up(struct host *host) {
        assert_int_equal(host_phase(host, "web"), PHX_RESTART_CHECKED);
        assert_int_equal(host_events(host, PHX_RESTART_EVENT_DONE), 0);
        if (host->jobs.count > 0)
                host_end(host, PHX_JOB_DONE, NULL);
        host->wall += PHX_RESTART_STAY_USEC;
        host_pass(host);
}

static void another_init_under_the_label_is_the_end(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        /* Before its job has ended: what counts is the container. */
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        assert_int_equal(host.jobs.count, 1);
        assert_string_equal(host.jobs.items[0].name, "restart-web.1");
        assert_int_equal(host.waits.next, host.wall + PHX_RESTART_STAY_USEC);
        stay_up(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
        assert_string_equal(host.events.items[0].before, "lxc-old");
        assert_string_equal(host.events.items[0].label, "lxc-new");
}

static void one_that_dies_just_after_its_restart_has_failed(void **state) {
        /* It does not run, or as another init and not as it should. */
        static const char *const labels[] = { "", "lxc-old" };

        for (size_t i = 0; i < PHX_ELEMENTS(labels); i++) {
                phx_cleanup(host_done) struct host host = begun();

                host_start(&host, "web", "lxc-new");
                host_end(&host, PHX_JOB_DONE, NULL);
                host_pass(&host);
                host.wall += 2 * SECOND;
                host_start(&host, "web", labels[i]);
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
                assert_string_equal(item_of(&host)->why, "it did not stay up");
                assert_int_equal(
                                drift_of(&host, PHX_LAYER_RUNNING)->cause,
                                PHX_CAUSE_RESTART_FAILED);
                assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 0);
        }
}

static void one_that_restarts_by_itself_begins_to_stay_up_again(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_start(&host, "web", "lxc-new");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += PHX_RESTART_STAY_USEC / 2;
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        assert_true(host.waits.next == host.wall + PHX_RESTART_STAY_USEC);
        host.wall += PHX_RESTART_STAY_USEC - SECOND;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        host.wall += SECOND;
        host_pass(&host);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
}

static void one_that_restarts_again_and_again_has_failed(void **state) {
        phx_cleanup(host_done) struct host host = begun();
        unsigned times = 0;

        host_start(&host, "web", "lxc-new");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        while (host_phase(&host, "web") == PHX_RESTART_CHECKED && times++ < 100) {
                host.wall += 9 * SECOND;
                host_start(&host, "web", "lxc-new");
                host_pass(&host);
        }
        assert_int_equal(times, 34);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        host.wall += 60 * SECOND;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
}

/* What it is labelled as then may be seen too soon. */
static void one_that_restarts_by_itself_may_be_right_late(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_start(&host, "web", "lxc-new");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host_start(&host, "web", "lxc-old");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        (void) snprintf(host.containers[0].label, sizeof(host.containers[0].label), "lxc-new");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
}

static void what_did_not_stay_up_is_rolled_back(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        host_start(&host, "web", "lxc-new");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host_start(&host, "web", "");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        assert_string_equal(host.containers[0].config, "lxc-old");
}

static void a_label_that_changes_while_it_is_checked_counts(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        (void) snprintf(host.containers[0].label, sizeof(host.containers[0].label), "lxc-other");
        stay_up(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "it runs under lxc-other (enforce)");
}

static void the_same_label_under_the_same_init_is_no_restart(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        (void) snprintf(host.containers[0].label, sizeof(host.containers[0].label), "lxc-new");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 0);
}

static void a_job_that_fails_is_not_tried_again(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_end(&host, PHX_JOB_FAILED, "lxc@web.service failed");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "lxc@web.service failed");
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_FAILED), 1);
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(drift_of(&host, PHX_LAYER_RUNNING)->cause, PHX_CAUSE_RESTART_FAILED);
        assert_string_equal(drift_of(&host, PHX_LAYER_RUNNING)->detail, "lxc@web.service failed");
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_FAILED);
        host.wall += 1000 * SECOND;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_int_equal(host.restarts.serial, 1);
}

static void another_policy_or_an_operator_is_a_new_try(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                phx_cleanup(host_done) struct host host = begun();

                host_end(&host, PHX_JOB_FAILED, "no");
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
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
                assert_int_equal(item_of(&host)->serial, 2);
        }
}

static void a_job_that_ended_is_given_some_time_to_show(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(host.waits.next, host.wall + PHX_RESTART_GRACE_USEC);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "it does not run");
        /* That nothing runs is no drift by itself; that it should is one now. */
        assert_true(drift_of(&host, PHX_LAYER_RUNNING)->is_lacking);
        /* Its operator starts it. */
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        stay_up(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
}

static void a_wrong_label_after_a_restart_is_named(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_start(&host, "web", "lxc-other");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_string_equal(item_of(&host)->why, "it runs under lxc-other (enforce)");
}

static void a_deadline_ends_the_waiting_and_not_the_job(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        assert_int_equal(host.waits.next, host.wall + 300 * SECOND);
        host.wall += 300 * SECOND;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(&host)->why, "after 300 s its init is still the same");
        /* It is still asked what becomes of it, and nothing is put back meanwhile. */
        assert_int_equal(host.jobs.count, 1);
        assert_string_equal(host.jobs.items[0].name, "restart-web.1");
        assert_string_equal(
                        drift_of(&host, PHX_LAYER_RUNNING)->detail,
                        "after 300 s its init is still the same; not rolled back: its restart has "
                        "not ended");
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        stay_up(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
}

static void an_init_that_is_not_known_is_not_called_the_same(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.containers[0].started = 0;
        host.wall += 300 * SECOND;
        host_pass(&host);
        assert_string_equal(item_of(&host)->why, "after 300 s its init is not known");
}

static void labels_that_are_right_late_are_a_late_success(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_start(&host, "web", "lxc-other");
        host.wall += 300 * SECOND;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(
                        item_of(&host)->why,
                        "after 300 s it was restarted, and its tasks are not under its label");
        /* Under the same init as then. */
        (void) snprintf(host.containers[0].label, sizeof(host.containers[0].label), "lxc-new");
        host_pass(&host);
        stay_up(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
}

static void a_job_whose_end_was_not_seen_is_begun_again(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        item_of(&host);
        host_end(&host, PHX_JOB_GONE, NULL);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(item_of(&host)->serial, 2);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_FAILED), 0);
        /* It has done its work. */
        host_end(&host, PHX_JOB_GONE, NULL);
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        stay_up(&host);
        assert_int_equal(host_restarts(&host), 0);
}

static void what_an_earlier_engine_began_is_resumed(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.restarts.items[0].is_resumed = true;
        host_pass(&host);
        assert_int_equal(host.jobs.count, 1);
        assert_true(host.jobs.items[0].is_resumed);
        assert_string_equal(host.jobs.items[0].name, "restart-web.1");
}

static void another_boot_has_ended_everything(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.boot = "boot-2";
        host_start(&host, "web", "lxc-new");
        host.containers[0].init = 101; /* the same number, and start, by chance */
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host.jobs.count, 0);
}

static void fail_restart(struct host *host) {
        host->settings.rollback = true;
        host_start(host, "web", "");
        host_end(host, PHX_JOB_DONE, NULL);
        host_pass(host);
        host->wall += PHX_RESTART_GRACE_USEC;
}

static void what_was_before_is_put_back_and_started(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        fail_restart(&host);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        assert_string_equal(host.containers[0].config, "lxc-old");
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_BACK), 1);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_INTENT), 1);
        assert_int_equal(host.jobs.count, 1);
        assert_int_equal(host.jobs.items[0].verb, PHX_JOB_START);
        host_start(&host, "web", "lxc-old");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ROLLED_BACK);
        /* Its end is waited for, lest another begins beside it. */
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(drift_of(&host, PHX_LAYER_CONFIG)->cause, PHX_CAUSE_ROLLED_BACK);
        assert_string_equal(drift_of(&host, PHX_LAYER_CONFIG)->expected, "lxc-new");
        assert_string_equal(drift_of(&host, PHX_LAYER_CONFIG)->found, "lxc-old");
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_ROLLED_BACK);
        /* It rests so. */
        host.wall += 10000 * SECOND;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ROLLED_BACK);
        assert_string_equal(host.containers[0].config, "lxc-old");
        /* Until its profile is another one. */
        host.key = "key-2";
        host_pass(&host);
        assert_string_equal(host.containers[0].config, "lxc-new");
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
}

static void a_rollback_that_was_not_begun_is_begun_again(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        fail_restart(&host);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        assert_string_equal(host.jobs.items[0].name, "rollback-web.2");
        /* The daemon is killed before systemd has got its job. */
        host.restarts.items[0].is_resumed = true;
        host_end(&host, PHX_JOB_GONE, NULL);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        assert_int_equal(host.jobs.count, 1);
        assert_string_equal(host.jobs.items[0].name, "rollback-web.3");
        assert_false(host.jobs.items[0].is_resumed);
        host_start(&host, "web", "lxc-old");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ROLLED_BACK);
}

static void the_rollback_of_one_that_runs_is_begun_again(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        host_start(&host, "web", "lxc-other");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_string_equal(host.jobs.items[0].name, "rollback-web.2");
        host_end(&host, PHX_JOB_GONE, NULL);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        assert_string_equal(host.jobs.items[0].name, "rollback-web.3");
}

static void rolling_back_may_fail_as_well(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        fail_restart(&host);
        host_pass(&host);
        host_end(&host, PHX_JOB_FAILED, "no storage");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ROLLED_BACK);
        assert_string_equal(
                        item_of(&host)->why,
                        "it does not run; rolling back failed, too: no storage");
        assert_int_equal(host.jobs.count, 0);
}

static void nothing_weaker_is_put_back(void **state) {
        static const char *const labels[] = {
                "unconfined",
                "lxc-web_</var/lib/lxc>",
                "lxc-old//child",
                "lxc-gone",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(labels) + 2; i++) {
                phx_cleanup(host_done) struct host host = host_new();
                struct host_container *web = host_add(&host, "web");

                if (i < PHX_ELEMENTS(labels))
                        (void) snprintf(web->label, sizeof(web->label), "%s", labels[i]);
                web->is_complaining = i == PHX_ELEMENTS(labels);
                host_pass(&host);
                web->is_complaining = false;
                host.is_old_loaded = i != PHX_ELEMENTS(labels) + 1;
                fail_restart(&host);
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
                assert_string_equal(web->config, "lxc-new");
                assert_non_null(
                                strstr(drift_of(&host, PHX_LAYER_RUNNING)->detail,
                                       "; not rolled back: "));
        }
}

static void who_observes_or_is_suspended_puts_nothing_back(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                phx_cleanup(host_done) struct host host = begun();

                fail_restart(&host);
                host.mode = i == 0 ? PHX_MODE_OBSERVE : PHX_MODE_ENFORCE;
                host.containers[0].is_suspended = i == 1;
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
                assert_string_equal(host.containers[0].config, "lxc-new");
        }
}

static void what_a_failure_left_stopped_is_started_for_an_operator(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        fail_restart(&host);
        host.settings.rollback = false;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_int_equal(phx_restarts_ask(&host.restarts, "web", PHX_RESTART_IN_WINDOW, 1), 1);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ASKED);
        assert_int_equal(phx_restarts_ask(&host.restarts, "web", PHX_RESTART_NOW, 1), 1);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(host.jobs.count, 1);
        assert_int_equal(host.jobs.items[0].verb, PHX_JOB_START);
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        stay_up(&host);
        assert_int_equal(host_restarts(&host), 0);
}

static void dependents_of_a_failure_wait(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_add(&host, "app")->depends[0] = "web";
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_CHAIN);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(another_init_under_the_label_is_the_end),
                cmocka_unit_test(one_that_dies_just_after_its_restart_has_failed),
                cmocka_unit_test(one_that_restarts_by_itself_begins_to_stay_up_again),
                cmocka_unit_test(one_that_restarts_again_and_again_has_failed),
                cmocka_unit_test(one_that_restarts_by_itself_may_be_right_late),
                cmocka_unit_test(what_did_not_stay_up_is_rolled_back),
                cmocka_unit_test(a_label_that_changes_while_it_is_checked_counts),
                cmocka_unit_test(the_same_label_under_the_same_init_is_no_restart),
                cmocka_unit_test(a_job_that_fails_is_not_tried_again),
                cmocka_unit_test(another_policy_or_an_operator_is_a_new_try),
                cmocka_unit_test(a_job_that_ended_is_given_some_time_to_show),
                cmocka_unit_test(a_wrong_label_after_a_restart_is_named),
                cmocka_unit_test(a_deadline_ends_the_waiting_and_not_the_job),
                cmocka_unit_test(an_init_that_is_not_known_is_not_called_the_same),
                cmocka_unit_test(labels_that_are_right_late_are_a_late_success),
                cmocka_unit_test(a_job_whose_end_was_not_seen_is_begun_again),
                cmocka_unit_test(what_an_earlier_engine_began_is_resumed),
                cmocka_unit_test(another_boot_has_ended_everything),
                cmocka_unit_test(what_was_before_is_put_back_and_started),
                cmocka_unit_test(a_rollback_that_was_not_begun_is_begun_again),
                cmocka_unit_test(the_rollback_of_one_that_runs_is_begun_again),
                cmocka_unit_test(rolling_back_may_fail_as_well),
                cmocka_unit_test(nothing_weaker_is_put_back),
                cmocka_unit_test(who_observes_or_is_suspended_puts_nothing_back),
                cmocka_unit_test(what_a_failure_left_stopped_is_started_for_an_operator),
                cmocka_unit_test(dependents_of_a_failure_wait),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
