/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/scope.h"

static void an_empty_scope_has_nothing(void **state) {
        const struct phx_scope scope = { 0 };

        assert_true(phx_scope_is_empty(&scope));
        assert_false(phx_scope_has(&scope, "/etc"));
        assert_false(phx_scope_has_below(&scope, "/"));
}

static void the_whole_scope_has_everything(void **state) {
        assert_false(phx_scope_is_empty(NULL));
        assert_true(phx_scope_has(NULL, "/any"));
        assert_true(phx_scope_has_below(NULL, "/any"));
}

static void paths_are_found_in_any_order_and_kept_once(void **state) {
        static const char *const paths[] = { "/b/x", "/a", "/b-2/y", "/c", "/a", "/b/x" };
        struct phx_scope scope = { 0 };

        for (size_t i = 0; i < PHX_ELEMENTS(paths); i++)
                phx_scope_add(&scope, paths[i]);
        assert_int_equal(scope.paths.count, 4);
        assert_string_equal(scope.paths.items[0], "/a");
        assert_string_equal(scope.paths.items[3], "/c");
        assert_true(phx_scope_has(&scope, "/b/x"));
        assert_false(phx_scope_has(&scope, "/b"));
        assert_true(phx_scope_has_below(&scope, "/b"));
        assert_true(phx_scope_concerns(&scope, "/b"));
        assert_true(phx_scope_concerns(NULL, "/b"));
        assert_true(phx_scope_has_below(&scope, "/a"));
        assert_false(phx_scope_has_below(&scope, "/b/x/z"));
        assert_false(phx_scope_has_below(&scope, "/d"));
        phx_scope_done(&scope);
        assert_true(phx_scope_is_empty(&scope));
}

static void a_directory_is_concerned_by_what_is_above_it(void **state) {
        phx_cleanup(phx_scope_done) struct phx_scope scope = { 0 };

        phx_scope_add(&scope, "/a/b");
        assert_true(phx_scope_concerns(&scope, "/a/b/c/d"));
        assert_true(phx_scope_concerns(&scope, "/a/b"));
        assert_true(phx_scope_concerns(&scope, "/a"));
        assert_false(phx_scope_concerns(&scope, "/a/bc"));
        assert_false(phx_scope_concerns(&scope, "/c"));
        phx_scope_add(&scope, "/");
        assert_true(phx_scope_concerns(&scope, "/c"));
}

static void joining_adds_all(void **state) {
        struct phx_scope scope = { .has_tasks = true }, other = { .has_policy = true };

        phx_scope_add(&scope, "/b");
        phx_scope_add(&other, "/a");
        phx_scope_join(&scope, &other);
        assert_true(scope.has_tasks && scope.has_policy && !scope.is_whole);
        assert_true(phx_scope_has(&scope, "/a") && phx_scope_has(&scope, "/b"));
        phx_scope_join(&scope, NULL);
        assert_true(scope.is_whole);
        assert_int_equal(scope.paths.count, 0);
        phx_scope_done(&scope);
        phx_scope_done(&other);
}

static void too_many_paths_are_everything(void **state) {
        struct phx_scope scope = { 0 };

        for (unsigned i = 0; i < 5000; i++) {
                char path[32];

                (void) snprintf(path, sizeof(path), "/%u", i);
                phx_scope_add(&scope, path);
        }
        assert_true(scope.is_whole);
        assert_int_equal(scope.paths.count, 0);
        phx_scope_done(&scope);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_scope_has_nothing),
                cmocka_unit_test(the_whole_scope_has_everything),
                cmocka_unit_test(paths_are_found_in_any_order_and_kept_once),
                cmocka_unit_test(a_directory_is_concerned_by_what_is_above_it),
                cmocka_unit_test(joining_adds_all),
                cmocka_unit_test(too_many_paths_are_everything),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
