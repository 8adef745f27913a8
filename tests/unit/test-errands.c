/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/strings.h"
#include "shared/errands.h"
#include "state/report.h"

/* Who waits, and what it was told. */
struct waiting {
        unsigned ends;
        enum errand_end end;
        char error[32];
        struct errands *errands; /* asks again when it is told */
};

static void on_ended(void *data, enum errand_end end, const char *error) {
        struct waiting *waiting = data;
        struct errand again = { .kind = ERRAND_PASS };

        waiting->ends++;
        waiting->end = end;
        (void) strncpy(waiting->error, error ? error : "done", sizeof(waiting->error) - 1);
        if (waiting->errands)
                assert_int_equal(errands_add(waiting->errands, &again), 0);
}

static void ask(struct errands *errands, struct waiting *waiting) {
        struct errand errand = { .kind = ERRAND_PASS, .ended = on_ended, .data = waiting };

        assert_int_equal(errands_add(errands, &errand), 0);
}

static void change(struct errands *errands, enum errand_kind kind, const char *object) {
        struct errand errand = { .kind = kind };

        assert_int_equal(phx_replace(&errand.suspension.object, object), 0);
        assert_int_equal(phx_replace(&errand.suspension.reason, "moved"), 0);
        errand.suspension.until = PHX_NEVER;
        assert_int_equal(errands_add(errands, &errand), 0);
        assert_null(errand.suspension.object);
}

static void one_that_comes_during_a_pass_takes_the_next(void **state) {
        phx_cleanup(errands_done) struct errands errands = { 0 };
        struct waiting first = { 0 }, second = { 0 };

        ask(&errands, &first);
        errands_end(&errands, NULL, false);
        assert_int_equal(first.ends, 0);
        errands_begin(&errands);
        ask(&errands, &second);
        errands_end(&errands, "no such key", false);
        assert_int_equal(first.ends, 1);
        assert_string_equal(first.error, "no such key");
        assert_int_equal(second.ends, 0);
        errands_begin(&errands);
        errands_end(&errands, NULL, false);
        assert_string_equal(second.error, "done");
        assert_null(errands.first);
}

static void one_waits_for_what_is_compiled(void **state) {
        phx_cleanup(errands_done) struct errands errands = { 0 };
        struct waiting pass = { 0 }, change = { 0 }, later = { 0 };
        struct errand errand = { .kind = ERRAND_SUSPEND, .ended = on_ended, .data = &change };

        ask(&errands, &pass);
        assert_int_equal(errands_add(&errands, &errand), 0);
        errands_begin(&errands);
        ask(&errands, &later);
        errands_end(&errands, NULL, true);
        assert_int_equal(pass.ends, 0);
        assert_int_equal(change.ends, 1);
        assert_int_equal(later.ends, 0);
        /* A pass that fails ends it all the same; one that has not begun with it does not. */
        errands_end(&errands, "failed", false);
        assert_string_equal(pass.error, "failed");
        assert_int_equal(later.ends, 0);
        errands_begin(&errands);
        errands_end(&errands, NULL, false);
        assert_string_equal(later.error, "done");
        assert_null(errands.first);
}

static void a_lost_pass_is_made_again(void **state) {
        phx_cleanup(errands_done) struct errands errands = { 0 };
        struct waiting waiting = { 0 };

        assert_false(errands_again(&errands));
        ask(&errands, &waiting);
        assert_false(errands_again(&errands));
        errands_begin(&errands);
        assert_true(errands_again(&errands));
        errands_end(&errands, NULL, false);
        assert_int_equal(waiting.ends, 0);
        errands_begin(&errands);
        errands_end(&errands, NULL, false);
        assert_int_equal(waiting.ends, 1);
}

static void one_that_asks_again_when_told_waits_for_another_pass(void **state) {
        phx_cleanup(errands_done) struct errands errands = { 0 };
        struct waiting waiting = { .errands = &errands };

        ask(&errands, &waiting);
        errands_begin(&errands);
        errands_end(&errands, NULL, false);
        assert_int_equal(waiting.ends, 1);
        assert_non_null(errands.first);
        assert_false(errands.first->is_running);
}

static void one_whose_caller_is_gone_is_done_all_the_same(void **state) {
        phx_cleanup(errands_done) struct errands errands = { 0 };
        phx_cleanup(phx_suspensions_done) struct phx_suspensions asked = { 0 };
        const struct phx_suspensions none = { 0 };
        struct waiting gone = { 0 }, other = { 0 };
        struct errand errand = { .kind = ERRAND_SUSPEND, .ended = on_ended, .data = &gone };

        assert_int_equal(phx_replace(&errand.suspension.object, "101"), 0);
        assert_int_equal(errands_add(&errands, &errand), 0);
        ask(&errands, &other);
        errands_disown(&errands, &gone);
        errands_begin(&errands);
        assert_int_equal(errands_suspensions(&errands, &none, &asked), 1);
        assert_int_equal(asked.count, 1);
        errands_end(&errands, NULL, false);
        assert_int_equal(gone.ends, 0);
        assert_int_equal(other.ends, 1);
}

static void what_was_stored_is_told_when_the_pass_fails(void **state) {
        phx_cleanup(errands_done) struct errands errands = { 0 };
        struct waiting pass = { 0 }, change = { 0 }, late = { 0 };
        struct errand errand = { .kind = ERRAND_RESUME, .ended = on_ended, .data = &change };

        ask(&errands, &pass);
        assert_int_equal(errands_add(&errands, &errand), 0);
        errands_begin(&errands);
        errand = (struct errand){ .kind = ERRAND_RESUME, .ended = on_ended, .data = &late };
        assert_int_equal(errands_add(&errands, &errand), 0);
        errands_stored(&errands);
        errands_end(&errands, "failed", false);
        assert_int_equal(pass.end, ERRAND_FAILED);
        assert_int_equal(change.end, ERRAND_STORED);
        assert_string_equal(change.error, "failed");

        /* Asked for again, it is stored again, or not. */
        errands_begin(&errands);
        errands_stored(&errands);
        assert_true(errands_again(&errands));
        errands_begin(&errands);
        errands_end(&errands, "failed", false);
        assert_int_equal(late.end, ERRAND_FAILED);
}

static void changes_of_suspensions_add_up_in_their_order(void **state) {
        phx_cleanup(errands_done) struct errands errands = { 0 };
        struct phx_suspension moved = { .object = (char[]){ "101" }, .until = PHX_NEVER };
        const struct phx_suspensions in_force = { &moved, 1 };
        struct phx_suspensions asked = { 0 };
        struct waiting waiting = { 0 };

        ask(&errands, &waiting);
        assert_int_equal(errands_suspensions(&errands, &in_force, &asked), 0);
        assert_int_equal(asked.count, 1);
        phx_suspensions_done(&asked);

        change(&errands, ERRAND_SUSPEND, "102");
        change(&errands, ERRAND_RESUME, "101");
        change(&errands, ERRAND_SUSPEND, "103");
        change(&errands, ERRAND_RESUME, "102");
        assert_int_equal(errands_suspensions(&errands, &in_force, &asked), 1);
        assert_int_equal(asked.count, 1);
        assert_string_equal(asked.items[0].object, "103");
        phx_suspensions_done(&asked);
}

static void want(struct errands *errands, struct waiting *waiting, const char *object) {
        struct errand errand = { .kind = ERRAND_RESTART, .ended = on_ended, .data = waiting };

        errand.restart.when = PHX_RESTART_IN_WINDOW;
        assert_int_equal(phx_replace(&errand.restart.object, object), 0);
        assert_int_equal(errands_add(errands, &errand), 0);
        assert_null(errand.restart.object);
}

/* Each pass asks for them again, until they end: another engine may have got the one before. */
static void restarts_are_asked_for_by_those_that_run(void **state) {
        phx_cleanup(errands_done) struct errands errands = { 0 };
        phx_cleanup(restart_asks_done) struct restart_asks first = { 0 }, second = { 0 };
        struct restart_asks none = { 0 };
        struct waiting waiting[2] = { 0 };

        change(&errands, ERRAND_SUSPEND, "102");
        want(&errands, &waiting[0], "101");
        assert_int_equal(errands_restarts(&errands, &none), 0);
        errands_begin(&errands);
        want(&errands, &waiting[1], "*");
        assert_int_equal(errands_restarts(&errands, &first), 1);
        assert_int_equal(first.count, 1);
        assert_string_equal(first.items[0].object, "101");
        assert_int_equal(first.items[0].when, PHX_RESTART_IN_WINDOW);
        /* It is not known yet whether a restart is required: the profile is compiled. */
        errands_end(&errands, NULL, true);
        assert_int_equal(waiting[0].ends, 0);
        errands_begin(&errands);
        assert_int_equal(errands_restarts(&errands, &second), 1);
        assert_int_equal(second.count, 2);
        /* What is stored is about suspensions. */
        errands_stored(&errands);
        errands_end(&errands, "failed", false);
        assert_int_equal(waiting[0].end, ERRAND_FAILED);
        assert_int_equal(waiting[1].end, ERRAND_FAILED);
        assert_null(errands.first);
}

static void one_that_restarts_changes_no_suspension(void **state) {
        phx_cleanup(errands_done) struct errands errands = { 0 };
        phx_cleanup(phx_suspensions_done) struct phx_suspensions asked = { 0 };
        const struct phx_suspensions none = { 0 };
        struct waiting waiting = { 0 };

        want(&errands, &waiting, "101");
        errands_begin(&errands);
        assert_int_equal(errands_suspensions(&errands, &none, &asked), 0);
        assert_int_equal(asked.count, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_that_comes_during_a_pass_takes_the_next),
                cmocka_unit_test(one_waits_for_what_is_compiled),
                cmocka_unit_test(a_lost_pass_is_made_again),
                cmocka_unit_test(one_that_asks_again_when_told_waits_for_another_pass),
                cmocka_unit_test(one_whose_caller_is_gone_is_done_all_the_same),
                cmocka_unit_test(what_was_stored_is_told_when_the_pass_fails),
                cmocka_unit_test(changes_of_suspensions_add_up_in_their_order),
                cmocka_unit_test(restarts_are_asked_for_by_those_that_run),
                cmocka_unit_test(one_that_restarts_changes_no_suspension),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
