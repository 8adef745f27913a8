/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/scope_text.h"

static void travel(const struct phx_scope *scope, struct phx_scope *ret_scope) {
        phx_autofree char *text = NULL;

        assert_int_equal(scope_to_text(scope, &text), 0);
        scope_from_text(text, ret_scope);
}

static void a_scope_arrives_as_it_was_sent(void **state) {
        struct phx_scope scope = { .has_tasks = true }, arrived;

        phx_scope_add(&scope, "/etc/apparmor.d/lxc-web");
        phx_scope_add(&scope, "/var/lib/lxc/tasks");
        travel(&scope, &arrived);
        assert_true(arrived.has_tasks && !arrived.has_policy && !arrived.is_whole);
        assert_true(phx_strings_equal(&arrived.paths, &scope.paths));
        phx_scope_done(&scope);
        phx_scope_done(&arrived);
}

static void nothing_stays_nothing(void **state) {
        struct phx_scope scope = { 0 }, arrived;

        travel(&scope, &arrived);
        assert_true(phx_scope_is_empty(&arrived));
        scope.has_policy = true;
        travel(&scope, &arrived);
        assert_true(arrived.has_policy && !arrived.has_tasks);
}

static void what_cannot_be_said_is_everything(void **state) {
        struct phx_scope scope = { 0 }, arrived;

        travel(NULL, &arrived);
        assert_true(arrived.is_whole);
        phx_scope_add(&scope, "/etc/a\nb");
        travel(&scope, &arrived);
        assert_true(arrived.is_whole);
        scope_from_text("nonsense\n", &arrived);
        assert_true(arrived.is_whole);
        phx_scope_done(&scope);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_scope_arrives_as_it_was_sent),
                cmocka_unit_test(nothing_stays_nothing),
                cmocka_unit_test(what_cannot_be_said_is_everything),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
