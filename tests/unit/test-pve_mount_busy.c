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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

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
        const unsigned kills = number_of("PHX_KILLS", 20);
        pid_t pid = 0;

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        for (unsigned i = 0; i < kills; i++) {
                phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
                struct phx_pve_list list = { 0 };
                struct phx_error error = { 0 };
                char text[128];

                wait_until_mounted();
                if (i == 0)
                        pid = phx_pve_worker_pid(test.worker);
                (void) snprintf(text, sizeof(text), "%s#%u\n", OLD, i);
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

struct samples {
        pid_t engine;
        const struct phx_pve_task *task; /* what its worker is at */
        unsigned count;
        unsigned open; /* with a descriptor of a call that was under way */
};

/* The engine has nothing of the mount at any time, the worker nothing but what a request has open.
 * A request may come and go while a sample is taken, not three times in a row. */
static void take_sample(struct samples *samples) {
        for (int i = 0;; i++) {
                const enum phx_pve_task_kind before = samples->task->kind;
                const pid_t worker = samples->task->pid;
                unsigned open_now = 0;

                assert_int_equal(count_below_root(samples->engine, &open_now), 0);
                assert_int_equal(open_now, 0);
                assert_int_equal(worker > 0 ? count_below_root(worker, &open_now) : 0, 0);
                if (open_now == 0 || before != PHX_PVE_TASK_REST ||
                    samples->task->kind != PHX_PVE_TASK_REST) {
                        samples->count++;
                        samples->open += open_now > 0;
                        return;
                }
                assert_true(i < 2);
        }
}

static void sample_for(struct samples *samples, uint64_t usec) {
        const uint64_t until = phx_now_usec() + usec;

        do {
                take_sample(samples);
                phx_pve_pause(1000);
        } while (phx_now_usec() < until);
}

static const struct phx_pve_task *map_task(void) {
        phx_autoclose int fd = open(test.claim, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        void *page;

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, sizeof(struct phx_pve_task)), 0);
        page = mmap(NULL, sizeof(struct phx_pve_task), PROT_READ, MAP_SHARED, fd, 0);
        assert_true(page != MAP_FAILED);
        return page;
}

static void a_busy_client_does_not_keep_it_from_starting(void **state) {
        const unsigned kills = number_of("PHX_KILLS", 20);
        struct samples samples = { 0 };
        int status = 0;

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        samples.task = map_task();
        samples.engine = fork();
        if (samples.engine == 0)
                be_busy();
        for (unsigned i = 0; i < kills; i++) {
                sample_for(&samples, 30000 + (uint64_t) 7000 * (i % 20));
                pve_host_kill();
                sample_for(&samples, (uint64_t) 5000 * (i % 20));
                assert_int_equal(pve_host_try_start(), 0);
        }
        sample_for(&samples, 100000);
        assert_int_equal(waitpid(samples.engine, &status, WNOHANG), 0);
        assert_int_equal(kill(samples.engine, SIGKILL), 0);
        assert_int_equal(waitpid(samples.engine, &status, 0), samples.engine);
        print_message("# %u kills, %u samples, %u of them during a call with a file open\n",
                      kills,
                      samples.count,
                      samples.open);
        assert_true(samples.open > 0);
        wait_until_mounted();
        assert_no_leftovers();
}

/* --- the quorum */

static uint64_t next_random(uint64_t *state) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

/* The quorum is lost USEC from now. */
static pid_t lose_quorum(uint64_t usec) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid > 0)
                return pid;
        if (usec > 0)
                phx_pve_pause(usec);
        pve_host_order("quorum off");
        _exit(0);
}

/* NEW means the same with empty lines behind it: so a shorter one is written, before it is cut. */
static bool is_text(const char *text, const char *expected) {
        size_t size = strlen(expected);

        return strncmp(text, expected, size) == 0 && text[size + strspn(text + size, "\n")] == '\0';
}

static enum phx_pve_outcome edit_again(const char *wanted, struct phx_error *error) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        enum phx_pve_outcome outcome = phx_pve_worker_read(test.worker, 101, &config, error);

        return outcome == PHX_PVE_OUTCOME_DONE ? edit_with(config.data, wanted, error) : outcome;
}

static void edit_until_it_is_there(const char *wanted) {
        enum phx_pve_outcome outcome = PHX_PVE_OUTCOME_NOT_NOW;
        struct phx_error error = { 0 };

        for (int i = 0; i < PATIENCE_MSEC && outcome == PHX_PVE_OUTCOME_NOT_NOW; i += 10) {
                outcome = edit_again(wanted, &error);
                if (outcome == PHX_PVE_OUTCOME_NOT_NOW)
                        phx_pve_pause(10000);
        }
        if (outcome != PHX_PVE_OUTCOME_DONE && outcome != PHX_PVE_OUTCOME_RIGHT)
                fail_msg("%s: %s", phx_pve_outcome_to_string(outcome), error.text);
        assert_served(wanted);
}

static void an_edit_without_quorum_leaves_the_old_or_the_new(void **state) {
        const unsigned rounds = number_of("PHX_QUORUMS", 20);
        uint64_t random = number_of("PHX_SEED", 20261129);
        unsigned new = 0, old = 0;

        skip_without_host();
        pve_host_save(CONFIG, OLD);
        for (unsigned i = 0; i < rounds; i++) {
                const char *from = i % 2 ? NEW : OLD, *to = i % 2 ? OLD : NEW;
                pid_t pid = lose_quorum(next_random(&random) % 4000);
                struct phx_error error = { 0 };
                enum phx_pve_outcome outcome;
                phx_autofree char *text = NULL;
                int status = 0;

                /* The order takes some time to arrive as well. */
                phx_pve_pause(next_random(&random) % 6000);
                outcome = edit_with(from, to, &error);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_int_equal(status, 0);
                if (outcome != PHX_PVE_OUTCOME_DONE && outcome != PHX_PVE_OUTCOME_NOT_NOW)
                        fail_msg("%s: %s", phx_pve_outcome_to_string(outcome), error.text);
                text = pve_host_ask("read " CONFIG);
                if (is_text(text, to))
                        new ++;
                else if (strcmp(text, from) == 0 && outcome != PHX_PVE_OUTCOME_DONE)
                        old++;
                else
                        fail_msg("neither the old nor the new: '%s'", text);
                pve_host_order("quorum on");
                edit_until_it_is_there(to);
        }
        print_message("# %u of %u were made, %u were not\n", new, rounds, old);
        if (rounds >= 100)
                assert_true(new > 0 && old > 0);
        assert_no_leftovers();
}

/* --- another node */

static uint64_t worst_usec;

/* The number of 105 if this node has it, else 0. */
static uint64_t listed_version(void) {
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
        const struct phx_pve_listed *listed;

        assert_int_equal(phx_pve_worker_list(test.worker, &list, NULL), PHX_PVE_OUTCOME_DONE);
        listed = phx_pve_list_find(&list, 105);
        return listed ? listed->version : 0;
}

/* What another node has done at BEGIN is in a list that follows an event. */
static void assert_seen(uint64_t begin, uint64_t old, bool is_here) {
        uint64_t version, usec;

        do {
                assert_true(is_told(PATIENCE_MSEC));
                version = listed_version();
        } while (version == old || (version > 0) != is_here);
        usec = phx_now_usec() - begin;
        if (usec > worst_usec)
                worst_usec = usec;
}

static void see_changes(uint64_t *random) {
        uint64_t begin, version;

        phx_pve_pause(next_random(random) % 1500000);
        begin = phx_now_usec();
        pve_host_order("rename nodes/pve2/lxc/105.conf nodes/pve1/lxc/105.conf");
        assert_seen(begin, 0, true);

        phx_pve_pause(next_random(random) % 1500000);
        version = listed_version();
        begin = phx_now_usec();
        pve_host_write("nodes/pve1/lxc/105.conf", NEW);
        assert_seen(begin, version, true);

        phx_pve_pause(next_random(random) % 1500000);
        version = listed_version();
        begin = phx_now_usec();
        pve_host_order("rename nodes/pve1/lxc/105.conf nodes/pve2/lxc/105.conf");
        assert_seen(begin, version, false);
}

static unsigned long count_opens(void) {
        phx_autofree char *counts = pve_host_ask("counts");
        const char *opens = strstr(counts, "opens ");

        assert_non_null(opens);
        return strtoul(opens + strlen("opens "), NULL, 10);
}

/* The other node writes all the time, none of which is ours: each comparison opens two files. */
static void assert_compares_once_a_second(unsigned seconds) {
        unsigned long before, comparisons;
        uint64_t begin;

        pve_host_write("nodes/pve2/lxc/106.conf", OLD);
        assert_true(is_told(PATIENCE_MSEC));
        begin = phx_now_usec();
        before = count_opens();
        for (unsigned i = 0; i < 10 * seconds; i++) {
                pve_host_write("nodes/pve2/lxc/106.conf", i % 2 ? OLD : NEW);
                phx_pve_pause(100000);
        }
        comparisons = (count_opens() - before) / 2;
        print_message("# %lu comparisons in %u s\n", comparisons, seconds);
        assert_in_range(comparisons, 1, (phx_now_usec() - begin) / 1000000 + 1);
        assert_false(is_told(0));
}

static void other_nodes_changes_are_seen_in_time(void **state) {
        const unsigned rounds = number_of("PHX_CHANGES", 2);
        const uint64_t limit_msec = number_of("PHX_LATENCY_MSEC", PATIENCE_MSEC);
        uint64_t random = number_of("PHX_SEED", 20261129);

        skip_without_host();
        pve_host_order("node pve2 add");
        pve_host_order("cluster c");
        pve_host_write("nodes/pve2/lxc/105.conf", OLD);
        assert_int_equal(listed_version(), 0);
        worst_usec = 0;
        for (unsigned i = 0; i < rounds; i++)
                see_changes(&random);
        print_message("# the slowest of %u changes was seen after %u ms\n",
                      3 * rounds,
                      (unsigned) (worst_usec / 1000));
        assert_true(worst_usec / 1000 <= limit_msec);
        assert_compares_once_a_second(number_of("PHX_CLUSTER_SECONDS", 5));
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
                TEST(an_edit_without_quorum_leaves_the_old_or_the_new),
                TEST(other_nodes_changes_are_seen_in_time),
                TEST(a_replaced_config_is_never_believed_gone),
                TEST(no_line_of_one_with_the_lock_is_lost),
                TEST(no_line_of_one_without_the_lock_is_lost),
                TEST(no_line_that_is_appended_is_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
