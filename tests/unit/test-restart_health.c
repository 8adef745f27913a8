/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The program that is asked whether a container is well after its restart. */

#include "restart-fixture.h"

static char program[] = "/usr/local/sbin/health";

static const struct phx_restart_item *item_of(const struct host *host) {
        return host_need(phx_restarts_find(&host->restarts, "web"));
}

static const struct phx_drift *drift_of(const struct host *host, enum phx_layer layer) {
        size_t at = 0;

        return phx_drifts_next(&host->drifts, layer, "web", &at);
}

/* One container that has come up in its new profile, and whose health is asked for. */
static struct host come_up(void) {
        struct host host = host_new();

        host.settings.health = program;
        host.settings.rollback = true;
        host_add(&host, "web");
        host_pass(&host);
        host_end(&host, PHX_JOB_DONE, NULL);
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        return host;
}

static void expect_only_job(const struct host *host, const char *name) {
        assert_int_equal(host->jobs.count, 1);
        assert_string_equal(host->jobs.items[0].name, name);
}

/* It is under way until then, and no longer. */
static void expect_unasked(struct host *host, uint64_t came_up, const char *why) {
        assert_int_equal(host->wall - came_up, 300 * SECOND);
        assert_int_equal(host_phase(host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(item_of(host)->why, why);
        assert_int_equal(host->jobs.count, 0);
        assert_int_equal(host_events(host, PHX_RESTART_EVENT_FAILED), 1);
        assert_int_equal(drift_of(host, PHX_LAYER_RUNNING)->cause, PHX_CAUSE_RESTART_FAILED);
        /* Nothing is known against its profile. */
        assert_string_equal(host->containers[0].config, "lxc-new");
        host->wall += 10000 * SECOND;
        host_pass(host);
        assert_int_equal(host_phase(host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(host->containers[0].config, "lxc-new");
        assert_int_equal(host_events(host, PHX_RESTART_EVENT_BACK), 0);
        assert_non_null(
                        strstr(drift_of(host, PHX_LAYER_RUNNING)->detail,
                               "; not rolled back: nothing is known against its profile"));
}

static void the_answer_counts(void **state) {
        static const struct {
                enum phx_job_outcome outcome;
                unsigned phase;
        } cases[] = {
                { PHX_JOB_DONE, PHX_RESTART_STARTED },
                { PHX_JOB_FAILED, PHX_RESTART_FAILED },
                { PHX_JOB_REFUSED, PHX_RESTART_CHECKED },
                { PHX_JOB_GONE, PHX_RESTART_CHECKED },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(host_done) struct host host = come_up();

                host.settings.rollback = false;
                expect_only_job(&host, "health-web.2");
                assert_int_equal(host.jobs.items[0].verb, PHX_JOB_RUN);
                assert_int_equal(host.jobs.items[0].limit_usec, 30 * SECOND);
                assert_string_equal(host.jobs.items[0].commands[0].arguments.items[1], "web");
                host_end(&host, cases[i].outcome, "exit status 1");
                host_pass(&host);
                if (cases[i].outcome == PHX_JOB_DONE) {
                        assert_int_equal(host.jobs.count, 0);
                        host.wall += PHX_RESTART_STAY_USEC;
                        host_pass(&host);
                }
                assert_int_equal(host_phase(&host, "web"), cases[i].phase);
                if (cases[i].phase != PHX_RESTART_FAILED)
                        continue;
                assert_string_equal(item_of(&host)->why, "its health check failed: exit status 1");
                assert_int_equal(host.jobs.count, 0);
                assert_int_equal(
                                drift_of(&host, PHX_LAYER_RUNNING)->cause,
                                PHX_CAUSE_RESTART_FAILED);
        }
}

/* The answer is about the init that has ended. */
static void one_that_restarts_by_itself_is_asked_again(void **state) {
        phx_cleanup(host_done) struct host host = come_up();

        expect_only_job(&host, "health-web.2");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        expect_only_job(&host, "health-web.3");
        host.wall += PHX_RESTART_STAY_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
}

static void one_that_is_not_well_is_rolled_back(void **state) {
        phx_cleanup(host_done) struct host host = come_up();

        host_end(&host, PHX_JOB_FAILED, "exit status 1");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_BACK_UNDER_WAY);
        assert_string_equal(host.containers[0].config, "lxc-old");
}

static void what_is_not_well_has_to_come_up_once_more(void **state) {
        phx_cleanup(host_done) struct host host = come_up();

        host.settings.rollback = false;
        host_end(&host, PHX_JOB_FAILED, "no");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        expect_only_job(&host, "health-web.3");
}

static void one_that_systemd_does_not_begin_is_asked_again(void **state) {
        phx_cleanup(host_done) struct host host = come_up();

        host_end(&host, PHX_JOB_REFUSED, "no bus");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        assert_int_equal(host.jobs.count, 0);
        assert_int_equal(host.waits.next, host.wall + 10 * SECOND);
        assert_string_equal(
                        phx_restart_waits_find(&host.waits, "web")->why,
                        "its health is not known yet: systemd does not accept it: no bus");
        host.wall += 10 * SECOND;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        expect_only_job(&host, "health-web.3");
        host_end(&host, PHX_JOB_DONE, NULL);
        host_pass(&host);
        assert_int_equal(host_restarts(&host), 0);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_DONE), 1);
}

static void one_that_systemd_never_begins_is_not_rolled_back(void **state) {
        phx_cleanup(host_done) struct host host = come_up();
        const uint64_t came_up = host.wall;
        uint64_t pause = 0;
        unsigned tries = 0;

        while (host_phase(&host, "web") == PHX_RESTART_CHECKED) {
                assert_true(++tries < 20);
                host_end(&host, PHX_JOB_REFUSED, "no bus");
                host_pass(&host);
                if (host_phase(&host, "web") != PHX_RESTART_CHECKED)
                        break;
                /* Ever more rarely, but for the last time. */
                assert_true(host.waits.next - host.wall >= pause ||
                            host.waits.next - came_up == 300 * SECOND);
                pause = host.waits.next - host.wall;
                host.wall = host.waits.next;
                host_pass(&host);
        }
        assert_int_equal(tries, 9);
        expect_unasked(&host,
                       came_up,
                       "its health could not be asked for: systemd does not accept it: no bus");
}

static void a_program_that_is_not_trusted_is_not_run(void **state) {
        phx_cleanup(host_done) struct host host = host_new();
        uint64_t came_up;

        host.settings.health = program;
        host.settings.rollback = true;
        host_add(&host, "web");
        host_pass(&host);
        host.health_trouble = "/tmp: not trusted";
        host_end(&host, PHX_JOB_DONE, NULL);
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        came_up = host.wall;
        while (host_phase(&host, "web") == PHX_RESTART_CHECKED) {
                assert_int_equal(host.jobs.count, 0);
                assert_true(host.waits.next > host.wall);
                host.wall = host.waits.next;
                host_pass(&host);
        }
        expect_unasked(&host, came_up, "its health could not be asked for: /tmp: not trusted");
}

static void a_program_that_is_trusted_later_is_run(void **state) {
        phx_cleanup(host_done) struct host host = host_new();

        host.settings.health = program;
        host_add(&host, "web");
        host_pass(&host);
        host.health_trouble = "No such file or directory";
        host_end(&host, PHX_JOB_DONE, NULL);
        host_start(&host, "web", "lxc-new");
        host_pass(&host);
        assert_int_equal(host.jobs.count, 0);
        host.health_trouble = NULL;
        host.wall = host.waits.next;
        host_pass(&host);
        expect_only_job(&host, "health-web.2");
        /* It is asked already. */
        host.health_trouble = "No such file or directory";
        host_pass(&host);
        expect_only_job(&host, "health-web.2");
}

/* It would be stopped for a restart that cannot be judged. */
static void none_is_stopped_that_could_not_be_asked(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                phx_cleanup(host_done) struct host host = host_new();

                host.settings.health = program;
                host.health_trouble = "No such file or directory";
                if (i == 1)
                        host_add(&host, "web")->policy = PHX_RESTART_NEVER;
                else
                        host_add(&host, "web");
                if (i == 1)
                        assert_int_equal(
                                        phx_restarts_ask(
                                                        &host.restarts,
                                                        "web",
                                                        PHX_RESTART_NOW,
                                                        host.wall),
                                        1);
                host_pass(&host);
                assert_int_equal(host.jobs.count, 0);
                assert_int_equal(host_due(&host, "web"), PHX_RESTART_DUE_NOT_READY);
                assert_string_equal(
                                phx_restart_waits_find(&host.waits, "web")->why,
                                "No such file or directory");
                /* No event says that it is there. */
                assert_int_equal(host.waits.next, host.wall + 60 * SECOND);
                host.health_trouble = NULL;
                host_pass(&host);
                expect_only_job(&host, "restart-web.1");
        }
}

/* systemd ends it in time, and it has no word of that. */
static void no_answer_is_none(void **state) {
        phx_cleanup(host_done) struct host host = come_up();

        host.wall += 30 * SECOND + PHX_RESTART_GRACE_USEC;
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_string_equal(
                        item_of(&host)->why,
                        "its health could not be asked for: systemd does not say how its job has "
                        "ended");
        assert_string_equal(host.containers[0].config, "lxc-new");
}

static void an_operator_has_it_asked_again(void **state) {
        phx_cleanup(host_done) struct host host = come_up();

        host.settings.rollback = false;
        host_end(&host, PHX_JOB_FAILED, "exit status 1");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_int_equal(phx_restarts_ask(&host.restarts, "web", PHX_RESTART_NOW, host.wall), 1);
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_CHECKED);
        expect_only_job(&host, "health-web.3");
        host_end(&host, PHX_JOB_FAILED, "exit status 1");
        host_pass(&host);
        assert_int_equal(host_phase(&host, "web"), PHX_RESTART_FAILED);
        assert_int_equal(host_events(&host, PHX_RESTART_EVENT_FAILED), 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_answer_counts),
                cmocka_unit_test(one_that_restarts_by_itself_is_asked_again),
                cmocka_unit_test(one_that_is_not_well_is_rolled_back),
                cmocka_unit_test(what_is_not_well_has_to_come_up_once_more),
                cmocka_unit_test(one_that_systemd_does_not_begin_is_asked_again),
                cmocka_unit_test(one_that_systemd_never_begins_is_not_rolled_back),
                cmocka_unit_test(a_program_that_is_not_trusted_is_not_run),
                cmocka_unit_test(a_program_that_is_trusted_later_is_run),
                cmocka_unit_test(none_is_stopped_that_could_not_be_asked),
                cmocka_unit_test(no_answer_is_none),
                cmocka_unit_test(an_operator_has_it_asked_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
