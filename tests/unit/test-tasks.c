/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reads a small machine made of files: cgroups and /proc. */

#include "tasks-fixture.h"

static const struct phx_task *find(const struct machine *machine, pid_t tid) {
        for (size_t i = 0; i < machine->tasks.count; i++)
                if (machine->tasks.items[i].tid == tid)
                        return &machine->tasks.items[i];
        fail_msg("there is no task %d", (int) tid);
        return machine->tasks.items;
}

static void all_threads_of_all_cgroups_below_are_read(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "threads");
        add_cgroup(&machine, "lxc.payload.web", "");
        add_cgroup(&machine, "lxc.payload.web/init.scope", "100\n");
        add_cgroup(&machine, "lxc.payload.web/system.slice/nginx.service", "101\n101\n");
        add_cgroup(&machine, "lxc.payload.webs", "200\n");
        add_cgroup(&machine, "lxc.monitor.web", "50\n");
        add_process(&machine,
                    (struct process){ 50, 1, "50", "lxc-start", "/usr/bin/lxc-start (enforce)\n" });
        add_process(&machine, (struct process){ 100, 50, "100\t1", "init", "lxc-a (enforce)\n" });
        add_process(&machine,
                    (struct process){ 101,
                                      100,
                                      "101\t7",
                                      "nginx",
                                      "lxc-a (enforce)\n",
                                      .threads = 2 });
        add_label(&machine, 101, 102, "lxc-b (enforce)\n");
        add_process(&machine, (struct process){ 200, 1, "200", "x", "unconfined" });
        read_tasks(&machine, &query);

        assert_int_equal(machine.tasks.count, 3);
        assert_int_equal(machine.tasks.init, 100);
        assert_string_equal(find(&machine, 100)->label.text, "lxc-a");
        assert_string_equal(find(&machine, 102)->label.text, "lxc-b");
        assert_int_equal(find(&machine, 102)->pid, 101);
        assert_false(find(&machine, 100)->is_starting);
}

static void what_runs_its_outside_parents_program_is_starting(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "starting");
        add_cgroup(&machine, "lxc.payload.web", "100\n101\n102\n103\n");
        add_process(&machine, (struct process){ 50, 1, "50", "lxc-start", NULL });
        add_process(&machine, (struct process){ 60, 1, "60", "lxc-attach", NULL });
        add_process(&machine, (struct process){ 100, 50, "100\t1", "lxc-start", "unconfined" });
        add_process(&machine, (struct process){ 101, 60, "101\t9", "lxc-attach", "unconfined" });
        /* Executed already; and a shell's shell, within. */
        add_process(&machine, (struct process){ 102, 60, "102\t10", "sh", "unconfined" });
        add_process(&machine, (struct process){ 103, 102, "103\t11", "sh", "unconfined" });
        read_tasks(&machine, &query);

        assert_int_equal(machine.tasks.init, 100);
        assert_true(find(&machine, 100)->is_starting);
        assert_true(find(&machine, 101)->is_starting);
        assert_false(find(&machine, 102)->is_starting);
        assert_false(find(&machine, 103)->is_starting);
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HALF_OF_ARGUMENT(n) ((uint32_t) offsetof(struct seccomp_data, args[n]))
#else
#define HALF_OF_ARGUMENT(n) ((uint32_t) offsetof(struct seccomp_data, args[n]) + 4)
#endif

/* From here on no file system is asked about a path: a look that does fails. */
static bool refuse_to_ask(void) {
        static struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_statx, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, HALF_OF_ARGUMENT(2)),
                BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, AT_STATX_DONT_SYNC | AT_EMPTY_PATH, 0, 4),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
#ifdef __NR_newfstatat
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_newfstatat, 0, 3),
#else
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_fstatat64, 0, 3),
#endif
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, HALF_OF_ARGUMENT(3)),
                BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog filter = { PHX_ELEMENTS(code), code };

        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

/* A container's program may be on a file system of its own, which need not answer. */
static void the_file_system_of_a_program_is_not_asked(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };
        struct stat st;
        int status;
        pid_t pid;

        machine_init(&machine, "unasked");
        add_cgroup(&machine, "lxc.payload.web", "100\n");
        add_process(&machine, (struct process){ 50, 1, "50", "lxc-start", NULL });
        add_process(&machine, (struct process){ 100, 50, "100\t1", "lxc-start", "unconfined" });

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (!refuse_to_ask() || fstatat(AT_FDCWD, machine.proc, &st, 0) == 0)
                        _exit(2);
                if (phx_tasks_read(&machine.roots, &query, &machine.tasks, NULL) < 0)
                        _exit(3);
                _exit(machine.tasks.count == 1 && machine.tasks.items[0].is_starting ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void init_is_the_first_of_a_namespace_whose_parent_is_outside(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "nested");
        add_cgroup(&machine, "lxc.payload.web", "90\n100\n");
        /* A container in the container: it, too, is 1 somewhere. */
        add_process(&machine, (struct process){ 90, 100, "90\t20\t1", "init", "lxc-a (enforce)" });
        add_process(&machine, (struct process){ 100, 50, "100\t1", "init", "lxc-a (enforce)" });
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.init, 100);
}

static void what_vanished_is_left_out_and_what_cannot_be_read_is_unknown(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "vanished");
        add_cgroup(&machine, "lxc.payload.web", "100\n101\n102\n103\n104\n0\n");
        /* 100 is gone altogether, 101 between two reads. */
        add_process(&machine, (struct process){ 101, 50, "1", "x", NULL });
        /* No label of ours, and none at all. */
        add_process(&machine, (struct process){ 102, 50, "1", "x", "system_u:system_r:x" });
        add_process(&machine, (struct process){ 103, 50, "1", "x", "" });
        add_process(&machine, (struct process){ 104, 50, "1", "x", "unconfined", "Z (zombie)" });
        read_tasks(&machine, &query);

        assert_int_equal(machine.tasks.count, 2);
        assert_false(find(&machine, 102)->is_known);
        assert_false(find(&machine, 103)->is_known);
}

static void an_older_kernel_has_the_label_in_another_file(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "older");
        add_cgroup(&machine, "lxc.payload.web", "100\n");
        add_process(&machine, (struct process){ 100, 50, "1", "x", NULL });
        write_proc(&machine, "100/task/100/attr/current", "lxc-a (enforce)\n");
        read_tasks(&machine, &query);
        assert_string_equal(find(&machine, 100)->label.text, "lxc-a");
}

/* As a threaded cgroup lists them. */
static void threads_are_taken_for_what_they_are(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "threaded");
        add_cgroup(&machine, "lxc.payload.web", "100\n101\n111\n");
        add_process(&machine,
                    (struct process){ 100, 1, "100\t1", "x", "lxc-a (enforce)", .threads = 2 });
        add_label(&machine, 100, 101, "lxc-b (enforce)");
        add_process(&machine,
                    (struct process){ 101, 1, "101\t2", "x", NULL, .threads = 2, .group = 100 });
        /* Its process is in no cgroup of ours. */
        add_label(&machine, 110, 111, "unconfined");
        add_process(&machine,
                    (struct process){ 111, 1, "111\t9", "x", NULL, .threads = 2, .group = 110 });
        read_tasks(&machine, &query);

        assert_int_equal(machine.tasks.count, 3);
        assert_int_equal(machine.tasks.init, 100);
        assert_string_equal(find(&machine, 101)->label.text, "lxc-b");
        assert_int_equal(find(&machine, 111)->pid, 110);
        assert_string_equal(find(&machine, 111)->label.text, "unconfined");
}

static void the_threads_of_a_dead_first_one_are_read(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "headless");
        add_cgroup(&machine, "lxc.payload.web", "100\n");
        add_process(&machine,
                    (struct process){ 100,
                                      1,
                                      "100\t1",
                                      "x",
                                      "lxc-a (enforce)",
                                      "Z (zombie)",
                                      .threads = 2 });
        add_label(&machine, 100, 101, "unconfined");
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 1);
        assert_string_equal(find(&machine, 101)->label.text, "unconfined");
}

static void a_process_in_many_groups_hides_no_thread(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer status = { 0 };
        const struct phx_task_query query = { .name = "web" };

        machine_init(&machine, "groups");
        add_cgroup(&machine, "lxc.payload.web", "100\n");
        add_process(&machine, (struct process){ 100, 1, "1", "x", "lxc-a (enforce)" });
        add_label(&machine, 100, 101, "unconfined");
        assert_int_equal(phx_buffer_addf(&status, "State:\tS\nTgid:\t100\nPPid:\t1\nGroups:\t"), 0);
        for (int i = 0; i < 65536; i++)
                assert_int_equal(phx_buffer_addf(&status, "%d ", i), 0);
        assert_int_equal(phx_buffer_addf(&status, "\nNSpid:\t100\t1\nThreads:\t2\n"), 0);
        write_proc(&machine, "100/status", status.data);
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 2);
        assert_int_equal(machine.tasks.init, 100);
}

static void assert_labels(
                const struct machine *machine,
                const struct phx_task_query *query,
                const char *expected) {
        phx_cleanup(phx_strings_done) struct phx_strings labels = { 0 };
        char text[512] = "";

        assert_int_equal(phx_tasks_labels(&machine->roots, query, &labels, NULL), 0);
        for (size_t i = 0; i < labels.count; i++)
                (void) snprintf(text + strlen(text),
                                sizeof(text) - strlen(text),
                                "%s;",
                                labels.items[i]);
        assert_string_equal(text, expected);
}

static void labels_alone_are_read_of_every_thread(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "web" };
        char path[512];

        machine_init(&machine, "labels");
        assert_labels(&machine, &query, "");
        add_cgroup(&machine, "lxc.payload.web", "100\n101\n");
        add_cgroup(&machine, "lxc.payload.web/.lxc", "102\n103\n");
        write_proc(&machine, "100/attr/apparmor/current", "lxc-a (enforce)\n");
        write_proc(&machine, "101/attr/apparmor/current", "lxc-a (enforce)\n");
        assert_labels(&machine, &query, "lxc-a (enforce)\n;");
        write_proc(&machine, "102/attr/current", "unconfined\n");
        assert_labels(&machine, &query, "lxc-a (enforce)\n;unconfined\n;");

        (void) snprintf(path, sizeof(path), "%s/103/attr/current", below_tree(machine.proc));
        tree_mkdir(path);
        assert_labels(&machine, &query, "?;lxc-a (enforce)\n;unconfined\n;");
        /* Version 1 lists threads under another name. */
        write_cgroup(&machine, "lxc.payload.web", "tasks", "102\n");
        assert_int_equal(unlink(tree_path("labels/cgroup/lxc.payload.web/cgroup.threads")), 0);
        write_cgroup(&machine, "lxc.payload.web/.lxc", "cgroup.threads", "");
        assert_labels(&machine, &query, "unconfined\n;");
}

static void a_picture_differs_when_a_label_does(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        phx_cleanup(phx_label_pictures_done) struct phx_label_pictures pictures = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        const struct phx_task_query web = { .name = "web", .others = &names };
        const struct phx_task_query db = { .name = "db", .others = &names, .cgroup_dir = "x" };
        const struct phx_task_query none = { .name = "none", .others = &names };

        machine_init(&machine, "pictures");
        assert_int_equal(phx_strings_add(&names, "web"), 0);
        assert_int_equal(phx_strings_add(&names, "web-1"), 0);
        add_cgroup(&machine, "lxc.payload.web/.lxc", "100\n101\n");
        add_cgroup(&machine, "x/lxc.payload.db", "102\n");
        for (pid_t pid = 100; pid <= 104; pid++) {
                char path[64];

                (void) snprintf(path, sizeof(path), "%d/attr/apparmor/current", (int) pid);
                write_proc(&machine, path, "lxc-a (enforce)\n");
        }
        assert_int_equal(phx_label_pictures_take(&pictures, &machine.roots, &web), 0);
        assert_int_equal(phx_label_pictures_take(&pictures, &machine.roots, &db), 0);
        assert_int_equal(phx_label_pictures_take(&pictures, &machine.roots, &none), 0);
        assert_int_equal(pictures.count, 2);
        assert_false(phx_label_pictures_differ(&pictures, &machine.roots));

        /* More tasks with the same label, and another container's, are nothing new. */
        add_cgroup(&machine, "lxc.payload.web/new", "103\n");
        add_cgroup(&machine, "lxc.payload.web-1", "105\n");
        write_proc(&machine, "105/attr/apparmor/current", "lxc-b (enforce)\n");
        assert_false(phx_label_pictures_differ(&pictures, &machine.roots));

        write_proc(&machine, "102/attr/apparmor/current", "unconfined\n");
        assert_true(phx_label_pictures_differ(&pictures, &machine.roots));
        write_proc(&machine, "102/attr/apparmor/current", "lxc-a (complain)\n");
        assert_true(phx_label_pictures_differ(&pictures, &machine.roots));
        write_proc(&machine, "102/attr/apparmor/current", "lxc-a (enforce)\n");
        assert_false(phx_label_pictures_differ(&pictures, &machine.roots));

        /* It has ended. */
        add_cgroup(&machine, "x/lxc.payload.db", "");
        assert_true(phx_label_pictures_differ(&pictures, &machine.roots));
        machine.roots.cgroup = "/nonexistent";
        assert_true(phx_label_pictures_differ(&pictures, &machine.roots));
}

static void what_can_be_no_init_is_not_taken_for_one(void **state) {
        static const struct {
                const char *numbers, *cgroup;
                bool expected;
        } cases[] = {
                { "100\t1", "0::/elsewhere\n", true },
                { "100\t7\t1", "0::/elsewhere\n", true },
                { "100", "0::/system.slice/cron.service\n", false },
                { "100\t21", "0::/lxc.payload.db\n", false },
                { "1", "0::/init.scope\n", false },
                { "100", "0::/x/lxc.payload.web\n", true },
                { "100", "0::/x/lxc.payload.web/init.scope\n", true },
                { "100", "0::/x/lxc.payload.web-2\n", true },
                { "100", "0::/x/lxc.payload.web-2/y\n", true },
                { "100", "0::/x/lxc.payload.web-\n", false },
                { "100", "0::/x/lxc.payload.web-db\n", false },
                { "100", "0::/x/lxc.payload.web2\n", false },
                { "100", "0::/lxc.payload.web2/lxc.payload.web\n", true },
                { "100", NULL, false },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(machine_done) struct machine machine = { 0 };
                char name[32], status[128];

                (void) snprintf(name, sizeof(name), "init%zu", i);
                machine_init(&machine, name);
                (void) snprintf(status, sizeof(status), "Name:\tx\nNSpid:\t%s\n", cases[i].numbers);
                write_proc(&machine, "100/status", status);
                if (cases[i].cgroup)
                        write_proc(&machine, "100/cgroup", cases[i].cgroup);
                assert_int_equal(
                                phx_tasks_may_be_init(&machine.roots, "web", 100),
                                cases[i].expected);
                assert_false(phx_tasks_may_be_init(&machine.roots, "web", 101));
                assert_false(phx_tasks_may_be_init(&machine.roots, "web", 0));
        }
}

/* A name may hold whatever stands behind it. */
static void a_process_is_known_by_its_start(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        uint64_t ticks = 0;

        machine_init(&machine, "started");
        write_proc(&machine,
                   "100/stat",
                   "100 (a) 9 (b) S 1 100 100 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 22 33\n");
        assert_int_equal(phx_tasks_started(&machine.roots, 100, &ticks), 0);
        assert_int_equal(ticks, 4711);
        write_proc(&machine, "101/stat", "101 (a) S 1 100\n");
        assert_int_equal(phx_tasks_started(&machine.roots, 101, &ticks), -EBADMSG);
        assert_int_equal(phx_tasks_started(&machine.roots, 102, &ticks), -ENOENT);
        assert_int_equal(ticks, 4711);
}

/* NAME with 50 processes, the first of which is FIRST. */
static void add_busy_container(const struct machine *machine, const char *name, pid_t first) {
        phx_cleanup(phx_buffer_done) struct phx_buffer pids = { 0 };
        char cgroup[64];

        for (pid_t pid = first; pid < first + 50; pid++) {
                assert_int_equal(phx_buffer_addf(&pids, "%d\n", (int) pid), 0);
                add_process(machine,
                            (struct process){ pid,
                                              pid == first ? 1 : first,
                                              "1",
                                              "x",
                                              "lxc-a (enforce)" });
        }
        (void) snprintf(cgroup, sizeof(cgroup), "lxc.payload.%s", name);
        add_cgroup(machine, cgroup, pids.data);
}

/* The time is printed: a limit would fail on a busy machine. */
static void a_look_at_a_full_host_is_cheap(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        struct timespec start, end;

        machine_init(&machine, "full");
        for (int i = 0; i < 20; i++) {
                assert_int_equal(phx_strings_addf(&names, "c%d", i), 0);
                add_busy_container(&machine, names.items[i], 1000 + i * 50);
        }

        (void) clock_gettime(CLOCK_MONOTONIC, &start);
        for (size_t i = 0; i < names.count; i++) {
                const struct phx_task_query query = { .name = names.items[i], .others = &names };

                read_tasks(&machine, &query);
                assert_int_equal(machine.tasks.count, 50);
                assert_int_equal(phx_confinement_judge(&machine.tasks, "lxc-a").wrong, 0);
        }
        (void) clock_gettime(CLOCK_MONOTONIC, &end);
        print_message("# a look at 1000 tasks: %ld us\n",
                      (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000);
}

/* The real /proc: whatever it says of us, we are one known or unknown task, not many and not none.
 */
static void our_own_process_is_found_in_the_real_proc(void **state) {
        phx_cleanup(machine_done) struct machine machine = { 0 };
        const struct phx_task_query query = { .name = "us" };
        char pids[32];

        machine_init(&machine, "real");
        (void) snprintf(pids, sizeof(pids), "%d\n", (int) getpid());
        add_cgroup(&machine, "lxc.payload.us", pids);
        machine.roots.proc = "/proc";
        read_tasks(&machine, &query);
        assert_int_equal(machine.tasks.count, 1);
        assert_int_equal(machine.tasks.items[0].tid, getpid());
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_threads_of_all_cgroups_below_are_read),
                cmocka_unit_test(what_runs_its_outside_parents_program_is_starting),
                cmocka_unit_test(the_file_system_of_a_program_is_not_asked),
                cmocka_unit_test(init_is_the_first_of_a_namespace_whose_parent_is_outside),
                cmocka_unit_test(what_vanished_is_left_out_and_what_cannot_be_read_is_unknown),
                cmocka_unit_test(an_older_kernel_has_the_label_in_another_file),
                cmocka_unit_test(threads_are_taken_for_what_they_are),
                cmocka_unit_test(the_threads_of_a_dead_first_one_are_read),
                cmocka_unit_test(a_process_in_many_groups_hides_no_thread),
                cmocka_unit_test(labels_alone_are_read_of_every_thread),
                cmocka_unit_test(a_picture_differs_when_a_label_does),
                cmocka_unit_test(what_can_be_no_init_is_not_taken_for_one),
                cmocka_unit_test(a_process_is_known_by_its_start),
                cmocka_unit_test(a_look_at_a_full_host_is_cheap),
                cmocka_unit_test(our_own_process_is_found_in_the_real_proc),
        };

        return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
