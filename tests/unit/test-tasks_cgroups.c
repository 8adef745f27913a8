/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reads a small machine made of files: cgroups and /proc. */

#include "tasks-fixture.h"

static void a_container_without_a_cgroup_does_not_run(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "stopped");
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 0);

        /* What liblxc leaves behind is empty. */
        add_cgroup(&machine, "lxc.payload.web", "");
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 0);
}

static void a_machine_without_cgroups_is_said_to_be_one(void **state) {
        const struct phx_task_roots roots = { "/nonexistent/cgroup", "/proc" };
        const struct phx_task_query query = { .name = "web" };
        struct phx_tasks tasks = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(phx_tasks_read(&roots, &query, &tasks, &error), -ENOENT);
        assert_string_equal(error.text, "/nonexistent/cgroup: No such file or directory");
}

static void a_numbered_cgroup_is_the_containers_unless_one_has_that_name(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings others = { 0 };
        const struct phx_task_query query = { .name = "web", .others = &others };

        machine_init(&machine, "numbered");
        add_cgroup(&machine, "lxc.payload.web", "");
        add_cgroup(&machine, "lxc.payload.web-1", "100\n");
        add_cgroup(&machine, "lxc.payload.web-2", "101\n");
        add_cgroup(&machine, "lxc.payload.web-x", "102\n");
        for (pid_t pid = 100; pid <= 102; pid++)
                add_process(&machine, (struct process){ pid, 1, "1", "x", "unconfined" });
        assert_int_equal(phx_strings_add(&others, "web-2"), 0);
        read_tasks(&machine, &query);

        assert_int_equal(machine.tasks.count, 1);
        assert_int_equal(machine.tasks.items[0].tid, 100);
}

static void the_config_may_say_where_the_cgroup_is(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query above = { .name = "web", .cgroup_dir = "/my/own" };
        const struct phx_task_query instead = { .name = "web", .cgroup_container = "lxc/5" };

        machine_init(&machine, "hints");
        add_cgroup(&machine, "my/own/lxc.payload.web", "100\n");
        add_cgroup(&machine, "lxc/5/ns", "101\n");
        add_process(&machine, (struct process){ 100, 1, "1", "x", "unconfined" });
        add_process(&machine, (struct process){ 101, 1, "1", "x", "unconfined" });

        read_tasks(&machine, &above);
        assert_int_equal(machine.tasks.count, 1);
        assert_int_equal(machine.tasks.items[0].tid, 100);
        read_tasks(&machine, &instead);
        assert_int_equal(machine.tasks.count, 1);
        assert_int_equal(machine.tasks.items[0].tid, 101);
}

static void a_monitors_word_about_init_finds_a_cgroup_that_is_elsewhere(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web", .init = 100 };

        machine_init(&machine, "elsewhere");
        add_cgroup(&machine, "system.slice/lxc@web.service/lxc.payload.web/init.scope", "100\n");
        add_cgroup(&machine, "system.slice/lxc@web.service/lxc.payload.web/x", "101\n");
        add_cgroup(&machine, "system.slice/lxc@web.service/lxc.monitor.web", "50\n");
        add_process(&machine, (struct process){ 100, 1, "1", "x", "unconfined" });
        add_process(&machine, (struct process){ 101, 1, "1", "x", "unconfined" });
        write_proc(&machine,
                   "100/cgroup",
                   "1:name=systemd:/x\n"
                   "0::/system.slice/lxc@web.service/lxc.payload.web/init.scope\n");
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 2);
        assert_int_equal(machine.tasks.init, 100);

        /* The root is nobody's container. */
        add_cgroup(&machine, ".", "1\n");
        write_proc(&machine, "100/cgroup", "0::/\n");
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 0);
}

static void beside_version_1_the_second_hierarchy_is_found(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "hybrid");
        add_cgroup(&machine, "unified/lxc.payload.web", "100\n");
        add_process(&machine, (struct process){ 100, 1, "1", "x", "unconfined" });
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 1);
}

static void a_cgroup_of_any_name_is_read(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "dots");
        add_cgroup(&machine, "lxc.payload.web", "100\n");
        add_cgroup(&machine, "lxc.payload.web/.lxc", "101\n");
        add_cgroup(&machine, "lxc.payload.web/.lxc/..deeper/...", "102\n");
        add_cgroup(&machine, "lxc.payload.web/a\nb\033[31m\377", "103\n");
        add_cgroup(&machine, "lxc.payload.web/-1 \\", "104\n");
        for (pid_t pid = 100; pid <= 104; pid++)
                add_process(&machine, (struct process){ pid, 1, "1", "x", "unconfined" });
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 5);
        assert_int_equal(machine.tasks.unread, 0);
}

/* NAME below NAME below …, with PIDS in the last. */
static void add_deep_cgroup(const struct machine *machine, int depth, const char *pids) {
        char path[4096] = "lxc.payload.web";

        for (int i = 0; i < depth; i++)
                (void) snprintf(path + strlen(path), sizeof(path) - strlen(path), "/d");
        add_cgroup(machine, path, pids);
}

static void what_is_too_deep_to_be_read_is_unknown_unless_it_is_empty(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };
        char path[4096] = "lxc.payload.web";

        machine_init(&machine, "deep");
        add_cgroup(&machine, "lxc.payload.web", "100\n");
        add_deep_cgroup(&machine, 128, "101\n");
        add_process(&machine, (struct process){ 100, 1, "1", "x", "lxc-a (enforce)" });
        add_process(&machine, (struct process){ 101, 1, "1", "x", "unconfined" });
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 2);
        assert_int_equal(machine.tasks.unread, 0);

        add_deep_cgroup(&machine, 140, "102\n");
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 2);
        assert_int_equal(machine.tasks.unread, 1);
        assert_string_equal(machine.tasks.unread_why, "its cgroup 'd': is nested too deep to read");
        assert_int_equal(phx_confinement_judge(&machine.tasks, "lxc-a").unknown, 1);
        assert_int_equal(phx_confinement_judge(&machine.tasks, "lxc-a").wrong, 1);

        for (int i = 0; i < 129; i++)
                (void) snprintf(path + strlen(path), sizeof(path) - strlen(path), "/d");
        write_cgroup(&machine, path, "cgroup.events", "populated 1\nfrozen 0\n");
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.unread, 1);
        write_cgroup(&machine, path, "cgroup.events", "populated 0\nfrozen 0\n");
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.unread, 0);
}

static void a_cgroup_that_cannot_be_read_is_counted_and_hides_no_other(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };
        struct phx_confinement confinement;

        machine_init(&machine, "unread");
        add_cgroup(&machine, "lxc.payload.web", "100\n");
        tree_mkdir("unread/cgroup/lxc.payload.web/b\033ad");
        assert_int_equal(
                        mkfifo(tree_path("unread/cgroup/lxc.payload.web/b\033ad/cgroup.procs"),
                               0600),
                        0);
        add_cgroup(&machine, "lxc.payload.web/good", "101\n");
        add_process(&machine, (struct process){ 100, 1, "1", "x", "lxc-a (enforce)" });
        add_process(&machine, (struct process){ 101, 1, "1", "x", "lxc-a (enforce)" });
        read_tasks(&machine, &query);

        assert_int_equal(machine.tasks.count, 2);
        assert_int_equal(machine.tasks.unread, 1);
        assert_string_equal(machine.tasks.unread_why, "its cgroup 'b\\x1bad': Invalid argument");
        confinement = phx_confinement_judge(&machine.tasks, "lxc-a");
        assert_int_equal(confinement.unknown, 1);
        assert_int_equal(confinement.wrong, 0);
        /* Of an unconfined container only init counts, which is not to be seen. */
        assert_int_equal(phx_confinement_judge(&machine.tasks, "unconfined").unknown, 1);
}

static void cgroups_that_go_each_time_are_unknown(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };
        char path[512];

        machine_init(&machine, "restless");
        add_cgroup(&machine, "lxc.payload.web", "100\n");
        /* As one whose file is gone when it is to be opened. */
        (void) snprintf(path, sizeof(path), "%s/lxc.payload.web/x", below_tree(machine.cgroup));
        tree_mkdir(path);
        add_process(&machine, (struct process){ 100, 1, "1", "x", "lxc-a (enforce)" });
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 1);
        assert_int_equal(machine.tasks.unread, 1);
        assert_string_equal(
                        machine.tasks.unread_why,
                        "its cgroup 'web': changes too often to read");
}

static void all_hierarchies_of_version_1_are_read(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };
        const struct phx_task_query elsewhere = { .name = "db", .init = 200 };

        machine_init(&machine, "version1");
        add_cgroup(&machine, "systemd/lxc.payload.web", "100\n");
        add_cgroup(&machine, "freezer/lxc.payload.web/.lxc", "101\n");
        add_cgroup(&machine, "cpu,cpuacct/lxc.payload.web", "100\n101\n");
        add_cgroup(&machine, "systemd/x.slice/lxc.payload.db/y", "200\n");
        add_cgroup(&machine, "freezer/z/lxc.payload.db", "201\n");
        for (pid_t pid = 100; pid <= 101; pid++)
                add_process(&machine, (struct process){ pid, 1, "1", "x", "unconfined" });
        for (pid_t pid = 200; pid <= 201; pid++)
                add_process(&machine, (struct process){ pid, 1, "1", "x", "unconfined" });
        write_proc(&machine,
                   "200/cgroup",
                   "3:freezer:/z/lxc.payload.db\n"
                   "2:cpu,cpuacct:/\n"
                   "1:name=systemd:/x.slice/lxc.payload.db/y\n");
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 2);
        read_tasks(&machine, &elsewhere);
        assert_int_equal(machine.tasks.count, 2);

        /* Version 2 alone has no other. */
        tree_write("version1/cgroup/cgroup.controllers", "");
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_container_without_a_cgroup_does_not_run),
                cmocka_unit_test(a_machine_without_cgroups_is_said_to_be_one),
                cmocka_unit_test(a_numbered_cgroup_is_the_containers_unless_one_has_that_name),
                cmocka_unit_test(the_config_may_say_where_the_cgroup_is),
                cmocka_unit_test(a_monitors_word_about_init_finds_a_cgroup_that_is_elsewhere),
                cmocka_unit_test(beside_version_1_the_second_hierarchy_is_found),
                cmocka_unit_test(a_cgroup_of_any_name_is_read),
                cmocka_unit_test(what_is_too_deep_to_be_read_is_unknown_unless_it_is_empty),
                cmocka_unit_test(a_cgroup_that_cannot_be_read_is_counted_and_hides_no_other),
                cmocka_unit_test(cgroups_that_go_each_time_are_unknown),
                cmocka_unit_test(all_hierarchies_of_version_1_are_read),
        };

        return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
