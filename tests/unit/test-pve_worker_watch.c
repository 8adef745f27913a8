/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the worker tells of changes, over an ordinary directory. It counts how often an idle one
 * wakes. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/process.h"
#include "pve-tree.h"
#include "pve_fixture.h"

#define CONFIG "pve/nodes/pve1/lxc/101.conf"

static int setup(void **state) {
        pve_tree_new();
        pve_test_begin("pve");
        test.options.place.any_file_system = true;
        test.options.patience_usec = SHORT_USEC;
        test.worker = new_worker(0);
        return 0;
}

static int teardown(void **state) {
        pve_test_end();
        tree_done();
        return 0;
}

static void save_as_proxmox_does(const char *text) {
        tree_write("pve/nodes/pve1/lxc/101.conf.tmp.4711", text);
        assert_int_equal(
                        rename(tree_path("pve/nodes/pve1/lxc/101.conf.tmp.4711"),
                               tree_path(CONFIG)),
                        0);
}

static void changes_by_others_are_told_and_ours_are_not(void **state) {
        struct phx_error error = { 0 };

        tree_write(CONFIG, OLD);
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        assert_not_told();

        assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_DONE);
        assert_not_told();
        assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_RIGHT);
        assert_int_equal(edit_with(OLD, OLD, &error), PHX_PVE_OUTCOME_CHANGED);
        assert_not_told();

        /* Proxmox's hook undoes it. */
        save_as_proxmox_does(OLD);
        assert_true(is_told(PATIENCE_MSEC));
        tree_write("pve/nodes/pve1/lxc/.fuse_hidden0000000100000001", OLD);
        tree_write("pve/nodes/pve1/lxc/102.conf.tmp.1", OLD);
        assert_not_told();
        tree_write("pve/nodes/pve1/lxc/102.conf", OLD);
        assert_true(is_told(PATIENCE_MSEC));
        tree_remove("pve/nodes/pve1/lxc/102.conf");
        assert_true(is_told(PATIENCE_MSEC));
        assert_int_equal(rename(tree_path(CONFIG), tree_path("pve/nodes/pve2/lxc/101.conf")), 0);
        assert_true(is_told(PATIENCE_MSEC));
}

/* Also when it could not be made, although opening the file for writing looks like a change. */
static void a_refused_edit_does_not_ask_for_another_look(void **state) {
        phx_autoclose int fd = -1;
        struct phx_error error = { 0 };

        tree_write(CONFIG, OLD);
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        fd = open(tree_path(CONFIG), O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(edit_with(OLD, NEW, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_int_equal(error.code, -EBUSY);
        assert_not_told();
}

static void our_own_directory_is_watched_wherever_it_appears(void **state) {
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        tree_write("pve/user.cfg", "");
        assert_not_told();
        tree_mkdir("pve/phoenixd");
        assert_true(is_told(PATIENCE_MSEC));
        tree_write("pve/phoenixd/configs.json", "{}");
        assert_true(is_told(PATIENCE_MSEC));
        tree_write("pve/phoenixd/.configs.json.phoenixd~", "{}");
        assert_not_told();
        tree_remove("pve/phoenixd");
        assert_true(is_told(PATIENCE_MSEC));
        (void) is_told(200);
        tree_mkdir("pve/phoenixd");
        assert_true(is_told(PATIENCE_MSEC));
}

static void assert_in_ha(bool is_in_ha) {
        struct phx_pve_list list = { 0 };

        assert_int_equal(phx_pve_worker_list(test.worker, &list, NULL), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.items[0].is_in_ha, is_in_ha);
        assert_true(list.is_quorate);
        phx_pve_list_done(&list);
}

static void what_the_ha_manager_has_is_known_and_told(void **state) {
        tree_write(CONFIG, OLD);
        pve_write_vmlist(PVE_GUEST("101", "pve1", "lxc", "5"));
        assert_in_ha(false);
        tree_mkdir("pve/ha");
        assert_true(is_told(PATIENCE_MSEC));
        tree_write("pve/ha/manager_status", "{}");
        assert_not_told();
        tree_write("pve/ha/resources.cfg", "ct: 101\n");
        assert_true(is_told(PATIENCE_MSEC));
        assert_in_ha(true);
        tree_write("pve/ha/resources.cfg", "ct: 101\n\tstate ignored\n");
        assert_true(is_told(PATIENCE_MSEC));
        assert_in_ha(false);
        tree_write("pve/ha/resources.cfg", "ct: 101\n");
        assert_true(is_told(PATIENCE_MSEC));
        assert_in_ha(true);
        assert_int_equal(unlink(tree_path("pve/ha/resources.cfg")), 0);
        assert_true(is_told(PATIENCE_MSEC));
        assert_in_ha(false);
}

static unsigned long queue_limit(void) {
        phx_autofree char *text = NULL;
        size_t size = 0;

        assert_int_equal(
                        phx_file_read_at(
                                        AT_FDCWD,
                                        "/proc/sys/fs/inotify/max_queued_events",
                                        64,
                                        &text,
                                        &size),
                        0);
        return strtoul(text, NULL, 10);
}

/* Only the overflow says that there was a change: its event was lost. */
static void a_full_queue_is_a_change(void **state) {
        const unsigned long limit = queue_limit();
        pid_t pid;

        if (limit > 100000)
                skip();
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        wait_for_rest(pid);
        assert_int_equal(kill(pid, SIGSTOP), 0);
        /* Two names, as equal events in a row are one. */
        for (unsigned long i = 0; i < limit + 2; i++)
                tree_write(i % 2 ? "pve/nodes/pve1/lxc/a" : "pve/nodes/pve1/lxc/b", "");
        tree_write(CONFIG, OLD);
        assert_int_equal(kill(pid, SIGCONT), 0);
        assert_true(is_told(PATIENCE_MSEC));
}

/* Counted over three seconds by the kernel's own counter. */
static void alone_and_idle_it_never_wakes(void **state) {
        unsigned long before;
        pid_t pid;

        tree_write(CONFIG, OLD);
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        wait_for_rest(pid);
        before = status_of(pid, "voluntary_ctxt_switches:", 10);
        /* A node by itself need not look into the database either. */
        for (int i = 0; i < 30; i++) {
                tree_write("database/config.db-wal", i % 2 ? "a" : "bc");
                phx_pve_pause(100000);
        }
        assert_int_equal(status_of(pid, "voluntary_ctxt_switches:", 10), before);
}

/* Five times as fast as it is for others. */
static void in_a_cluster_other_nodes_changes_are_told(void **state) {
        static const uint64_t period_usec = 210000;
        unsigned long before;
        bool was_told = false;
        pid_t pid;

        test.options.place.compare_usec = period_usec;
        use_worker(0);
        pve_write_members(true);
        tree_mkdir("pve/ha");
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        wait_for_rest(pid);

        /* As on a busy one: something is written all the time, none of which is ours. */
        before = status_of(pid, "voluntary_ctxt_switches:", 10);
        for (int i = 0; i < 12; i++) {
                tree_write("database/config.db-wal", i % 2 ? "a" : "bc");
                tree_write("pve/ha/manager_status", "{}");
                phx_pve_pause(80000);
        }
        assert_in_range(status_of(pid, "voluntary_ctxt_switches:", 10) - before, 2, 12);
        /* Which containers another node has is of interest, and nothing else of them. */
        pve_write_vmlist(PVE_GUEST("103", "pve2", "lxc", "5"));
        tree_write("database/config.db-wal", "ab");
        assert_true(is_told(PATIENCE_MSEC));
        pve_write_vmlist(PVE_GUEST("103", "pve2", "lxc", "6"));
        tree_write("database/config.db-wal", "abc");
        assert_false(is_told(3 * (int) (period_usec / 1000)));

        pve_write_vmlist(PVE_GUEST("103", "pve1", "lxc", "6"));
        tree_write("database/config.db-wal", "abcd");
        for (int i = 0; i < 4 && !was_told; i++)
                was_told = is_told((int) (period_usec / 1000));
        assert_true(was_told);

        /* When nothing was written for a while, nothing is compared. */
        phx_pve_pause(13 * period_usec);
        wait_for_rest(pid);
        before = status_of(pid, "voluntary_ctxt_switches:", 10);
        phx_pve_pause(4 * period_usec);
        assert_int_equal(status_of(pid, "voluntary_ctxt_switches:", 10), before);
        pve_write_vmlist(PVE_GUEST("103", "pve1", "lxc", "7"));
        tree_write("database/config.db-wal", "abcde");
        assert_true(is_told(PATIENCE_MSEC));

        /* By its size and time, without an event of its own. */
        tree_write("pve/ha/resources.cfg", "ct: 103\n");
        tree_write("database/config.db-wal", "abcdef");
        assert_true(is_told(PATIENCE_MSEC));
}

/* With what Proxmox compares by itself: at most one wakeup a second, whatever others write. */
static void a_busy_cluster_costs_one_wakeup_a_second(void **state) {
        const unsigned seconds = number_of("PHX_CLUSTER_SECONDS", 5);
        uint64_t begin;
        unsigned long before, count;
        pid_t pid;

        pve_write_members(true);
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        tree_write("database/config.db-wal", "x");
        wait_for_rest(pid);
        begin = phx_now_usec();
        before = status_of(pid, "voluntary_ctxt_switches:", 10);
        for (unsigned i = 0; i < 10 * seconds; i++) {
                tree_write("database/config.db-wal", i % 2 ? "a" : "bc");
                phx_pve_pause(100000);
        }
        count = status_of(pid, "voluntary_ctxt_switches:", 10) - before;
        print_message("# %lu wakeups in %u s\n", count, seconds);
        assert_in_range(count, 1, (phx_now_usec() - begin) / 1000000 + 1);
        assert_false(is_told(0));
}

static void what_goes_away_is_found_again(void **state) {
        struct phx_error error = { 0 };

        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        tree_remove("pve/local");
        tree_remove("pve/nodes/pve1/lxc");
        assert_true(is_told(PATIENCE_MSEC));
        assert_int_equal(ask_state(NULL, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_non_null(strstr(error.text, "is not mounted"));

        tree_mkdir("pve/nodes/pve1/lxc");
        tree_link("pve/local", "nodes/pve1");
        assert_true(is_told(PATIENCE_MSEC));
        tree_write(CONFIG, OLD);
        assert_true(is_told(PATIENCE_MSEC));
}

/* Not there when the worker starts: it comes some time. */
static void what_is_not_there_yet_is_waited_for(void **state) {
        tree_remove("pve/local");
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_NOT_NOW);
        tree_link("pve/local", "nodes/pve1");
        assert_true(is_told(PATIENCE_MSEC));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(changes_by_others_are_told_and_ours_are_not),
                TEST(a_refused_edit_does_not_ask_for_another_look),
                TEST(our_own_directory_is_watched_wherever_it_appears),
                TEST(what_the_ha_manager_has_is_known_and_told),
                TEST(a_full_queue_is_a_change),
                TEST(alone_and_idle_it_never_wakes),
                TEST(in_a_cluster_other_nodes_changes_are_told),
                TEST(a_busy_cluster_costs_one_wakeup_a_second),
                TEST(what_goes_away_is_found_again),
                TEST(what_is_not_there_yet_is_waited_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
