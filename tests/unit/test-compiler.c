/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "compiler/compiler.h"
#include "compiler/message.h"
#include "config.h"
#include "tree.h"

#define FEATURES "/usr/share/apparmor-features/features"
#define SECONDS 1000000ULL
/* Of no user. */
#define ACCOUNT 64321
#define MIB (1ULL << 20)

static const struct phx_include_roots roots = { "/profiles", "/deployed" };
static struct phx_trust trust;
static struct phx_files *files;
static struct phx_compiler compiler;
static struct phx_closure closures[8];
static struct phx_compile_job jobs[8];
static size_t job_count;

static int set_up(void **state) {
        static char stage_dir[PATH_MAX];

        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        /* The compiler's user passes through, as it does on a machine. */
        assert_int_equal(chmod(trust.root, 0755), 0);
        tree_mkdir("profiles");
        tree_mkdir("deployed");
        tree_mkdir("stage");
        (void) snprintf(stage_dir, sizeof(stage_dir), "%s", tree_path("stage"));
        compiler = (struct phx_compiler){ .parser = PHX_PARSER,
                                          .features_file = FEATURES,
                                          .stage_dir = stage_dir,
                                          .account = { ACCOUNT, ACCOUNT },
                                          .niceness = 3,
                                          .jobs = 2,
                                          .deadline_usec = 30 * SECONDS,
                                          .memory = 512 * MIB };
        return phx_files_new(&trust, &files);
}

static void forget_jobs(void) {
        for (size_t i = 0; i < job_count; i++) {
                phx_compile_job_done(&jobs[i]);
                phx_closure_done(&closures[i]);
                jobs[i] = (struct phx_compile_job){ 0 };
        }
        job_count = 0;
}

static int tear_down(void **state) {
        /* Whatever the outcome, nothing of a compile stays behind. */
        assert_int_equal(rmdir(tree_path("stage")), 0);
        forget_jobs();
        files = phx_files_free(files);
        tree_done();
        return 0;
}

static struct phx_compile_job *add_job(const char *name, const char *text) {
        struct phx_compile_job *job = &jobs[job_count];
        char path[128];

        (void) snprintf(path, sizeof(path), "profiles/%s", name);
        tree_write(path, text);
        (void) snprintf(path, sizeof(path), "/profiles/%s", name);
        *job = (struct phx_compile_job){ .name = name,
                                         .profile = phx_files_get(files, path),
                                         .closure = &closures[job_count],
                                         .files = files };
        assert_non_null(job->profile);
        assert_int_equal(job->profile->result, 0);
        assert_int_equal(
                        phx_closure_collect(files, &roots, name, text, &closures[job_count], NULL),
                        0);
        job_count++;
        return job;
}

static void compile(void) {
        assert_int_equal(phx_compile(&compiler, jobs, job_count, NULL), 0);
}

/* The only job of a new look. */
static struct phx_compile_job *compile_one(const char *text) {
        struct phx_compile_job *job;

        forget_jobs();
        files = phx_files_free(files);
        assert_int_equal(phx_files_new(&trust, &files), 0);
        job = add_job("lxc-a", text);
        compile();
        return job;
}

static void assert_failed(const struct phx_compile_job *job, int result, const char *message) {
        assert_string_equal(job->error.text, message);
        assert_int_equal(job->result, result);
        assert_null(job->blob);
}

/* A shell script in the compiler's place. */
static void pretend(const char *script) {
        static char path[PATH_MAX];
        char text[2048];

        (void) snprintf(text, sizeof(text), "#!/bin/sh\n%s", script);
        tree_write("parser", text);
        assert_int_equal(chmod(tree_path("parser"), 0755), 0);
        (void) snprintf(path, sizeof(path), "%s", tree_path("parser"));
        compiler.parser = path;
        compiler.features_file = NULL;
}

static uint64_t now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * SECONDS + (uint64_t) now.tv_nsec / 1000;
}

static void need_compiler(void) {
        if (access(PHX_PARSER, X_OK) < 0 || access(FEATURES, R_OK) < 0)
                skip();
}

/* --- the real compiler --- */

static void the_same_text_gives_the_same_policy(void **state) {
        phx_autofree char *first = NULL;
        size_t size;

        need_compiler();
        tree_write("deployed/abstractions/x", "/x r,\n");
        (void) compile_one("# one\nprofile lxc-a {\n include <abstractions/x>\n}\n");
        assert_int_equal(jobs[0].result, 0);
        assert_null(jobs[0].warnings);
        size = jobs[0].size;
        first = PHX_TAKE(jobs[0].blob);
        assert_true(size > 100);

        (void) compile_one("profile lxc-a {\n include <abstractions/x>\n # two\n}\n");
        assert_int_equal(jobs[0].size, size);
        assert_memory_equal(jobs[0].blob, first, size);

        tree_write("deployed/abstractions/x", "/xyz r,\n");
        (void) compile_one("profile lxc-a {\n include <abstractions/x>\n}\n");
        assert_int_equal(jobs[0].result, 0);
        assert_true(jobs[0].size != size || memcmp(jobs[0].blob, first, size) != 0);
}

/* As the parser itself does it, on the originals. */
static void the_policy_is_the_one_that_the_machine_would_compile(void **state) {
        phx_autofree char *expected = NULL;
        char command[3 * PATH_MAX];
        size_t size = 0;

        need_compiler();
        tree_write("deployed/d/one", "/one r,\n");
        tree_write("deployed/d/two.swp", "/two r,\n");
        tree_write("deployed/d/three~", "/three r,\n");
        tree_write("deployed/tunables/t", "@{T}=/a /b\n");
        (void) compile_one("include <tunables/t>\nprofile lxc-a {\n include <d>\n @{T}/** r,\n"
                           " include if exists <local/lxc-a>\n}\n");
        assert_int_equal(jobs[0].result, 0);

        (void) snprintf(command,
                        sizeof(command),
                        PHX_PARSER " --config-file=/dev/null -K --kernel-features " FEATURES
                                   " -b %s -o %s %s 2>/dev/null",
                        tree_path("deployed"),
                        tree_path("expected"),
                        tree_path("profiles/lxc-a"));
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the test's own */
        assert_int_equal(
                        phx_file_read_at(AT_FDCWD, tree_path("expected"), MIB, &expected, &size),
                        0);
        assert_int_equal(jobs[0].size, size);
        assert_memory_equal(jobs[0].blob, expected, size);
}

static void one_file_is_copied_once_however_it_is_spelled(void **state) {
        need_compiler();
        tree_write("deployed/abstractions/x", "/x r,\n");
        (void) compile_one("profile lxc-a {\n include <abstractions/x>\n"
                           " include <abstractions//x>\n include <./abstractions/./x>\n"
                           " include <abstractions/>\n}\n");
        assert_string_equal(jobs[0].error.text, "");
        assert_int_equal(jobs[0].result, 0);
}

static void errors_name_the_place(void **state) {
        static const struct {
                const char *text;
                const char *message;
        } cases[] = {
                { "profile lxc-a {\n /a r,\n /b bogus,\n}\n",
                  "lxc-a: line 3: syntax error in '/b bogus': unexpected word, expected "
                  "permissions such as 'r'" },
                { "profile lxc-a {\n include <bad>\n}\n",
                  "lxc-a: /deployed/bad: line 2: syntax error in '/b bogus': unexpected word, "
                  "expected permissions such as 'r' (included by lxc-a:2)" },
                { "profile lxc-a {\n\n include <d>\n}\n",
                  "lxc-a: /deployed/d/bad: line 1: Invalid capability no (included by lxc-a:3)" },
                { "profile lxc-a {\n include <gone>\n}\n", "lxc-a: line 2: Could not open 'gone'" },
                { "abi <abi/9>,\nprofile lxc-a {\n}\n",
                  "lxc-a: line 1: Could not open 'abi/9': No such file or directory" },
                { "profile lxc-a {\n /a px,\n /a ux,\n}\n",
                  "lxc-a: line 3: '/a ux' and '/a px' at line 2 execute the same program in "
                  "different ways: keep one of them" },
                { "profile lxc-a {\n /{a,b r,\n}\n",
                  "lxc-a: line 2: invalid pattern '/{a,b': found a '{' or '[' that is not closed" },
                { "@{A}=b\n@{A}=c\nprofile lxc-a {\n}\n",
                  "lxc-a: line 2: the variable @{A} is set twice, first at line 1: remove one, or "
                  "add to it with '+='" },
                { "profile lxc-a {\n @{X}/a r,\n}\n",
                  "lxc-a: line 2: the variable @{X} is not declared: set it above the profile, or "
                  "include the file of tunables/ that sets it" },
                { "# nothing\n", "lxc-a: defines no profile" },
        };

        need_compiler();
        tree_write("deployed/bad", "/a r,\n/b bogus,\n");
        tree_write("deployed/d/bad", "capability no,\n");
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                assert_failed(compile_one(cases[i].text), -EINVAL, cases[i].message);
}

static void a_file_that_was_not_collected_cannot_be_read(void **state) {
        static const struct phx_closure nothing = { 0 };

        need_compiler();
        tree_write("deployed/x", "/x r,\n");
        (void) add_job("lxc-a", "profile lxc-a {\n include <x>\n}\n");
        jobs[0].closure = &nothing;
        compile();
        assert_failed(&jobs[0], -EINVAL, "lxc-a: line 2: Could not open 'x'");
}

static void what_was_checked_is_compiled_whatever_happens_meanwhile(void **state) {
        need_compiler();
        tree_write("deployed/x", "/x r,\n");
        (void) add_job("lxc-a", "profile lxc-a {\n include <x>\n}\n");
        tree_write("deployed/x", "a syntax error\n");
        tree_write("profiles/lxc-a", "another\n");
        compile();
        assert_int_equal(jobs[0].result, 0);
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

static void identity_follows_the_program_and_what_it_is_given(void **state) {
        char *ids[6] = { NULL };
        struct phx_parser_options none = { 0 }, with = { 0 };
        char text[] = "features";

        pretend("exit 0\n");
        assert_int_equal(phx_compiler_identity(compiler.parser, "abc", &none, &ids[0]), 0);
        assert_int_equal(phx_compiler_identity(compiler.parser, "abd", &none, &ids[1]), 0);
        with.policy = (struct phx_parser_features){ .text = text, .size = strlen(text) };
        assert_int_equal(phx_compiler_identity(compiler.parser, "abc", &with, &ids[2]), 0);
        with.override = with.policy;
        with.policy = (struct phx_parser_features){ 0 };
        assert_int_equal(phx_compiler_identity(compiler.parser, "abc", &with, &ids[3]), 0);
        with.override = (struct phx_parser_features){ .of_kernel = true };
        assert_int_equal(phx_compiler_identity(compiler.parser, "abc", &with, &ids[4]), 0);
        pretend("exit 1\n");
        assert_int_equal(phx_compiler_identity(compiler.parser, "abc", &none, &ids[5]), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(ids); i++)
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(ids[i], ids[j]);
        for (size_t i = 0; i < PHX_ELEMENTS(ids); i++)
                free(ids[i]);
        assert_int_equal(phx_compiler_identity("/nonexistent", "abc", &none, &ids[0]), -ENOENT);
}

/* --- one that behaves otherwise --- */

static void assert_line(const char *text, const char *line) {
        char framed[256];

        (void) snprintf(framed, sizeof(framed), "\n%s\n", line);
        if (!strstr(text, framed))
                fail_msg("'%s' is not in:\n%s", line, text);
}

/* But what a shell adds. */
static void assert_environment(char *lines) {
        char *rest = NULL;

        for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                if (strcmp(line, "LC_ALL=C") != 0 &&
                    strcmp(line, "PATH=/usr/sbin:/usr/bin:/sbin:/bin") != 0 &&
                    !phx_has_prefix(line, "PWD=") && !phx_has_prefix(line, "_="))
                        fail_msg("%s", line);
}

static void the_compiler_has_no_rights_no_files_and_no_signals(void **state) {
        phx_autoclose int leak = open("/etc/passwd", O_RDONLY); /* NOLINT: left open on purpose */
        sigset_t blocked;
        char line[256];

        pretend("echo; pwd; ulimit -c; ulimit -t; ulimit -v; ulimit -n; ulimit -f\n"
                "[ /proc/self/fd/0 -ef /dev/null ] && echo null\n"
                "for fd in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$fd ] && echo open; done\n"
                "while read -r key a b c d; do case $key in\n"
                "Uid:|Gid:|Groups:|NoNewPrivs:|CapEff:|SigBlk:|SigIgn:|Seccomp:)\n"
                "echo $key $a $b $c $d;;\n"
                "esac; done </proc/self/status\n"
                "read -r stat </proc/self/stat; set -- \"$@\" ${stat##*)}\n"
                "eval \"echo nice \\${$(($# - 33))}\"\n"
                "echo $1 $2 $3 $4 $5 $6 $7 $8 $9; echo .* *; echo end; exec env\n");
        assert_true(leak >= 0);
        (void) sigemptyset(&blocked);
        (void) sigaddset(&blocked, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &blocked, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        compiler.deadline_usec = 5 * SECONDS;
        tree_write("deployed/d/x", "");
        (void) compile_one("include <d/x>\nprofile lxc-a {\n}\n");
        (void) signal(SIGPIPE, SIG_DFL);
        (void) sigprocmask(SIG_UNBLOCK, &blocked, NULL);

        assert_int_equal(jobs[0].result, 0);
        if (geteuid() == 0) {
                assert_line(jobs[0].blob, "Uid: 64321 64321 64321 64321");
                assert_line(jobs[0].blob, "Gid: 64321 64321 64321 64321");
                assert_line(jobs[0].blob, "Groups:");
        }
        (void) snprintf(line, sizeof(line), "%s", tree_path("stage/lxc-a"));
        assert_line(jobs[0].blob, line);
        assert_line(jobs[0].blob, "0\n6\n524288\n256\n131072\nnull");
        assert_null(strstr(jobs[0].blob, "\nopen\n"));
        /* See compiler/child.c: a capability that is only a shield. */
        assert_true(strstr(jobs[0].blob, "\nCapEff: 0000000000000000\n") ||
                    strstr(jobs[0].blob, "\nCapEff: 0000001000000000\n"));
        assert_line(jobs[0].blob, "NoNewPrivs: 1");
        assert_line(jobs[0].blob, "Seccomp: 2");
        assert_line(jobs[0].blob, "nice 3");
        assert_line(jobs[0].blob, "SigBlk: 0000000000000000\nSigIgn: 0000000000000000");
        assert_line(jobs[0].blob, "--config-file=/dev/null -K -j0 -S -b . -I . lxc-a");
        assert_line(jobs[0].blob, ". .. d lxc-a\nend");
        assert_environment(strstr(jobs[0].blob, "\nend\n") + strlen("\nend\n"));
        assert_null(strstr(jobs[0].blob, "passwd"));
}

static void warnings_are_kept_for_the_caller(void **state) {
        pretend("echo policy; echo 'Warning from lxc-a: old' >&2\n");
        (void) compile_one("profile lxc-a {\n}\n");
        assert_int_equal(jobs[0].result, 0);
        assert_string_equal(jobs[0].blob, "policy\n");
        assert_string_equal(jobs[0].warnings, "Warning from lxc-a: old\n");
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

        pretend("echo policy; exec sleep 0.5\n");
        (void) add_job("lxc-a", "profile lxc-a { }\n");
        assert_int_equal(phx_compile(&compiler, jobs, job_count, &progress), 0);
        assert_int_equal(jobs[0].result, 0);
        assert_in_range(signs, 3, 11);
}

static void an_old_stage_is_no_obstacle_and_no_source(void **state) {
        pretend("echo *\n");
        tree_write("stage/lxc-a/leftover", "old\n");
        (void) compile_one("profile lxc-a {\n}\n");
        assert_int_equal(jobs[0].result, 0);
        assert_string_equal(jobs[0].blob, "lxc-a\n");
}

/* --- what it says --- */

static void every_form_of_message_becomes_one_line(void **state) {
        static const struct phx_closure nothing = { 0 };
        static char empty[] = "";
        static const struct phx_file_seen profile = { .text = empty };
        static const struct phx_source_text text = { "lxc-a", &profile, &nothing, NULL };
        static const struct {
                const char *output;
                const char *message;
        } cases[] = {
                { "AppArmor parser error for lxc-a in profile lxc-a at line 7: bad\n",
                  "lxc-a: line 7: bad" },
                { "AppArmor parser error for lxc-a in ./x/y at line 7: bad\n",
                  "lxc-a: x/y: line 7: bad" },
                { "AppArmor parser error for lxc-a in profile /stage/lxc-a/x/y at line 7: bad\n",
                  "lxc-a: x/y: line 7: bad" },
                { "AppArmor parser error at line 7: bad\n", "lxc-a: line 7: bad" },
                { "AppArmor parser error, in stdin line 7: bad\n",
                  "lxc-a: AppArmor parser error, in stdin line 7: bad" },
                { "Warning from x\nAppArmor parser error for lxc-a in profile lxc-a at line 1: a: "
                  "b\n",
                  "lxc-a: line 1: a: b" },
                { "Warning from x\n\nfirst\r\napparmor_parser: second\n", "lxc-a: first; second" },
                { "File /stage/lxc-a/x not found, skipping...\n",
                  "lxc-a: File x not found, skipping..." },
                { "bad \x1b[31mcolour\n", "lxc-a: bad \\u001b[31mcolour" },
                { "\n", "lxc-a: the compiler failed without a message" },
                { "Warning from x\n", "lxc-a: the compiler failed without a message" },
        };
        char long_output[4096];
        struct phx_error error;

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                assert_int_equal(
                                phx_compiler_message(
                                                &text,
                                                &(struct phx_compiler_said){ "/parser",
                                                                             "/stage/lxc-a",
                                                                             cases[i].output },
                                                -EINVAL,
                                                &error),
                                -EINVAL);
                assert_string_equal(error.text, cases[i].message);
        }
        memset(long_output, 'x', sizeof(long_output));
        long_output[sizeof(long_output) - 1] = '\0';
        assert_int_equal(
                        phx_compiler_message(
                                        &text,
                                        &(struct phx_compiler_said){ "/parser", "/s", long_output },
                                        -EIO,
                                        &error),
                        -EIO);
        assert_true(strlen(error.text) > 800);
}

int main(void) {
#define with_tree(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                with_tree(the_same_text_gives_the_same_policy),
                with_tree(the_policy_is_the_one_that_the_machine_would_compile),
                with_tree(one_file_is_copied_once_however_it_is_spelled),
                with_tree(errors_name_the_place),
                with_tree(a_file_that_was_not_collected_cannot_be_read),
                with_tree(what_was_checked_is_compiled_whatever_happens_meanwhile),
                with_tree(an_explosion_is_stopped_and_the_others_are_not),
                with_tree(an_explosion_of_memory_is_stopped_too),
                with_tree(identity_follows_the_program_and_what_it_is_given),
                with_tree(the_compiler_has_no_rights_no_files_and_no_signals),
                with_tree(warnings_are_kept_for_the_caller),
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
                with_tree(an_old_stage_is_no_obstacle_and_no_source),
                cmocka_unit_test(every_form_of_message_becomes_one_line),
        };

        /* The compiler's user must come to where the pretended ones are. */
        (void) setenv("TMPDIR", "/tmp", 1); /* NOLINT(concurrency-mt-unsafe) */
        return cmocka_run_group_tests_name("compiler", tests, NULL, NULL);
}
