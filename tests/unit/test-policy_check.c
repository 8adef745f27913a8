/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/check.h"

static struct phx_settings settings;
static struct phx_error error;

static int set_up(void **state) {
        settings = (struct phx_settings){ 0 };
        error = (struct phx_error){ 0 };
        return 0;
}

/* NAME in MODE behind the profile lxc-a itself, unless NAME is that. */
static int check(const char *name, enum phx_policy_mode mode, bool has_attachment) {
        char own[] = "lxc-a", other[64];
        struct phx_policy_entry entries[] = {
                { .name = own, .mode = PHX_POLICY_ENFORCE },
                { .name = other, .mode = mode, .has_attachment = has_attachment },
        };
        bool is_own = strcmp(name, own) == 0;
        const struct phx_policy policy = { is_own ? entries + 1 : entries, is_own ? 1 : 2 };

        (void) snprintf(other, sizeof(other), "%s", name);
        return phx_policy_check(&policy, "lxc-a", &settings, &error);
}

static void assert_refused(int r, const char *text) {
        assert_int_equal(r, -EINVAL);
        assert_int_equal(error.code, -EINVAL);
        assert_string_equal(error.text, text);
}

static void a_profile_may_define_itself_and_its_children(void **state) {
        assert_int_equal(check("lxc-a", PHX_POLICY_ENFORCE, false), 0);
        assert_int_equal(check("lxc-a//child", PHX_POLICY_ENFORCE, false), 0);
        assert_int_equal(check("lxc-a//child//grandchild", PHX_POLICY_KILL, false), 0);
}

static void a_profile_may_define_nobody_else(void **state) {
        static const struct {
                const char *name, *text;
        } cases[] = {
                { "lxc-b",
                  "lxc-a: defines the profile 'lxc-b', expected only 'lxc-a' and its children" },
                { "lxc-ab",
                  "lxc-a: defines the profile 'lxc-ab', expected only 'lxc-a' and its children" },
                { "lxc-a/x",
                  "lxc-a: defines the profile 'lxc-a/x', expected only 'lxc-a' and its children" },
                { "lxc",
                  "lxc-a: defines the profile 'lxc', expected only 'lxc-a' and its children" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_refused(check(cases[i].name, PHX_POLICY_ENFORCE, false), cases[i].text);
}

static void children_without_the_profile_are_not_the_profile(void **state) {
        char child[] = "lxc-a//child";
        struct phx_policy_entry entry = { .name = child, .mode = PHX_POLICY_ENFORCE };
        const struct phx_policy policy = { &entry, 1 };

        assert_refused(phx_policy_check(&policy, "lxc-a", &settings, &error),
                       "lxc-a: does not define the profile 'lxc-a'");
}

static void only_a_child_may_attach_by_path(void **state) {
        assert_int_equal(check("lxc-a//child", PHX_POLICY_ENFORCE, true), 0);
        assert_refused(check("lxc-a", PHX_POLICY_ENFORCE, true),
                       "lxc-a: attaches to programs of the host, expected no path after its name");
}

static void a_mode_that_weakens_needs_its_setting(void **state) {
        assert_int_equal(check("lxc-a", PHX_POLICY_KILL, false), 0);
        assert_refused(check("lxc-a", PHX_POLICY_COMPLAIN, false),
                       "lxc-a: 'lxc-a' is in mode complain, expected enforce or kill");
        assert_refused(check("lxc-a//child", PHX_POLICY_UNCONFINED, false),
                       "lxc-a: 'lxc-a//child' is in mode unconfined, expected enforce or kill");

        settings.allow_complain = true;
        assert_int_equal(check("lxc-a", PHX_POLICY_COMPLAIN, false), 0);
        assert_int_equal(check("lxc-a", PHX_POLICY_UNCONFINED, false), -EINVAL);
        settings = (struct phx_settings){ .allow_unconfined_flag = true };
        assert_int_equal(check("lxc-a", PHX_POLICY_UNCONFINED, false), 0);
        assert_int_equal(check("lxc-a", PHX_POLICY_COMPLAIN, false), -EINVAL);
}

static void a_mode_that_is_not_understood_is_never_allowed(void **state) {
        settings = (struct phx_settings){ .allow_complain = true, .allow_unconfined_flag = true };
        assert_refused(check("lxc-a", PHX_POLICY_USER, false),
                       "lxc-a: 'lxc-a' is in mode user, expected enforce or kill");
        error = (struct phx_error){ 0 };
        assert_refused(check("lxc-a//x", PHX_POLICY_UNKNOWN, false),
                       "lxc-a: 'lxc-a//x' is in mode unknown, expected enforce or kill");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(a_profile_may_define_itself_and_its_children, set_up),
                cmocka_unit_test_setup(a_profile_may_define_nobody_else, set_up),
                cmocka_unit_test_setup(children_without_the_profile_are_not_the_profile, set_up),
                cmocka_unit_test_setup(only_a_child_may_attach_by_path, set_up),
                cmocka_unit_test_setup(a_mode_that_weakens_needs_its_setting, set_up),
                cmocka_unit_test_setup(a_mode_that_is_not_understood_is_never_allowed, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
