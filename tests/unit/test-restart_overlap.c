/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Never two jobs at one container, nor two of a chain down; and jobs that were not begun at all. */

#include "restart-fixture.h"

static struct host begun(void) {
        struct host host = host_new();

        host_add(&host, "web");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        return host;
}

static struct phx_restart_item *item_of(const struct host *host, const char *id) {
        return host_need(phx_restarts_find(&host->restarts, id));
}

static int ask(struct host *host, enum phx_restart_when when) {
        return phx_restarts_ask(&host->restarts, "web", when, host->wall);
}

/* Its deadline is over, and its job not. */
static void overdue(struct host *host) {
        host->wall += 300 * SECOND;
        host_pass(host);
        assert_int_equal(host_phase(host, "web"), PHX_RESTART_FAILED);
}

static void expect_only_job(const struct host *host, const char *name) {
        assert_int_equal(host->jobs.count, 1);
        assert_string_equal(host->jobs.items[0].name, name);
}

static void another_input_waits_for_the_job_before(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        overdue(&host);
        host.key = "key-2";
        host_pass(&host);
        assert_int_equal(host.plan.count, 0);
        expect_only_job(&host, "restart-web.1");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        expect_only_job(&host, "restart-web.2");
}

/* It came up with a fault, and its input has changed, while its job does not end. */
static void what_has_overtaken_it_waits_for_its_job(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_start(&host, "web", "lxc-new");
        host.containers[0].at_start = "lxc.cap.drop";
        host.key = "key-2";
        host.wall += 300 * SECOND;
        host_pass(&host);
        expect_only_job(&host, "restart-web.1");
        assert_true(host.jobs.items[0].is_resumed);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ENDING);
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        expect_only_job(&host, "restart-web.2");
}

static void an_operator_waits_for_the_job_before(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                phx_cleanup(host_done) struct host host = begun();

                overdue(&host);
                host.containers[0].policy = PHX_RESTART_NEVER;
                assert_int_equal(ask(&host, PHX_RESTART_IN_WINDOW), 1);
                assert_int_equal(ask(&host, PHX_RESTART_NOW), 1);
                assert_int_equal(ask(&host, PHX_RESTART_NOW), 0);
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
                expect_only_job(&host, "restart-web.1");
                /* It may have left the container stopped. */
                if (i == 1)
                        host_start(&host, "web", "");
                host_end(&host, PHX_JOB_FAILED, "no");
                host_pass(&host);
                assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
                expect_only_job(&host, "restart-web.2");
                assert_int_equal(host.jobs.items[0].verb, i == 1 ? PHX_JOB_START : PHX_JOB_RESTART);
        }
}

/* A file system is away for a moment, in the middle of a restart. A daemon that has just been
 * started finds the job nowhere but at the unit that was restarted. */
static void one_that_is_not_seen_keeps_its_job(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.containers[0].is_unseen = true;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        expect_only_job(&host, "restart-web.1");
        assert_true(host.jobs.items[0].is_resumed);
        assert_true(phx_job_is_valid(&host.jobs.items[0]));
        assert_string_equal(host.jobs.items[0].service, "lxc@web.service");
        host.containers[0].is_unwanted = true;
        host_pass(&host);
        expect_only_job(&host, "restart-web.1");
        assert_string_equal(host.jobs.items[0].service, "lxc@web.service");
        host.containers[0].is_unwanted = host.containers[0].is_unseen = false;
        host_pass(&host);
        expect_only_job(&host, "restart-web.1");
        assert_false(host.jobs.items[0].is_resumed);
}

/* LXC would refuse it. */
static void one_that_is_being_cloned_is_started_after_that(void **state) {
        phx_cleanup(host_done) struct host host = host_new();
        struct host_container *container = host_add(&host, "web");

        container->state = PHX_RUN_RUNNING;
        container->copied_for = "clone";
        host_start(&host, "web", "");
        host_pass(&host);
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_CHAIN);
        assert_string_equal(phx_restart_waits_find(&host.waits, "web")->why, "clone");
        container->copied_for = NULL;
        host_pass(&host);
        expect_only_job(&host, "start-web.1");
}

static void another_boot_has_ended_the_job_before(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        overdue(&host);
        host.containers[0].policy = PHX_RESTART_NEVER;
        assert_int_equal(ask(&host, PHX_RESTART_NOW), 1);
        host.boot = "boot-2";
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        expect_only_job(&host, "restart-web.2");
}

/* Its profile changes while the one before is put back. */
static void nothing_begins_beside_a_rollback(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        host.settings.jobs = 4;
        host_start(&host, "web", "lxc-other");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        expect_only_job(&host, "rollback-web.2");
        host.key = "key-2";
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        expect_only_job(&host, "rollback-web.2");
        host.wall += 300 * SECOND;
        host_pass(&host);
        expect_only_job(&host, "rollback-web.2");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        expect_only_job(&host, "restart-web.3");
}

static void what_a_failure_has_left_stopped_is_down(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.containers[0].depends[0] = "db";
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        host_add(&host, "db");
        host_pass(&host);
        assert_int_equal(host_due(&host, "db"), PHX_RESTART_DUE_CHAIN);
        /* Its operator starts it, in the profile before. */
        host_start(&host, "web", "lxc-old");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "db"), PHX_RESTART_UNDER_WAY);
}

/* Nothing is restarted that depends on what a rollback could not start again. */
static void what_a_rollback_has_left_stopped_is_waited_for(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        host_add(&host, "app")->depends[0] = "web";
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        expect_only_job(&host, "rollback-web.2");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ROLLED_BACK);
        assert_int_equal(host_due(&host, "app"), PHX_RESTART_DUE_CHAIN);
        assert_int_equal(host.jobs.count, 0);
        host_start(&host, "web", "lxc-old");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "app"), PHX_RESTART_UNDER_WAY);
}

static void what_a_job_is_still_at_is_down(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.containers[0].depends[0] = "db";
        overdue(&host);
        host_add(&host, "db");
        host_pass(&host);
        assert_int_equal(host_due(&host, "db"), PHX_RESTART_DUE_CHAIN);
        expect_only_job(&host, "restart-web.1");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "db"), PHX_RESTART_UNDER_WAY);
}

static void nothing_is_started_in_a_profile_that_only_complains(void **state) {
        phx_cleanup(host_done) struct host host = begun();
        struct phx_restart_view view;

        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(ask(&host, PHX_RESTART_NOW), 1);
        host_make(&host);
        host.observed->loaded.items[0].mode = PHX_POLICY_COMPLAIN;
        assert_string_equal(host.observed->loaded.items[0].name, "lxc-new");
        view = host_view(&host);
        assert_int_equal(phx_restarts_mark(&view, host.observed, host.desired), 0);
        (void) host_settle(&host, &view);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ASKED);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(host.restarts.begun, host.wall);
}

static void what_systemd_did_not_accept_is_tried_again(void **state) {
        phx_cleanup(host_done) struct host host = begun();
        uint64_t again = host.wall + 300 * SECOND;

        host_end(&host, PHX_JOB_REFUSED, "the message bus is not available");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_FAILED);
        assert_string_equal(
                        item_of(&host, "web")->why,
                        "systemd does not accept it: the message bus is not available");
        assert_int_equal(host.waits.next, again);
        host.wall = again - 1;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        host.wall = again;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        expect_only_job(&host, "restart-web.2");
}

static void a_rollback_that_was_not_accepted_is_tried_again(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        expect_only_job(&host, "rollback-web.2");
        assert_int_equal(host.restarts.begun, host.wall);
        host_end(&host, PHX_JOB_REFUSED, "no bus");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK);
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(host.waits.next, host.wall + 300 * SECOND);
        host.wall += 300 * SECOND;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        expect_only_job(&host, "rollback-web.3");
}

/* It is up before its job has ended, and does not stay so. */
/* Its label would not confine it, or could not be set. */
static void a_rollback_does_not_begin_when_the_profile_before_is_gone(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        host_end(&host, PHX_JOB_REFUSED, "no bus");
        host_pass(&host);
        host.is_old_loaded = false;
        host.wall += 300 * SECOND;
        host_pass(&host);
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_ROLLED_BACK);
        assert_string_equal(
                        item_of(&host, "web")->why,
                        "no; rolling back failed, too: "
                        "the profile before is not loaded in enforce mode");
}

/* The loop may not have come to it yet, as there is no message bus. */
static void what_is_not_begun_yet_is_withdrawn(void **state) {
        for (unsigned i = 0; i < 3; i++) {
                phx_cleanup(host_done) struct host host = begun();

                host_pass(&host);
                assert_false(host.jobs.items[0].is_resumed);
                host.mode = i == 0 ? PHX_MODE_OBSERVE : PHX_MODE_ENFORCE;
                host.containers[0].is_suspended = i == 1;
                if (i == 2)
                        host.containers[0].policy = PHX_RESTART_NEVER;
                host_pass(&host);
                expect_only_job(&host, "restart-web.1");
                assert_true(host.jobs.items[0].is_resumed);
                host_end(&host, PHX_JOB_GONE, NULL);
                while (host_look(&host) > 0)
                        ;
                assert_int_equal(host_restarts(&host), 0);
                host.mode = PHX_MODE_ENFORCE;
                host.containers[0].is_suspended = false;
                host.containers[0].policy = PHX_RESTART_IMMEDIATE;
                host_pass(&host);
                expect_only_job(&host, "restart-web.2");
        }
}

static void a_rollback_waits_for_the_restart(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        expect_only_job(&host, "restart-web.1");
        assert_true(host.jobs.items[0].is_resumed);
        /* It is systemd's job at this unit, which a restart of the daemon has to know. */
        assert_string_equal(host.jobs.items[0].service, "lxc@web.service");
        host_start(&host, "web", "");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        expect_only_job(&host, "restart-web.1");
        host.wall += 1000 * SECOND;
        host_pass(&host);
        expect_only_job(&host, "restart-web.1");
        assert_string_equal(host.containers[0].config, "lxc-new");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        expect_only_job(&host, "rollback-web.3");
}

/* The same, and an operator has asked for it meanwhile: it may have to be started. */
/* systemd says that a service is started before the container has an init. */
static void what_is_about_to_come_up_late_is_not_rolled_back(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        overdue(&host);
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_int_equal(host.jobs.count, 0);
        assert_true(host.waits.next == host.wall + PHX_RESTART_GRACE_USEC);
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        assert_string_equal(host.containers[0].config, "lxc-new");
}

static void what_does_not_come_up_late_is_rolled_back(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        overdue(&host);
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.wall += PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        expect_only_job(&host, "rollback-web.2");
}

static void a_start_waits_for_the_restart(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        host_start(&host, "web", "");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_int_equal(ask(&host, PHX_RESTART_NOW), 1);
        host_pass(&host);
        expect_only_job(&host, "restart-web.1");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        expect_only_job(&host, "restart-web.3");
        assert_int_equal(host.jobs.items[0].verb, PHX_JOB_START);
}

static void its_health_is_asked_for_beside_the_restart(void **state) {
        static char program[] = "/usr/local/sbin/health";
        phx_cleanup(host_done) struct host host = begun();

        host.settings.health = program;
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        assert_int_equal(host.jobs.count, 2);
        assert_non_null(phx_jobs_find(&host.jobs, "restart-web.1"));
        host_end_job(&host, "health-web.2", PHX_JOB_DONE, NULL);
        host_pass(&host);
        expect_only_job(&host, "restart-web.1");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
}

/* It is done, and systemd is still at its job when it is to have another profile. */
static void one_that_is_done_waits_for_its_job(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_add(&host, "other")->order = 9;
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        host.wall += PHX_RESTART_STAY_USEC;
        host_pass(&host);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
        /* Others are not held up by that. */
        assert_int_equal(host_phase(&host, "other"), PHX_RESTART_UNDER_WAY);
        assert_non_null(phx_jobs_find(&host.jobs, "restart-web.1"));
        assert_true(phx_jobs_find(&host.jobs, "restart-web.1")->is_resumed);
        host.containers[0].profile = "lxc-old";
        (void) snprintf(host.containers[0].config, sizeof(host.containers[0].config), "lxc-old");
        host.settings.jobs = 4;
        host_pass(&host);
        assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_UNDER_WAY);
        assert_int_equal(host.jobs.count, 2);
        assert_int_equal(ask(&host, PHX_RESTART_NOW), 1);
        host_pass(&host);
        assert_int_equal(host.jobs.count, 2);
        host_end_job(&host, "restart-web.1", PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_UNDER_WAY);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_FAILED), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
}

/* Its entry is gone in the middle of its restart. */
static void one_that_is_not_configured_keeps_its_place(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_add(&host, "other");
        host.containers[0].is_unwanted = true;
        host_pass(&host);
        expect_only_job(&host, "restart-web.1");
        assert_true(host.jobs.items[0].is_resumed);
        assert_string_equal(host.jobs.items[0].service, "lxc@web.service");
        assert_int_equal(host_due(&host, "other"), PHX_RESTART_DUE_TURN);
        host_end(&host, PHX_JOB_FAILED, "no storage");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_PHASES);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_FAILED), 1);
        assert_string_equal(
                        host.events.items[0].text,
                        "it is no longer in the configuration; no storage");
        expect_only_job(&host, "restart-other.2");
}

/* As of any other, its place is free after the deadline, and the job is not forgotten. */
static void one_that_is_not_configured_is_waited_for_in_vain(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host_add(&host, "other");
        host.containers[0].is_unwanted = true;
        host_pass(&host);
        host.wall += 300 * SECOND;
        host_pass(&host);
        assert_string_equal(
                        host.events.items[0].text,
                        "it is no longer in the configuration, and after 300 s its job has not "
                        "ended");
        assert_int_equal(host.jobs.count, 2);
        assert_int_equal(host_phase(&host, "other"), PHX_RESTART_UNDER_WAY);
        /* It is configured again, and nothing begins beside that job. */
        host.settings.jobs = 4;
        host.containers[0].is_unwanted = false;
        host_pass(&host);
        assert_int_equal(host.jobs.count, 2);
        host_end_job(&host, "restart-web.1", PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host.jobs.count, 2);
        assert_non_null(phx_jobs_find(&host.jobs, "restart-web.3"));
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_FAILED), 1);
}

static void the_rollback_of_one_that_is_not_configured_is_waited_for(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        host_start(&host, "web", "");
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        expect_only_job(&host, "rollback-web.2");
        host.containers[0].is_unwanted = true;
        host_pass(&host);
        expect_only_job(&host, "rollback-web.2");
        host.wall += 300 * SECOND;
        host_pass(&host);
        expect_only_job(&host, "rollback-web.2");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host.jobs.count, 0);
}

/* It is up, and only its health is asked for: nothing is lost with that. */
static void what_is_not_configured_is_not_asked_for_its_health(void **state) {
        static char program[] = "/usr/local/sbin/health";
        phx_cleanup(host_done) struct host host = begun();

        host.settings.health = program;
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        host.containers[0].is_unwanted = true;
        host_pass(&host);
        expect_only_job(&host, "restart-web.1");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_FAILED), 1);
}

/* Proxmox's cluster file system is away for a moment, after it came up. */
static void one_that_is_not_seen_may_have_stayed_up(void **state) {
        phx_cleanup(host_done) struct host host = begun();

        host.settings.rollback = true;
        host_start(&host, "web", "lxc-new");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        host.containers[0].is_unseen = true;
        host.wall += 20 * SECOND;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        host.containers[0].is_unseen = false;
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(another_input_waits_for_the_job_before),
                cmocka_unit_test(what_has_overtaken_it_waits_for_its_job),
                cmocka_unit_test(an_operator_waits_for_the_job_before),
                cmocka_unit_test(one_that_is_not_seen_keeps_its_job),
                cmocka_unit_test(one_that_is_being_cloned_is_started_after_that),
                cmocka_unit_test(another_boot_has_ended_the_job_before),
                cmocka_unit_test(nothing_begins_beside_a_rollback),
                cmocka_unit_test(what_a_failure_has_left_stopped_is_down),
                cmocka_unit_test(what_a_rollback_has_left_stopped_is_waited_for),
                cmocka_unit_test(what_a_job_is_still_at_is_down),
                cmocka_unit_test(nothing_is_started_in_a_profile_that_only_complains),
                cmocka_unit_test(what_systemd_did_not_accept_is_tried_again),
                cmocka_unit_test(a_rollback_that_was_not_accepted_is_tried_again),
                cmocka_unit_test(a_rollback_does_not_begin_when_the_profile_before_is_gone),
                cmocka_unit_test(what_is_not_begun_yet_is_withdrawn),
                cmocka_unit_test(a_rollback_waits_for_the_restart),
                cmocka_unit_test(what_is_about_to_come_up_late_is_not_rolled_back),
                cmocka_unit_test(what_does_not_come_up_late_is_rolled_back),
                cmocka_unit_test(a_start_waits_for_the_restart),
                cmocka_unit_test(its_health_is_asked_for_beside_the_restart),
                cmocka_unit_test(one_that_is_done_waits_for_its_job),
                cmocka_unit_test(one_that_is_not_configured_keeps_its_place),
                cmocka_unit_test(one_that_is_not_configured_is_waited_for_in_vain),
                cmocka_unit_test(the_rollback_of_one_that_is_not_configured_is_waited_for),
                cmocka_unit_test(what_is_not_configured_is_not_asked_for_its_health),
                cmocka_unit_test(one_that_is_not_seen_may_have_stayed_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
