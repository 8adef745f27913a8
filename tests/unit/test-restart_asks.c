/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/restart_asks.h"

static void what_is_asked_arrives(void **state) {
        static const char text[] = "now 0 5 101\nin-window 1000 1796439600000000 *\n"
                                   "now 4294967295 0 web.example\n";
        phx_cleanup(restart_asks_done) struct restart_asks asks = { 0 };
        phx_autofree char *again = NULL;

        assert_int_equal(restart_asks_from_text(text, &asks), 0);
        assert_int_equal(asks.count, 3);
        assert_string_equal(asks.items[0].object, "101");
        assert_int_equal(asks.items[0].when, PHX_RESTART_NOW);
        assert_int_equal(asks.items[0].by_uid, 0);
        assert_int_equal(asks.items[0].at_usec, 5);
        assert_string_equal(asks.items[1].object, RESTART_ASK_ALL);
        assert_int_equal(asks.items[1].when, PHX_RESTART_IN_WINDOW);
        assert_true(asks.items[1].at_usec == UINT64_C(1796439600000000));
        assert_int_equal(asks.items[2].by_uid, UINT32_MAX);
        assert_int_equal(restart_asks_to_text(&asks, &again), 0);
        assert_string_equal(again, text);
}

static void nothing_is_nothing(void **state) {
        phx_cleanup(restart_asks_done) struct restart_asks asks = { 0 };
        phx_autofree char *text = NULL;

        assert_int_equal(restart_asks_to_text(&asks, &text), 0);
        assert_string_equal(text, "");
        assert_int_equal(restart_asks_from_text(text, &asks), 0);
        assert_int_equal(asks.count, 0);
}

/* An engine that gets it has another loop than it was made for. */
static void whatever_else_comes_is_refused(void **state) {
        static const char *const wrong[] = {
                "now",
                "now 0",
                "now 0 5",
                "now 0 5 101 102",
                "never 0 5 101",
                "policy 0 5 101",
                "state 0 5 101",
                "now x 5 101",
                "now 0 x 101",
                "now 0 -5 101",
                "now 0 99999999999999999999 101",
                "now 4294967296 5 101",
                "now 0 5 ../etc",
                "now 0 5 101\n\nnow 0 5 102",
                "now 0 5 101\nagain",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(wrong); i++) {
                struct restart_asks asks = { 0 };

                assert_int_equal(restart_asks_from_text(wrong[i], &asks), -EBADMSG);
                assert_int_equal(asks.count, 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_asked_arrives),
                cmocka_unit_test(nothing_is_nothing),
                cmocka_unit_test(whatever_else_comes_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
