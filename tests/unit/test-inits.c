/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop.h"
#include "loop/inits.h"

struct fixture {
        sd_event *event;
        struct inits *inits;
        struct counter counter;
};

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct listener listener;

        assert_non_null(fixture);
        listener = (struct listener){ count_look, count_arrival, &fixture->counter };
        assert_int_equal(sd_event_new(&fixture->event), 0);
        assert_int_equal(inits_new(fixture->event, &listener, &fixture->inits), 0);
        *state = fixture;
        return 0;
}

static int teardown(void **state) {
        struct fixture *fixture = *state;

        (void) inits_free(fixture->inits);
        sd_event_unref(fixture->event);
        free(fixture);
        return 0;
}

static pid_t start_process(void) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                (void) pause();
                _exit(0);
        }
        return pid;
}

/* The kernel takes its time over an end, more so on a busy machine. What has ended stays to be
 * reaped. */
static void end_process(pid_t pid) {
        siginfo_t info;

        (void) kill(pid, SIGKILL);
        assert_int_equal(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), 0);
}

static void an_end_is_told_once(void **state) {
        struct fixture *fixture = *state;
        pid_t pid = start_process();

        assert_int_equal(inits_set(fixture->inits, &pid, 1), 0);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 0);
        end_process(pid);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);

        /* Nobody has reaped it, and the report has it again. */
        assert_int_equal(inits_set(fixture->inits, &pid, 1), 0);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);
        (void) waitpid(pid, NULL, 0);
}

static void who_is_not_in_the_set_is_not_told(void **state) {
        struct fixture *fixture = *state;
        pid_t pids[] = { start_process(), start_process() };

        assert_int_equal(inits_set(fixture->inits, pids, 2), 0);
        assert_int_equal(inits_set(fixture->inits, &pids[1], 1), 0);
        end_process(pids[0]);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 0);
        end_process(pids[1]);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);
        (void) waitpid(pids[0], NULL, 0);
        (void) waitpid(pids[1], NULL, 0);
}

static void who_has_ended_already_means_another_look_once(void **state) {
        struct fixture *fixture = *state;
        pid_t pid = start_process();

        end_process(pid);
        (void) waitpid(pid, NULL, 0);
        assert_int_equal(inits_set(fixture->inits, &pid, 1), 1);
        assert_int_equal(inits_set(fixture->inits, &pid, 1), 0);
}

static void many_are_waited_for_some_at_a_time(void **state) {
        struct fixture *fixture = *state;
        pid_t pids[400];

        for (size_t i = 0; i < PHX_ELEMENTS(pids); i++)
                pids[PHX_ELEMENTS(pids) - 1 - i] = start_process();
        assert_int_equal(inits_set(fixture->inits, pids, PHX_ELEMENTS(pids)), 0);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 0);
        end_process(pids[0]);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);
        end_process(pids[PHX_ELEMENTS(pids) - 1]);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 2);
        /* One that ends before its turn has come. */
        assert_int_equal(inits_set(fixture->inits, NULL, 0), 0);
        end_process(pids[5]);
        (void) waitpid(pids[5], NULL, 0);
        assert_int_equal(inits_set(fixture->inits, pids, PHX_ELEMENTS(pids) - 1), 0);
        settle(fixture->event);
        assert_true(fixture->counter.looks > 2);
        for (size_t i = 0; i < PHX_ELEMENTS(pids); i++) {
                (void) kill(pids[i], SIGKILL);
                (void) waitpid(pids[i], NULL, 0);
        }
}

/* 0 where the kernel, or who we are, does not allow to choose. */
static pid_t start_process_as(pid_t pid) {
        struct clone_args args = { .exit_signal = SIGCHLD,
                                   .set_tid = (uint64_t) (uintptr_t) &pid,
                                   .set_tid_size = 1 };
        long r = syscall(SYS_clone3, &args, sizeof(args));

        if (r == 0) {
                (void) pause();
                _exit(0);
        }
        return r == pid ? pid : 0;
}

static void who_has_the_number_of_a_dead_one_is_waited_for(void **state) {
        struct fixture *fixture = *state;
        pid_t pid = start_process();

        assert_int_equal(inits_set(fixture->inits, &pid, 1), 0);
        end_process(pid);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);
        (void) waitpid(pid, NULL, 0);
        assert_true(inits_have_ended(fixture->inits));
        if (start_process_as(pid) == 0)
                skip();
        assert_int_equal(inits_set(fixture->inits, &pid, 1), 0);
        assert_false(inits_have_ended(fixture->inits));
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);
        end_process(pid);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 2);
        (void) waitpid(pid, NULL, 0);

        /* Nobody has it for a while. */
        assert_int_equal(inits_set(fixture->inits, &pid, 1), 0);
        if (start_process_as(pid) == 0)
                skip();
        assert_int_equal(inits_set(fixture->inits, &pid, 1), 0);
        end_process(pid);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 3);
        (void) waitpid(pid, NULL, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(an_end_is_told_once),
                TEST(who_is_not_in_the_set_is_not_told),
                TEST(who_has_ended_already_means_another_look_once),
                TEST(who_has_the_number_of_a_dead_one_is_waited_for),
                TEST(many_are_waited_for_some_at_a_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
