/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The worker on the stand-in of Proxmox's cluster file system: a FUSE mount, which can stall, lose
 * its quorum, die, and change without an event. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "pve/worker.h"
#include "pve_host.h"
#include "pve_race.h"
#include "tree.h"

#define CONFIG "nodes/pve1/lxc/101.conf"
#define OLD "arch: amd64\nhostname: a\n"
#define NEW OLD "lxc.apparmor.profile: lxc-web\n"

/* Long for a test, and only a failing one waits for it. */
#define PATIENCE_MSEC 15000
#define SHORT_USEC 1500000

static struct {
        char root[256];
        char lock[256];
        char claim[256];
        char database[256];
        int changed_fd;
        struct phx_pve_worker *worker;
} test = { .changed_fd = -1 };

static struct phx_pve_worker *new_worker(uint64_t deadline_usec) {
        const struct phx_pve_worker_options options = {
                .place = { .root = test.root,
                           .lock_directory = test.lock,
                           .database = test.database },
                .claim = test.claim,
                .changed_fd = test.changed_fd,
                .deadline_usec = deadline_usec,
                .patience_usec = 3000000,
        };
        struct phx_pve_worker *worker = NULL;

        assert_int_equal(phx_pve_worker_new(&options, &worker), 0);
        return worker;
}

static int setup(void **state) {
        (void) tree_new();
        if (pve_host_missing())
                return 0;
        pve_host_start();
        (void) snprintf(test.root, sizeof(test.root), "%s", pve_host_path(""));
        (void) snprintf(test.lock, sizeof(test.lock), "%s", tree_path("lock"));
        (void) snprintf(test.claim, sizeof(test.claim), "%s", tree_path("claim"));
        (void) snprintf(test.database, sizeof(test.database), "%s", pve_host_database());
        test.changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_true(test.changed_fd >= 0);
        test.worker = new_worker(0);
        return 0;
}

static int teardown(void **state) {
        test.worker = phx_pve_worker_free(test.worker);
        phx_closep(&test.changed_fd);
        test.changed_fd = -1;
        pve_host_done();
        tree_done();
        return 0;
}

static void skip_without_host(void) {
        const char *why = pve_host_missing();

        if (!why)
                return;
        print_message("# skipped: %s\n", why);
        skip();
}

static enum phx_pve_outcome edit_with(const char *old, const char *new, struct phx_error *error) {
        char digest[PHX_SHA256_HEX];

        phx_sha256(old, strlen(old), digest);
        return phx_pve_worker_edit(test.worker, 101, digest, new, strlen(new), error);
}

static enum phx_pve_outcome ask_state(struct phx_pve_state *found, struct phx_error *error) {
        return phx_pve_worker_state(test.worker, found, error);
}

static bool is_told(int timeout_msec) {
        struct pollfd poll_fd = { .fd = test.changed_fd, .events = POLLIN };
        uint64_t count;

        if (poll(&poll_fd, 1, timeout_msec) <= 0)
                return false;
        assert_int_equal(read(test.changed_fd, &count, sizeof(count)), sizeof(count));
        return true;
}

static void assert_not_told(void) {
        struct phx_pve_state found;

        assert_int_equal(ask_state(&found, NULL), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(ask_state(&found, NULL), PHX_PVE_OUTCOME_DONE);
        assert_false(is_told(0));
}

/* Without the mount: what the server has. */
static void assert_served(const char *expected) {
        phx_autofree char *text = pve_host_ask("read " CONFIG);

        assert_string_equal(text, expected);
}

/* Nothing but configs: no temporary file, and nothing that libfuse had to hide. */
static void assert_no_leftovers(void) {
        phx_cleanup(phx_closedirp) DIR *directory = opendir(pve_host_path("nodes/pve1/lxc"));
        const struct dirent *entry;

        assert_non_null(directory);
        while ((entry = readdir(directory)))
                assert_true(entry->d_name[0] == '.' ? entry->d_name[1] == '.' || !entry->d_name[1]
                                                    : phx_has_suffix(entry->d_name, ".conf"));
}

static void assert_holds_nothing(pid_t pid) {
        static const char *const names[] = { "cwd",  "root", "fd/0", "fd/1", "fd/2", "fd/3",
                                             "fd/4", "fd/5", "fd/6", "fd/7", "fd/8", "fd/9" };

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                char path[64], target[512];
                ssize_t n;

                (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, names[i]);
                n = readlink(path, target, sizeof(target) - 1);
                target[n > 0 ? n : 0] = '\0';
                assert_false(phx_has_prefix(target, test.root));
        }
}

static void it_reads_and_edits_through_the_mount(void **state) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 }, again = { 0 };
        struct phx_pve_state found;
        struct phx_error error = { 0 };
        pid_t pid;

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        assert_int_equal(ask_state(&found, &error), PHX_PVE_OUTCOME_DONE);
        assert_true(found.is_mounted);
        assert_true(found.is_quorate);
        assert_false(found.is_cluster);
        assert_string_equal(found.node, "pve1");
        pid = phx_pve_worker_pid(test.worker);
        assert_holds_nothing(pid);

        assert_int_equal(phx_pve_worker_list(test.worker, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.count, 1);
        assert_true(list.items[0].version > 0);
        assert_int_equal(list.start_time, found.start_time);
        assert_holds_nothing(pid);
        assert_int_equal(
                        phx_pve_worker_read(test.worker, 101, &config, &error),
                        PHX_PVE_OUTCOME_DONE);
        assert_string_equal(config.data, OLD);
        assert_holds_nothing(pid);

        assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_DONE);
        assert_served(NEW);
        assert_not_told();
        assert_int_equal(edit_with(NEW, OLD, &error), PHX_PVE_OUTCOME_DONE);
        assert_served(OLD);
        assert_int_equal(edit_with(NEW, OLD, &error), PHX_PVE_OUTCOME_RIGHT);
        assert_not_told();
        assert_holds_nothing(pid);
        assert_no_leftovers();

        assert_int_equal(phx_pve_worker_list(test.worker, &again, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_not_equal(again.items[0].version, list.items[0].version);
        assert_int_equal(phx_pve_worker_pid(test.worker), pid);
}

static void what_the_mount_refuses_is_not_now(void **state) {
        static const struct {
                const char *on, *off;
                int code;
        } cases[] = {
                { "quorum off", "quorum on", -EACCES },
                { "busy on", "busy off", -EBUSY },
                { "fail EPERM 200", "fail off 0", -EPERM },
                { "fail EIO 0", "fail off 0", -EIO },
        };
        struct phx_pve_state found;
        struct phx_pve_list list = { 0 };

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                struct phx_error error = { 0 };

                pve_host_order(cases[i].on);
                assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_NOT_NOW);
                assert_int_equal(error.code, cases[i].code);
                assert_served(OLD);
                assert_int_equal(ask_state(&found, &error), PHX_PVE_OUTCOME_DONE);
                assert_int_equal(found.is_quorate, i > 0);
                assert_int_equal(
                                phx_pve_worker_list(test.worker, &list, &error),
                                PHX_PVE_OUTCOME_DONE);
                assert_int_equal(list.is_quorate, i > 0);
                phx_pve_list_done(&list);
                assert_holds_nothing(phx_pve_worker_pid(test.worker));
                pve_host_order(cases[i].off);
                assert_no_leftovers();
        }
        assert_int_equal(edit_with(OLD, NEW, NULL), PHX_PVE_OUTCOME_DONE);
        assert_served(NEW);
}

/* Modes and attributes are known for a second: the write itself is what is refused then. */
static void a_quorum_that_is_lost_on_the_way_is_not_now(void **state) {
        struct phx_pve_state found;
        struct phx_error error = { 0 };

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        for (int i = 0; i < 5; i++) {
                assert_int_equal(ask_state(&found, &error), PHX_PVE_OUTCOME_DONE);
                pve_host_order("quorum off");
                assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_NOT_NOW);
                assert_int_equal(error.code, -EACCES);
                assert_served(OLD);
                pve_host_order("quorum on");
                assert_no_leftovers();
                phx_pve_pause(1100000);
        }
}

static void assert_refused_for(struct phx_pve_worker *worker, pid_t pid, const char *task) {
        struct phx_pve_list list = { 0 };
        struct phx_error error = { 0 };
        char expected[128];

        (void) snprintf(expected,
                        sizeof(expected),
                        "Proxmox's cluster file system does not answer (%s, worker %d since ",
                        task,
                        (int) pid);
        assert_int_equal(phx_pve_worker_list(worker, &list, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_true(phx_has_prefix(error.text, expected));
}

static void wait_for_end_of_stuck(void) {
        struct phx_pve_task task;

        for (int i = 0; i < PATIENCE_MSEC && phx_pve_worker_is_stuck(test.worker, &task); i++)
                phx_pve_pause(1000);
        assert_false(phx_pve_worker_is_stuck(test.worker, &task));
}

/* Here the kernel itself keeps the process: no signal ends it. */
static void a_stalled_write_is_given_up_and_named(void **state) {
        phx_cleanup(phx_pve_worker_freep) struct phx_pve_worker *other = NULL;
        struct phx_pve_state found;
        struct phx_pve_task task;
        struct phx_error error = { 0 };
        pid_t pid;

        skip_without_host();
        test.worker = phx_pve_worker_free(test.worker);
        test.worker = new_worker(SHORT_USEC);
        pve_host_save(CONFIG, OLD);
        assert_int_equal(ask_state(&found, &error), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        pve_host_order("stall on");
        /* The lock is part of an edit's patience; nobody holds it here. */
        assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_int_equal(error.code, -ETIMEDOUT);
        assert_true(phx_pve_worker_is_stuck(test.worker, &task));
        assert_int_equal(task.pid, pid);
        assert_int_equal(task.kind, PHX_PVE_TASK_EDIT);
        assert_int_equal(task.id, 101);
        for (int i = 0; i < 3; i++)
                assert_refused_for(test.worker, pid, "write of 101.conf");
        other = new_worker(SHORT_USEC);
        assert_refused_for(other, pid, "write of 101.conf");
        assert_int_equal(phx_pve_worker_pid(other), 0);
        assert_int_equal(kill(pid, 0), 0);

        pve_host_order("stall off");
        wait_for_end_of_stuck();
        assert_int_equal(ask_state(&found, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_not_equal(phx_pve_worker_pid(test.worker), pid);
        assert_no_leftovers();
}

/* Then even an lstat waits. */
static void a_stopped_server_is_given_up_and_named(void **state) {
        struct phx_pve_state found;
        struct phx_error error = { 0 };
        struct phx_pve_task task;

        skip_without_host();
        test.worker = phx_pve_worker_free(test.worker);
        test.worker = new_worker(SHORT_USEC);
        assert_int_equal(ask_state(&found, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(kill(pve_host_pid(), SIGSTOP), 0);
        assert_int_equal(ask_state(&found, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_int_equal(error.code, -ETIMEDOUT);
        assert_false(found.is_mounted);
        if (phx_pve_worker_is_stuck(test.worker, &task))
                assert_refused_for(test.worker, task.pid, "read of its state");
        assert_int_equal(kill(pve_host_pid(), SIGCONT), 0);
        wait_for_end_of_stuck();
        assert_int_equal(ask_state(&found, &error), PHX_PVE_OUTCOME_DONE);
}

static void wait_until_mounted(void) {
        struct phx_pve_state found;

        for (int i = 0; i < PATIENCE_MSEC; i++) {
                if (ask_state(&found, NULL) == PHX_PVE_OUTCOME_DONE)
                        return;
                phx_pve_pause(1000);
        }
        fail();
}

/* A busy client at the moment of each kill, and at each start. */
static void the_server_can_be_killed_and_started_at_any_time(void **state) {
        pid_t pid = 0;

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        for (int i = 0; i < 20; i++) {
                phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
                struct phx_pve_list list = { 0 };
                struct phx_error error = { 0 };
                char text[128];

                wait_until_mounted();
                if (i == 0)
                        pid = phx_pve_worker_pid(test.worker);
                (void) snprintf(text, sizeof(text), "%s#%d\n", OLD, i);
                pve_host_save(CONFIG, text);
                pve_host_kill();
                /* Whatever is asked now is refused, and is no damage. */
                assert_int_equal(edit_with(text, NEW, &error), PHX_PVE_OUTCOME_NOT_NOW);
                assert_int_equal(
                                phx_pve_worker_list(test.worker, &list, &error),
                                PHX_PVE_OUTCOME_NOT_NOW);
                assert_int_equal(pve_host_try_start(), 0);
                wait_until_mounted();
                assert_int_equal(
                                phx_pve_worker_read(test.worker, 101, &config, &error),
                                PHX_PVE_OUTCOME_DONE);
                assert_string_equal(config.data, text);
                assert_int_equal(edit_with(text, NEW, &error), PHX_PVE_OUTCOME_DONE);
                assert_served(NEW);
        }
        /* It was one worker all the time, and it watches the last of the mounts. */
        assert_int_equal(phx_pve_worker_pid(test.worker), pid);
        while (is_told(2500))
                ;
        pve_host_save(CONFIG, OLD);
        assert_true(is_told(PATIENCE_MSEC));
}

static enum phx_pve_outcome list_read_and_edit(const char *text) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
        enum phx_pve_outcome outcome;

        outcome = phx_pve_worker_list(test.worker, &list, NULL);
        if (outcome == PHX_PVE_OUTCOME_DONE && list.count != 1)
                return PHX_PVE_OUTCOME_MOVED;
        if (outcome == PHX_PVE_OUTCOME_DONE)
                outcome = phx_pve_worker_read(test.worker, 101, &config, NULL);
        return outcome == PHX_PVE_OUTCOME_DONE ? edit_with(config.data, text, NULL) : outcome;
}

/* An engine that works without a break, and waits a little when it is refused. It is to be ended by
 * a signal. */
static _Noreturn void be_busy(void) {
        test.worker = new_worker(0);
        for (unsigned i = 0;; i++) {
                enum phx_pve_outcome outcome = list_read_and_edit(i % 2 ? OLD : NEW);

                if (outcome == PHX_PVE_OUTCOME_NOT_NOW)
                        phx_pve_pause(50000);
                else if (outcome != PHX_PVE_OUTCOME_DONE && outcome != PHX_PVE_OUTCOME_RIGHT)
                        _exit(2);
        }
}

static void a_busy_client_does_not_keep_it_from_starting(void **state) {
        int status = 0;
        pid_t pid;

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        pid = fork();
        if (pid == 0)
                be_busy();
        for (unsigned i = 0; i < 20; i++) {
                phx_pve_pause(30000 + (uint64_t) 7000 * i);
                pve_host_kill();
                phx_pve_pause((uint64_t) 5000 * i);
                assert_int_equal(pve_host_try_start(), 0);
        }
        phx_pve_pause(100000);
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        wait_until_mounted();
        assert_no_leftovers();
}

/* Without a request the worker finds it out by the unmount of the next start alone. */
static void a_restart_is_told_and_watched_again(void **state) {
        struct phx_pve_state found;

        skip_without_host();
        assert_int_equal(ask_state(&found, NULL), PHX_PVE_OUTCOME_DONE);
        for (int i = 0; i < 3; i++) {
                if (i % 2 == 0)
                        pve_host_kill();
                else
                        pve_host_stop();
                assert_int_equal(pve_host_try_start(), 0);
                /* Gone, and back. */
                assert_true(is_told(PATIENCE_MSEC));
                assert_true(is_told(PATIENCE_MSEC));
                pve_host_save(CONFIG, OLD);
                assert_true(is_told(PATIENCE_MSEC));
        }
}

/* A descriptor of another process delays the event of the unmount: here, until the end. */
static void a_restart_that_is_no_event_is_found_out(void **state) {
        phx_autoclose int fd = -1;
        struct phx_pve_state found;

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        assert_int_equal(ask_state(&found, NULL), PHX_PVE_OUTCOME_DONE);
        fd = open(pve_host_path("nodes"), O_PATH | O_CLOEXEC);
        assert_true(fd >= 0);
        pve_host_stop();
        /* In whole seconds it is another server. */
        phx_pve_pause(1100000);
        pve_host_start();
        (void) is_told(0);
        assert_int_equal(ask_state(&found, NULL), PHX_PVE_OUTCOME_DONE);
        while (is_told(2500))
                ;
        pve_host_save(CONFIG, NEW);
        assert_true(is_told(PATIENCE_MSEC));
}

static void other_nodes_changes_are_told(void **state) {
        struct phx_pve_state found;
        struct phx_pve_list list = { 0 };

        skip_without_host();
        pve_host_order("node pve2 add");
        pve_host_order("cluster c");
        assert_int_equal(ask_state(&found, NULL), PHX_PVE_OUTCOME_DONE);
        assert_true(found.is_cluster);
        assert_int_equal(phx_pve_worker_list(test.worker, &list, NULL), PHX_PVE_OUTCOME_DONE);
        phx_pve_list_done(&list);
        (void) is_told(0);
        pve_host_write("nodes/pve2/lxc/105.conf", OLD);
        for (int i = 0; i < 3; i++) {
                /* The log tells it a little before it can be read. */
                pve_host_order(i == 2 ? "lag 40" : "lag 0");
                pve_host_order("rename nodes/pve2/lxc/105.conf nodes/pve1/lxc/105.conf");
                assert_true(is_told(PATIENCE_MSEC));
                assert_int_equal(
                                phx_pve_worker_list(test.worker, &list, NULL),
                                PHX_PVE_OUTCOME_DONE);
                assert_int_equal(list.count, 1);
                phx_pve_list_done(&list);

                pve_host_order("rename nodes/pve1/lxc/105.conf nodes/pve2/lxc/105.conf");
                assert_true(is_told(PATIENCE_MSEC));
                assert_int_equal(
                                phx_pve_worker_list(test.worker, &list, NULL),
                                PHX_PVE_OUTCOME_DONE);
                assert_int_equal(list.count, 0);
                phx_pve_list_done(&list);
        }
        pve_host_order("mkdir phoenixd");
        assert_true(is_told(PATIENCE_MSEC));
        pve_host_write("phoenixd/configs.json", "{}");
        assert_true(is_told(PATIENCE_MSEC));
        /* A young file is compared once more. */
        while (is_told(5000))
                ;
        /* Not ours. */
        pve_host_write("nodes/pve2/lxc/106.conf", OLD);
        assert_false(is_told(3000));
}

/* Readers and a saver in hot loops: what is missing for a moment is never missing in a list. */
static void a_replaced_config_is_never_believed_gone(void **state) {
        int status = 0;
        pid_t pid;

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        pid = fork();
        if (pid == 0) {
                for (int i = 0; i < 500; i++)
                        pve_host_save(CONFIG, i % 2 ? OLD : NEW);
                _exit(0);
        }
        while (waitpid(pid, &status, WNOHANG) == 0) {
                phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
                phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
                struct phx_error error = { 0 };

                assert_int_equal(
                                phx_pve_worker_list(test.worker, &list, &error),
                                PHX_PVE_OUTCOME_DONE);
                assert_int_equal(list.count, 1);
                assert_int_equal(list.items[0].id, 101);
                assert_int_equal(
                                phx_pve_worker_read(test.worker, 101, &config, &error),
                                PHX_PVE_OUTCOME_DONE);
                assert_true(strcmp(config.data, OLD) == 0 || strcmp(config.data, NEW) == 0);
        }
        assert_int_equal(status, 0);
}

static void race_with(enum pve_writer writer) {
        char config[256], lock[300];
        const struct pve_race race = {
                .worker = test.worker,
                .config = config,
                .lock = lock,
                .writer = writer,
                .rounds = 1000,
                .is_atomic = true,
        };

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        tree_mkdir("lock");
        (void) snprintf(config, sizeof(config), "%s", pve_host_path(CONFIG));
        (void) snprintf(lock, sizeof(lock), "%s/pve-config-101.lock", test.lock);
        pve_race_run(&race);
        assert_no_leftovers();
}

static void no_line_of_one_with_the_lock_is_lost(void **state) {
        race_with(PVE_WRITER_LOCKS);
}

static void no_line_of_one_without_the_lock_is_lost(void **state) {
        race_with(PVE_WRITER_RENAMES);
}

static void no_line_that_is_appended_is_lost(void **state) {
        race_with(PVE_WRITER_APPENDS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(it_reads_and_edits_through_the_mount),
                TEST(what_the_mount_refuses_is_not_now),
                TEST(a_quorum_that_is_lost_on_the_way_is_not_now),
                TEST(a_stalled_write_is_given_up_and_named),
                TEST(a_stopped_server_is_given_up_and_named),
                TEST(the_server_can_be_killed_and_started_at_any_time),
                TEST(a_busy_client_does_not_keep_it_from_starting),
                TEST(a_restart_is_told_and_watched_again),
                TEST(a_restart_that_is_no_event_is_found_out),
                TEST(other_nodes_changes_are_told),
                TEST(a_replaced_config_is_never_believed_gone),
                TEST(no_line_of_one_with_the_lock_is_lost),
                TEST(no_line_of_one_without_the_lock_is_lost),
                TEST(no_line_that_is_appended_is_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
