/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "state/job.h"

static void the_words_are_these(void **state) {
        static const char *const verbs[] = { "restart", "start", "stop", "run" };
        static const char *const outcomes[] = { "done", "failed", "gone", "refused" };

        for (unsigned i = 0; i < PHX_JOB_VERBS; i++)
                assert_string_equal(phx_job_verb_to_string((enum phx_job_verb) i), verbs[i]);
        for (unsigned i = 0; i < PHX_JOB_OUTCOMES; i++)
                assert_string_equal(
                                phx_job_outcome_to_string((enum phx_job_outcome) i),
                                outcomes[i]);
        assert_null(phx_job_verb_to_string((enum phx_job_verb) PHX_JOB_VERBS));
        assert_null(phx_job_outcome_to_string((enum phx_job_outcome) PHX_JOB_OUTCOMES));
}

static void a_name_is_one_that_a_unit_may_have(void **state) {
        static const struct {
                const char *name;
                bool is_valid;
        } cases[] = {
                { "restart-web", true },   { "restart-Web_1.a-7", true }, { "", false },
                { "restart/web", false },  { "restart web", false },      { "restart@web", false },
                { "restart\nweb", false },
        };
        char long_name[300], service[] = "lxc@a.service";

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(phx_jobs_done) struct phx_jobs jobs = { 0 };
                struct phx_job *job = phx_jobs_add(&jobs, cases[i].name);

                assert_int_equal(phx_job_add_command(job, "/bin/true", NULL), 0);
                if (phx_job_is_valid(job) != cases[i].is_valid)
                        fail_msg("%s", cases[i].name);
        }
        memset(long_name, 'a', sizeof(long_name) - 1);
        long_name[231] = '\0';
        assert_false(phx_job_is_valid(&(struct phx_job){ .name = long_name, .service = service }));
        long_name[230] = '\0';
        assert_true(phx_job_is_valid(&(struct phx_job){ .name = long_name, .service = service }));
}

static void it_has_a_service_or_absolute_programs(void **state) {
        phx_cleanup(phx_job_done) struct phx_job job = { .name = strdup("a") };

        assert_false(phx_job_is_valid(&job));
        /* Nothing of it is begun. */
        job.is_resumed = true;
        assert_true(phx_job_is_valid(&job));
        job.is_resumed = false;
        job.service = strdup("lxc@a.service");
        assert_true(phx_job_is_valid(&job));
        assert_int_equal(phx_job_add_command(&job, "/usr/bin/lxc-stop", "-n", "a", NULL), 0);
        assert_true(phx_job_is_valid(&job));
        assert_int_equal(phx_job_add_command(&job, "lxc-start", NULL), 0);
        assert_false(phx_job_is_valid(&job));
}

static void a_copy_has_all_of_it(void **state) {
        phx_cleanup(phx_job_done) struct phx_job job = { .verb = PHX_JOB_RUN,
                                                         .limit_usec = 7,
                                                         .is_resumed = true },
                                                 copy = { 0 };

        job.name = strdup("health-web");
        job.description = strdup("health of web");
        job.service = strdup("lxc@web.service");
        assert_int_equal(phx_job_add_command(&job, "/bin/health", "web", NULL), 0);
        assert_int_equal(phx_job_add_command(&job, "/bin/true", NULL), 0);
        assert_int_equal(phx_job_copy(&copy, &job), 0);
        /* The second one takes the place of the first. */
        assert_int_equal(phx_job_copy(&copy, &job), 0);
        phx_job_done(&job);

        assert_string_equal(copy.name, "health-web");
        assert_string_equal(copy.description, "health of web");
        assert_string_equal(copy.service, "lxc@web.service");
        assert_int_equal(copy.verb, PHX_JOB_RUN);
        assert_int_equal(copy.limit_usec, 7);
        assert_true(copy.is_resumed);
        assert_int_equal(copy.command_count, 2);
        assert_int_equal(copy.commands[0].arguments.count, 2);
        assert_string_equal(copy.commands[0].arguments.items[1], "web");
        assert_string_equal(copy.commands[1].arguments.items[0], "/bin/true");
}

static void jobs_and_results_are_found_by_name(void **state) {
        phx_cleanup(phx_job_results_done) struct phx_job_results results = { 0 };
        phx_cleanup(phx_jobs_done) struct phx_jobs jobs = { 0 };

        assert_null(phx_jobs_find(&jobs, "a"));
        assert_non_null(phx_jobs_add(&jobs, "a"));
        assert_non_null(phx_jobs_add(&jobs, "b"));
        assert_string_equal(phx_jobs_find(&jobs, "b")->name, "b");
        assert_null(phx_jobs_find(&jobs, "c"));

        assert_null(phx_job_results_find(&results, "a"));
        assert_int_equal(phx_job_results_add(&results, "a", PHX_JOB_DONE, NULL), 0);
        assert_int_equal(phx_job_results_add(&results, "b", PHX_JOB_FAILED, "it failed"), 0);
        assert_null(phx_job_results_find(&results, "a")->text);
        assert_int_equal(phx_job_results_find(&results, "b")->outcome, PHX_JOB_FAILED);
        assert_string_equal(phx_job_results_find(&results, "b")->text, "it failed");
        assert_null(phx_job_results_find(&results, "c"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_words_are_these),
                cmocka_unit_test(a_name_is_one_that_a_unit_may_have),
                cmocka_unit_test(it_has_a_service_or_absolute_programs),
                cmocka_unit_test(a_copy_has_all_of_it),
                cmocka_unit_test(jobs_and_results_are_found_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
