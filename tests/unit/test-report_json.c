/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/report_json.h"

static struct phx_report *new_report(void) {
        struct phx_report *report = calloc(1, sizeof(*report));

        assert_non_null(report);
        report->is_unchanged = report->is_settling = true;
        report->degraded = true;
        report->changes = 3;
        report->retry_usec = PHX_NEVER;
        report->debounce_usec = 200000;
        report->longest_delay_usec = 2000000;
        report->resync_usec = 600000000;
        report->label_resync_usec = 30000000;
        report->labels_at = 1700000000000000;
        assert_int_equal(phx_replace(&report->status, "Degraded: lxc-web: line 39"), 0);
        assert_int_equal(phx_replace(&report->lxc_path, "/var/lib/lxc"), 0);
        assert_int_equal(phx_strings_add(&report->watches, "/etc/apparmor.d"), 0);
        assert_int_equal(phx_strings_add(&report->watches, "/var/lib/lxc/c1"), 0);
        assert_int_equal(phx_report_add_init(report, 17), 0);
        assert_non_null(phx_jobs_add(&report->jobs, "restart-web"));
        return report;
}

static struct phx_report *there_and_back(const struct phx_report *report) {
        phx_autofree char *text = NULL;
        struct phx_report *back = NULL;

        assert_int_equal(phx_report_render(report, &text), 0);
        assert_int_equal(phx_report_parse(text, strlen(text), &back, NULL), 0);
        return back;
}

static void a_report_survives_the_journey(void **state) {
        phx_cleanup(phx_report_freep) struct phx_report *report = new_report();
        phx_cleanup(phx_report_freep) struct phx_report *back = there_and_back(report);

        assert_string_equal(back->status, report->status);
        assert_string_equal(back->lxc_path, report->lxc_path);
        assert_true(back->is_unchanged && back->is_settling);
        assert_true(back->degraded);
        assert_int_equal(back->changes, 3);
        /* They travel one by one. */
        assert_int_equal(back->watches.count, 0);
        assert_int_equal(back->init_count, 0);
        assert_true(back->retry_usec == PHX_NEVER);
        assert_int_equal(back->debounce_usec, 200000);
        assert_int_equal(back->longest_delay_usec, 2000000);
        assert_int_equal(back->resync_usec, 600000000);
        assert_int_equal(back->label_resync_usec, 30000000);
        assert_int_equal(back->labels_at, 1700000000000000);
        assert_int_equal(back->jobs.count, 1);
        assert_string_equal(back->jobs.items[0].name, "restart-web");
}

static void an_empty_report_survives_too(void **state) {
        const struct phx_report report = { 0 };
        phx_cleanup(phx_report_freep) struct phx_report *back = there_and_back(&report);

        assert_null(back->status);
        assert_null(back->lxc_path);
        assert_int_equal(back->watches.count, 0);
        assert_int_equal(back->init_count, 0);
        assert_int_equal(back->jobs.count, 0);
        assert_false(back->degraded);
}

static void a_name_that_is_not_utf8_survives(void **state) {
        phx_cleanup(phx_report_freep) struct phx_report *report = new_report();
        phx_cleanup(phx_report_freep) struct phx_report *back = NULL;

        assert_int_equal(phx_replace(&report->lxc_path, "/var/lib/caf\xe9"), 0);
        back = there_and_back(report);
        assert_string_equal(back->lxc_path, "/var/lib/caf\xe9");
}

static void a_time_that_json_cannot_hold_is_refused(void **state) {
        phx_cleanup(phx_report_freep) struct phx_report *report = new_report();
        char *text = NULL;

        report->resync_usec = (uint64_t) INT64_MAX + 1;
        assert_int_equal(phx_report_render(report, &text), -ERANGE);
        assert_null(text);
}

static void a_bad_report_is_refused_by_key(void **state) {
        static const struct {
                const char *from;
                const char *to;
                const char *text;
        } cases[] = {
                { "\"status\":\"Deg",
                  "\"status\":1,\"x\":\"",
                  "report: status: missing or invalid" },
                { "\"lxc_path\":\"", "\"lxc_path\":1,\"x\":\"", "report: lxc_path: missing" },
                { "\"degraded\":true", "\"degraded\":1", "report: degraded: missing or invalid" },
                { "\"changes\":3", "\"changes\":-3", "report: changes: missing or invalid" },
                { "\"resync_usec\":",
                  "\"resync_usec\":-",
                  "report: resync_usec: missing or invalid" },
                { "\"jobs\":[{\"name\":\"", "\"jobs\":[{\"name\":null,\"x\":\"", "report: jobs" },
                { "{", "{\"status\":null,", "report: duplicate object key" },
        };
        phx_cleanup(phx_report_freep) struct phx_report *report = new_report();
        phx_autofree char *good = NULL;

        assert_int_equal(phx_report_render(report, &good), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                const char *place = strstr(good, cases[i].from);
                struct phx_report *back = NULL;
                struct phx_error error = { 0 };
                char bad[1024];

                assert_non_null(place);
                (void) snprintf(bad,
                                sizeof(bad),
                                "%.*s%s%s",
                                (int) (place - good),
                                good,
                                cases[i].to,
                                place + strlen(cases[i].from));
                assert_int_equal(phx_report_parse(bad, strlen(bad), &back, &error), -EINVAL);
                assert_null(back);
                if (!phx_has_prefix(error.text, cases[i].text))
                        fail_msg("%s, not %s", error.text, cases[i].text);
        }
}

static void what_is_not_json_is_refused(void **state) {
        struct phx_report *back = NULL;
        struct phx_error error = { 0 };

        assert_int_equal(phx_report_parse("{", 1, &back, &error), -EINVAL);
        assert_true(phx_has_prefix(error.text, "report: "));
        assert_int_equal(phx_report_parse("[]", 2, &back, NULL), -EINVAL);
        assert_null(back);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_report_survives_the_journey),
                cmocka_unit_test(an_empty_report_survives_too),
                cmocka_unit_test(a_name_that_is_not_utf8_survives),
                cmocka_unit_test(a_time_that_json_cannot_hold_is_refused),
                cmocka_unit_test(a_bad_report_is_refused_by_key),
                cmocka_unit_test(what_is_not_json_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
