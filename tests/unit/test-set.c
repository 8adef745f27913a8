/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/set.h"

static void what_was_added_is_in_it_once(void **state) {
        phx_cleanup(phx_set_done) struct phx_set set = { 0 };

        assert_false(phx_set_has(&set, "a"));
        for (unsigned round = 0; round < 2; round++)
                for (unsigned i = 0; i < 1000; i++) {
                        char text[16];

                        (void) snprintf(text, sizeof(text), "c%u", i * 7919 % 1000);
                        assert_int_equal(phx_set_add(&set, text), round == 0);
                }
        assert_int_equal(set.count, 1000);
        assert_true(phx_set_has(&set, "c0"));
        assert_true(phx_set_has(&set, "c999"));
        assert_false(phx_set_has(&set, "c1000"));
        assert_false(phx_set_has(&set, ""));
}

static void done_leaves_an_empty_one(void **state) {
        struct phx_set set = { 0 };

        assert_int_equal(phx_set_add(&set, ""), 1);
        phx_set_done(&set);
        assert_int_equal(set.count, 0);
        assert_false(phx_set_has(&set, ""));
        phx_set_done(&set);
}

static void what_is_taken_out_is_not_in_it(void **state) {
        phx_cleanup(phx_set_done) struct phx_set set = { 0 };

        assert_int_equal(phx_set_remove(&set, "a"), 0);
        assert_int_equal(phx_set_add(&set, "a"), 1);
        assert_int_equal(phx_set_add(&set, "b"), 1);
        assert_int_equal(phx_set_remove(&set, "a"), 1);
        assert_int_equal(phx_set_remove(&set, "a"), 0);
        assert_int_equal(set.count, 1);
        assert_true(phx_set_has(&set, "b"));
        assert_int_equal(phx_set_remove(&set, "b"), 1);
        assert_int_equal(phx_set_add(&set, "b"), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_added_is_in_it_once),
                cmocka_unit_test(what_is_taken_out_is_not_in_it),
                cmocka_unit_test(done_leaves_an_empty_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
