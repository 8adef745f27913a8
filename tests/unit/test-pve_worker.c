/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The worker over an ordinary directory. kill(2) goes through a function of this file, so that a
 * worker that was stopped can stand for one that cannot be killed. */

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
#include <sys/pidfd.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "pve-tree.h"
#include "pve_fixture.h"
#include "pve_race.h"

#define CONFIG "pve/nodes/pve1/lxc/101.conf"

static bool kills_are_lost;

/* The linker's names. NOLINTBEGIN(*-identifier,*-identifier-naming,cert-dcl*) */
int __real_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal) {
        return kills_are_lost && signal == SIGKILL ? 0 : __real_kill(pid, signal);
}
/* NOLINTEND(*-identifier,*-identifier-naming,cert-dcl*) */

static int setup(void **state) {
        pve_tree_new();
        pve_test_begin("pve");
        test.options.place.any_file_system = true;
        test.options.patience_usec = SHORT_USEC;
        test.worker = new_worker(0);
        return 0;
}

static int teardown(void **state) {
        kills_are_lost = false;
        pve_test_end();
        tree_done();
        return 0;
}

static void all_requests_cost_one_process_that_holds_nothing(void **state) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
        struct phx_pve_state found;
        struct phx_error error = { 0 };
        pid_t pid;

        pve_write_vmlist(PVE_GUEST("101", "pve1", "lxc", "4"));
        tree_write(CONFIG, OLD);
        assert_int_equal(phx_pve_worker_pid(test.worker), 0);
        assert_int_equal(phx_pve_worker_state(test.worker, &found, &error), PHX_PVE_OUTCOME_DONE);
        assert_string_equal(found.node, "pve1");
        assert_int_equal(found.start_time, 1000);
        pid = phx_pve_worker_pid(test.worker);
        assert_true(pid > 0);
        assert_holds_nothing(pid);

        assert_int_equal(phx_pve_worker_list(test.worker, &list, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.items[0].id, 101);
        assert_int_equal(list.items[0].version, 4);
        assert_string_equal(list.node, "pve1");
        assert_holds_nothing(pid);

        assert_int_equal(
                        phx_pve_worker_read(test.worker, 101, &config, &error),
                        PHX_PVE_OUTCOME_DONE);
        assert_string_equal(config.data, OLD);
        assert_int_equal(strlen(config.sha256), 64);
        assert_holds_nothing(pid);

        assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_DONE);
        assert_holds_nothing(pid);
        assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_RIGHT);
        assert_int_equal(edit_with(OLD, OLD, &error), PHX_PVE_OUTCOME_CHANGED);
        assert_int_equal(error.code, -ESTALE);
        assert_holds_nothing(pid);
        assert_int_equal(phx_pve_worker_pid(test.worker), pid);
}

static void it_has_no_rights_but_roots_own(void **state) {
        pid_t pid;

        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        assert_int_equal(status_of(pid, "CapEff:", 16), 0);
        assert_int_equal(status_of(pid, "CapPrm:", 16), 0);
        assert_int_equal(status_of(pid, "CapInh:", 16), 0);
        assert_int_equal(status_of(pid, "NoNewPrivs:", 10), 1);
        assert_int_equal(status_of(pid, "SigBlk:", 16), 0);
}

static void an_empty_list_is_no_first_list_for_ever(void **state) {
        struct phx_pve_list list = { 0 };
        uint64_t begin;

        assert_int_equal(phx_pve_worker_list(test.worker, &list, NULL), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.count, 0);
        phx_pve_list_done(&list);
        begin = phx_now_usec();
        for (int i = 0; i < 5; i++) {
                assert_int_equal(
                                phx_pve_worker_list(test.worker, &list, NULL),
                                PHX_PVE_OUTCOME_DONE);
                phx_pve_list_done(&list);
        }
        assert_true(phx_now_usec() - begin < 5 * PHX_PVE_PAUSE_USEC);
}

static void many_guests_and_a_large_config_fit(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(phx_buffer_add_text(&text, "{\"version\": 1, \"ids\": {"), 0);
        for (unsigned i = 0; i < 12000; i++)
                assert_int_equal(
                                phx_buffer_addf(&text,
                                                "%s\"%u\": {\"node\": \"pve1\", \"type\": \"lxc\", "
                                                "\"version\": %u}",
                                                i > 0 ? ", " : "",
                                                100 + i,
                                                1 + i),
                                0);
        assert_int_equal(phx_buffer_add_text(&text, "}}"), 0);
        tree_write("pve/.vmlist", text.data);
        for (int i = 0; i < 2; i++) {
                phx_pve_list_done(&list);
                if (phx_pve_worker_list(test.worker, &list, &error) != PHX_PVE_OUTCOME_DONE)
                        fail_msg("%s", error.text);
                assert_int_equal(list.count, 12000);
                assert_int_equal(phx_pve_list_find(&list, 12099)->version, 12000);
        }
        tree_write(CONFIG, text.data);
        assert_int_equal(
                        phx_pve_worker_read(test.worker, 101, &config, &error),
                        PHX_PVE_OUTCOME_DONE);
        assert_int_equal(config.size, text.size);
}

static void a_dead_worker_is_replaced(void **state) {
        struct phx_error error = { 0 };
        struct pollfd poll_fd = { .events = POLLIN };
        pid_t pid;

        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        poll_fd.fd = pidfd_open(pid, 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(poll(&poll_fd, 1, PATIENCE_MSEC), 1);
        (void) close(poll_fd.fd);
        assert_int_equal(ask_state(NULL, &error), PHX_PVE_OUTCOME_DONE);
        assert_true(phx_pve_worker_pid(test.worker) > 0);
        assert_int_not_equal(phx_pve_worker_pid(test.worker), pid);
}

static void a_late_worker_is_killed_and_named(void **state) {
        struct phx_error error = { 0 };
        char expected[128];
        pid_t pid;

        use_worker(SHORT_USEC);
        tree_write(CONFIG, OLD);
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        wait_for_rest(pid);
        assert_int_equal(kill(pid, SIGSTOP), 0);
        assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_int_equal(error.code, -ETIMEDOUT);
        (void) snprintf(expected,
                        sizeof(expected),
                        "Proxmox's cluster file system does not answer (write of 101.conf, "
                        "worker %d since ",
                        (int) pid);
        assert_true(phx_has_prefix(error.text, expected));
        assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);

        assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_not_equal(phx_pve_worker_pid(test.worker), pid);
}

static void assert_refused_for(struct phx_pve_worker *worker, pid_t pid, bool is_at_once) {
        struct phx_error error = { 0 };
        struct phx_pve_list list = { 0 };
        uint64_t begin = phx_now_usec();
        char expected[128];

        (void) snprintf(expected, sizeof(expected), "worker %d since", (int) pid);
        assert_int_equal(phx_pve_worker_list(worker, &list, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_non_null(strstr(error.text, expected));
        assert_int_equal(error.code, -ETIMEDOUT);
        if (is_at_once)
                assert_true(phx_now_usec() - begin < SHORT_USEC);
}

static void no_second_one_is_started_beside_one_that_hangs(void **state) {
        phx_cleanup(phx_pve_worker_freep) struct phx_pve_worker *other = NULL;
        struct phx_pve_task task;
        struct phx_error error = { 0 };
        pid_t pid;

        use_worker(SHORT_USEC);
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        wait_for_rest(pid);
        assert_false(phx_pve_worker_is_stuck(test.worker, &task));
        assert_int_equal(kill(pid, SIGSTOP), 0);
        kills_are_lost = true;
        assert_int_equal(ask_state(NULL, &error), PHX_PVE_OUTCOME_NOT_NOW);

        assert_true(phx_pve_worker_is_stuck(test.worker, &task));
        assert_int_equal(task.pid, pid);
        assert_int_equal(task.kind, PHX_PVE_TASK_STATE);
        for (int i = 0; i < 3; i++)
                assert_refused_for(test.worker, pid, true);
        assert_int_equal(phx_pve_worker_pid(test.worker), pid);
        /* Nor by an engine that knows nothing of it. */
        other = new_worker(SHORT_USEC);
        assert_refused_for(other, pid, false);
        assert_int_equal(phx_pve_worker_pid(other), 0);

        kills_are_lost = false;
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (phx_pve_worker_is_stuck(test.worker, &task))
                phx_pve_pause(1000);
        assert_int_equal(ask_state(NULL, &error), PHX_PVE_OUTCOME_DONE);
        assert_int_not_equal(phx_pve_worker_pid(test.worker), pid);
}

static void race_with(enum pve_writer writer) {
        char config[256], lock[256];
        struct pve_race race = {
                .config = config,
                .lock = lock,
                .writer = writer,
                .rounds = 1000,
        };

        tree_write(CONFIG, OLD);
        tree_mkdir("lock");
        (void) snprintf(config, sizeof(config), "%s", tree_path(CONFIG));
        (void) snprintf(lock, sizeof(lock), "%s", tree_path("lock/pve-config-101.lock"));
        race.worker = test.worker;
        pve_race_run(&race);
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

/* An engine of its own, which says what its worker is and dies. */
static void it_ends_with_its_engine(void **state) {
        struct pollfd poll_fd = { .events = POLLIN };
        pid_t engine, pid = 0;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        engine = fork();
        if (engine == 0) {
                struct phx_pve_worker *worker = new_worker(0);
                struct phx_pve_state found;
                ssize_t n;

                if (phx_pve_worker_state(worker, &found, NULL) == PHX_PVE_OUTCOME_DONE)
                        pid = phx_pve_worker_pid(worker);
                n = write(fds[1], &pid, sizeof(pid));
                (void) pause();
                _exit(n < 0);
        }
        assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
        assert_true(pid > 0);
        poll_fd.fd = pidfd_open(pid, 0);
        assert_true(poll_fd.fd >= 0);
        assert_int_equal(poll(&poll_fd, 1, 0), 0);
        assert_int_equal(kill(engine, SIGKILL), 0);
        assert_int_equal(waitpid(engine, NULL, 0), engine);
        assert_int_equal(poll(&poll_fd, 1, PATIENCE_MSEC), 1);
        (void) close(poll_fd.fd);
        (void) close(fds[0]);
        (void) close(fds[1]);
        /* And leaves its claim. */
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(all_requests_cost_one_process_that_holds_nothing),
                TEST(it_has_no_rights_but_roots_own),
                TEST(an_empty_list_is_no_first_list_for_ever),
                TEST(many_guests_and_a_large_config_fit),
                TEST(a_dead_worker_is_replaced),
                TEST(a_late_worker_is_killed_and_named),
                TEST(no_second_one_is_started_beside_one_that_hangs),
                TEST(no_line_of_one_with_the_lock_is_lost),
                TEST(no_line_of_one_without_the_lock_is_lost),
                TEST(no_line_that_is_appended_is_lost),
                TEST(it_ends_with_its_engine),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
