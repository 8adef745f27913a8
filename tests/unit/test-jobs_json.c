/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/jobs_json.h"
#include "codec/json.h"

static void a_job_survives_the_journey(void **state) {
        phx_cleanup(phx_job_done) struct phx_job job = { .verb = PHX_JOB_STOP,
                                                         .limit_usec = 30000000,
                                                         .is_resumed = true },
                                                 back = { 0 };
        phx_cleanup(phx_json_decref) json_t *json = NULL;

        job.name = strdup("stop-web");
        job.description = strdup("stop of web");
        job.service = strdup("lxc@web.service");
        assert_int_equal(
                        phx_job_add_command(&job, "/usr/bin/lxc-stop", "-P", "/srv/caf\xe9", NULL),
                        0);
        assert_int_equal(phx_fields_render(&phx_job_shape, &job, &json), 0);
        assert_int_equal(phx_fields_parse(&phx_job_shape, json, &back, NULL), 0);

        assert_string_equal(back.name, "stop-web");
        assert_int_equal(back.verb, PHX_JOB_STOP);
        assert_string_equal(back.description, "stop of web");
        assert_string_equal(back.service, "lxc@web.service");
        assert_int_equal(back.command_count, 1);
        assert_true(phx_strings_equal(&back.commands[0].arguments, &job.commands[0].arguments));
        assert_int_equal(back.limit_usec, 30000000);
        assert_true(back.is_resumed);
}

static void results_survive_the_journey(void **state) {
        phx_cleanup(phx_job_results_done) struct phx_job_results results = { 0 }, back = { 0 };
        phx_autofree char *text = NULL;

        for (unsigned i = 0; i < PHX_JOB_OUTCOMES; i++) {
                char name[] = { 'a', (char) ('0' + i), '\0' };

                assert_int_equal(
                                phx_job_results_add(
                                                &results,
                                                name,
                                                (enum phx_job_outcome) i,
                                                i > 0 ? "no such \xff unit" : NULL),
                                0);
        }
        assert_int_equal(phx_job_results_render(&results, &text), 0);
        assert_int_equal(phx_job_results_parse(text, strlen(text), &back, NULL), 0);
        assert_int_equal(back.count, PHX_JOB_OUTCOMES);
        for (unsigned i = 0; i < PHX_JOB_OUTCOMES; i++) {
                assert_string_equal(back.items[i].name, results.items[i].name);
                assert_int_equal(back.items[i].outcome, i);
                assert_true(phx_equal(back.items[i].text, results.items[i].text));
        }
}

static void what_are_no_results_is_refused(void **state) {
        static const char *const texts[] = {
                "",
                "[]",
                "{}",
                "{\"results\":[{\"name\":\"a\",\"outcome\":\"maybe\",\"text\":null}]}",
                "{\"results\":[{\"outcome\":\"done\",\"text\":null}]}",
                "{\"results\":[],\"results\":[]}",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++) {
                struct phx_job_results results = { 0 };
                struct phx_error error = { 0 };

                assert_int_equal(
                                phx_job_results_parse(texts[i], strlen(texts[i]), &results, &error),
                                -EINVAL);
                assert_null(results.items);
                assert_true(phx_has_prefix(error.text, "results of jobs: "));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_job_survives_the_journey),
                cmocka_unit_test(results_survive_the_journey),
                cmocka_unit_test(what_are_no_results_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
