/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The work of engines that come one after the other, of one daemon and of the one after it, on a
 * made-up machine with the real liblxc. What is asked of it is counted (--wrap).
 *
 * The library that is upgraded is a copy of one, which each daemon loads: like liblxc it belongs to
 * the program, and how it is told from another is the same for all of them. */

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/program.h"
#include "base/trust.h"
#include "engine/work.h"
#include "lxc/ask.h"
#include "reconcile/pass.h"
#include "tree.h"

#define CONTAINERS 3

/* Of one daemon. */
#define ENGINES 3

/* By the engine of this process; and by each of a daemon, seen by all processes. */
static struct counts {
        unsigned asked;
        unsigned told; /* that a container is unconfined by configuration */
} mine, *counts;

/* What an engine leaves at its end. */
enum end {
        END_KILLED,     /* nothing */
        END_RECORDED,   /* everything */
        END_UNRECORDED, /* the journal has not taken all */
        END_FAILED,     /* its second pass fails */
        END_LATE,       /* nothing, but the one before leaves the same once more, too late */
};

static bool is_pass_failing;

/* In memory on all of Linux. */
static char runtime[] = "/dev/shm/phoenixd-test-XXXXXX";

int __real_phx_lxc_worker_load(
                const struct phx_strings *files,
                uint64_t deadline_usec,
                const struct phx_lxc_progress *progress,
                struct phx_lxc_values *values,
                struct phx_error *error);
int __wrap_phx_lxc_worker_load(
                const struct phx_strings *files,
                uint64_t deadline_usec,
                const struct phx_lxc_progress *progress,
                struct phx_lxc_values *values,
                struct phx_error *error);

int __wrap_phx_lxc_worker_load(
                const struct phx_strings *files,
                uint64_t deadline_usec,
                const struct phx_lxc_progress *progress,
                struct phx_lxc_values *values,
                struct phx_error *error) {
        mine.asked += (unsigned) files->count;
        return __real_phx_lxc_worker_load(files, deadline_usec, progress, values, error);
}

int __real_phx_pass_run(
                struct phx_pass *pass,
                const struct phx_world *world,
                uint64_t now_usec,
                struct phx_report *report,
                struct phx_error *error);
int __wrap_phx_pass_run(
                struct phx_pass *pass,
                const struct phx_world *world,
                uint64_t now_usec,
                struct phx_report *report,
                struct phx_error *error);

int __wrap_phx_pass_run(
                struct phx_pass *pass,
                const struct phx_world *world,
                uint64_t now_usec,
                struct phx_report *report,
                struct phx_error *error) {
        if (is_pass_failing)
                return phx_error_set(error, -EIO, "no picture could be had");
        return __real_phx_pass_run(pass, world, now_usec, report, error);
}

/* --- the machine --- */

static void write_configuration(void) {
        char entries[512] = "", text[1024];

        for (unsigned i = 0; i < CONTAINERS; i++) {
                char name[64];

                (void) snprintf(name, sizeof(name), "lxc/c%u/config", i);
                tree_write(name, "lxc.arch = amd64\nlxc.apparmor.profile = unconfined\n");
                (void) snprintf(entries + strlen(entries),
                                sizeof(entries) - strlen(entries),
                                "%s\"c%u\": { \"apparmor_profile\": \"unconfined\" }",
                                i > 0 ? ", " : "",
                                i);
        }
        (void) snprintf(text, sizeof(text), "{ \"lxc_configs\": { %s } }\n", entries);
        tree_write("configs.json", text);
}

static int set_up(void **state) {
        static const char *const directories[] = { "kernel/policy/profiles",
                                                   "kernel/policy/namespaces",
                                                   "cgroup",
                                                   "proc",
                                                   "sources",
                                                   "deployed",
                                                   "state" };
        char text[8192];

        memset(strrchr(runtime, '-') + 1, 'X', 6);
        if (!mkdtemp(runtime))
                return -1;
        tree_new();
        for (size_t i = 0; i < PHX_ELEMENTS(directories); i++)
                tree_mkdir(directories[i]);
        tree_write("module/parameters/enabled", "Y\n");
        tree_write("module/parameters/mode", "enforce\n");
        tree_write("kernel/features/policy/set_load", "yes\n");
        tree_write("kernel/policy/profiles/other.1/name", "other\n");
        tree_write("kernel/policy/profiles/other.1/mode", "enforce\n");
        tree_write("kernel/policy/profiles/other.1/sha1",
                   "89595fb54d72d6d1e1573858790f3d05067c25d6\n");
        tree_write("kernel/policy/revision", "7\n");
        tree_write("features", "");
        write_configuration();
        (void) snprintf(text,
                        sizeof(text),
                        "{ \"configuration\": \"%s\", \"profile_dir\": \"%s\", "
                        "\"deployed_dir\": \"%s\", \"lxc_path\": \"%s\" }\n",
                        tree_path("configs.json"),
                        tree_path("sources"),
                        tree_path("deployed"),
                        tree_path("lxc"));
        tree_write("phoenixd.json", text);
        return chmod(tree_path(""), 0755);
}

static int tear_down(void **state) {
        char command[64];

        tree_done();
        (void) snprintf(command, sizeof(command), "rm -rf '%s'", runtime);
        return system(command);
}

static int find_liblxc(struct dl_phdr_info *info, size_t size, void *data) {
        if (!strstr(info->dlpi_name, "/liblxc.so"))
                return 0;
        (void) snprintf(data, PATH_MAX, "%s", info->dlpi_name);
        return 1;
}

/* As a package does: another file comes in place of the old one, which stays mapped. */
static void install_library(void) {
        char from[PATH_MAX] = "", command[3 * PATH_MAX];

        assert_int_equal(dl_iterate_phdr(find_liblxc, from), 1);
        (void) snprintf(command, sizeof(command), "cp '%s' '%s'", from, tree_path("library.new"));
        assert_int_equal(system(command), 0);
        assert_int_equal(rename(tree_path("library.new"), tree_path("library")), 0);
}

/* --- the processes --- */

static void count_record(void *data, const struct phx_record *record) {
        mine.told += record->kind == PHX_RECORD_POSTURE;
}

static void ignore_progress(void *data, const char *text) {
}

static int take_all(void *data) {
        return 0;
}

static int take_object(void *data, enum phx_object_kind kind, const char *key, const char *json) {
        return 0;
}

static int take_rest(void *data, const char *json) {
        return 0;
}

static int make_work(
                const struct work_options *options,
                enum end end,
                struct engine_work *ret_work,
                struct phx_error *error) {
        static const struct phx_audit audit = { count_record, ignore_progress, NULL };
        char left[64], late[64];
        int r;

        (void) snprintf(left, sizeof(left), "%s/handover", runtime);
        (void) snprintf(late, sizeof(late), "%s/late", runtime);
        if (end == END_LATE && link(left, late) < 0)
                return phx_error_errno(error, late);
        r = work_setup(options, &audit, ret_work, error);
        if (r >= 0 && end == END_LATE && rename(late, left) < 0)
                return phx_error_errno(error, left);
        return r;
}

static _Noreturn void be_engine(
                const struct work_options *options,
                enum end end,
                struct counts *ret_counts) {
        static const struct engine_sink sink = { take_all, take_object, take_rest, NULL };
        const struct engine_request request = { .kind = LOOK_FULL };
        struct engine_answer answer = { .sink = &sink };
        struct phx_error error = { 0 };
        struct engine_work work = { 0 };

        if (make_work(options, end, &work, &error) < 0 ||
            work.look(work.data, &request, &answer, &error) < 0) {
                (void) fprintf(stderr, "%s\n", error.text);
                _exit(1);
        }
        engine_answer_done(&answer);
        answer.sink = &sink;
        is_pass_failing = end == END_FAILED;
        if (is_pass_failing && work.look(work.data, &request, &answer, &error) != -EIO)
                _exit(1);
        if (end != END_KILLED && end != END_LATE)
                work.leave(work.data, end != END_UNRECORDED);
        *ret_counts = mine;
        _exit(0);
}

static bool run_engine(
                const struct work_options *options,
                enum end end,
                struct counts *ret_counts) {
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
                be_engine(options, end, ret_counts);
        return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
               WEXITSTATUS(status) == 0;
}

/* Of a process that does not end in any other way than by _exit(). */
static const char *keep_path(const char *path) {
        return strdup(tree_path(path));
}

/* COUNTS[i] is what engine I of it asks and tells. */
static _Noreturn void be_daemon(size_t count, void (*before_last)(void), enum end end) {
        phx_cleanup(phx_buffer_done) struct phx_buffer libraries = { 0 };
        const struct work_roots roots = {
                .tasks = { .cgroup = keep_path("cgroup"), .proc = keep_path("proc") },
                .apparmorfs = keep_path("kernel"),
                .module = keep_path("module"),
                .parser = "/bin/false",
                .features_file = keep_path("features"),
        };
        struct work_options options = { .settings = keep_path("phoenixd.json"),
                                        .state_dir = keep_path("state"),
                                        .runtime_dir = runtime,
                                        .roots = &roots };

        if (!dlopen(tree_path("library"), RTLD_NOW | RTLD_LOCAL) ||
            phx_program_add_libraries(&libraries) < 0)
                _exit(1);
        options.libraries = libraries.data;
        for (size_t i = 0; i < count; i++) {
                if (before_last && i + 1 == count)
                        before_last();
                if (!run_engine(&options, i + 1 == count ? end : END_KILLED, &counts[i]))
                        _exit(1);
        }
        _exit(0);
}

/* BEFORE_LAST, which may be NULL, happens before its last engine, which ends with END. */
static void run_daemon(size_t count, void (*before_last)(void), enum end end) {
        int status = 0;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                be_daemon(count, before_last, end);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- what an upgrade of liblxc means --- */

/* The old one is mapped in each engine of a daemon that was not restarted, whatever is at its path.
 * The next daemon has the new one, and believes nothing of what the old one has answered. */
static void the_next_daemon_asks_an_upgraded_library_again(void **state) {
        install_library();
        run_daemon(3, install_library, END_KILLED);
        assert_int_equal(counts[0].asked, CONTAINERS);
        assert_int_equal(counts[1].asked, 0);
        assert_int_equal(counts[2].asked, 0);
        run_daemon(2, NULL, END_KILLED);
        assert_int_equal(counts[0].asked, CONTAINERS);
        assert_int_equal(counts[1].asked, 0);
}

static void upgrade_and_forget(void) {
        install_library();
        if (unlink(tree_path("state/lxc-answers")) < 0)
                _exit(2);
}

/* What an engine asks after the upgrade is answered by the old one, too. */
static void the_mapped_library_answers_for_itself_alone(void **state) {
        install_library();
        run_daemon(2, upgrade_and_forget, END_KILLED);
        assert_int_equal(counts[0].asked, CONTAINERS);
        assert_int_equal(counts[1].asked, CONTAINERS);
        run_daemon(1, NULL, END_KILLED);
        assert_int_equal(counts[0].asked, CONTAINERS);
}

/* --- from one run to the next --- */

static void assert_told(enum end end, unsigned told) {
        run_daemon(1, NULL, end);
        assert_int_equal(counts[0].told, told);
}

static void what_is_in_the_journal_is_not_told_again(void **state) {
        install_library();
        assert_told(END_RECORDED, CONTAINERS);
        assert_told(END_RECORDED, 0);
        assert_told(END_KILLED, 0);
        assert_told(END_RECORDED, CONTAINERS);
        install_library();
        assert_told(END_RECORDED, CONTAINERS);
}

static void what_may_not_be_in_the_journal_is_told_again(void **state) {
        install_library();
        assert_told(END_UNRECORDED, CONTAINERS);
        assert_told(END_KILLED, CONTAINERS);
}

static void after_a_look_that_failed_all_is_told_again(void **state) {
        install_library();
        assert_told(END_FAILED, CONTAINERS);
        assert_told(END_KILLED, CONTAINERS);
}

/* The loop of the engine before was killed, and another one began before the kernel had killed the
 * engine, too. */
static void what_was_left_too_late_is_not_believed(void **state) {
        install_library();
        assert_told(END_RECORDED, CONTAINERS);
        assert_told(END_LATE, 0);
        assert_told(END_KILLED, CONTAINERS);
}

/* All parents must be as trusted as those of a real machine's files are: those of the build mostly
 * are. */
static bool find_place(void) {
        const struct phx_trust trust = { "/", 0 };
        char directory[PATH_MAX];
        const char *candidates[] = { getcwd(directory, sizeof(directory)), "/run" };

        for (size_t i = 0; i < PHX_ELEMENTS(candidates); i++) {
                phx_autoclose int fd = -1;

                if (candidates[i] &&
                    phx_trust_open_directory(&trust, candidates[i], &fd, NULL) >= 0)
                        return setenv("TMPDIR", candidates[i], 1) == 0;
        }
        return false;
}

#define WITH_MACHINE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH_MACHINE(the_next_daemon_asks_an_upgraded_library_again),
                WITH_MACHINE(the_mapped_library_answers_for_itself_alone),
                WITH_MACHINE(what_is_in_the_journal_is_not_told_again),
                WITH_MACHINE(what_may_not_be_in_the_journal_is_told_again),
                WITH_MACHINE(after_a_look_that_failed_all_is_told_again),
                WITH_MACHINE(what_was_left_too_late_is_not_believed),
        };

        /* The engine is root. */
        if (geteuid() != 0 || !find_place())
                return 77;
        counts = mmap(NULL,
                      ENGINES * sizeof(*counts),
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS,
                      -1,
                      0);
        if (counts == MAP_FAILED)
                return 1;
        return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
