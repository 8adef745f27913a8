/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which missing container is created, and what is said of the others. */

#include "creations-fixture.h"
#include "lxc/text.h"

static void one_that_does_not_ask_for_it_is_not_created(void **state) {
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "web", 0, NULL);

        want->creation = phx_creation_free(want->creation);
        look(host);
        assert_int_equal(host->plan.count, 0);
        assert_why(host, "web", "nothing to do until it is created");
}

static void they_are_created_one_by_one_in_their_order(void **state) {
        struct host *host = *state;

        (void) add(host, "a", 2, NULL);
        (void) add(host, "b", 1, NULL);
        (void) add(host, "c", 1, NULL);
        look(host);
        assert_string_equal(chosen(host), "b");
        assert_why(host, "a", "not created yet: container b is created first");
        assert_why(host, "c", "not created yet: container b is created first");
        assert_int_equal(phx_creations_begin(&host->creations, &host->plan.steps[0].create), 0);
        look(host);
        assert_int_equal(host->plan.count, 0);
        assert_why(host, "b", "being created");
        assert_why(host, "a", "not created yet: container b is created first");
}

static void a_clone_waits_for_its_source(void **state) {
        struct host *host = *state;
        struct phx_observed_container *have;

        (void) add(host, "b", 0, "a");
        look(host);
        assert_int_equal(host->plan.count, 0);
        assert_why(host,
                   "b",
                   "not created yet: container a, which it is cloned from, is not on "
                   "this host");
        have = add_there(host, "a");
        have->is_running = true;
        look(host);
        assert_why(host, "b", "not created yet: container a, which it is cloned from, is running");
        have->is_running = false;
        look(host);
        assert_string_equal(chosen(host), "b");
        assert_string_equal(host->plan.steps[0].create.source, "a");
}

/* What is copied must not be written to meanwhile. */
static void a_clone_waits_while_its_source_is_started_or_stopped(void **state) {
        static const enum phx_action_kind actions[] = { PHX_ACTION_START,
                                                        PHX_ACTION_STOP,
                                                        PHX_ACTION_RESTART };
        struct host *host = *state;
        struct phx_desired_container *source = add(host, "a", 0, NULL);
        const char *why = "not created yet: container a, which it is cloned from, is being started "
                          "or stopped";

        assert_int_equal(phx_replace(&source->directory, "a"), 0);
        source->state = PHX_RUN_RUNNING;
        (void) add(host, "b", 0, "a");
        (void) add_there(host, "a");
        for (size_t i = 0; i < PHX_ELEMENTS(actions); i++) {
                assert_int_equal(phx_diff(host->desired, host->observed, &host->drifts), 0);
                for (size_t at = 0; at < host->drifts.count; at++)
                        if (host->drifts.items[at].kind == PHX_DRIFT_STATE)
                                host->drifts.items[at].action = actions[i];
                decide(host);
                assert_why(host, "b", why);
        }
        source = &host->desired->containers[0];
        source->mark.has_job = true;
        look(host);
        assert_why(host, "b", why);
        source->mark.has_job = false;
        look(host);
        assert_string_equal(chosen(host), "b");
}

/* Its directory has another name than its id. */
static void assert_copied_for(struct host *host, const char *id) {
        assert_int_equal(phx_creations_mark(&host->creations, host->observed, host->desired), 0);
        assert_string_equal(host->desired->containers[0].copied_for, id);
        assert_int_equal(phx_replace(&host->desired->containers[0].copied_for, NULL), 0);
}

static void a_source_is_known_while_it_is_copied(void **state) {
        struct host *host = *state;
        struct phx_desired_container *source = add(host, "src", 0, NULL);

        (void) add_there(host, "src");
        assert_int_equal(phx_replace(&source->directory, "src"), 0);
        (void) add(host, "a", 0, "src");
        (void) add(host, "b", 1, "src");
        assert_int_equal(phx_creations_mark(&host->creations, host->observed, host->desired), 0);
        assert_null(host->desired->containers[0].copied_for);
        look(host);
        assert_int_equal(phx_creations_begin(&host->creations, &host->plan.steps[0].create), 0);
        assert_copied_for(host, "a");
        assert_int_equal(phx_creations_end(&host->creations, "no"), 0);
        assert_int_equal(phx_creations_mark(&host->creations, host->observed, host->desired), 0);
        assert_null(host->desired->containers[0].copied_for);
        /* As an engine finds it that has just been started. */
        host->observed->has_creation_left = true;
        assert_copied_for(host, "b");
}

static void a_source_is_meant_by_its_id(void **state) {
        struct host *host = *state;
        struct phx_desired_container *source = add(host, "900", 0, NULL);

        assert_int_equal(phx_replace(&source->directory, "template"), 0);
        (void) add_there(host, "template");
        (void) add(host, "901", 0, "900");
        look(host);
        assert_string_equal(chosen(host), "901");
        assert_string_equal(host->plan.steps[0].create.source, "template");
}

static void what_cannot_be_done_is_said(void **state) {
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "web", 0, NULL);

        assert_int_equal(phx_replace(&want->creation->proxmox_key, "storage_pool"), 0);
        look(host);
        assert_int_equal(host->plan.count, 0);
        assert_why(host,
                   "web",
                   "cannot be created: only Proxmox VE knows storage_pool; remove it from the "
                   "entry");
        assert_false(phx_drift_is_tolerable(drift_of(host, "web")));
        assert_int_equal(phx_replace(&want->creation->proxmox_key, NULL), 0);
        assert_int_equal(phx_replace(&want->creation->template, "local:vztmpl/t.tar"), 0);
        look(host);
        assert_why(host,
                   "web",
                   "cannot be created: only Proxmox VE knows templates by the name of a storage; "
                   "enter the path of the archive");
        host->observed->has_proxmox = true;
        look(host);
        assert_why(host, "web", "cannot be created: Proxmox VE has only ids from 100 to 999999999");
}

static void nothing_is_created_that_may_be_there(void **state) {
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "web", 0, NULL);

        want->is_on_another_node = true;
        look(host);
        assert_why(host, "web", "another node of the cluster has it");
        want->is_on_another_node = false;
        assert_int_equal(phx_replace(&host->observed->lxc_refusal, "not believed"), 0);
        look(host);
        assert_int_equal(host->plan.count, 0);
        assert_int_equal(phx_replace(&host->observed->lxc_refusal, NULL), 0);
        host->desired->has_configuration = false;
        look(host);
        assert_int_equal(host->plan.count, 0);
        host->desired->has_configuration = true;
        look(host);
        assert_string_equal(chosen(host), "web");
}

static void a_suspended_one_waits(void **state) {
        struct host *host = *state;
        struct phx_suspension suspension = { .object = (char[]){ "web" },
                                             .reason = (char[]){ "moving" } };

        (void) add(host, "web", 0, NULL);
        host->desired->suspensions = (struct phx_suspensions){ &suspension, 1 };
        look(host);
        assert_int_equal(host->plan.count, 0);
        assert_true(drift_of(host, "web")->is_suspended);
        assert_int_equal(drift_of(host, "web")->cause, PHX_CAUSE_SUSPENDED);
        host->desired->suspensions = (struct phx_suspensions){ 0 };
}

static void one_that_failed_waits_for_another_entry(void **state) {
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "web", 0, NULL);

        look(host);
        assert_int_equal(phx_creations_begin(&host->creations, &host->plan.steps[0].create), 0);
        assert_int_equal(phx_creations_end(&host->creations, "the disk is full"), 0);
        look(host);
        assert_why(host, "web", "its creation failed: the disk is full");
        assert_false(phx_drift_is_tolerable(drift_of(host, "web")));
        want->creation->memory_mb = 64;
        look(host);
        assert_string_equal(chosen(host), "web");
        want->creation->memory_mb = 0;
        phx_creations_forget_failures(&host->creations);
        look(host);
        assert_string_equal(chosen(host), "web");
}

static void the_job_has_all_that_the_entry_says(void **state) {
        struct host *host = *state;
        phx_cleanup(phx_jobs_done) struct phx_jobs jobs = { 0 };
        struct phx_desired_container *want = add(host, "web", 0, NULL);
        const struct phx_strings *arguments;

        want->creation->is_unprivileged = true;
        look(host);
        assert_int_equal(phx_creations_begin(&host->creations, &host->plan.steps[0].create), 0);
        assert_int_equal(
                        phx_creations_jobs(&host->creations, host->desired, host->observed, &jobs),
                        0);
        assert_int_equal(jobs.count, 1);
        assert_true(phx_job_is_valid(&jobs.items[0]));
        assert_int_equal(jobs.items[0].verb, PHX_JOB_RUN);
        arguments = &jobs.items[0].commands[0].arguments;
        assert_true(phx_strings_has(arguments, "--path=/lxc"));
        assert_true(phx_strings_has(arguments, "--name=web"));
        assert_true(phx_strings_has(arguments, "--label=lxc-web"));
        assert_true(phx_strings_has(arguments, "--template=/t.tar"));
        assert_true(phx_strings_has(arguments, "--unprivileged"));
        assert_true(phx_strings_has(arguments, "lxc.net.0.type = empty"));
}

/* Before its first start, and not by a pass that comes after that; but for what others may not
 * read. */
static void the_job_has_the_options_as_an_edit_writes_them(void **state) {
        static const char *const options[][2] = { { "lxc.cap.drop", "" },
                                                  { "lxc.cap.drop", "sys_time" },
                                                  { "lxc.environment", "KEY=secret" } };
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "web", 0, NULL);
        const struct phx_strings *arguments;

        for (size_t i = 0; i < PHX_ELEMENTS(options); i++)
                assert_non_null(phx_lxc_options_add(&want->options, options[i][0], options[i][1]));
        look(host);
        assert_int_equal(phx_creations_begin(&host->creations, &host->plan.steps[0].create), 0);
        arguments = &host->creations.job.commands[0].arguments;
        assert_true(arguments->count > 2);
        assert_string_equal(arguments->items[arguments->count - 2], "lxc.cap.drop = ");
        assert_int_equal(phx_lxc_text_copies("lxc.cap.drop = \n", 16, "lxc.cap.drop="), 1);
        assert_string_equal(arguments->items[arguments->count - 1], "lxc.cap.drop = sys_time");
}

/* As for one that is there: the profile's version and mode, and its namespace. */
static void one_without_its_profile_in_force_waits(void **state) {
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "web", 0, NULL);

        host->observed->loaded.items[0].mode = PHX_POLICY_COMPLAIN;
        look(host);
        assert_int_equal(host->plan.count, 0);
        assert_why(host, "web", "its profile is unmanaged and not enforced");
        host->observed->loaded.items[0].mode = PHX_POLICY_ENFORCE;
        assert_int_equal(phx_desired_container_set_profile(want, "lxc-other", NULL), 0);
        look(host);
        assert_int_equal(host->plan.count, 0);
        assert_why(host,
                   "web",
                   "its profile is neither in the profile directory nor in the kernel");
}

static void its_namespace_comes_before_it(void **state) {
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "web", 0, NULL);

        assert_int_equal(phx_desired_container_set_profile(want, "lxc-web", "lxc-web"), 0);
        look(host);
        assert_int_equal(host->plan.count, 1);
        assert_int_equal(host->plan.steps[0].kind, PHX_ACTION_NAMESPACE);
        assert_why(host, "web", "its policy namespace does not exist yet");
        assert_int_equal(phx_strings_add(&host->observed->namespaces, "lxc-web"), 0);
        look(host);
        assert_string_equal(chosen(host), "web");
}

/* As where its file system is not mounted. */
static void an_empty_path_that_had_containers_is_not_filled(void **state) {
        struct host *host = *state;

        (void) add(host, "web", 0, NULL);
        host->observed->is_emptied = true;
        look(host);
        assert_int_equal(host->plan.count, 0);
        assert_why(host,
                   "web",
                   "not created yet: /lxc had containers and is empty now; mount its file system, "
                   "or run \"phoenixctl reconcile\" to create them again");
        phx_creations_forget_failures(&host->creations);
        look(host);
        assert_string_equal(chosen(host), "web");

        /* It was said of this time, and not of the next. */
        (void) add_there(host, "other");
        assert_int_equal(
                        phx_creations_withdraw(&host->creations, host->desired, host->observed),
                        0);
        look(host);
        assert_int_equal(drift_of(host, "web")->cause, PHX_CAUSE_CREATE_WAITS);
}

static void assert_withdrawn(struct host *host, bool is_withdrawn) {
        phx_cleanup(phx_jobs_done) struct phx_jobs jobs = { 0 };

        assert_int_equal(
                        phx_creations_withdraw(&host->creations, host->desired, host->observed),
                        0);
        assert_int_equal(
                        phx_creations_jobs(&host->creations, host->desired, host->observed, &jobs),
                        0);
        assert_int_equal(jobs.count, 1);
        assert_int_equal(jobs.items[0].is_resumed, is_withdrawn);
}

static void begin_again(struct host *host) {
        if (host->creations.id)
                assert_int_equal(phx_creations_end(&host->creations, NULL), 0);
        look(host);
        assert_string_equal(chosen(host), "web");
        assert_int_equal(phx_creations_begin(&host->creations, &host->plan.steps[0].create), 0);
        assert_withdrawn(host, false);
}

static void one_that_is_not_permitted_any_more_is_not_begun(void **state) {
        struct phx_suspension suspension = { .object = (char[]){ "web" },
                                             .reason = (char[]){ "moving" } };
        struct host *host = *state;
        struct phx_desired_container *want = add(host, "web", 0, NULL);

        begin_again(host);
        host->desired->mode = PHX_MODE_OBSERVE;
        assert_withdrawn(host, true);
        host->desired->mode = PHX_MODE_ENFORCE;
        assert_withdrawn(host, true);

        begin_again(host);
        host->desired->suspensions = (struct phx_suspensions){ &suspension, 1 };
        assert_withdrawn(host, true);
        host->desired->suspensions = (struct phx_suspensions){ 0 };

        begin_again(host);
        host->observed->is_emptied = true;
        assert_withdrawn(host, true);
        host->observed->is_emptied = false;

        begin_again(host);
        want->creation->memory_mb = 64;
        assert_withdrawn(host, true);

        begin_again(host);
        want->creation = phx_creation_free(want->creation);
        assert_withdrawn(host, true);
}

static void what_was_withdrawn_and_not_begun_has_not_failed(void **state) {
        static const struct {
                enum phx_job_outcome job;
                enum phx_creation_outcome expected;
        } cases[] = {
                { PHX_JOB_GONE, PHX_CREATION_DROPPED },
                { PHX_JOB_REFUSED, PHX_CREATION_DROPPED },
                { PHX_JOB_FAILED, PHX_CREATION_FAILED },
        };
        struct host *host = *state;

        (void) add(host, "web", 0, NULL);
        begin_again(host);
        host->desired->mode = PHX_MODE_OBSERVE;
        assert_withdrawn(host, true);
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(phx_job_results_done) struct phx_job_results results = { 0 };
                const char *text = NULL;

                assert_int_equal(
                                phx_job_results_add(
                                                &results,
                                                host->creations.job.name,
                                                cases[i].job,
                                                "why"),
                                0);
                assert_int_equal(
                                phx_creations_outcome(
                                                &host->creations,
                                                host->desired,
                                                host->observed,
                                                &results,
                                                &text),
                                cases[i].expected);
        }
}

static void a_try_has_a_job_of_its_own(void **state) {
        struct host *host = *state;
        phx_autofree char *first = NULL;

        (void) add(host, "web", 0, NULL);
        look(host);
        assert_int_equal(phx_creations_begin(&host->creations, &host->plan.steps[0].create), 0);
        first = strdup(host->creations.job.name);
        assert_int_equal(phx_creations_end(&host->creations, NULL), 0);
        look(host);
        assert_int_equal(phx_creations_begin(&host->creations, &host->plan.steps[0].create), 0);
        assert_string_not_equal(first, host->creations.job.name);
}

static void what_is_left_is_cleaned_when_nothing_is_under_way(void **state) {
        struct host *host = *state;
        phx_cleanup(phx_jobs_done) struct phx_jobs jobs = { 0 };

        host->observed->has_creation_left = true;
        assert_int_equal(
                        phx_creations_jobs(&host->creations, host->desired, host->observed, &jobs),
                        0);
        assert_int_equal(jobs.count, 1);
        assert_string_equal(jobs.items[0].name, "create-clean.0");
        assert_true(phx_job_is_valid(&jobs.items[0]));
        phx_jobs_done(&jobs);
        host->desired->mode = PHX_MODE_OBSERVE;
        assert_int_equal(
                        phx_creations_jobs(&host->creations, host->desired, host->observed, &jobs),
                        0);
        assert_int_equal(jobs.count, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(one_that_does_not_ask_for_it_is_not_created),
                TEST(they_are_created_one_by_one_in_their_order),
                TEST(a_clone_waits_for_its_source),
                TEST(a_clone_waits_while_its_source_is_started_or_stopped),
                TEST(a_source_is_known_while_it_is_copied),
                TEST(a_source_is_meant_by_its_id),
                TEST(what_cannot_be_done_is_said),
                TEST(nothing_is_created_that_may_be_there),
                TEST(a_suspended_one_waits),
                TEST(one_that_failed_waits_for_another_entry),
                TEST(the_job_has_all_that_the_entry_says),
                TEST(the_job_has_the_options_as_an_edit_writes_them),
                TEST(one_without_its_profile_in_force_waits),
                TEST(its_namespace_comes_before_it),
                TEST(an_empty_path_that_had_containers_is_not_filled),
                TEST(one_that_is_not_permitted_any_more_is_not_begun),
                TEST(what_was_withdrawn_and_not_begun_has_not_failed),
                TEST(a_try_has_a_job_of_its_own),
                TEST(what_is_left_is_cleaned_when_nothing_is_under_way),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
