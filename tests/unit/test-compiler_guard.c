/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What others can do to a compile that runs: a referee, a child of ours, waits until the stand-in
 * is what runs in the compiler's place, has somebody attack it, and lets it go on. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "compiler/compiler.h"
#include "compiler/filter.c" /* for its list: NOLINT(bugprone-suspicious-include) */
#include "tree.h"

#define SECONDS 1000000ULL
#define NOBODY 65534
/* Of no user. */
#define ACCOUNT 64321
#define FORGED "forged"

static struct phx_trust trust;
static struct phx_files *files;
static struct phx_compiler compiler;
static struct phx_closure closure;
static struct phx_compile_job job;

static int set_up(void **state) {
        static char stage_dir[PATH_MAX], parser[PATH_MAX];

        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        assert_int_equal(chmod(trust.root, 0755), 0);
        tree_mkdir("stage");
        tree_write("profiles/lxc-a", "profile lxc-a { }\n");
        (void) snprintf(stage_dir, sizeof(stage_dir), "%s", tree_path("stage"));
        (void) snprintf(parser, sizeof(parser), "%s", tree_path("stand-in"));
        compiler = (struct phx_compiler){ .parser = parser,
                                          .stage_dir = stage_dir,
                                          .account = { ACCOUNT, ACCOUNT },
                                          .jobs = 1,
                                          .deadline_usec = 30 * SECONDS,
                                          .memory = 1UL << 30 };
        assert_int_equal(phx_files_new(&trust, &files), 0);
        job = (struct phx_compile_job){ .name = "lxc-a",
                                        .profile = phx_files_get(files, "/profiles/lxc-a"),
                                        .closure = &closure,
                                        .files = files };
        assert_non_null(job.profile);
        return 0;
}

static int tear_down(void **state) {
        phx_compile_job_done(&job);
        phx_closure_done(&closure);
        files = phx_files_free(files);
        tree_done();
        return 0;
}

/* Where the compiler's user comes to. */
static void put_stand_in(void) {
        phx_autofree char *program = NULL;
        size_t size = 0;

        assert_int_equal(
                        phx_file_read_at(
                                        AT_FDCWD,
                                        getenv("PHX_STAND_IN"),
                                        64UL << 20,
                                        &program,
                                        &size),
                        0);
        tree_write_bytes("stand-in", program, size);
        assert_int_equal(chmod(tree_path("stand-in"), 0755), 0);
}

/* --- the referee --- */

static bool says(const char *status, const char *key, unsigned long mask) {
        const char *at = strstr(status, key);

        return at && (strtoul(at + strlen(key), NULL, 16) & mask);
}

/* Executed, and ready for the signal. */
static bool is_ready(long pid) {
        phx_autofree char *status = NULL;
        char path[64];
        size_t size = 0;

        (void) snprintf(path, sizeof(path), "/proc/%ld/status", pid);
        return phx_file_read_at(AT_FDCWD, path, 1UL << 16, &status, &size) >= 0 &&
               strncmp(status, "Name:\tstand-in\n", strlen("Name:\tstand-in\n")) == 0 &&
               says(status, "\nSigCgt:\t", 1UL << (SIGUSR1 - 1));
}

/* The test's other child. */
static pid_t wait_for_stand_in(pid_t parent) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
        for (unsigned i = 0; i < 2000; i++) {
                phx_autofree char *children = NULL;
                char *at;
                size_t size = 0;

                if (phx_file_read_at(AT_FDCWD, path, 4096, &children, &size) < 0)
                        return 0;
                at = children;
                for (long pid = strtol(at, &at, 10); pid > 0; pid = strtol(at, &at, 10))
                        if (is_ready(pid))
                                return (pid_t) pid;
                (void) usleep(5000);
        }
        return 0;
}

/* Runs ATTACK on the stand-in while phx_compile() waits for it, and then lets it write its policy.
 * What ATTACK returns is what the referee ends with, 0 for none. */
static int compile_under(int (*attack)(pid_t victim)) {
        pid_t test = getpid(), referee = fork();
        int status = 0;

        assert_true(referee >= 0);
        if (referee == 0) {
                pid_t victim = wait_for_stand_in(test);
                int failure = victim > 0 ? attack(victim) : 99;

                if (victim > 0)
                        (void) kill(victim, SIGUSR1);
                _exit(failure);
        }
        assert_int_equal(phx_compile(&compiler, &job, 1, NULL), 0);
        assert_int_equal(waitpid(referee, &status, 0), referee);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* --- attacks: each returns its number when it got through --- */

static int open_of(pid_t victim, const char *what, int flags) {
        char path[64];
        int fd;

        (void) snprintf(path, sizeof(path), "/proc/%d/%s", victim, what);
        fd = open(path, flags | O_CLOEXEC);
        if (fd >= 0 && (flags & O_ACCMODE) != O_RDONLY)
                (void) !pwrite(fd, FORGED, strlen(FORGED), 0);
        return fd;
}

static bool takes_descriptor(pid_t victim) {
        int pid_fd = pidfd_open(victim, 0);

        return pid_fd >= 0 && syscall(SYS_pidfd_getfd, pid_fd, 1, 0) >= 0;
}

static bool writes_memory(pid_t victim) {
        char byte = 0;
        struct iovec here = { &byte, 1 }, there = { &byte, 1 };

        /* EFAULT would mean that it was let in. */
        return process_vm_writev(victim, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT;
}

static bool changes_stage(void) {
        return open(tree_path("stage/lxc-a/lxc-a"), O_WRONLY) >= 0 ||
               mkdir(tree_path("stage/lxc-a/local"), 0755) == 0 ||
               unlink(tree_path("stage/lxc-a/lxc-a")) == 0 ||
               rename(tree_path("stage/lxc-a"), tree_path("stage/lxc-b")) == 0 ||
               mkdir(tree_path("stage/lxc-b"), 0755) == 0;
}

/* Of what one that shares its user can do, too. */
static int reach_in(pid_t victim) {
        if (open_of(victim, "fd/1", O_WRONLY) >= 0)
                return 1;
        if (open_of(victim, "fd/1", O_RDWR) >= 0)
                return 2;
        if (open_of(victim, "fd/2", O_WRONLY) >= 0)
                return 3;
        if (open_of(victim, "fd/1", O_RDONLY) >= 0)
                return 4;
        if (changes_stage())
                return 5;
        return 0;
}

static int trace_in(pid_t victim) {
        if (open_of(victim, "mem", O_RDWR) >= 0)
                return 6;
        if (takes_descriptor(victim))
                return 7;
        if (writes_memory(victim))
                return 8;
        if (ptrace(PTRACE_ATTACH, victim, NULL, NULL) == 0)
                return 9;
        return 0;
}

static bool has_shield_to_give(void) {
        return prctl(PR_CAPBSET_READ, CAP_BLOCK_SUSPEND, 0, 0, 0) == 1;
}

static int attack_as(uid_t uid, pid_t victim) {
        pid_t attacker = fork();
        int status = 0;

        if (attacker == 0) {
                int failure;

                if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
                    setresuid(uid, uid, uid) < 0)
                        _exit(98);
                failure = reach_in(victim);
                /* In a container root may lack what keeps one of the same user from tracing. */
                if (failure == 0 && (uid != ACCOUNT || has_shield_to_give()))
                        failure = trace_in(victim);
                _exit(failure);
        }
        if (attacker < 0 || waitpid(attacker, &status, 0) < 0)
                return 97;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 96;
}

/* Where nothing else keeps somebody out, the file does. */
static int ask_mode(pid_t victim) {
        char path[64];
        struct stat st;

        for (unsigned fd = 1; fd <= 2; fd++) {
                (void) snprintf(path, sizeof(path), "/proc/%d/fd/%u", victim, fd);
                if (stat(path, &st) < 0 || (st.st_mode & 0777) != 0 || st.st_uid != 0)
                        return 20;
        }
        return 0;
}

static int attack_as_nobody(pid_t victim) {
        return attack_as(NOBODY, victim);
}

static int attack_as_the_compiler(pid_t victim) {
        return attack_as(ACCOUNT, victim);
}

/* The end of this pipe tells a holder that the compile is over. */
static int leash[2];

static char wait_for_the_end(void) {
        char byte = 0;

        (void) close(leash[1]);
        return read(leash[0], &byte, 1) == 0 ? 'y' : 'n';
}

/* What only root can, and so stands for whatever else may come to hold the descriptor: the holder
 * lives on, and the referee goes. */
static int hold_and_map(pid_t victim) {
        int fd = open_of(victim, "fd/1", O_RDWR);
        void *at = fd < 0 ? MAP_FAILED
                          : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        pid_t holder = at == MAP_FAILED ? -1 : fork();

        if (holder != 0)
                return holder > 0 ? 0 : 10;
        _exit(wait_for_the_end() == 'y' ? 0 : 1);
}

/* Its answers come back here. */
static int answers[2];

static int hold_and_write(pid_t victim) {
        int fd = open_of(victim, "fd/1", O_RDWR);
        pid_t holder = fd < 0 ? -1 : fork();
        char answer;

        if (holder != 0)
                return holder > 0 ? 0 : 10;
        answer = wait_for_the_end();
        if (pwrite(fd, FORGED, strlen(FORGED), 0) >= 0 || errno != EPERM || ftruncate(fd, 0) == 0 ||
            errno != EPERM)
                answer = 'w';
        (void) !write(answers[1], &answer, 1);
        _exit(0);
}

static void take_leash(void) {
        assert_int_equal(pipe2(leash, O_CLOEXEC), 0);
}

static void let_go(void) {
        (void) close(leash[0]);
        (void) close(leash[1]);
}

/* --- what comes of it --- */

static void need_root(void) {
        if (geteuid() != 0)
                skip();
        put_stand_in();
}

static void assert_honest(void) {
        assert_string_equal(job.error.text, "");
        assert_int_equal(job.result, 0);
        assert_int_equal(job.size, strlen("honest"));
        assert_memory_equal(job.blob, "honest", strlen("honest"));
}

static void a_process_of_nobody_changes_nothing(void **state) {
        need_root();
        assert_int_equal(compile_under(attack_as_nobody), 0);
        assert_honest();
}

static void one_that_shares_the_compilers_user_does_not_either(void **state) {
        need_root();
        assert_int_equal(compile_under(attack_as_the_compiler), 0);
        assert_honest();
}

static void what_it_writes_to_gives_rights_to_nobody(void **state) {
        need_root();
        assert_int_equal(compile_under(ask_mode), 0);
        assert_honest();
}

static void what_somebody_may_still_write_to_is_refused(void **state) {
        need_root();
        take_leash();
        assert_int_equal(compile_under(hold_and_map), 0);
        let_go();
        assert_int_equal(job.result, -EIO);
        assert_string_equal(
                        job.error.text,
                        "lxc-a: the output of the compiler is rejected: another process may still "
                        "write to it: Device or resource busy");
        assert_null(job.blob);
}

static void what_was_read_was_sealed_before(void **state) {
        char answer = '?';

        need_root();
        take_leash();
        assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
        assert_int_equal(compile_under(hold_and_write), 0);
        let_go();
        (void) close(answers[1]);
        assert_int_equal(read(answers[0], &answer, 1), 1);
        (void) close(answers[0]);
        assert_int_equal(answer, 'y');
}

/* What is put into a terminal's input, root's shell reads when `validate` has ended. */
static void a_terminal_cannot_be_typed_into(void **state) {
        struct termios settings;
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

                if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || !phx_compiler_filter())
                        _exit(2);
                /* /dev/null itself would say ENOTTY to both. */
                if (ioctl(fd, TIOCSTI, "x") == 0 || errno != ENOSYS)
                        _exit(3);
                _exit(ioctl(fd, TCGETS, &settings) < 0 && errno == ENOTTY ? 0 : 4);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static bool is_on_the_list(int call) {
        for (size_t i = 0; i < PHX_ELEMENTS(allowed); i++)
                if (allowed[i] == call)
                        return true;
        return false;
}

/* What ends the process, returns elsewhere, or is not known by ENOSYS from a call that is refused.
 */
static bool is_not_tried(int call) {
        static const int calls[] = {
                SYS_exit,
                SYS_exit_group,
                SYS_rt_sigreturn,
                SYS_restart_syscall,
                SYS_futex,
#if defined(__x86_64__)
                335,
                336, /* of uprobes: no filter is asked, and a signal is the answer */
#endif
        };

        for (size_t i = 0; i < PHX_ELEMENTS(calls); i++)
                if (calls[i] == call)
                        return true;
        return false;
}

/* With what none of them takes. */
static int count_wrong_answers(void) {
        int wrong = 0;

        for (int call = 0; call < 1024; call++) {
                bool is_refused;

                if (is_not_tried(call))
                        continue;
                is_refused = syscall(call, -1L, -1L, -1L, -1L, -1L, -1L) == -1 && errno == ENOSYS;
                wrong += is_refused == is_on_the_list(call);
        }
        return wrong < 255 ? wrong : 254;
}

static void only_calls_of_the_list_are_allowed(void **state) {
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || !phx_compiler_filter())
                        _exit(255);
                _exit(count_wrong_answers());
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

/* Its place in the list may not matter, nor whether it has neighbours. */
static void the_answer_changes_at_the_edges(void **state) {
        static const uint32_t beyond[] = { 1024, 1U << 20, 1U << 30, UINT32_MAX };
        struct edges edges;
        size_t calls = 0;

        filter_find_edges(&edges);
        assert_int_equal(edges.count % 2, 0);
        for (size_t i = 0; i < edges.count; i++) {
                assert_true(i == 0 || edges.items[i] > edges.items[i - 1]);
                calls += i % 2 ? edges.items[i] - edges.items[i - 1] : 0;
                for (size_t j = 0; j < PHX_ELEMENTS(beyond); j++)
                        assert_true(edges.items[i] <= beyond[j]);
        }
        assert_int_equal(calls, PHX_ELEMENTS(allowed));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_process_of_nobody_changes_nothing),
                TEST(one_that_shares_the_compilers_user_does_not_either),
                TEST(what_it_writes_to_gives_rights_to_nobody),
                TEST(what_somebody_may_still_write_to_is_refused),
                TEST(what_was_read_was_sealed_before),
                cmocka_unit_test(a_terminal_cannot_be_typed_into),
                cmocka_unit_test(only_calls_of_the_list_are_allowed),
                cmocka_unit_test(the_answer_changes_at_the_edges),
        };

        /* The compiler's user must come to where the stand-in is. */
        (void) setenv("TMPDIR", "/tmp", 1); /* NOLINT(concurrency-mt-unsafe) */
        return cmocka_run_group_tests_name("compiler_guard", tests, NULL, NULL);
}
