/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "codec/configuration_advise.h"
#include "codec/configuration_json.h"

static const struct phx_advice all = { .file = "c.json", .default_profile = "unconfined" };

static void assert_advised(const char *text, int count, const char *expected) {
        phx_cleanup(phx_buffer_done) struct phx_buffer advised = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(
                        phx_configuration_advise(&all, text, strlen(text), &advised, &error),
                        count);
        assert_string_equal(error.text, "");
        if (count == 0)
                assert_null(advised.data);
        else
                assert_string_equal(advised.data, expected);
}

static void the_value_is_replaced_and_nothing_else(void **state) {
        assert_advised("{ \"lxc_configs\" : {\n\t\"1\":{\"apparmor_profile\" :\t\"unconfined\" , "
                       "\"features\": [ \"docker\" ]}}}\n\n",
                       2,
                       "{ \"lxc_configs\" : {\n\t\"1\":{\"apparmor_profile\" :\t\"lxc-phoenix-v2\","
                       "\"apparmor_manages_nesting\": true , "
                       "\"features\": [ \"docker\" ]}}}\n\n");
}

static void a_key_that_is_absent_comes_first_in_the_form_of_the_others(void **state) {
        assert_advised("{\"lxc_configs\": {\n  \"1\": {\n    \"name\": \"a\"\n  }\n}}",
                       1,
                       "{\"lxc_configs\": {\n  \"1\": {\n    \"apparmor_profile\": "
                       "\"lxc-baseline\",\n    \"name\": \"a\"\n  }\n}}");
        assert_advised("{\"lxc_configs\": {\"1\": { }}}",
                       1,
                       "{\"lxc_configs\": {\"1\": {\"apparmor_profile\": \"lxc-baseline\" }}}");
}

#define OPTIONS(list) \
        "{\"lxc_configs\": {\"1\": {\"apparmor_profile\": \"lxc-x\", \"lxc_options\": " list "}}}"

static void options_that_fight_the_key_go_with_their_comma(void **state) {
        assert_advised(OPTIONS("[\n \"lxc.apparmor.profile=unconfined\"\n]"), 1, OPTIONS("[]"));
        assert_advised(OPTIONS("[\"lxc.a=b\", \"lxc.apparmor.profile=unconfined\"]"),
                       1,
                       OPTIONS("[\"lxc.a=b\"]"));
        assert_advised(OPTIONS("[ \"lxc.apparmor.profile = x\",\n \"lxc.a=b\" ]"),
                       1,
                       OPTIONS("[ \"lxc.a=b\" ]"));
        assert_advised(OPTIONS("[\"lxc.apparmor.profile=x\", \"lxc.apparmor.profile=y\"]"),
                       2,
                       OPTIONS("[]"));
        assert_advised(OPTIONS("[\"lxc.apparmor.profile: unconfined\", \"lxc.a: b\"]"),
                       1,
                       OPTIONS("[\"lxc.a: b\"]"));
        assert_advised(OPTIONS("[\" lxc.apparmor.profile\\u003dunconfined\"]"), 1, OPTIONS("[]"));
        assert_advised(OPTIONS("[\"lxc.apparmor.allow_nesting=1\"]"), 0, NULL);
}

#define ENTRY(entry) "{\"lxc_configs\": {\"1\": {" entry "}}}"
#define DOCKER "\"features\": [\"docker\"]"

/* phoenixd-profiles(7): all but the baseline are only for a policy namespace. */
static void profile_and_namespace_are_set_together(void **state) {
        assert_advised(ENTRY("\n  " DOCKER "\n"),
                       1,
                       ENTRY("\n  \"apparmor_profile\": \"lxc-phoenix-v2\",\n  "
                             "\"apparmor_manages_nesting\": true,\n  " DOCKER "\n"));
        assert_advised(ENTRY("\n  " DOCKER ",\n  \"apparmor_profile\": \"unconfined\"\n"),
                       2,
                       ENTRY("\n  " DOCKER ",\n  \"apparmor_profile\": \"lxc-phoenix-v2\",\n  "
                             "\"apparmor_manages_nesting\": true\n"));
        assert_advised(ENTRY("\"apparmor_manages_nesting\": false, " DOCKER),
                       2,
                       ENTRY("\"apparmor_profile\": \"lxc-phoenix-v2\","
                             "\"apparmor_manages_nesting\": true, " DOCKER));
        assert_advised(ENTRY("\"apparmor_manages_nesting\": true, " DOCKER),
                       1,
                       ENTRY("\"apparmor_profile\": \"lxc-phoenix-v2\","
                             "\"apparmor_manages_nesting\": true, " DOCKER));
        /* And what the key makes a contradiction goes. */
        assert_advised(ENTRY(DOCKER ", \"lxc_options\": [\"lxc.apparmor.allow_nesting: 1\", "
                                    "\"lxc.a=b\", \"lxc.include=/x/nesting.conf\"]"),
                       3,
                       ENTRY("\"apparmor_profile\": "
                             "\"lxc-phoenix-v2\",\"apparmor_manages_nesting\": "
                             "true," DOCKER ", \"lxc_options\": [\"lxc.a=b\"]"));
}

static void only_those_that_are_named_are_touched(void **state) {
        static const char text[] = "{\"lxc_configs\": {\"1\": {\"name\": \"a\"}, \"2\": {\"name\": "
                                   "\"b\"}}}";
        phx_cleanup(phx_strings_done) struct phx_strings ids = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer advised = { 0 };
        const struct phx_advice some = { .file = "c.json",
                                         .default_profile = "unconfined",
                                         .only = &ids };
        struct phx_error error = { 0 };

        assert_int_equal(phx_strings_add(&ids, "2"), 0);
        assert_int_equal(phx_configuration_advise(&some, text, strlen(text), &advised, &error), 1);
        assert_string_equal(
                        advised.data,
                        "{\"lxc_configs\": {\"1\": {\"name\": \"a\"}, \"2\": "
                        "{\"apparmor_profile\": \"lxc-baseline\",\"name\": \"b\"}}}");
        assert_int_equal(phx_strings_add(&ids, "3"), 0);
        assert_int_equal(
                        phx_configuration_advise(&some, text, strlen(text), &advised, &error),
                        -ENOENT);
        assert_string_equal(error.text, "c.json: there is no container '3'");
}

/* Nothing is written for whom nothing fits, not even that half of it. */
static void who_needs_more_than_there_is_is_left_alone(void **state) {
        static const char text[] = ENTRY("\"lxc_options\": [\"lxc.apparmor.profile=unconfined\",\n"
                                         "\"lxc.mount.entry=/dev/kvm dev/kvm none bind\"]");
        phx_cleanup(phx_findings_done) struct phx_findings left = { 0 };
        const struct phx_advice advice = { .file = "c.json",
                                           .default_profile = "unconfined",
                                           .left = &left };
        struct phx_buffer advised = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(
                        phx_configuration_advise(&advice, text, strlen(text), &advised, &error),
                        0);
        assert_null(advised.data);
        assert_int_equal(left.count, 1);
        assert_int_equal(left.items[0].line, 1);
        assert_string_equal(
                        left.items[0].text,
                        "lxc_configs.1: stays unconfined; no shipped profile allows /dev/kvm "
                        "(lxc_options)");
}

/* Before and behind what stays, and several in a row. */
static void any_of_the_options_may_go(void **state) {
        static const char *const texts[] = { "\"lxc.a=b\"", "\"lxc.apparmor.profile=x\"" };

        for (unsigned pattern = 0; pattern < 64; pattern++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 }, advised = { 0 };
                phx_cleanup(phx_configuration_freep) struct phx_configuration *result = NULL;
                int gone = __builtin_popcount(pattern);
                struct phx_error error = { 0 };

                assert_int_equal(
                                phx_buffer_add_text(
                                                &text,
                                                "{\"lxc_configs\": {\"1\": {\"apparmor_profile\": "
                                                "\"lxc-x\", \"lxc_options\": [ "),
                                0);
                for (unsigned i = 0; i < 6; i++)
                        assert_int_equal(
                                        phx_buffer_addf(&text,
                                                        "%s%s",
                                                        i == 0 ? "" : " ,\n ",
                                                        texts[pattern >> i & 1]),
                                        0);
                assert_int_equal(phx_buffer_add_text(&text, " ]}}}"), 0);
                assert_int_equal(
                                phx_configuration_advise(
                                                &all,
                                                text.data,
                                                text.size,
                                                &advised,
                                                &error),
                                gone);
                assert_string_equal(error.text, "");
                if (gone == 0)
                        continue;
                assert_int_equal(
                                phx_configuration_parse(
                                                "c",
                                                advised.data,
                                                advised.size,
                                                "unconfined",
                                                &result,
                                                NULL),
                                0);
                assert_int_equal(result->containers[0].options.count, 6 - gone);
                assert_int_equal(result->containers[0].notes.count, 0);
        }
}

static void what_is_no_configuration_is_refused(void **state) {
        struct phx_buffer advised = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(phx_configuration_advise(&all, "{", 1, &advised, &error), -EINVAL);
        assert_null(advised.data);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_value_is_replaced_and_nothing_else),
                cmocka_unit_test(a_key_that_is_absent_comes_first_in_the_form_of_the_others),
                cmocka_unit_test(options_that_fight_the_key_go_with_their_comma),
                cmocka_unit_test(profile_and_namespace_are_set_together),
                cmocka_unit_test(who_needs_more_than_there_is_is_left_alone),
                cmocka_unit_test(any_of_the_options_may_go),
                cmocka_unit_test(only_those_that_are_named_are_touched),
                cmocka_unit_test(what_is_no_configuration_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
