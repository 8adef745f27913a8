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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "base/process.h"
#include "tree.h"

#define SEC UINT64_C(1000000)
/* Mon 2026-11-30 01:33:20 UTC. */
#define MONDAY (UINT64_C(1796002400) * SEC)
/* Sat 2026-12-05 03:00:00 UTC. */
#define SATURDAY (UINT64_C(1796439600) * SEC)
#define WEEK (7 * 86400 * SEC)

static int setup(void **state) {
        (void) tree_new();
        return 0;
}

static int teardown(void **state) {
        tree_done();
        return 0;
}

static void assert_no_child_is_left(void) {
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

/* --- systemd itself --- */

static bool has_systemd(void) {
        if (access(PHX_CALENDAR_PROGRAM, X_OK) == 0)
                return true;
        print_message("skipped: there is no " PHX_CALENDAR_PROGRAM "\n");
        return false;
}

static void it_elapses_when_systemd_says(void **state) {
        uint64_t usec = 0;

        if (!has_systemd())
                skip();
        assert_int_equal(
                        phx_calendar_next(
                                        &phx_calendar_systemd,
                                        "Sat 03:00 UTC",
                                        MONDAY,
                                        &usec,
                                        NULL),
                        1);
        assert_int_equal(usec, SATURDAY);
        /* After, and not at. */
        assert_int_equal(
                        phx_calendar_next(
                                        &phx_calendar_systemd,
                                        "Sat 03:00 UTC",
                                        SATURDAY - 1,
                                        &usec,
                                        NULL),
                        1);
        assert_int_equal(usec, SATURDAY);
        assert_int_equal(
                        phx_calendar_next(
                                        &phx_calendar_systemd,
                                        "Sat 03:00 UTC",
                                        SATURDAY,
                                        &usec,
                                        NULL),
                        1);
        assert_int_equal(usec, SATURDAY + WEEK);
        assert_no_child_is_left();
}

/* Whatever the machine's time zone is. */
static void a_time_zone_counts(void **state) {
        uint64_t usec = 0;

        if (!has_systemd())
                skip();
        assert_int_equal(
                        phx_calendar_next(
                                        &phx_calendar_systemd,
                                        "Sat 03:00 Asia/Tokyo",
                                        MONDAY,
                                        &usec,
                                        NULL),
                        1);
        assert_int_equal(usec, SATURDAY - 9 * 3600 * SEC);
}

static void what_is_over_elapses_never(void **state) {
        uint64_t usec = 4711;

        if (!has_systemd())
                skip();
        assert_int_equal(
                        phx_calendar_next(
                                        &phx_calendar_systemd,
                                        "2020-01-01 03:00 UTC",
                                        MONDAY,
                                        &usec,
                                        NULL),
                        0);
        assert_int_equal(usec, 4711);
}

static void what_is_no_expression_is_refused(void **state) {
        static const char *const wrong[] = { "Sax 03:00", "", "--help", "25:00", "03:00\nSat" };
        uint64_t usec = 4711;

        if (!has_systemd())
                skip();
        for (size_t i = 0; i < PHX_ELEMENTS(wrong); i++) {
                struct phx_error error = { 0 };

                assert_int_equal(
                                phx_calendar_next(
                                                &phx_calendar_systemd,
                                                wrong[i],
                                                MONDAY,
                                                &usec,
                                                &error),
                                -EINVAL);
                assert_true(error.text[0]);
        }
        assert_int_equal(usec, 4711);
        assert_no_child_is_left();
}

/* --- a program in its place --- */

static struct phx_calendar stand_in(const char *script) {
        tree_write("program", script);
        assert_int_equal(chmod(tree_path("program"), 0755), 0);
        return (struct phx_calendar){ tree_path("program"), 10 * SEC };
}

/* What comes of SCRIPT; WORDS are in its text. */
static void assert_fails(const char *script, uint64_t deadline_usec, int code, const char *words) {
        struct phx_calendar calendar = stand_in(script);
        struct phx_error error = { 0 };
        uint64_t usec = 4711;

        calendar.deadline_usec = deadline_usec;
        assert_int_equal(phx_calendar_next(&calendar, "daily", MONDAY, &usec, &error), code);
        assert_int_equal(usec, 4711);
        if (!strstr(error.text, words))
                fail_msg("'%s' has no '%s'", error.text, words);
        assert_no_child_is_left();
}

static void the_line_in_utc_is_read(void **state) {
        const struct phx_calendar calendar = stand_in(
                        "#!/bin/sh\n"
                        "[ \"$*\" = 'calendar --base-time=@1796002400 --iterations=1 -- -x y' ] || exit 3\n"
                        "echo '  Original form: 2030-01-01 00:00:00 UTC'\n"
                        "echo 'Normalized form: 2030-01-01 00:00:00 UTC'\n"
                        "echo '    Next elapse: Sat 2026-12-05 04:00:00 CET'\n"
                        "echo '       (in UTC): Sat 2026-12-05 03:00:00 UTC'\n"
                        "echo '       From now: 5 days left'\n");
        uint64_t usec = 0;

        assert_int_equal(phx_calendar_next(&calendar, "-x y", MONDAY, &usec, NULL), 1);
        assert_int_equal(usec, SATURDAY);
        assert_no_child_is_left();
}

static void garbage_is_no_answer(void **state) {
        assert_fails("#!/bin/sh\nexit 0\n", 10 * SEC, -EBADMSG, "cannot be understood");
        assert_fails("#!/bin/sh\necho '    Next elapse: soon'\n",
                     10 * SEC,
                     -EBADMSG,
                     "cannot be understood");
        assert_fails("#!/bin/sh\necho '    Next elapse: neverland 1'\n",
                     10 * SEC,
                     -EBADMSG,
                     "cannot be understood");
        assert_fails("#!/bin/sh\nprintf '    Next elapse: Sat 2026-12-05 03:00'\n",
                     10 * SEC,
                     -EBADMSG,
                     "cannot be understood");
        assert_fails("#!/bin/sh\nexec yes\n", 10 * SEC, -EFBIG, "File too large");
}

static void one_that_fails_refuses_nothing(void **state) {
        assert_fails("#!/bin/sh\nexit 3\n", 10 * SEC, -EIO, "exited with status 3");
        assert_fails("#!/bin/sh\nexit 1\n", 10 * SEC, -EIO, "exited with status 1");
        assert_fails("#!/bin/sh\nkill -9 $$\n", 10 * SEC, -EIO, "killed by signal 9");
        assert_fails("#!/bin/sh\necho 'no memory' >&2\nexit 1\n",
                     10 * SEC,
                     -EIO,
                     "refuses every expression: no memory");
        assert_fails("#!/bin/sh\nexec sleep 1000\n", SEC / 5, -ETIMEDOUT, "timed out");
        assert_fails("#!/bin/sh\nexec >&- 2>&-\nexec sleep 1000\n",
                     SEC / 5,
                     -ETIMEDOUT,
                     "timed out");
}

static void without_the_program_nothing_is_known(void **state) {
        const struct phx_calendar calendar = { "/nonexistent/analyze", 10 * SEC };
        struct phx_error error = { 0 };
        uint64_t usec = 0;

        assert_int_equal(phx_calendar_next(&calendar, "daily", MONDAY, &usec, &error), -ENOENT);
        assert_string_equal(error.text, "/nonexistent/analyze: No such file or directory");
        assert_no_child_is_left();
}

/* What it has started has the other end of the pipe, and dies with its group. */
static void a_child_of_the_program_is_not_waited_for(void **state) {
        const struct phx_calendar calendar = stand_in(
                        "#!/bin/sh\n"
                        "sleep 1000 &\n"
                        "echo '    Next elapse: Sat 2026-12-05 03:00:00 UTC'\n");
        uint64_t usec = 0, before = phx_now_usec();

        assert_int_equal(phx_calendar_next(&calendar, "daily", MONDAY, &usec, NULL), 1);
        assert_int_equal(usec, SATURDAY);
        assert_true(phx_now_usec() - before < 8 * SEC);
}

static void it_has_no_rights_and_nothing_of_ours(void **state) {
        const struct phx_calendar calendar = stand_in(
                        "#!/bin/sh\n"
                        "grep -q '^CapEff:.*[1-9a-f]' /proc/self/status && exit 4\n"
                        "for fd in 3 4 5 6 7 8 9 11 12; do [ -e /proc/$$/fd/$fd ] && exit 5; done\n"
                        "[ \"$(pwd)\" = / ] || exit 6\n"
                        "[ -z \"$PHX_SECRET\" ] || exit 7\n"
                        "echo '    Next elapse: never'\n");
        struct phx_error error = { 0 };
        uint64_t usec = 0;

        assert_int_equal(setenv("PHX_SECRET", "1", 1), 0);
        if (phx_calendar_next(&calendar, "daily", MONDAY, &usec, &error) != 0)
                fail_msg("%s", error.text);
        assert_int_equal(unsetenv("PHX_SECRET"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_elapses_when_systemd_says),
                cmocka_unit_test(a_time_zone_counts),
                cmocka_unit_test(what_is_over_elapses_never),
                cmocka_unit_test(what_is_no_expression_is_refused),
                cmocka_unit_test(the_line_in_utc_is_read),
                cmocka_unit_test(garbage_is_no_answer),
                cmocka_unit_test(one_that_fails_refuses_nothing),
                cmocka_unit_test(without_the_program_nothing_is_known),
                cmocka_unit_test(a_child_of_the_program_is_not_waited_for),
                cmocka_unit_test(it_has_no_rights_and_nothing_of_ours),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
