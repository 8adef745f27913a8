/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler-fixture.h"

static uint64_t now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * SECONDS + (uint64_t) now.tv_nsec / 1000;
}

/* Alternatives of which every one doubles the automaton. */
static const char explosive[] = "profile lxc-slow {\n /**a????????????????????????b** r,\n "
                                "/**c????????????????????d** w,\n}\n";

static void an_explosion_is_stopped_and_the_others_are_not(void **state) {
        const uint64_t began = now_usec();

        need_compiler();
        compiler.deadline_usec = SECONDS;
        (void) add_job("lxc-slow", explosive);
        (void) add_job("lxc-b", "profile lxc-b {\n}\n");
        (void) add_job("lxc-c", "profile lxc-c {\n bogus\n}\n");
        compiler.memory = 4096 * MIB;
        compile();
        assert_true(now_usec() - began < 5 * SECONDS);
        assert_failed(&jobs[0],
                      -ETIMEDOUT,
                      "lxc-slow: compile took longer than 1 s (compile_deadline_s) and was "
                      "stopped");
        assert_int_equal(jobs[1].result, 0);
        assert_int_equal(jobs[2].result, -EINVAL);
}

static void an_explosion_of_memory_is_stopped_too(void **state) {
        need_compiler();
        compiler.memory = 48 * MIB;
        (void) add_job("lxc-slow", explosive);
        compile();
        assert_failed(&jobs[0],
                      -ENOMEM,
                      "lxc-slow: compile needed more than 48 MiB (compile_memory_mb) and was "
                      "stopped");
}

static void endless_output_is_stopped(void **state) {
        static const char message[] = "lxc-a: the compiler wrote more than 64 MiB and was stopped";

        pretend("exec yes\n");
        assert_failed(compile_one("profile lxc-a {\n}\n"), -EINVAL, message);
        pretend("exec yes >&2\n");
        assert_failed(compile_one("profile lxc-a {\n}\n"), -EINVAL, message);
}

static void who_ignores_every_signal_is_stopped_at_the_deadline(void **state) {
        const uint64_t began = now_usec();

        pretend("trap '' TERM INT HUP XCPU\nwhile :; do :; done\n");
        compiler.deadline_usec = SECONDS;
        assert_failed(compile_one("profile lxc-a {\n}\n"),
                      -ETIMEDOUT,
                      "lxc-a: compile took longer than 1 s (compile_deadline_s) and was stopped");
        assert_true(now_usec() - began < 4 * SECONDS);
}

/* The first child of PARENT, once there is one that has become COMMAND; 0 when none comes. */
static pid_t wait_for_child(pid_t parent, const char *command) {
        char path[64], name[32];

        (void) snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
        for (unsigned i = 0; i < 1000; i++) {
                phx_autofree char *children = NULL, *comm = NULL;
                size_t size = 0;
                long pid = 0;

                if (phx_file_read_at(AT_FDCWD, path, 4096, &children, &size) >= 0)
                        pid = strtol(children, NULL, 10);
                (void) snprintf(name, sizeof(name), "/proc/%ld/comm", pid);
                if (pid > 0 && phx_file_read_at(AT_FDCWD, name, 4096, &comm, &size) >= 0 &&
                    strncmp(comm, command, strlen(command)) == 0)
                        return (pid_t) pid;
                (void) usleep(10000);
        }
        return 0;
}

static bool is_alive(pid_t pid) {
        phx_autofree char *text = NULL;
        char path[64];
        size_t size = 0;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        if (phx_file_read_at(AT_FDCWD, path, 4096, &text, &size) < 0)
                return false;
        /* Its new parent may take its time to bury it. */
        return !strstr(text, ") Z ");
}

static void assert_dies(pid_t pid) {
        for (unsigned i = 0; i < 200 && is_alive(pid); i++)
                (void) usleep(10000);
        assert_false(is_alive(pid));
}

/* So there is none to be left behind. */
static void the_compiler_starts_no_process(void **state) {
        pretend("sleep 1000 & echo policy\n");
        (void) compile_one("profile lxc-a {\n}\n");
        assert_int_equal(jobs[0].result, -EINVAL);
        assert_non_null(strstr(jobs[0].error.text, "annot fork"));
}

static void the_compiler_writes_no_file(void **state) {
        tree_mkdir("notes");
        assert_int_equal(chmod(tree_path("notes"), 0777), 0);
        pretend("echo x >../../notes/file\necho policy\n");
        (void) compile_one("profile lxc-a {\n}\n");
        assert_int_equal(access(tree_path("notes/file"), F_OK), -1);
}

static void nothing_outlives_the_deadline(void **state) {
        compiler.deadline_usec = SECONDS / 2;
        pretend("exec sleep 1000\n");
        (void) compile_one("profile lxc-a {\n}\n");
        assert_int_equal(jobs[0].result, -ETIMEDOUT);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static void nothing_outlives_the_caller(void **state) {
        pid_t caller, child;

        pretend("exec sleep 1000\n");
        (void) add_job("lxc-a", "profile lxc-a {\n}\n");
        caller = fork();
        assert_true(caller >= 0);
        if (caller == 0) {
                (void) phx_compile(&compiler, jobs, job_count, NULL);
                _exit(0);
        }
        child = wait_for_child(caller, "sleep");
        assert_true(child > 0);
        assert_true(is_alive(child));
        assert_int_equal(kill(caller, SIGKILL), 0);
        assert_int_equal(waitpid(caller, NULL, 0), caller);
        assert_dies(child);
        tree_remove("stage");
        tree_mkdir("stage");
}

/* Root without CAP_KILL cannot end a process of another user: as good as one that hangs in the
 * kernel. */
static void compile_without_the_right_to_kill(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3];

        if (syscall(SYS_capget, &header, rights) < 0)
                _exit(1);
        rights[CAP_TO_INDEX(CAP_KILL)].effective &= ~CAP_TO_MASK(CAP_KILL);
        rights[CAP_TO_INDEX(CAP_KILL)].permitted &= ~CAP_TO_MASK(CAP_KILL);
        if (syscall(SYS_capset, &header, rights) < 0)
                _exit(1);
        (void) phx_compile(&compiler, jobs, job_count, NULL);
        if (jobs[0].result != -ETIMEDOUT ||
            !strstr(jobs[0].error.text, "cannot be killed and keeps running"))
                _exit(2);
        _exit(0);
}

static void one_that_cannot_be_killed_is_left_behind(void **state) {
        pid_t caller, child;
        int status = -1;

        if (geteuid() != 0)
                skip();
        compiler.deadline_usec = 2 * SECONDS;
        pretend("exec sleep 1000\n");
        (void) add_job("lxc-a", "profile lxc-a {\n}\n");
        caller = fork();
        assert_true(caller >= 0);
        if (caller == 0)
                compile_without_the_right_to_kill();
        child = wait_for_child(caller, "sleep");
        assert_true(child > 0);
        assert_int_equal(waitpid(caller, &status, 0), caller);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_true(is_alive(child));
        (void) kill(child, SIGKILL);
        assert_dies(child);
        tree_remove("stage");
        tree_mkdir("stage");
}

static void other_ends_are_told_apart(void **state) {
        pretend("kill -SEGV $$\n");
        assert_failed(compile_one("profile lxc-a {\n}\n"),
                      -EIO,
                      "lxc-a: the compiler was killed by signal 11 (SIGSEGV)");
        pretend("kill -KILL $$\n");
        assert_failed(compile_one("profile lxc-a {\n}\n"),
                      -EIO,
                      "lxc-a: the compiler was killed by signal 9 (SIGKILL)");
        pretend("exit 3\n");
        assert_failed(compile_one("profile lxc-a {\n}\n"),
                      -EINVAL,
                      "lxc-a: the compiler failed without a message");
        pretend("echo policy; exit 1\n");
        assert_failed(compile_one("profile lxc-a {\n}\n"),
                      -EINVAL,
                      "lxc-a: the compiler failed without a message");
        compiler.parser = "/nonexistent";
        assert_failed(compile_one("profile lxc-a {\n}\n"),
                      -EIO,
                      "lxc-a: /nonexistent: cannot be run: No such file or directory");
        compiler.stage_dir = "/nonexistent";
        (void) compile_one("profile lxc-a {\n}\n");
        assert_int_equal(jobs[0].result, -EIO);
        assert_string_equal(
                        jobs[0].error.text,
                        "lxc-a: cannot copy 'lxc-a' for the compiler: No such file or directory");
}

struct counted {
        size_t calls;
        size_t most; /* that were running when another was started */
};

static size_t count_children(void) {
        phx_autofree char *children = NULL;
        char path[64];
        size_t size = 0, count = 0;

        (void) snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
        assert_int_equal(phx_file_read_at(AT_FDCWD, path, 4096, &children, &size), 0);
        for (const char *at = children; (at = strchr(at, ' ')); at++)
                count++;
        return count;
}

static void count_progress(void *data, const char *name) {
        struct counted *counted = data;
        size_t running = count_children();

        counted->calls++;
        if (running > counted->most)
                counted->most = running;
}

static void no_more_than_allowed_run_at_once(void **state) {
        static char names[6][16];
        struct counted counted = { 0 };
        const struct phx_compile_progress progress = { .started = count_progress,
                                                       .data = &counted };

        pretend("echo policy; exec sleep 0.1\n");
        compiler.jobs = 2;
        for (unsigned i = 0; i < 6; i++) {
                char text[128];

                (void) snprintf(names[i], sizeof(names[i]), "lxc-%u", i);
                (void) snprintf(text, sizeof(text), "profile %s { }\n", names[i]);
                (void) add_job(names[i], text);
        }
        assert_int_equal(phx_compile(&compiler, jobs, job_count, &progress), 0);
        assert_int_equal(counted.calls, 6);
        assert_int_equal(counted.most, 1);
        for (size_t i = 0; i < job_count; i++)
                assert_int_equal(jobs[i].result, 0);
}

/* --- beside what else is done --- */

/* Until what runs asks for it, and no longer than it may. */
static void wait_and_reap(struct phx_compiles *compiles) {
        phx_compiles_wait(compiles, UINT64_MAX);
        phx_compiles_reap(compiles);
}

static void a_compile_runs_beside_its_caller(void **state) {
        struct phx_process_watch watch;
        struct phx_compiles *compiles;
        struct phx_compile_job again;

        pretend("while [ ! -e ../../go ]; do :; done; echo policy\n");
        assert_int_equal(phx_compiles_new(NULL, &compiles), 0);
        assert_null(phx_compiles_key(compiles, "lxc-a"));
        (void) add_job("lxc-a", "profile lxc-a { }\n");
        again = jobs[0];
        assert_int_equal(phx_compiles_start(compiles, &compiler, "k1", &jobs[0]), 0);
        assert_string_equal(phx_compiles_key(compiles, "lxc-a"), "k1");
        assert_string_equal(phx_compiles_name(compiles, 0), "lxc-a");
        assert_null(phx_compiles_name(compiles, 1));
        phx_compiles_reap(compiles);
        assert_false(phx_compiles_take(compiles, &again));
        assert_int_equal(phx_compiles_running(compiles), 1);
        assert_int_equal(phx_compiles_watches(compiles, &watch, 1), 1);
        assert_int_equal(phx_compiles_watches(compiles, &watch, 0), 0);
        assert_true(is_alive(watch.pid));
        assert_in_range(watch.due_usec, now_usec(), now_usec() + compiler.deadline_usec);

        tree_write("go", "");
        wait_and_reap(compiles);
        assert_int_equal(phx_compiles_running(compiles), 0);
        assert_int_equal(phx_compiles_watches(compiles, &watch, 1), 0);
        /* It is over, and its copies are gone; what it wrote waits. */
        assert_int_equal(access(tree_path("stage/lxc-a"), F_OK), -1);
        assert_true(phx_compiles_take(compiles, &again));
        assert_true(again.is_ended);
        assert_int_equal(again.result, 0);
        assert_string_equal(again.blob, "policy\n");
        assert_null(phx_compiles_key(compiles, "lxc-a"));
        assert_false(phx_compiles_take(compiles, &again));
        phx_compile_job_done(&again);
        phx_compiles_free(compiles);
}

static void compile_again(struct phx_compiles *compiles) {
        struct phx_compile_job again = jobs[0];

        assert_int_equal(phx_compiles_start(compiles, &compiler, "k1", &jobs[0]), 0);
        wait_and_reap(compiles);
        assert_true(phx_compiles_take(compiles, &again));
        assert_int_equal(again.result, 0);
        assert_string_equal(again.blob, "features\n");
        phx_compile_job_done(&again);
}

static void features_that_vanished_are_staged_again(void **state) {
        struct phx_compiles *compiles;
        struct stat st;

        pretend("read -r line <../.kernel-features && echo \"$line\"\n");
        compiler.features_text = "features\n";
        assert_int_equal(phx_compiles_new(NULL, &compiles), 0);
        (void) add_job("lxc-a", "profile lxc-a { }\n");
        compile_again(compiles);
        tree_remove("stage/.kernel-features");
        compile_again(compiles);
        if (geteuid() == 0) {
                compiler.account.gid++;
                compile_again(compiles);
                assert_int_equal(stat(tree_path("stage/.kernel-features"), &st), 0);
                assert_int_equal(st.st_gid, compiler.account.gid);
        }
        phx_compiles_free(compiles);
}

static void another_text_ends_the_compile_of_the_first(void **state) {
        struct phx_process_watch watch;
        struct phx_compiles *compiles;

        pretend("exec sleep 1000\n");
        assert_int_equal(phx_compiles_new(NULL, &compiles), 0);
        (void) add_job("lxc-a", "profile lxc-a { }\n");
        assert_int_equal(phx_compiles_start(compiles, &compiler, "k1", &jobs[0]), 0);
        assert_int_equal(phx_compiles_watches(compiles, &watch, 1), 1);
        assert_int_equal(phx_compiles_start(compiles, &compiler, "k2", &jobs[0]), 0);
        assert_false(is_alive(watch.pid));
        assert_string_equal(phx_compiles_key(compiles, "lxc-a"), "k2");
        assert_int_equal(phx_compiles_running(compiles), 1);
        phx_compiles_cancel(compiles, "lxc-a");
        phx_compiles_cancel(compiles, "lxc-a");
        assert_int_equal(phx_compiles_running(compiles), 0);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        phx_compiles_free(compiles);
}

static void one_that_is_late_ends_when_it_is_looked_after(void **state) {
        struct phx_compiles *compiles;

        pretend("exec sleep 1000\n");
        compiler.deadline_usec = SECONDS / 10;
        assert_int_equal(phx_compiles_new(NULL, &compiles), 0);
        (void) add_job("lxc-a", "profile lxc-a { }\n");
        assert_int_equal(phx_compiles_start(compiles, &compiler, "k1", &jobs[0]), 0);
        wait_and_reap(compiles);
        assert_int_equal(phx_compiles_running(compiles), 0);
        assert_true(phx_compiles_take(compiles, &jobs[0]));
        assert_int_equal(jobs[0].result, -ETIMEDOUT);
        phx_compiles_free(compiles);
}

static void those_that_run_end_with_their_owner(void **state) {
        struct phx_process_watch watches[2];
        struct phx_compiles *compiles;

        pretend("exec sleep 1000\n");
        assert_int_equal(phx_compiles_new(NULL, &compiles), 0);
        (void) add_job("lxc-a", "profile lxc-a { }\n");
        (void) add_job("lxc-b", "profile lxc-b { }\n");
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(phx_compiles_start(compiles, &compiler, "k", &jobs[i]), 0);
        assert_int_equal(phx_compiles_watches(compiles, watches, 2), 2);
        phx_compiles_free(compiles);
        for (size_t i = 0; i < 2; i++)
                assert_false(is_alive(watches[i].pid));
        /* And their stages: see tear_down(). */
}

int main(void) {
#define with_tree(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                with_tree(an_explosion_is_stopped_and_the_others_are_not),
                with_tree(an_explosion_of_memory_is_stopped_too),
                with_tree(endless_output_is_stopped),
                with_tree(who_ignores_every_signal_is_stopped_at_the_deadline),
                with_tree(the_compiler_starts_no_process),
                with_tree(the_compiler_writes_no_file),
                with_tree(nothing_outlives_the_deadline),
                with_tree(nothing_outlives_the_caller),
                with_tree(one_that_cannot_be_killed_is_left_behind),
                with_tree(other_ends_are_told_apart),
                with_tree(no_more_than_allowed_run_at_once),
                with_tree(a_compile_runs_beside_its_caller),
                with_tree(features_that_vanished_are_staged_again),
                with_tree(another_text_ends_the_compile_of_the_first),
                with_tree(one_that_is_late_ends_when_it_is_looked_after),
                with_tree(those_that_run_end_with_their_owner),
        };

        /* The compiler's user must come to where the pretended ones are. */
        (void) setenv("TMPDIR", "/tmp", 1); /* NOLINT(concurrency-mt-unsafe) */
        return cmocka_run_group_tests_name("compiler_bounds", tests, NULL, NULL);
}
