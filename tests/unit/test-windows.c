/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "machine/windows.h"
#include "state/report.h"
#include "tree.h"

#define SEC UINT64_C(1000000)
#define HOUR (3600 * SEC)
#define DAY (24 * HOUR)
/* Sat 2026-12-05 03:00:00 UTC. */
#define SATURDAY (UINT64_C(1796439600) * SEC)

/* The stand-in knows "every SECONDS" and "once SECONDS", and notes each question. */
static const char program[] =
                "#!/bin/sh\n"
                "base=${2#--base-time=@}\n"
                "echo \"$5\" >>\"$(dirname \"$0\")/asked\"\n"
                "case $5 in\n"
                "every*) next=$(((base / ${5#every } + 1) * ${5#every })) ;;\n"
                "once*) next=${5#once }; [ \"$next\" -gt \"$base\" ] || next= ;;\n"
                "broken) exit 3 ;;\n"
                "slow*) sleep 0.3; next= ;;\n"
                "esac\n"
                "if [ \"$next\" ]; then\n"
                "  echo \"    Next elapse: $(LC_ALL=C date -u -d \"@$next\" '+%a %F %T UTC')\"\n"
                "else\n"
                "  echo '    Next elapse: never'\n"
                "fi\n";

static struct phx_calendar calendar;

static int setup(void **state) {
        (void) tree_new();
        tree_write("program", program);
        tree_write("asked", "");
        assert_int_equal(chmod(tree_path("program"), 0755), 0);
        calendar = (struct phx_calendar){ strdup(tree_path("program")), 10 * SEC };
        return 0;
}

static int teardown(void **state) {
        tree_done();
        free((char *) (uintptr_t) calendar.program);
        return 0;
}

static struct phx_window ask(
                struct phx_windows *windows,
                const char *one,
                const char *other,
                uint64_t length_usec,
                uint64_t wall_usec) {
        phx_cleanup(phx_strings_done) struct phx_strings expressions = { 0 };
        struct phx_window window = { 0 };

        if (one)
                assert_int_equal(phx_strings_add(&expressions, one), 0);
        if (other)
                assert_int_equal(phx_strings_add(&expressions, other), 0);
        assert_int_equal(
                        phx_windows_ask(windows,
                                        &calendar,
                                        &expressions,
                                        length_usec,
                                        wall_usec,
                                        &window),
                        0);
        return window;
}

static void expect_asked(const char *words) {
        phx_autofree char *asked = tree_read("asked");

        assert_string_equal(asked, words);
        tree_write("asked", "");
}

static void it_opens_and_closes(void **state) {
        phx_cleanup(phx_windows_done) struct phx_windows windows = { 0 };
        struct phx_window window;

        window = ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY - 1);
        assert_true(window.is_known);
        assert_false(window.is_open);
        assert_int_equal(window.next_usec, SATURDAY);
        window = ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY);
        assert_true(window.is_open);
        assert_int_equal(window.until_usec, SATURDAY + HOUR);
        window = ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY + HOUR - 1);
        assert_true(window.is_open);
        window = ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY + HOUR);
        assert_true(window.is_known);
        assert_false(window.is_open);
        assert_int_equal(window.next_usec, PHX_NEVER);
        assert_null(windows.trouble);
}

static void it_is_asked_once_for_each_begin_and_end(void **state) {
        phx_cleanup(phx_windows_done) struct phx_windows windows = { 0 };

        for (uint64_t at = SATURDAY - HOUR; at < SATURDAY + 2 * HOUR; at += 60 * SEC)
                (void) ask(&windows, "every 86400", "once 1796439600", HOUR, at);
        expect_asked("every 86400\nonce 1796439600\n"
                     "every 86400\nonce 1796439600\n"
                     "every 86400\nonce 1796439600\n");
}

/* A window that begins before the last one has ended makes it longer. */
static void windows_that_overlap_are_one(void **state) {
        phx_cleanup(phx_windows_done) struct phx_windows windows = { 0 };

        for (uint64_t at = SATURDAY; at < SATURDAY + 3 * HOUR; at += 7 * 60 * SEC) {
                const struct phx_window window = ask(&windows, "every 1800", NULL, HOUR, at);

                assert_true(window.is_open);
                assert_true(window.until_usec > at);
        }
}

static void the_latest_end_and_the_earliest_begin_count(void **state) {
        phx_cleanup(phx_windows_done) struct phx_windows windows = { 0 };
        struct phx_window window;

        window = ask(&windows, "once 1796439600", "once 1796439000", HOUR, SATURDAY - DAY / 2);
        assert_int_equal(window.next_usec, SATURDAY - 600 * SEC);
        window = ask(&windows, "once 1796439600", "once 1796439000", HOUR, SATURDAY);
        assert_true(window.is_open);
        assert_int_equal(window.until_usec, SATURDAY + HOUR);
}

static void another_question_is_asked_at_once(void **state) {
        phx_cleanup(phx_windows_done) struct phx_windows windows = { 0 };

        (void) ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY - 1000 * SEC);
        expect_asked("once 1796439600\n");
        (void) ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY - 1000 * SEC);
        expect_asked("");
        assert_true(ask(&windows, "once 1796438000", NULL, HOUR, SATURDAY - 1000 * SEC).is_open);
        expect_asked("once 1796438000\n");
        assert_false(ask(&windows, "once 1796438000", NULL, 60 * SEC, SATURDAY - 1000 * SEC)
                                     .is_open);
        expect_asked("once 1796438000\n");
        /* The clock was set back. */
        (void) ask(&windows, "once 1796438000", NULL, 60 * SEC, SATURDAY - 2000 * SEC);
        expect_asked("once 1796438000\n");
        /* Other rules of the time zone show after a day. */
        (void) ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY - 3 * DAY);
        (void) ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY - 2 * DAY);
        expect_asked("once 1796439600\nonce 1796439600\n");
}

static void another_time_zone_is_asked_about_at_once(void **state) {
        phx_cleanup(phx_windows_done) struct phx_windows windows = { 0 };
        phx_autofree char *zone = strdup(tree_path("zone"));

        calendar.zone = zone;
        (void) ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY - 1000 * SEC);
        expect_asked("once 1796439600\n");
        /* As timedatectl(1) sets it: a link that is replaced. */
        tree_write("east", "another zone");
        assert_int_equal(symlink("east", zone), 0);
        for (unsigned i = 0; i < 2; i++)
                (void) ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY - 1000 * SEC);
        expect_asked("once 1796439600\n");
        tree_write("west", "a third zone");
        assert_int_equal(unlink(zone), 0);
        assert_int_equal(symlink("west", zone), 0);
        for (unsigned i = 0; i < 2; i++)
                (void) ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY - 1000 * SEC);
        expect_asked("once 1796439600\n");
}

static void without_windows_none_opens_and_nothing_is_asked(void **state) {
        phx_cleanup(phx_windows_done) struct phx_windows windows = { 0 };
        const struct phx_window window = ask(&windows, NULL, NULL, HOUR, SATURDAY);

        assert_true(window.is_known);
        assert_false(window.is_open);
        assert_int_equal(window.next_usec, PHX_NEVER);
        expect_asked("");
}

/* Also when another one is open: what is not known is not open. */
static void one_that_cannot_be_asked_leaves_it_unknown(void **state) {
        phx_cleanup(phx_windows_done) struct phx_windows windows = { 0 };
        struct phx_window window;

        assert_true(ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY).is_open);
        expect_asked("once 1796439600\n");
        window = ask(&windows, "once 1796439600", "broken", HOUR, SATURDAY);
        assert_false(window.is_known);
        assert_false(window.is_open);
        assert_int_equal(window.next_usec, PHX_NEVER);
        assert_non_null(strstr(windows.trouble, "exited with status 3"));
        expect_asked("once 1796439600\nbroken\n");
        (void) ask(&windows, "once 1796439600", "broken", HOUR, SATURDAY + SEC);
        expect_asked("");
        (void) ask(&windows, "once 1796439600", "broken", HOUR, SATURDAY + PHX_WINDOWS_RETRY_USEC);
        expect_asked("once 1796439600\nbroken\n");
        assert_true(ask(&windows, "once 1796439600", NULL, HOUR, SATURDAY + SEC).is_open);
        assert_null(windows.trouble);
}

/* A look waits no longer for many than for one. */
static void many_that_are_slow_are_not_all_waited_for(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings expressions = { 0 };
        phx_cleanup(phx_windows_done) struct phx_windows windows = { 0 };
        struct phx_window window = { .is_known = true };
        phx_autofree char *asked = NULL;

        for (unsigned i = 0; i < 10; i++)
                assert_int_equal(phx_strings_addf(&expressions, "slow %u", i), 0);
        calendar.deadline_usec = SEC / 2;
        assert_int_equal(
                        phx_windows_ask(&windows, &calendar, &expressions, HOUR, SATURDAY, &window),
                        0);
        assert_false(window.is_known);
        assert_non_null(windows.trouble);
        asked = tree_read("asked");
        assert_null(strstr(asked, "slow 5"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(it_opens_and_closes, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                it_is_asked_once_for_each_begin_and_end,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(windows_that_overlap_are_one, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                the_latest_end_and_the_earliest_begin_count,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(another_question_is_asked_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                another_time_zone_is_asked_about_at_once,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                without_windows_none_opens_and_nothing_is_asked,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                one_that_cannot_be_asked_leaves_it_unknown,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                many_that_are_slow_are_not_all_waited_for,
                                setup,
                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
