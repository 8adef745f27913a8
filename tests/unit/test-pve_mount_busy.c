/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The worker at work on the stand-in of Proxmox's cluster file system, while that is killed, loses
 * its quorum, and is written to. How often is set by the environment, see tests/pve/run. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "pve_mounted.h"
#include "pve_race.h"
#include "tree.h"

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
                .rounds = number_of("PHX_SAVES", 1000),
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_mounted, tear_down_mounted)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_quorum_that_is_lost_on_the_way_is_not_now),
                TEST(the_server_can_be_killed_and_started_at_any_time),
                TEST(a_busy_client_does_not_keep_it_from_starting),
                TEST(a_replaced_config_is_never_believed_gone),
                TEST(no_line_of_one_with_the_lock_is_lost),
                TEST(no_line_of_one_without_the_lock_is_lost),
                TEST(no_line_that_is_appended_is_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
