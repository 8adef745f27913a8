/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The worker on the stand-in of Proxmox's cluster file system. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "pve_mounted.h"

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
        use_worker(SHORT_USEC);
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
        use_worker(SHORT_USEC);
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
                /* Gone, and back: on a busy machine both are there before either is read. */
                assert_true(is_told(PATIENCE_MSEC));
                (void) is_told(3000);
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
        /* Which containers another node has is of interest, and nothing else of them. */
        pve_host_write("nodes/pve2/lxc/106.conf", OLD);
        assert_true(is_told(PATIENCE_MSEC));
        pve_host_write("nodes/pve2/lxc/106.conf", OLD "memory: 256\n");
        assert_false(is_told(3000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_mounted, tear_down_mounted)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(it_reads_and_edits_through_the_mount),
                TEST(what_the_mount_refuses_is_not_now),
                TEST(a_stalled_write_is_given_up_and_named),
                TEST(a_stopped_server_is_given_up_and_named),
                TEST(a_restart_is_told_and_watched_again),
                TEST(a_restart_that_is_no_event_is_found_out),
                TEST(other_nodes_changes_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
