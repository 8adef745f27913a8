/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a look at containers believes of the one before, and when no look is needed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/stamp.h"
#include "containers-look.h"
#include "lxc/monitor.h"
#include "state/report.h"
#include "tree.h"

struct host {
        char cgroup[256], proc[256], lxc_path[256];
        struct phx_task_roots roots;
        struct phx_machine_containers *containers;
        struct phx_settings settings;
        struct phx_inventory inventory;
        struct phx_observed *observed;
        struct phx_container_config config;
        struct phx_configuration configuration;
};

static int set_up(void **state) {
        static const struct phx_trust anyone = { .root = "/", .anyone = true };
        struct host *host = calloc(1, sizeof(*host));

        assert_non_null(host);
        tree_new();
        tree_mkdir("cgroup");
        tree_mkdir("proc");
        tree_write("lxc/web/config", "lxc.uts.name = x\n");
        tree_write("lxc/db/config", "lxc.uts.name = x\n");
        (void) snprintf(host->cgroup, sizeof(host->cgroup), "%s", tree_path("cgroup"));
        (void) snprintf(host->proc, sizeof(host->proc), "%s", tree_path("proc"));
        (void) snprintf(host->lxc_path, sizeof(host->lxc_path), "%s", tree_path("lxc"));
        host->roots = (struct phx_task_roots){ host->cgroup, host->proc };
        host->settings.lxc_path = host->lxc_path;
        host->configuration = (struct phx_configuration){ .containers = &host->config, .count = 1 };
        assert_int_equal(phx_replace(&host->config.id, "web"), 0);
        assert_int_equal(phx_replace(&host->config.profile, "lxc-a"), 0);
        *state = host;
        return phx_machine_containers_new(&host->roots, &anyone, NULL, &host->containers);
}

static int tear_down(void **state) {
        struct host *host = *state;

        phx_machine_containers_free(host->containers);
        phx_observed_free(host->observed);
        phx_inventory_done(&host->inventory);
        phx_container_config_done(&host->config);
        free(host);
        tree_done();
        return 0;
}

/* Till what is at PATH is old enough to be believed. */
static void settle(const char *path) {
        const struct timespec pause = { .tv_nsec = 2000000 };
        struct phx_stamp stamp;
        struct stat st;

        do {
                (void) nanosleep(&pause, NULL);
                assert_int_equal(lstat(tree_path(path), &st), 0);
                stamp = phx_stamp_of(&st);
        } while (!phx_stamp_is_settled(&stamp));
}

static void settle_all(void) {
        static const char *const paths[] = { "lxc",
                                             "lxc/web",
                                             "lxc/web/config",
                                             "lxc/db",
                                             "lxc/db/config" };

        for (size_t i = 0; i < PHX_ELEMENTS(paths); i++)
                settle(paths[i]);
}

static void look(struct host *host, const struct phx_scope *scope) {
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        const struct phx_input input = { &host->settings, &host->configuration, desired, 0, scope };
        struct phx_error error = { 0 };

        phx_observed_free(host->observed);
        host->observed = calloc(1, sizeof(*host->observed));
        assert_true(desired && host->observed);
        host->observed->retry_usec = PHX_NEVER;
        memcpy(desired->generation, "one", sizeof("one"));
        assert_true(look_at_input(host->containers,
                                  &input,
                                  &host->inventory,
                                  host->observed,
                                  &error) >= 0);
        assert_string_equal(error.text, "");
}

/* Sorted: "db" comes first. */
static const struct phx_observed_container *web(const struct host *host) {
        assert_int_equal(host->observed->container_count, 2);
        return &host->observed->containers[1];
}

/* The configuration is the same, and what is taken of it is not. */
static void another_setting_is_another_wish(void **state) {
        const struct phx_scope nothing = { 0 };
        struct host *host = *state;

        host->config.has_start_at_boot = host->config.start_at_boot = true;
        settle_all();
        look(host, NULL);
        look(host, NULL);
        assert_int_equal(web(host)->lines.tail.count, 0);
        host->settings.manage_autostart = true;
        look(host, &nothing);
        assert_int_equal(web(host)->lines.tail.count, 1);
        assert_string_equal(web(host)->lines.tail.items[0], "lxc.start.auto=1");
        host->settings.manage_autostart = false;
        look(host, &nothing);
        assert_int_equal(web(host)->lines.tail.count, 0);
}

static bool is_unchanged(struct host *host, const struct phx_scope *scope) {
        return phx_machine_containers_is_unchanged(host->containers, &host->settings, scope);
}

static void run_web(const char *label) {
        tree_write("cgroup/lxc.payload.web/cgroup.procs", "100\n");
        tree_write("proc/100/status",
                   "State:\tS\nTgid:\t100\nPPid:\t1\nNSpid:\t100\t1\nThreads:\t1\n");
        tree_write("proc/100/task/100/attr/apparmor/current", label);
}

static void tasks_are_read_when_they_or_the_policy_may_have_changed(void **state) {
        struct phx_scope scope = { 0 }, tasks = { .has_tasks = true },
                         policy = { .has_policy = true };
        struct host *host = *state;

        run_web("lxc-a (enforce)\n");
        look(host, NULL);
        assert_true(web(host)->is_running);
        assert_int_not_equal(host->observed->labels_at, 0);

        run_web("lxc-b (complain)\n");
        look(host, &scope);
        assert_true(web(host)->is_running);
        assert_int_equal(web(host)->init, 100);
        assert_int_equal(web(host)->tasks, 1);
        assert_string_equal(web(host)->labels.items[0], "lxc-a");
        assert_int_equal(web(host)->wrong, 0);
        assert_int_equal(host->observed->labels_at, 0);

        look(host, &policy);
        assert_string_equal(web(host)->labels.items[0], "lxc-b");
        assert_int_equal(web(host)->wrong, 1);
        run_web("lxc-c (enforce)\n");
        look(host, &tasks);
        assert_string_equal(web(host)->labels.items[0], "lxc-c");
        run_web("lxc-d (enforce)\n");
        phx_scope_add(&scope, tree_path("cgroup/lxc.payload.web"));
        look(host, &scope);
        assert_string_equal(web(host)->labels.items[0], "lxc-d");
        phx_scope_done(&scope);
}

/* It may run already, or its tasks may be elsewhere. */
static void tasks_are_read_when_there_is_another_container(void **state) {
        struct phx_scope scope = { 0 };
        struct host *host = *state;

        run_web("lxc-a (enforce)\n");
        tree_remove("lxc/web");
        look(host, NULL);
        assert_int_equal(host->observed->container_count, 1);
        tree_write("lxc/web/config", "lxc.uts.name = x\n");
        phx_scope_add(&scope, tree_path("lxc/web"));
        look(host, &scope);
        assert_true(web(host)->is_running);
        phx_scope_done(&scope);
}

static void nothing_has_changed_until_something_has(void **state) {
        struct phx_scope nothing = { 0 }, named = { 0 }, tasks = { .has_tasks = true };
        struct host *host = *state;

        assert_false(is_unchanged(host, NULL));
        settle_all();
        look(host, NULL);
        assert_true(is_unchanged(host, NULL));
        assert_true(is_unchanged(host, &tasks));

        phx_scope_add(&named, tree_path("lxc/web/config"));
        tree_write("lxc/web/config", "lxc.uts.name = y\n");
        assert_true(is_unchanged(host, &nothing));
        assert_false(is_unchanged(host, &named));
        assert_false(is_unchanged(host, NULL));
        look(host, &named);
        settle_all();
        look(host, NULL);
        assert_true(is_unchanged(host, NULL));

        run_web("unconfined\n");
        assert_true(is_unchanged(host, &named));
        assert_false(is_unchanged(host, &tasks));
        assert_false(is_unchanged(host, NULL));
        phx_machine_containers_forget(host->containers);
        assert_false(is_unchanged(host, &nothing));
        phx_scope_done(&named);
}

static void what_runs_is_the_same_until_it_is_not(void **state) {
        struct phx_scope tasks = { .has_tasks = true };
        struct host *host = *state;

        run_web("lxc-a (enforce)\n");
        settle_all();
        look(host, NULL);
        look(host, NULL);
        assert_true(is_unchanged(host, NULL));
        assert_true(is_unchanged(host, &tasks));
        run_web("lxc-a (complain)\n");
        assert_false(is_unchanged(host, NULL));
        run_web("lxc-b (enforce)\n");
        assert_false(is_unchanged(host, &tasks));
        run_web("lxc-a (enforce)\n");
        assert_true(is_unchanged(host, NULL));

        /* Another task; another container; one more cgroup of the same. */
        tree_write("cgroup/lxc.payload.web/cgroup.procs", "100\n101\n");
        tree_write("proc/101/status",
                   "State:\tS\nTgid:\t101\nPPid:\t100\nNSpid:\t101\t2\nThreads:\t1\n");
        tree_write("proc/101/task/101/attr/apparmor/current", "lxc-a (enforce)\n");
        assert_false(is_unchanged(host, NULL));
        look(host, NULL);
        assert_true(is_unchanged(host, NULL));
        tree_write("proc/101/task/101/attr/apparmor/current", "unconfined\n");
        assert_false(is_unchanged(host, NULL));
        tree_remove("proc/101");
        assert_false(is_unchanged(host, NULL));
        look(host, NULL);
        assert_true(is_unchanged(host, NULL));
        tree_write("cgroup/lxc.payload.web-1/cgroup.procs", "");
        assert_true(is_unchanged(host, NULL));
        tree_write("cgroup/lxc.payload.db/cgroup.procs", "");
        assert_false(is_unchanged(host, NULL));
        tree_remove("cgroup/lxc.payload.db");
        tree_remove("cgroup/lxc.payload.web");
        assert_false(is_unchanged(host, NULL));
}

/* It may have taken the name of the other's second cgroup. */
static void a_container_that_is_called_as_a_second_cgroup_is_itself(void **state) {
        struct host *host = *state;

        tree_write("lxc/web-1/config", "lxc.uts.name = x\n");
        run_web("lxc-a (enforce)\n");
        tree_write("cgroup/lxc.payload.web-1/cgroup.procs", "200\n");
        tree_write("proc/200/status",
                   "State:\tS\nTgid:\t200\nPPid:\t1\nNSpid:\t200\t1\nThreads:\t1\n");
        tree_write("proc/200/task/200/attr/apparmor/current", "lxc-b (enforce)\n");
        settle_all();
        settle("lxc/web-1");
        settle("lxc/web-1/config");
        look(host, NULL);
        look(host, NULL);
        assert_int_equal(host->observed->containers[1].tasks, 1);
        assert_int_equal(host->observed->containers[2].tasks, 1);
        assert_true(is_unchanged(host, NULL));
        tree_write("proc/200/task/200/attr/apparmor/current", "unconfined\n");
        assert_false(is_unchanged(host, NULL));
        tree_write("proc/200/task/200/attr/apparmor/current", "lxc-b (enforce)\n");
        assert_true(is_unchanged(host, NULL));

        /* One that has ended, and come again while it was not looked at. */
        tree_remove("cgroup/lxc.payload.web-1");
        look(host, NULL);
        assert_true(is_unchanged(host, NULL));
        tree_write("cgroup/lxc.payload.web-1/cgroup.procs", "200\n");
        assert_false(is_unchanged(host, NULL));
}

/* A namespace has profiles that its container may change. */
static void what_runs_in_a_namespace_is_looked_at(void **state) {
        struct host *host = *state;

        run_web("lxc-a//&:lxc-web:unconfined (enforce)\n");
        settle_all();
        look(host, NULL);
        look(host, NULL);
        assert_false(is_unchanged(host, NULL));
}

static int listen_as(const struct host *host, const char *name) {
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(host->lxc_path, name, &address);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (const struct sockaddr *) &address, size), 0);
        assert_int_equal(listen(fd, 1), 0);
        return fd;
}

static void the_monitor_of_what_runs_is_known(void **state) {
        struct host *host = *state;
        int own, other;

        run_web("lxc-a (enforce)\n");
        settle_all();
        look(host, NULL);
        look(host, NULL);
        own = listen_as(host, "web");
        assert_true(is_unchanged(host, NULL));
        other = listen_as(host, "db");
        assert_false(is_unchanged(host, NULL));
        (void) close(other);
        (void) close(own);
}

static void a_monitor_is_something_that_may_run(void **state) {
        struct phx_scope tasks = { .has_tasks = true };
        struct host *host = *state;
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(host->lxc_path, "web", &address);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        settle_all();
        look(host, NULL);
        assert_true(is_unchanged(host, &tasks));
        assert_int_equal(bind(fd, (const struct sockaddr *) &address, size), 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_false(is_unchanged(host, &tasks));
        (void) close(fd);
        assert_true(is_unchanged(host, &tasks));
}

static void paths_of_containers_are_known(void **state) {
        struct host *host = *state;

        assert_false(phx_machine_containers_covers(host->containers, tree_path("lxc/web")));
        look(host, NULL);
        assert_true(phx_machine_containers_covers(host->containers, host->lxc_path));
        assert_true(phx_machine_containers_covers(host->containers, tree_path("lxc/web")));
        assert_true(phx_machine_containers_covers(host->containers, tree_path("lxc/web/config")));
        assert_true(phx_machine_containers_covers(host->containers, tree_path("lxc/new")));
        assert_true(phx_machine_containers_covers(host->containers, tree_path("cgroup/any")));
        assert_false(phx_machine_containers_covers(host->containers, tree_path("lxc-2/web")));
        assert_false(phx_machine_containers_covers(host->containers, tree_path("")));
        assert_false(phx_machine_containers_covers(host->containers, "/"));
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_host(tasks_are_read_when_they_or_the_policy_may_have_changed),
                with_host(tasks_are_read_when_there_is_another_container),
                with_host(another_setting_is_another_wish),
                with_host(nothing_has_changed_until_something_has),
                with_host(what_runs_is_the_same_until_it_is_not),
                with_host(a_container_that_is_called_as_a_second_cgroup_is_itself),
                with_host(what_runs_in_a_namespace_is_looked_at),
                with_host(the_monitor_of_what_runs_is_known),
                with_host(a_monitor_is_something_that_may_run),
                with_host(paths_of_containers_are_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
