/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "profiles/head_start.h"
#include "state/report.h"

#define NOW 1000000000ULL

#define AGAIN (NOW + 2000000)

static void it_is_given_where_few_processors_have_many_to_do(void **state) {
        static const struct {
                size_t waiting, processors;
                bool is_on;
        } cases[] = {
                { 1, 1, false },  { 4, 1, false },  { 5, 1, true },    { 8, 2, false },
                { 9, 2, true },   { 50, 2, true },  { 16, 4, false },  { 17, 4, true },
                { 21, 5, false }, { 99, 5, false }, { 99, 64, false }, { 99, SIZE_MAX, false },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct phx_head_start start = { 0 };

                phx_head_start_give(&start, cases[i].waiting, cases[i].processors, NOW);
                assert_int_equal(start.is_on, cases[i].is_on);
        }
}

static void it_ends_with_the_compile_or_by_the_clock(void **state) {
        struct phx_head_start start = { 0 };

        assert_true(phx_head_start_due(&start) == PHX_NEVER);
        phx_head_start_see(&start, true, NOW);
        assert_false(start.is_on);

        phx_head_start_give(&start, 50, 2, NOW);
        assert_true(phx_head_start_due(&start) == NOW + PHX_HEAD_START_USEC);
        phx_head_start_see(&start, true, NOW + PHX_HEAD_START_USEC - 1);
        assert_true(start.is_on);
        phx_head_start_see(&start, true, NOW + PHX_HEAD_START_USEC);
        assert_false(start.is_on);
        assert_true(phx_head_start_due(&start) == PHX_NEVER);

        phx_head_start_give(&start, 50, 2, AGAIN);
        assert_true(start.is_on);
        phx_head_start_see(&start, false, AGAIN);
        assert_false(start.is_on);
}

static void it_goes_on_until_the_look_after_it_was_taken(void **state) {
        struct phx_head_start start = { 0 };

        phx_head_start_take(&start, NOW);
        assert_false(start.is_on);
        assert_false(phx_head_start_is_over(&start, NOW));

        phx_head_start_give(&start, 50, 2, NOW);
        phx_head_start_see(&start, true, NOW + 1);
        phx_head_start_take(&start, NOW + 2);
        assert_true(start.is_on);
        assert_true(phx_head_start_due(&start) == NOW + 2 + PHX_HEAD_START_FORCE_USEC);
        assert_true(phx_head_start_is_over(&start, NOW + 3));
        phx_head_start_see(&start, true, NOW + 3);
        assert_false(start.is_on);

        phx_head_start_give(&start, 50, 2, AGAIN);
        assert_true(start.is_on);
        assert_false(start.is_taken);
}

static void what_begins_again_and_again_gets_one(void **state) {
        struct phx_head_start start = { 0 };

        phx_head_start_give(&start, 50, 2, NOW);
        phx_head_start_see(&start, false, NOW + 1);
        phx_head_start_give(&start, 50, 2, NOW + 2);
        assert_false(start.is_on);
        phx_head_start_give(&start, 50, 2, AGAIN);
        assert_true(start.is_on);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_is_given_where_few_processors_have_many_to_do),
                cmocka_unit_test(it_ends_with_the_compile_or_by_the_clock),
                cmocka_unit_test(it_goes_on_until_the_look_after_it_was_taken),
                cmocka_unit_test(what_begins_again_and_again_gets_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
