/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Creations as a pass makes and tells them; what is decided has tests of its own. */

#include <limits.h>

#include "base/strings.h"
#include "pass-fixture.h"
#include "state/job.h"

static struct phx_job_results results;
static const char *explanation;

static int on_restarts(
                void *data,
                const struct phx_input *input,
                struct phx_restart_view *ret_view) {
        static const struct phx_restart_settings settings;
        static struct phx_restarts none;

        *ret_view = (struct phx_restart_view){ .settings = &settings,
                                               .restarts = &none,
                                               .results = &results,
                                               .boot = "boot" };
        return 0;
}

static int on_explain(void *data, const char *id, char **ret_text) {
        if (!explanation)
                return 0;
        return phx_replace(ret_text, explanation) < 0 ? -ENOMEM : 1;
}

static int on_review(
                void *data,
                const struct phx_input *input,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        return phx_replace(&observed->lxc_path, "/lxc");
}

static int run_once(struct subject *subject) {
        struct phx_world world = fake_world(subject->fake);

        world.restarts = on_restarts;
        world.explain_creation = on_explain;
        world.review = on_review;
        return run_in(subject, &world);
}

/* "new" is missing, and its entry asks for it. */
static int set_up_creations(void **state) {
        const struct phx_creation how = { .template = (char[]){ "/t.tar" } };
        int r = set_up(state);
        struct subject *subject = *state;
        struct phx_desired *desired = subject->fake->desired;

        explanation = NULL;
        fake_configure(subject->fake, "new", "new", "lxc-web");
        for (size_t i = 0; i < desired->container_count; i++) {
                struct phx_desired_container *want = &desired->containers[i];

                if (strcmp(want->id, "new") != 0)
                        continue;
                assert_int_equal(phx_replace(&want->directory, NULL), 0);
                assert_int_equal(phx_creation_copy(&want->creation, &how), 0);
        }
        return r;
}

static int tear_down_creations(void **state) {
        phx_job_results_done(&results);
        return tear_down(state);
}

static struct phx_desired_container *find_new(struct subject *subject) {
        for (size_t i = 0; i < subject->fake->desired->container_count; i++)
                if (strcmp(subject->fake->desired->containers[i].id, "new") == 0)
                        return &subject->fake->desired->containers[i];
        return NULL;
}

static const char *job(const struct subject *subject) {
        assert_int_equal(subject->report->jobs.count, 1);
        return subject->report->jobs.items[0].name;
}

static void it_is_recorded_and_handed_out_once(void **state) {
        struct subject *subject = *state;
        phx_autofree char *name = NULL;

        assert_int_equal(run_once(subject), 0);
        assert_non_null(strstr(fake_story(subject->fake), "intent: new: creating it\n"));
        name = strdup(job(subject));
        subject->fake->is_still = true;
        assert_int_equal(run_once(subject), 0);
        assert_false(subject->report->is_unchanged);
        assert_null(strstr(fake_story(subject->fake), "creating it"));
        assert_string_equal(job(subject), name);
}

static void one_that_is_there_was_created(void **state) {
        struct subject *subject = *state;
        struct phx_desired_container *want = find_new(subject);

        assert_int_equal(run_once(subject), 0);
        assert_non_null(want);
        if (!want)
                return;
        assert_int_equal(phx_replace(&want->directory, "new"), 0);
        (void) fake_create(subject->fake, "new", "lxc-web");
        assert_int_equal(run_once(subject), 0);
        assert_non_null(
                        strstr(fake_story(subject->fake),
                               "changed: new: it was created, and read back (was missing on this "
                               "host)\n"));
        assert_int_equal(subject->report->changes, 1);
        assert_int_equal(subject->report->jobs.count, 0);
}

static void a_failure_is_told_with_its_reason_and_not_repeated(void **state) {
        struct subject *subject = *state;
        phx_autofree char *first = NULL;

        assert_int_equal(run_once(subject), 0);
        first = strdup(job(subject));
        assert_int_equal(
                        phx_job_results_add(&results, first, PHX_JOB_FAILED, "ended as \"failed\""),
                        0);
        explanation = "the archive is damaged";
        assert_int_equal(run_once(subject), 0);
        assert_non_null(
                        strstr(fake_story(subject->fake),
                               "failed: new: creating it failed: the archive is damaged\n"));
        assert_int_equal(subject->report->jobs.count, 0);
        assert_true(subject->report->degraded);
        subject->now_usec += 3600 * SECOND;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(subject->report->jobs.count, 0);
        /* An operator asks. */
        phx_pass_forget_failures(subject->pass);
        assert_int_equal(run_once(subject), 0);
        assert_string_not_equal(job(subject), first);
}

static void one_that_systemd_refuses_is_tried_again(void **state) {
        struct subject *subject = *state;

        assert_int_equal(run_once(subject), 0);
        assert_int_equal(phx_job_results_add(&results, job(subject), PHX_JOB_REFUSED, "no bus"), 0);
        assert_int_equal(run_once(subject), 0);
        assert_non_null(
                        strstr(fake_story(subject->fake),
                               "failed: new: creating it failed: no bus\n"));
        assert_int_equal(subject->report->jobs.count, 0);
        assert_true(subject->report->retry_usec < PHX_NEVER);
        subject->now_usec += 600 * SECOND;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(subject->report->jobs.count, 1);
}

static void nothing_is_created_in_observe_mode(void **state) {
        struct subject *subject = *state;

        subject->fake->desired->mode = PHX_MODE_OBSERVE;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(subject->report->jobs.count, 0);
        assert_null(strstr(fake_story(subject->fake), "intent"));
}

/* Its lines could not be known again as phoenixd's. */
static void nothing_is_created_that_cannot_be_recorded(void **state) {
        struct subject *subject = *state;

        subject->fake->claim_failures = UINT_MAX;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(subject->report->jobs.count, 0);
        subject->fake->claim_failures = 0;
        subject->now_usec += 600 * SECOND;
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(subject->report->jobs.count, 1);
}

/* Nothing was begun, as the bus was not there, and the operator is believed. */
static void one_that_was_not_begun_is_given_up_in_observe_mode(void **state) {
        struct subject *subject = *state;

        assert_int_equal(run_once(subject), 0);
        subject->fake->desired->mode = PHX_MODE_OBSERVE;
        assert_int_equal(run_once(subject), 0);
        assert_true(subject->report->jobs.items[0].is_resumed);
        assert_int_equal(phx_job_results_add(&results, job(subject), PHX_JOB_GONE, "gone"), 0);
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(subject->report->jobs.count, 0);
        assert_null(strstr(fake_story(subject->fake), "failed"));
}

static void one_whose_entry_is_gone_is_not_waited_for(void **state) {
        struct subject *subject = *state;
        struct phx_desired_container *want = find_new(subject);

        assert_int_equal(run_once(subject), 0);
        assert_non_null(want);
        if (!want)
                return;
        want->creation = phx_creation_free(want->creation);
        assert_int_equal(phx_replace(&want->id, "other"), 0);
        assert_int_equal(run_once(subject), 0);
        assert_int_equal(subject->report->jobs.count, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up_creations, tear_down_creations)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(it_is_recorded_and_handed_out_once),
                TEST(one_that_is_there_was_created),
                TEST(a_failure_is_told_with_its_reason_and_not_repeated),
                TEST(one_that_systemd_refuses_is_tried_again),
                TEST(nothing_is_created_in_observe_mode),
                TEST(nothing_is_created_that_cannot_be_recorded),
                TEST(one_that_was_not_begun_is_given_up_in_observe_mode),
                TEST(one_whose_entry_is_gone_is_not_waited_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
