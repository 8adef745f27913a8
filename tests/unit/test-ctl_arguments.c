/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "phoenixctl/arguments.h"

static const struct option suspend_options[] = {
        { "all", no_argument, NULL, 'a' },
        { "reason", required_argument, NULL, 'r' },
        { NULL, 0, NULL, 0 },
};

const struct ctl_verb ctl_verbs[] = {
        { "help", "", "", NULL, NULL },
        { "version", "", "", NULL, NULL },
        { "suspend", "", "", suspend_options, NULL },
        { NULL, NULL, NULL, NULL, NULL },
};

const struct ctl_verb *ctl_verb_find(const char *name) {
        for (const struct ctl_verb *verb = ctl_verbs; verb->name; verb++)
                if (strcmp(verb->name, name) == 0)
                        return verb;
        return NULL;
}

/* Splits LINE at its blanks and compares what the verb gets, joined by blanks, with EXPECTED. */
static void expect(const char *line, struct ctl *ctl, const char *expected) {
        phx_cleanup(phx_strings_done) struct phx_strings arguments = { 0 };
        const struct ctl_verb *verb = NULL;
        char text[256], got[256] = "", *argv[32] = { 0 }, *rest = NULL;
        int argc = 0, status = -1;

        (void) snprintf(text, sizeof(text), "phoenixctl %s", line);
        for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
                argv[argc++] = word;
        *ctl = (struct ctl){ 0 };
        if (!expected) {
                assert_int_equal(
                                ctl_arguments_parse(argc, argv, ctl, &verb, &arguments, &status),
                                0);
                assert_int_equal(status, CTL_ERROR);
                assert_null(verb);
                assert_int_equal(arguments.count, 0);
                return;
        }
        assert_int_equal(ctl_arguments_parse(argc, argv, ctl, &verb, &arguments, &status), 1);
        for (size_t i = 0; i < arguments.count; i++) {
                size_t at = strlen(got);

                (void) snprintf(got + at, sizeof(got) - at, i ? " %s" : "%s", arguments.items[i]);
        }
        assert_string_equal(got, expected);
        assert_string_equal(verb->name, arguments.items[0]);
}

static void options_for_all_stand_before_and_behind_the_verb(void **state) {
        struct ctl ctl;

        expect("--json suspend 910 -q --host=root@b --all", &ctl, "suspend --all -- 910");
        assert_true(ctl.json && ctl.quiet);
        assert_false(ctl.full || ctl.no_legend);
        expect("-H a suspend -H root@b 910 --full", &ctl, "suspend -- 910");
        assert_true(ctl.full);
        assert_string_equal(ctl.host, "root@b");
}

static void the_value_of_an_option_is_not_an_option(void **state) {
        struct ctl ctl;

        expect("suspend 910 --reason --json", &ctl, "suspend --reason=--json -- 910");
        assert_false(ctl.json);
        expect("suspend --all -- --json", &ctl, "suspend --all -- --json");
        assert_false(ctl.json);
}

static void help_and_version_win(void **state) {
        struct ctl ctl;

        expect("--help", &ctl, "help");
        expect("suspend --reason x -h", &ctl, "help suspend");
        expect("suspend --version", &ctl, "version");
}

static void a_wrong_line_is_refused(void **state) {
        struct ctl ctl;

        expect("", &ctl, NULL);
        expect("no-such-verb", &ctl, NULL);
        expect("--all suspend", &ctl, NULL);
        expect("suspend --reason", &ctl, NULL);
        expect("suspend --no-such-option", &ctl, NULL);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_for_all_stand_before_and_behind_the_verb),
                cmocka_unit_test(the_value_of_an_option_is_not_an_option),
                cmocka_unit_test(help_and_version_win),
                cmocka_unit_test(a_wrong_line_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
