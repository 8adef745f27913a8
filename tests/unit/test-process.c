/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/process.h"

static void assert_no_child_is_left(void) {
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static _Noreturn void sleep_for_ever(void) {
        for (;;)
                (void) pause();
}

static int fork_one(struct phx_process *process) {
        int r = phx_process_fork(process);

        if (r == 0) {
                assert_true(process->pid > 0);
                assert_true(process->fd >= 0);
        }
        return r;
}

/* Runs TRY in a process of its own, which may do to itself what it likes. */
static int status_of(int (*try)(void)) {
        pid_t pid = fork();
        int status = -1;

        if (pid == 0)
                _exit(try());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void no_process_has_ended(void **state) {
        struct phx_process none = { 0 };

        phx_process_kill(&none);
        assert_true(phx_process_reap(&none, NULL));
        assert_int_equal(phx_process_end(&none, NULL), 0);
        phx_process_done(&none);
        /* Standard input is still there: a zero value owns no descriptor. */
        assert_int_equal(write(STDERR_FILENO, "", 0), 0);
}

/* It could not be waited for without hanging, and would be found to have ended at its deadline. */
static void one_without_a_pidfd_is_none(void **state) {
        struct rlimit limit, none;
        struct phx_process process;
        int r;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none = (struct rlimit){ 3, limit.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        r = phx_process_fork(&process);
        if (r > 0)
                sleep_for_ever();
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(r, -EMFILE);
        assert_no_child_is_left();
}

static void its_end_is_told(void **state) {
        struct phx_process process = { 0 };
        int status = 0;

        if (fork_one(&process) > 0)
                _exit(7);
        for (unsigned i = 0; i < 10000 && !phx_process_reap(&process, &status); i++)
                (void) usleep(1000);
        assert_int_equal(process.pid, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 7);
        assert_no_child_is_left();
}

static void one_that_runs_is_not_reaped(void **state) {
        struct phx_process process = { 0 };
        int status = 0;

        if (fork_one(&process) > 0)
                sleep_for_ever();
        assert_false(phx_process_reap(&process, &status));
        assert_int_equal(phx_process_end(&process, &status), 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGKILL);
        assert_int_equal(process.pid, 0);
        assert_no_child_is_left();
}

/* The one in the group holds the pipe open until it is gone. */
static void its_group_goes_with_it(void **state) {
        struct phx_process process = { 0 };
        char byte;
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        if (fork_one(&process) > 0) {
                if (fork() == 0)
                        sleep_for_ever();
                (void) write(fds[1], "x", 1);
                sleep_for_ever();
        }
        (void) close(fds[1]);
        assert_int_equal(read(fds[0], &byte, 1), 1);
        assert_int_equal(phx_process_end(&process, NULL), 0);
        assert_int_equal(read(fds[0], &byte, 1), 0);
        (void) close(fds[0]);
}

/* Other users' processes cannot be killed: that is how one that hangs in the kernel looks. */
static int abandon(void) {
        struct phx_process process = { 0 };
        uint64_t begin;
        char byte;
        int fds[2], alive[2];

        if (pipe(fds) < 0 || pipe(alive) < 0)
                return 1;
        if (phx_process_fork(&process) > 0) {
                if (setresuid(4321, 4321, 4321) < 0)
                        _exit(1);
                (void) write(fds[1], "x", 1);
                /* Nor does its parent's death end it. */
                (void) close(fds[1]);
                (void) close(alive[1]);
                (void) read(alive[0], &byte, 1);
                _exit(0);
        }
        if (read(fds[0], &byte, 1) != 1 || setresuid(1234, 1234, 0) < 0)
                return 2;
        begin = phx_now_usec();
        if (phx_process_end(&process, NULL) != -ETIMEDOUT)
                return 3;
        if (phx_now_usec() - begin < PHX_PROCESS_PATIENCE_USEC || process.pid != 0)
                return 4;
        return 0;
}

static void one_that_cannot_be_killed_is_abandoned(void **state) {
        if (geteuid() != 0)
                skip();
        assert_int_equal(status_of(abandon), 0);
}

/* It has left group and session, and its parent has ended: nothing but its ancestor knows it. */
static int sweep(void) {
        struct phx_process process = { 0 };
        pid_t kept;
        char byte;
        int fds[2];

        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || pipe(fds) < 0)
                return 1;
        kept = fork();
        if (kept == 0) {
                (void) close(fds[1]);
                sleep_for_ever();
        }
        if (phx_process_fork(&process) > 0) {
                if (fork() == 0) {
                        (void) setsid();
                        (void) write(fds[1], "x", 1);
                        sleep_for_ever();
                }
                sleep_for_ever();
        }
        (void) close(fds[1]);
        if (read(fds[0], &byte, 1) != 1 || phx_process_end(&process, NULL) < 0)
                return 2;
        if (phx_process_sweep(&kept, 1, 10 * PHX_PROCESS_PATIENCE_USEC) != 0)
                return 3;
        if (read(fds[0], &byte, 1) != 0 || waitpid(-1, NULL, WNOHANG) != 0)
                return 4;
        /* A zombie that nobody reaped is swept, too. */
        if (phx_process_sweep(NULL, 0, 10 * PHX_PROCESS_PATIENCE_USEC) != 0)
                return 5;
        return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 6;
}

static void what_left_its_group_is_swept(void **state) {
        assert_int_equal(status_of(sweep), 0);
}

/* More than it may have is refused, and less is not. */
static int limit_memory(void) {
        void *much, *little;

        phx_process_limit_memory(UINT64_C(64) << 20);
        much = mmap(NULL, 128UL << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        little = mmap(NULL, 16UL << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return much == MAP_FAILED && little != MAP_FAILED ? 0 : 1;
}

static void memory_is_limited_beyond_what_there_is(void **state) {
        assert_int_equal(status_of(limit_memory), 0);
}

/* A right that is dropped is gone for good, and so for who owns every file. */
static int drop_rights(void) {
        if (phx_process_drop_rights(0) < 0)
                return 1;
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
                return 2;
        return setresuid(4321, 4321, 4321) < 0 && errno == EPERM ? 0 : 3;
}

static void rights_are_dropped(void **state) {
        if (geteuid() != 0)
                skip();
        assert_int_equal(status_of(drop_rights), 0);
}

static void a_child_hears_its_signals(void **state) {
        struct phx_process process = { 0 };
        sigset_t blocked, before;
        int status = 0;

        (void) sigemptyset(&blocked);
        (void) sigaddset(&blocked, SIGTERM);
        assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
        if (fork_one(&process) > 0) {
                phx_process_reset_signals();
                (void) raise(SIGTERM);
                _exit(0);
        }
        assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
        while (!phx_process_reap(&process, &status))
                (void) usleep(1000);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGTERM);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_process_has_ended),
                cmocka_unit_test(one_without_a_pidfd_is_none),
                cmocka_unit_test(its_end_is_told),
                cmocka_unit_test(one_that_runs_is_not_reaped),
                cmocka_unit_test(its_group_goes_with_it),
                cmocka_unit_test(one_that_cannot_be_killed_is_abandoned),
                cmocka_unit_test(what_left_its_group_is_swept),
                cmocka_unit_test(memory_is_limited_beyond_what_there_is),
                cmocka_unit_test(rights_are_dropped),
                cmocka_unit_test(a_child_hears_its_signals),
        };

        return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
