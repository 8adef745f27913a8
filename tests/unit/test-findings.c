/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/findings.h"
#include "codec/configuration_json.h"
#include "codec/settings_json.h"

static void check(
                const struct phx_findings *findings,
                size_t index,
                unsigned line,
                unsigned column,
                const char *text) {
        assert_true(index < findings->count);
        assert_string_equal(findings->items[index].text, text);
        assert_int_equal(findings->items[index].line, line);
        assert_int_equal(findings->items[index].column, column);
}

static void they_are_sorted_and_said_once(void **state) {
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };
        const struct phx_position second = { "b", 2, 1 }, first = { "a", 10, 3 };

        phx_findings_add(&findings, PHX_SEVERITY_ERROR, &second, "no %s", "good");
        phx_findings_add(&findings, PHX_SEVERITY_WARNING, &first, "odd");
        phx_findings_add(&findings, PHX_SEVERITY_ERROR, &second, "no good");
        assert_int_equal(findings.errors, 2);
        phx_findings_sort(&findings);
        assert_int_equal(findings.count, 2);
        assert_int_equal(findings.errors, 1);
        check(&findings, 0, 10, 3, "odd");
        check(&findings, 1, 2, 1, "no good");
        assert_string_equal(phx_severity_to_string(findings.items[0].severity), "warning");
        assert_false(findings.is_incomplete);
}

/* Returns what the parser does; FINDINGS gets all that is wrong. */
static int read_configuration(const char *text, struct phx_findings *findings) {
        struct phx_configuration *configuration = NULL;
        struct phx_error error = { .all = findings };
        int r = phx_configuration_parse(
                        "c.json",
                        text,
                        strlen(text),
                        "unconfined",
                        &configuration,
                        &error);

        phx_configuration_free(configuration);
        phx_findings_sort(findings);
        return r;
}

static void an_error_is_listed_where_the_reader_goes_on(void **state) {
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };
        struct phx_error error = { 0 };
        int r = phx_error_set_at(&error, -EINVAL, &(struct phx_position){ "a", 2, 3 }, "wrong");

        assert_false(phx_error_list(NULL, -EINVAL));
        assert_false(phx_error_list(&error, r));
        error.all = &findings;
        assert_false(phx_error_list(&error, -ENOMEM));
        assert_false(error.is_listed);
        assert_true(phx_error_list(&error, r));
        assert_true(error.is_listed);
        assert_int_equal(findings.errors, 1);
        assert_string_equal(findings.items[0].file, "a");
        assert_int_equal(findings.items[0].line, 2);
        assert_int_equal(findings.items[0].column, 3);
        assert_string_equal(findings.items[0].text, "wrong");

        (void) phx_error_set(&error, -EINVAL, "without a place");
        assert_false(error.is_listed);
        phx_findings_add_error(&findings, &error, -EINVAL, "b");
        error = (struct phx_error){ 0 };
        phx_findings_add_error(&findings, &error, -EPERM, "c");
        assert_string_equal(findings.items[1].file, "b");
        assert_string_equal(findings.items[1].text, "without a place");
        assert_string_equal(findings.items[2].file, "c");
        assert_string_equal(findings.items[2].text, "Operation not permitted");
}

static void a_configuration_tells_all_of_its_mistakes(void **state) {
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };

        assert_int_equal(
                        read_configuration(
                                        "{ \"lxc_configs\": {\n"
                                        "  \"a\": { \"boot_order\": -1,\n"
                                        "         \"features\": [\"\", \"nesting=1\", 7],\n"
                                        "         \"lxc_options\": [\"x\", \"lxc.y\"] },\n"
                                        "  \"/b\": { },\n"
                                        "  \"c\": { \"aparmor_profile\": \"lxc-x\",\n"
                                        "         \"dependencies\": [\"d\", \"c\"] },\n"
                                        "  \"e\": 3\n"
                                        "} }\n",
                                        &findings),
                        -EINVAL);
        assert_int_equal(findings.count, 10);
        assert_int_equal(findings.errors, 9);
        assert_int_equal(findings.items[0].line, 2);
        assert_int_equal(findings.items[0].column, 24);
        check(&findings,
              1,
              3,
              23,
              "lxc_configs.a.features[0]: found '', expected a non-empty string without control "
              "characters");
        assert_int_equal(findings.items[2].line, 3);
        assert_int_equal(findings.items[2].column, 40);
        assert_int_equal(findings.items[3].column, 26);
        assert_int_equal(findings.items[4].column, 31);
        assert_int_equal(findings.items[5].line, 5);
        check(&findings,
              6,
              6,
              10,
              "lxc_configs.c: unknown key 'aparmor_profile'; did you mean 'apparmor_profile'?");
        assert_int_equal(
                        findings.items[7].severity,
                        PHX_SEVERITY_WARNING); /* it may be elsewhere */
        assert_int_equal(findings.items[7].column, 27);
        assert_int_equal(findings.items[8].column, 32);
        assert_int_equal(findings.items[9].line, 8);
}

static void what_is_left_out_is_a_warning(void **state) {
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };

        assert_int_equal(
                        read_configuration(
                                        "{ \"lxc_configs\": { \"a\": {\n"
                                        "  \"apparmor_profile\": \"lxc-x\",\n"
                                        "  \"lxc_options\": [\n"
                                        "    \"lxc.apparmor.profile=unconfined\" ] } } }",
                                        &findings),
                        0);
        assert_int_equal(findings.errors, 0);
        assert_int_equal(findings.count, 1);
        check(&findings,
              0,
              4,
              5,
              "lxc_configs.a.lxc_options[0]: lxc.apparmor.profile=unconfined is skipped: "
              "apparmor_profile is 'lxc-x'");
}

static void each_container_knows_its_line(void **state) {
        static const char text[] = "{\n  \"lxc_configs\": {\n    \"b\": { \"name\": \"x\",\n"
                                   "      \"apparmor_profile\": \"lxc-b\" },\n"
                                   "    \"a\": {\n      },\n"
                                   "    \"c\": { \"x\": { \"apparmor_profile\": 1 },\n"
                                   "\n\"apparmor_profile\": \"lxc-c\" } } }";
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL;
        static const char set[] = "{\n\n \"default_profile\": \"lxc-d\" }";

        assert_int_equal(
                        phx_configuration_parse(
                                        "c.json",
                                        text,
                                        strlen(text),
                                        "unconfined",
                                        &configuration,
                                        NULL),
                        0);
        assert_int_equal(configuration->containers[0].line, 5);
        assert_int_equal(configuration->containers[1].line, 4);
        assert_int_equal(configuration->containers[2].line, 9);
        assert_int_equal(phx_settings_parse("s.json", set, strlen(set), &settings, NULL), 0);
        assert_int_equal(settings->default_profile_line, 3);
}

static void settings_tell_all_of_their_mistakes(void **state) {
        static const char text[] = "{ \"mod\": \"observe\",\n  \"mode\": 3,\n  \"resync_s\": 0 }";
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };
        struct phx_error error = { .all = &findings };
        struct phx_settings *settings = NULL;

        assert_int_equal(
                        phx_settings_parse("s.json", text, strlen(text), &settings, &error),
                        -EINVAL);
        phx_findings_sort(&findings);
        assert_int_equal(findings.count, 3);
        assert_int_equal(findings.items[0].line, 1);
        assert_int_equal(findings.items[0].column, 3);
        assert_int_equal(findings.items[1].line, 2);
        assert_int_equal(findings.items[1].column, 11);
        assert_int_equal(findings.items[2].line, 3);
}

static void what_is_no_json_has_a_column(void **state) {
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };

        assert_int_equal(read_configuration("{\n  \"x\" 1 }", &findings), -EINVAL);
        assert_int_equal(findings.count, 1);
        assert_int_equal(findings.items[0].line, 2);
        assert_true(findings.items[0].column >= 5 && findings.items[0].column <= 8);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(they_are_sorted_and_said_once),
                cmocka_unit_test(an_error_is_listed_where_the_reader_goes_on),
                cmocka_unit_test(a_configuration_tells_all_of_its_mistakes),
                cmocka_unit_test(what_is_left_out_is_a_warning),
                cmocka_unit_test(each_container_knows_its_line),
                cmocka_unit_test(settings_tell_all_of_their_mistakes),
                cmocka_unit_test(what_is_no_json_has_a_column),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
