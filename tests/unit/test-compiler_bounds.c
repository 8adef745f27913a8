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

static void count_progress(void *data, const char *name, size_t done, size_t count) {
        struct counted *counted = data;
        size_t running = count_children();

        assert_int_equal(done, counted->calls++);
        assert_int_equal(count, 6);
        if (running > counted->most)
                counted->most = running;
}

static void no_more_than_allowed_run_at_once(void **state) {
        static char names[6][16];
        struct counted counted = { 0 };
        const struct phx_compile_progress progress = { .done = count_progress, .data = &counted };

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

static void count_sign(void *data, const char *name, size_t done, size_t count) {
        size_t *signs = data;

        assert_string_equal(name, "lxc-a");
        assert_int_equal(done, 0);
        assert_int_equal(count, 1);
        (*signs)++;
}

static void a_long_compile_gives_signs_of_life(void **state) {
        size_t signs = 0;
        const struct phx_compile_progress progress = {
                .done = count_sign,
                .data = &signs,
                .every_msec = 50,
        };
        uint64_t began;

        pretend("echo policy; exec sleep 0.5\n");
        (void) add_job("lxc-a", "profile lxc-a { }\n");
        began = now_usec();
        assert_int_equal(phx_compile(&compiler, jobs, job_count, &progress), 0);
        assert_int_equal(jobs[0].result, 0);
        /* One for each 50 ms that it took, on a busy machine too, and one for the beginning. */
        assert_in_range(signs, 3, (now_usec() - began) / 50000 + 2);
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
                with_tree(a_long_compile_gives_signs_of_life),
        };

        /* The compiler's user must come to where the pretended ones are. */
        (void) setenv("TMPDIR", "/tmp", 1); /* NOLINT(concurrency-mt-unsafe) */
        return cmocka_run_group_tests_name("compiler_bounds", tests, NULL, NULL);
}
