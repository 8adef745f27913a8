/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Restarts as a pass makes and tells them; what is decided has tests of its own. */

#include "base/strings.h"
#include "pass-fixture.h"
#include "reconcile/restarts.h"
#include "state/job.h"

/* What the engine keeps for the world. */
struct kept {
        struct phx_restart_settings settings;
        struct phx_restarts list;
        struct phx_job_results results;
        uint64_t wall_usec;
        int keep_error; /* that storing it fails with */
        unsigned count; /* how often it was stored */
        size_t records; /* that there were then */
        const struct fake *fake;
        const char *explanation;
};

static struct kept kept;

static int on_restarts(
                void *data,
                const struct phx_input *input,
                struct phx_restart_view *ret_view) {
        *ret_view = (struct phx_restart_view){ .settings = &kept.settings,
                                               .restarts = &kept.list,
                                               .results = &kept.results,
                                               .window = { .is_known = true },
                                               .boot = "boot",
                                               .wall_usec = kept.wall_usec };
        return 0;
}

static int on_keep(void *data, const struct phx_restarts *next, struct phx_error *error) {
        kept.count++;
        kept.records = kept.fake->record_count;
        if (kept.keep_error < 0)
                return phx_error_set(error, kept.keep_error, "the disk is full");
        return phx_restarts_copy(&kept.list, next);
}

static int on_explain(
                void *data,
                const struct phx_restart_item *item,
                const struct phx_observed_container *have,
                char **ret_text) {
        if (!kept.explanation)
                return 0;
        return phx_replace(ret_text, kept.explanation) < 0 ? -ENOMEM : 1;
}

/* The fake machine's look, in which inits can be told from each other. */
static int on_review(
                void *data,
                const struct phx_input *input,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        for (size_t i = 0; i < observed->container_count; i++) {
                struct phx_observed_container *have = &observed->containers[i];

                have->restart = PHX_RESTART_PLAIN;
                have->init_started = kept.list.serial > 0 && have->wrong == 0 ? 2 : 1;
        }
        for (size_t i = 0; i < desired->container_count; i++)
                desired->containers[i].restart = kept.settings.policy;
        return phx_replace(&observed->lxc_path, "/var/lib/lxc");
}

static int run_once(struct subject *subject) {
        struct phx_world world = fake_world(subject->fake);

        world.restarts = on_restarts;
        world.keep_restarts = on_keep;
        world.explain_restart = on_explain;
        world.review = on_review;
        phx_pass_set_clock(subject->pass, subject->now_usec, kept.wall_usec);
        return run_in(subject, &world);
}

static int set_up_restarts(void **state) {
        struct subject *subject;
        int r = set_up(state);

        subject = *state;
        kept = (struct kept){ .settings = { .policy = PHX_RESTART_IMMEDIATE,
                                            .jobs = 1,
                                            .deadline_usec = 300 * SECOND },
                              .wall_usec = 5000 * SECOND,
                              .fake = subject->fake };
        fake_start(subject->fake, "web", "unconfined");
        return r;
}

static int tear_down_restarts(void **state) {
        phx_restarts_done(&kept.list);
        phx_job_results_done(&kept.results);
        return tear_down(state);
}

static void a_restart_is_recorded_stored_and_then_handed_out(void **state) {
        struct subject *subject = *state;

        assert_int_equal(run_once(subject), 0);
        assert_int_equal(kept.count, 1);
        assert_int_equal(kept.list.count, 1);
        assert_non_null(strstr(fake_story(subject->fake), "intent: web: restarting it\n"));
        /* The intent was the last record before it was stored. */
        assert_int_equal(subject->fake->records[kept.records - 1].kind, PHX_RECORD_INTENT);
        assert_int_equal(subject->fake->records[kept.records - 1].action, PHX_ACTION_RESTART);
        assert_int_equal(subject->report->jobs.count, 1);
        assert_string_equal(subject->report->jobs.items[0].name, "restart-web.1");
        assert_int_equal(subject->report->retry_usec, 300 * SECOND);
        /* While it is under way nothing is begun again, and no pass is cut short. */
        subject->fake->is_still = true;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(kept.count, 1);
        assert_false(subject->report->is_unchanged);
        assert_int_equal(subject->report->jobs.count, 1);
}

static void a_stop_for_a_state_is_told_as_such(void **state) {
        struct subject *subject = *state;

        subject->fake->desired->containers[0].state = PHX_RUN_STOPPED;
        assert_int_equal(run_once(subject), 0);
        assert_non_null(strstr(fake_story(subject->fake), "intent: web: stopping it\n"));
        assert_int_equal(subject->fake->records[kept.records - 1].action, PHX_ACTION_STOP);
        assert_int_equal(subject->report->jobs.count, 1);
        assert_string_equal(subject->report->jobs.items[0].name, "stop-web.1");
        assert_true(subject->report->degraded);
        assert_int_equal(phx_job_results_add(&kept.results, "stop-web.1", PHX_JOB_FAILED, "no"), 0);
        assert_int_equal(run_once(subject), 0);
        assert_non_null(strstr(fake_story(subject->fake), "failed: web: stopping it failed: no\n"));
        /* Nothing more happens. */
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(subject->fake->record_count, 0);
        assert_int_equal(subject->report->jobs.count, 0);
}

static void end_job(void) {
        assert_int_equal(
                        phx_job_results_add(&kept.results, "restart-web.1", PHX_JOB_DONE, NULL),
                        0);
}

static void its_success_is_told_with_what_was_before(void **state) {
        struct subject *subject = *state;

        assert_int_equal(run_once(subject), 0);
        fake_start(subject->fake, "web", "lxc-web");
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(phx_restarts_find(&kept.list, "web")->phase, PHX_RESTART_CHECKED);
        assert_int_equal(subject->report->retry_usec, PHX_RESTART_STAY_USEC);
        end_job();
        kept.wall_usec += PHX_RESTART_STAY_USEC;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(kept.list.items[0].phase, PHX_RESTART_STARTED);
        assert_int_equal(subject->report->jobs.count, 0);
        assert_int_equal(subject->report->changes, 1);
        assert_non_null(strstr(
                        fake_story(subject->fake),
                        "changed: web: it was restarted, and read back (ran under unconfined, "
                        "expected lxc-web)\n"));
        assert_true(subject->report->retry_usec == PHX_NEVER);
        assert_false(subject->report->degraded);
}

static void its_failure_is_told_with_the_reason_and_stays(void **state) {
        struct subject *subject = *state;
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;

        kept.explanation = "denied by AppArmor: exec /sbin/init";
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(
                        phx_job_results_add(
                                        &kept.results,
                                        "restart-web.1",
                                        PHX_JOB_FAILED,
                                        "lxc@web.service failed"),
                        0);
        assert_int_equal(run_once(subject), 0);
        assert_non_null(strstr(
                        fake_story(subject->fake),
                        "failed: web: restarting it failed: lxc@web.service failed; denied by "
                        "AppArmor: exec /sbin/init\n"));
        assert_true(subject->report->degraded);
        assert_string_equal(
                        phx_restarts_find(&kept.list, "web")->why,
                        "lxc@web.service failed; denied by AppArmor: exec /sbin/init");
        snapshot = phx_pass_take_snapshot(subject->pass);
        assert_int_equal(snapshot->containers[0].due, PHX_RESTART_DUE_FAILED);
        assert_int_equal(snapshot->containers[0].state, PHX_CONTAINER_DRIFT);
        /* Nothing more happens. */
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(subject->fake->record_count, 0);
        assert_true(subject->report->retry_usec == PHX_NEVER);
}

static void what_cannot_be_stored_is_not_begun(void **state) {
        struct subject *subject = *state;

        kept.keep_error = -ENOSPC;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(kept.list.count, 0);
        assert_int_equal(subject->report->jobs.count, 0);
        assert_non_null(
                        strstr(fake_story(subject->fake),
                               "failed: web: restarting it failed: the disk is full\n"));
        assert_int_equal(subject->report->retry_usec, SECOND);
}

/* Nothing of it was started. */
static void of_one_that_was_refused_nothing_more_is_asked(void **state) {
        struct subject *subject = *state;

        kept.explanation = "something about another container";
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(
                        phx_job_results_add(
                                        &kept.results,
                                        "restart-web.1",
                                        PHX_JOB_REFUSED,
                                        "Transaction is destructive."),
                        0);
        assert_int_equal(run_once(subject), 0);
        assert_string_equal(
                        phx_restarts_find(&kept.list, "web")->why,
                        "systemd does not accept it: Transaction is destructive.");
}

/* What came of a restart is not kept: that is reported, and all the rest goes on. */
static void what_cannot_be_settled_stops_no_repair(void **state) {
        struct subject *subject = *state;

        assert_int_equal(run_once(subject), 0);
        fake_start(subject->fake, "web", "lxc-web");
        (void) fake_create(subject->fake, "db", "unconfined");
        fake_configure(subject->fake, "db", "db", "lxc-web");
        kept.keep_error = -ENOSPC;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(kept.list.count, 1);
        assert_int_equal(subject->report->changes, 1);
        assert_non_null(strstr(fake_story(subject->fake), "changed: db: "));
        assert_null(strstr(fake_story(subject->fake), "changed: web: "));
        assert_non_null(strstr(fake_story(subject->fake), "the disk is full"));
        assert_true(subject->report->degraded);
        assert_int_equal(subject->report->retry_usec, 30 * SECOND);

        /* Said once. */
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(subject->fake->record_count, 0);
        assert_int_equal(subject->report->retry_usec, 30 * SECOND);
        kept.keep_error = 0;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(phx_restarts_find(&kept.list, "web")->phase, PHX_RESTART_CHECKED);
        end_job();
        kept.wall_usec += PHX_RESTART_STAY_USEC;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(kept.list.items[0].phase, PHX_RESTART_STARTED);
        assert_int_equal(subject->report->changes, 1);
        assert_non_null(strstr(fake_story(subject->fake), "changed: web: it was restarted"));
        assert_false(subject->report->degraded);
}

static void who_observes_restarts_nothing(void **state) {
        struct subject *subject = *state;

        assert_int_equal(run_once(subject), 0);
        phx_restarts_done(&kept.list);
        kept.count = 0;
        subject->fake->desired->mode = PHX_MODE_OBSERVE;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(kept.count, 0);
        assert_int_equal(subject->report->jobs.count, 0);
}

static void a_pass_that_waits_for_a_time_may_be_cut_short_before(void **state) {
        struct subject *subject = *state;

        kept.settings.policy = PHX_RESTART_NEVER;
        assert_int_equal(run_once(subject), 0);
        assert_true(subject->report->retry_usec == PHX_NEVER);
        subject->fake->is_still = true;
        assert_int_equal(run_once(subject), 0);
        assert_true(subject->report->is_unchanged);
        assert_int_equal(kept.count, 0);
}

#define RESTART_TEST(test) \
        cmocka_unit_test_setup_teardown(test, set_up_restarts, tear_down_restarts)

static void a_clock_that_is_set_back_cuts_no_pass_short(void **state) {
        struct subject *subject = *state;

        assert_int_equal(run_once(subject), 0);
        fake_start(subject->fake, "web", "lxc-web");
        assert_int_equal(run_once(subject), 0);
        end_job();
        assert_int_equal(run_once(subject), 0);
        subject->fake->is_still = true;
        assert_int_equal(run_once(subject), 0);
        assert_true(subject->report->is_unchanged);
        kept.wall_usec -= 3600 * SECOND;
        assert_int_equal(run_once(subject), 0);
        assert_false(subject->report->is_unchanged);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                RESTART_TEST(a_restart_is_recorded_stored_and_then_handed_out),
                RESTART_TEST(a_stop_for_a_state_is_told_as_such),
                RESTART_TEST(its_success_is_told_with_what_was_before),
                RESTART_TEST(its_failure_is_told_with_the_reason_and_stays),
                RESTART_TEST(what_cannot_be_stored_is_not_begun),
                RESTART_TEST(of_one_that_was_refused_nothing_more_is_asked),
                RESTART_TEST(what_cannot_be_settled_stops_no_repair),
                RESTART_TEST(who_observes_restarts_nothing),
                RESTART_TEST(a_pass_that_waits_for_a_time_may_be_cut_short_before),
                RESTART_TEST(a_clock_that_is_set_back_cuts_no_pass_short),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
