/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Running containers whose managed lines have changed since they were started: with the real
 * liblxc, and a process in the place of their monitors. */

#include "monitor-fixture.h"
#include "option-trials-fixture.h"

static void write_init(unsigned index, unsigned pid, unsigned started) {
        char path[128], text[256];

        (void) snprintf(path, sizeof(path), "cgroup/lxc.payload.%03u/cgroup.procs", index);
        (void) snprintf(text, sizeof(text), "%u\n", pid);
        tree_write(path, text);
        (void) snprintf(path, sizeof(path), "proc/%u/status", pid);
        (void) snprintf(text,
                        sizeof(text),
                        "State:\tS\nTgid:\t%u\nPPid:\t1\nNSpid:\t%u\t1\nThreads:\t1\n",
                        pid,
                        pid);
        tree_write(path, text);
        (void) snprintf(path, sizeof(path), "proc/%u/stat", pid);
        (void) snprintf(text,
                        sizeof(text),
                        "%u (init) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %u 0 0\n",
                        pid,
                        started);
        tree_write(path, text);
        (void) snprintf(path, sizeof(path), "proc/%u/task/%u/attr/apparmor/current", pid, pid);
        tree_write(path, "lxc-a (enforce)\n");
}

/* Another init, started at another time, for each number. */
static void run_as(unsigned index, unsigned number) {
        write_init(index, 100 + 100 * index + number, 1000 + number);
}

static struct monitor_fixture monitor_of(const char *dropped) {
        return (struct monitor_fixture){ .lxc_path = lxc_path,
                                         .names = { "000" },
                                         .values = { { "000", "lxc.cap.drop", dropped } } };
}

static const struct phx_observed_container *first(const struct host *host) {
        return &host->observed->containers[0];
}

/* "+KEY", "-KEY", "?" and why it is not known, or "". */
static void assert_at_start(const struct host *host, const char *expected) {
        const struct phx_observed_container *have = first(host);
        char text[512] = "";

        if (have->at_start_unknown)
                (void) snprintf(text, sizeof(text), "?%s", have->at_start_unknown);
        for (size_t i = 0; i < have->at_start.count; i++)
                (void) snprintf(text + strlen(text),
                                sizeof(text) - strlen(text),
                                "%s%s",
                                have->at_start.items[i].fault == PHX_LINE_NOT_IN_EFFECT ? "+" : "-",
                                have->at_start.items[i].key);
        assert_string_equal(text, expected);
}

static void assert_waits(const struct host *host, bool expected) {
        assert_int_equal(first(host)->at_start_waits, expected);
}

static void repair_and_look(struct host *host) {
        repair(host);
        look(host);
        assert_false(is_wrong(host, 0));
}

static void what_it_was_started_with_is_asked_for_once(void **state) {
        struct monitor_fixture monitor = monitor_of("sys_time\n");
        struct host *host = *state;
        unsigned before;

        add(host, PROFILE);
        set_options(host, 0, "lxc.cap.drop=sys_time");
        run_as(0, 1);
        monitor_start(&monitor);
        repair_and_look(host);
        assert_at_start(host, "");
        assert_waits(host, false);
        before = forks;
        look(host);
        look(host);
        assert_at_start(host, "");
        assert_int_equal(forks, before);
        /* As an operator asks for. */
        phx_machine_containers_forget(host->containers);
        look(host);
        assert_int_equal(monitor_stop(&monitor), 2);
}

static void what_was_added_since_is_named(void **state) {
        struct monitor_fixture monitor = monitor_of("sys_time\n");
        struct host *host = *state;

        add(host, PROFILE);
        set_options(host, 0, "lxc.cap.drop=sys_time;lxc.cap.drop=mac_admin");
        run_as(0, 1);
        monitor_start(&monitor);
        look(host);
        /* Its config is to be edited first: a restart would bring nothing. */
        assert_true(is_wrong(host, 0));
        assert_at_start(host, "");
        assert_waits(host, true);
        repair_and_look(host);
        assert_at_start(host, "+lxc.cap.drop");
        look(host);
        assert_at_start(host, "+lxc.cap.drop");
        assert_int_equal(monitor_stop(&monitor), 1);

        /* Another init has read the config that there is now. */
        monitor = monitor_of("sys_time\nmac_admin\n");
        run_as(0, 2);
        monitor_start(&monitor);
        look(host);
        assert_at_start(host, "");
        assert_int_equal(monitor_stop(&monitor), 1);
}

/* After so many processes that their numbers come again. */
static void another_init_of_the_same_number_is_another(void **state) {
        struct monitor_fixture monitor = monitor_of("sys_time\n");
        struct host *host = *state;

        add(host, PROFILE);
        set_options(host, 0, "lxc.cap.drop=sys_time;lxc.cap.drop=mac_admin");
        write_init(0, 101, 1000);
        monitor_start(&monitor);
        repair_and_look(host);
        assert_at_start(host, "+lxc.cap.drop");
        (void) monitor_stop(&monitor);
        monitor = monitor_of("sys_time\nmac_admin\n");
        write_init(0, 101, 1001);
        monitor_start(&monitor);
        look(host);
        assert_at_start(host, "");
        (void) monitor_stop(&monitor);
}

static void what_was_removed_since_is_named(void **state) {
        struct monitor_fixture monitor = monitor_of("sys_time\n");
        struct host *host = *state;

        add(host, PROFILE);
        set_options(host, 0, "lxc.cap.drop=sys_time;lxc.tty.max=3");
        run_as(0, 1);
        monitor_start(&monitor);
        repair_and_look(host);
        assert_at_start(host, "");
        set_options(host, 0, "");
        repair_and_look(host);
        assert_at_start(host, "-lxc.cap.drop");
        /* As the next engine finds it, which knows nothing else. */
        phx_machine_containers_free(host->containers);
        assert_int_equal(
                        phx_machine_containers_new(
                                        &host->roots,
                                        &(struct phx_trust){ .root = "/", .anyone = true },
                                        NULL,
                                        &host->containers),
                        0);
        look(host);
        assert_at_start(host, "");
        (void) monitor_stop(&monitor);
}

static void what_was_removed_is_kept_for_the_next_engine(void **state) {
        struct monitor_fixture monitor = monitor_of("sys_time\n");
        struct host *host = *state;

        add(host, PROFILE);
        set_options(host, 0, "lxc.cap.drop=sys_time");
        run_as(0, 1);
        monitor_start(&monitor);
        tree_mkdir("run");
        for (unsigned engine = 0; engine < 4; engine++) {
                assert_int_equal(
                                phx_machine_containers_keep_started(
                                                host->containers,
                                                tree_path("run")),
                                0);
                if (engine == 0) {
                        repair_and_look(host);
                        set_options(host, 0, "");
                        repair(host);
                }
                /* A damaged file is none. */
                if (engine == 3)
                        tree_write("run/withdrawn-lines", "phoenixd-withdrawn-lines 1");
                if (engine == 2)
                        run_as(0, 2);
                look(host);
                assert_at_start(host, engine < 2 ? "-lxc.cap.drop" : "");
                phx_machine_containers_free(host->containers);
                assert_int_equal(
                                phx_machine_containers_new(
                                                &host->roots,
                                                &(struct phx_trust){ .root = "/", .anyone = true },
                                                NULL,
                                                &host->containers),
                                0);
        }
        (void) monitor_stop(&monitor);
}

/* The operator's included file has the same by now: nothing changes with the next start. */
static void what_is_gone_may_be_the_operator_s_own(void **state) {
        struct monitor_fixture monitor = monitor_of("sys_time\n");
        struct host *host = *state;
        char text[512];

        tree_write("theirs.conf", "");
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n" PROFILE, tree_path("theirs.conf"));
        add(host, text);
        set_options(host, 0, "lxc.cap.drop=sys_time");
        run_as(0, 1);
        monitor_start(&monitor);
        repair_and_look(host);
        tree_write("theirs.conf", "lxc.cap.drop = sys_time\n");
        repair_and_look(host);
        set_options(host, 0, "");
        repair_and_look(host);
        assert_at_start(host, "");
        tree_write("theirs.conf", "");
        repair_and_look(host);
        assert_at_start(host, "-lxc.cap.drop");
        (void) monitor_stop(&monitor);
}

static void a_monitor_that_is_stopped_is_named_and_asked_again(void **state) {
        struct monitor_fixture monitor = monitor_of("sys_time\n");
        struct host *host = *state;

        add(host, PROFILE);
        set_options(host, 0, "lxc.cap.drop=sys_time;lxc.cap.drop=mac_admin");
        run_as(0, 1);
        monitor.manner = MONITOR_STOPPED;
        monitor_start(&monitor);
        repair(host);
        /* As it is while its container starts. */
        for (unsigned tries = 0; tries < 5; tries++) {
                look(host);
                assert_at_start(host, "");
                assert_waits(host, true);
                assert_true(host->observed->retry_usec <= 2000000);
        }
        look(host);
        assert_at_start(host, "?its monitor does not answer");
        assert_true(host->observed->retry_usec == PHX_NEVER);
        (void) monitor_stop(&monitor);
        look(host);
        assert_at_start(host, "?it has no monitor");
        assert_waits(host, true);

        monitor = monitor_of("sys_time\n");
        monitor_start(&monitor);
        look(host);
        assert_at_start(host, "+lxc.cap.drop");
        assert_waits(host, false);
        /* Another init of which nothing is known. */
        (void) monitor_stop(&monitor);
        run_as(0, 2);
        look(host);
        assert_waits(host, true);
        monitor = monitor_of("sys_time\n");
        monitor_start(&monitor);
        look(host);
        assert_waits(host, false);
        assert_int_equal(monitor_stop(&monitor), 1);
}

static void a_monitor_that_was_busy_is_asked_again_soon(void **state) {
        struct monitor_fixture monitor = monitor_of("sys_time\n");
        struct host *host = *state;

        add(host, PROFILE);
        set_options(host, 0, "lxc.cap.drop=sys_time;lxc.cap.drop=mac_admin");
        run_as(0, 1);
        repair_and_look(host);
        assert_at_start(host, "");
        assert_true(host->observed->retry_usec <= 2000000);
        monitor_start(&monitor);
        look(host);
        assert_at_start(host, "+lxc.cap.drop");
        assert_true(host->observed->retry_usec == PHX_NEVER);
        assert_int_equal(monitor_stop(&monitor), 1);
}

static void lines_that_say_nothing_of_confinement_ask_nothing(void **state) {
        struct monitor_fixture monitor = monitor_of("sys_time\n");
        struct host *host = *state;

        add(host, PROFILE);
        set_options(host, 0, "lxc.tty.max=3;lxc.environment=A=1");
        run_as(0, 1);
        monitor_start(&monitor);
        repair_and_look(host);
        assert_at_start(host, "");
        assert_waits(host, false);
        assert_int_equal(first(host)->init_started, 0);
        assert_int_equal(monitor_stop(&monitor), 0);
}

static void what_an_included_file_says_is_compared(void **state) {
        struct monitor_fixture monitor = monitor_of("sys_time\n");
        struct host *host = *state;
        char option[300];

        tree_write("extra.conf", "lxc.cap.drop = sys_time\n");
        (void) snprintf(option, sizeof(option), "lxc.include=%s", tree_path("extra.conf"));
        add(host, PROFILE);
        set_options(host, 0, option);
        run_as(0, 1);
        monitor_start(&monitor);
        repair_and_look(host);
        assert_at_start(host, "");
        tree_write("extra.conf", "lxc.cap.drop = sys_time mac_admin\n");
        repair_and_look(host);
        assert_at_start(host, "+lxc.cap.drop");
        (void) monitor_stop(&monitor);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_host(what_it_was_started_with_is_asked_for_once),
                with_host(what_was_added_since_is_named),
                with_host(another_init_of_the_same_number_is_another),
                with_host(what_was_removed_since_is_named),
                with_host(what_was_removed_is_kept_for_the_next_engine),
                with_host(what_is_gone_may_be_the_operator_s_own),
                with_host(a_monitor_that_is_stopped_is_named_and_asked_again),
                with_host(a_monitor_that_was_busy_is_asked_again_soon),
                with_host(lines_that_say_nothing_of_confinement_ask_nothing),
                with_host(what_an_included_file_says_is_compared),
        };

        (void) pthread_atfork(count_fork, NULL, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
