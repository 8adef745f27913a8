/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The worker over an ordinary directory. kill(2) goes through a function of this file, so that a
 * worker that was stopped can stand for one that cannot be killed. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "pve-tree.h"
#include "pve/worker.h"
#include "pve_race.h"

#define CONFIG "pve/nodes/pve1/lxc/101.conf"
#define OLD "arch: amd64\nhostname: a\n"
#define NEW OLD "lxc.apparmor.profile: lxc-web\n"

/* Long for a test, and only a failing one waits for it. */
#define PATIENCE_MSEC 10000
#define SHORT_USEC 1500000

static bool kills_are_lost;

/* The linker's names. NOLINTBEGIN(*-identifier,*-identifier-naming,cert-dcl*) */
int __real_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal) {
        return kills_are_lost && signal == SIGKILL ? 0 : __real_kill(pid, signal);
}
/* NOLINTEND(*-identifier,*-identifier-naming,cert-dcl*) */

static struct {
        char root[256];
        char claim[256];
        int changed_fd;
        uint64_t compare_usec;
        struct phx_pve_worker *worker;
} test;

static struct phx_pve_worker *new_worker(uint64_t deadline_usec) {
        struct phx_pve_worker_options options = {
                .place = pve_tree_place(),
                .claim = test.claim,
                .changed_fd = test.changed_fd,
                .deadline_usec = deadline_usec,
                .patience_usec = SHORT_USEC,
        };
        struct phx_pve_worker *worker = NULL;

        options.place.compare_usec = test.compare_usec;
        assert_int_equal(phx_pve_worker_new(&options, &worker), 0);
        return worker;
}

static int setup(void **state) {
        pve_tree_new();
        (void) snprintf(test.root, sizeof(test.root), "%s", tree_path("pve"));
        (void) snprintf(test.claim, sizeof(test.claim), "%s", tree_path("claim"));
        test.changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_true(test.changed_fd >= 0);
        test.worker = new_worker(0);
        return 0;
}

static int teardown(void **state) {
        kills_are_lost = false;
        test.compare_usec = 0;
        test.worker = phx_pve_worker_free(test.worker);
        (void) close(test.changed_fd);
        tree_done();
        return 0;
}

static enum phx_pve_outcome edit_with(
                struct phx_pve_worker *worker,
                const char *old,
                const char *new,
                struct phx_error *error) {
        char digest[PHX_SHA256_HEX];

        phx_sha256(old, strlen(old), digest);
        return phx_pve_worker_edit(worker, 101, digest, new, strlen(new), error);
}

static enum phx_pve_outcome ask_state(struct phx_error *error) {
        struct phx_pve_state state;

        return phx_pve_worker_state(test.worker, &state, error);
}

static bool is_told(int timeout_msec) {
        struct pollfd poll_fd = { .fd = test.changed_fd, .events = POLLIN };
        uint64_t count;

        if (poll(&poll_fd, 1, timeout_msec) <= 0)
                return false;
        assert_int_equal(read(test.changed_fd, &count, sizeof(count)), sizeof(count));
        return true;
}

/* The worker answers only when it has taken all events of before. */
static void assert_not_told(void) {
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
        assert_false(is_told(0));
}

/* A number of /proc/PID/status. */
static unsigned long status_of(pid_t pid, const char *key, int base) {
        char path[64], line[256];
        unsigned long value = 0;
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
        file = fopen(path, "re");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
                if (phx_has_prefix(line, key))
                        value = strtoul(line + strlen(key) + 1, NULL, base);
        (void) fclose(file);
        return value;
}

static void read_link_of(pid_t pid, const char *name, char target[512]) {
        char path[128];
        ssize_t n;

        (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
        n = readlink(path, target, 511);
        assert_true(n > 0);
        target[n] = '\0';
}

static char state_of(pid_t pid) {
        char path[64], text[512] = "";
        phx_autoclose int fd = -1;
        const char *end;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_true(read(fd, text, sizeof(text) - 1) > 0);
        end = strrchr(text, ')');
        assert_non_null(end);
        return end[2];
}

/* Waits until it waits: what it does after its answer is not over when the answer comes. */
static void wait_for_rest(pid_t pid) {
        unsigned long before = ULONG_MAX, now;

        while ((now = status_of(pid, "voluntary_ctxt_switches:", 10)) != before ||
               state_of(pid) != 'S') {
                before = now;
                phx_pve_pause(50000);
        }
}

static void assert_holds_nothing(pid_t pid) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        char path[64], target[512];
        const struct dirent *entry;
        unsigned count = 0;

        wait_for_rest(pid);
        read_link_of(pid, "cwd", target);
        assert_string_equal(target, "/");
        (void) snprintf(path, sizeof(path), "/proc/%d/fd", (int) pid);
        directory = opendir(path);
        assert_non_null(directory);
        while ((entry = readdir(directory))) {
                char name[300];

                if (entry->d_name[0] == '.')
                        continue;
                (void) snprintf(name, sizeof(name), "fd/%s", entry->d_name);
                read_link_of(pid, name, target);
                assert_false(phx_has_prefix(target, test.root));
                count++;
        }
        /* The standard three, socket, claim, eventfd and inotify. */
        assert_true(count <= 7);
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

        assert_int_equal(edit_with(test.worker, OLD, NEW, &error), PHX_PVE_OUTCOME_DONE);
        assert_holds_nothing(pid);
        assert_int_equal(edit_with(test.worker, OLD, NEW, &error), PHX_PVE_OUTCOME_RIGHT);
        assert_int_equal(edit_with(test.worker, OLD, OLD, &error), PHX_PVE_OUTCOME_CHANGED);
        assert_int_equal(error.code, -ESTALE);
        assert_holds_nothing(pid);
        assert_int_equal(phx_pve_worker_pid(test.worker), pid);
}

static void it_has_no_rights_but_roots_own(void **state) {
        pid_t pid;

        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
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
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
        assert_not_told();

        assert_int_equal(edit_with(test.worker, OLD, NEW, &error), PHX_PVE_OUTCOME_DONE);
        assert_not_told();
        assert_int_equal(edit_with(test.worker, OLD, NEW, &error), PHX_PVE_OUTCOME_RIGHT);
        assert_int_equal(edit_with(test.worker, OLD, OLD, &error), PHX_PVE_OUTCOME_CHANGED);
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
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
        fd = open(tree_path(CONFIG), O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(edit_with(test.worker, OLD, NEW, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_int_equal(error.code, -EBUSY);
        assert_not_told();
}

static void our_own_directory_is_watched_wherever_it_appears(void **state) {
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
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

/* Counted over three seconds by the kernel's own counter. */
static void alone_and_idle_it_never_wakes(void **state) {
        unsigned long before;
        pid_t pid;

        tree_write(CONFIG, OLD);
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
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

        test.worker = phx_pve_worker_free(test.worker);
        test.compare_usec = period_usec;
        test.worker = new_worker(0);
        pve_write_members(true);
        tree_mkdir("pve/ha");
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
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

static void what_goes_away_is_found_again(void **state) {
        struct phx_error error = { 0 };

        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
        tree_remove("pve/local");
        tree_remove("pve/nodes/pve1/lxc");
        assert_true(is_told(PATIENCE_MSEC));
        assert_int_equal(ask_state(&error), PHX_PVE_OUTCOME_NOT_NOW);
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
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_NOT_NOW);
        tree_link("pve/local", "nodes/pve1");
        assert_true(is_told(PATIENCE_MSEC));
}

static void a_dead_worker_is_replaced(void **state) {
        struct phx_error error = { 0 };
        struct pollfd poll_fd = { .events = POLLIN };
        pid_t pid;

        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        poll_fd.fd = pidfd_open(pid, 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(poll(&poll_fd, 1, PATIENCE_MSEC), 1);
        (void) close(poll_fd.fd);
        assert_int_equal(ask_state(&error), PHX_PVE_OUTCOME_DONE);
        assert_true(phx_pve_worker_pid(test.worker) > 0);
        assert_int_not_equal(phx_pve_worker_pid(test.worker), pid);
}

static void a_late_worker_is_killed_and_named(void **state) {
        struct phx_error error = { 0 };
        char expected[128];
        pid_t pid;

        test.worker = phx_pve_worker_free(test.worker);
        test.worker = new_worker(SHORT_USEC);
        tree_write(CONFIG, OLD);
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        wait_for_rest(pid);
        assert_int_equal(kill(pid, SIGSTOP), 0);
        assert_int_equal(edit_with(test.worker, OLD, NEW, &error), PHX_PVE_OUTCOME_NOT_NOW);
        assert_int_equal(error.code, -ETIMEDOUT);
        (void) snprintf(expected,
                        sizeof(expected),
                        "Proxmox's cluster file system does not answer (write of 101.conf, "
                        "worker %d since ",
                        (int) pid);
        assert_true(phx_has_prefix(error.text, expected));
        assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);

        assert_int_equal(edit_with(test.worker, OLD, NEW, &error), PHX_PVE_OUTCOME_DONE);
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

        test.worker = phx_pve_worker_free(test.worker);
        test.worker = new_worker(SHORT_USEC);
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
        pid = phx_pve_worker_pid(test.worker);
        wait_for_rest(pid);
        assert_false(phx_pve_worker_is_stuck(test.worker, &task));
        assert_int_equal(kill(pid, SIGSTOP), 0);
        kills_are_lost = true;
        assert_int_equal(ask_state(&error), PHX_PVE_OUTCOME_NOT_NOW);

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
        assert_int_equal(ask_state(&error), PHX_PVE_OUTCOME_DONE);
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
        assert_int_equal(ask_state(NULL), PHX_PVE_OUTCOME_DONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(all_requests_cost_one_process_that_holds_nothing),
                TEST(it_has_no_rights_but_roots_own),
                TEST(an_empty_list_is_no_first_list_for_ever),
                TEST(many_guests_and_a_large_config_fit),
                TEST(changes_by_others_are_told_and_ours_are_not),
                TEST(a_refused_edit_does_not_ask_for_another_look),
                TEST(our_own_directory_is_watched_wherever_it_appears),
                TEST(what_the_ha_manager_has_is_known_and_told),
                TEST(alone_and_idle_it_never_wakes),
                TEST(in_a_cluster_other_nodes_changes_are_told),
                TEST(what_goes_away_is_found_again),
                TEST(what_is_not_there_yet_is_waited_for),
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
