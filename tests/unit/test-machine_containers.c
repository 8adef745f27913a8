/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/process.h"
#include "base/strings.h"
#include "codec/metrics.h"
#include "codec/snapshot_json.h"
#include "containers-look.h"
#include "lxc/monitor.h"
#include "reconcile/diff.h"
#include "reconcile/snapshot.h"
#include "state/report.h"
#include "tree.h"

struct host {
        char *cgroup, *proc;
        struct phx_task_roots roots;
        struct phx_machine_containers *containers;
};

static int set_up(void **state) {
        static const struct phx_trust anyone = { .root = "/", .anyone = true };
        static struct host host;

        tree_new();
        tree_mkdir("cgroup");
        tree_mkdir("proc");
        tree_mkdir("lxc");
        host.cgroup = strdup(tree_path("cgroup"));
        host.proc = strdup(tree_path("proc"));
        host.roots = (struct phx_task_roots){ host.cgroup, host.proc };
        *state = &host;
        return phx_machine_containers_new(&host.roots, &anyone, NULL, &host.containers);
}

static int tear_down(void **state) {
        struct host *host = *state;

        host->containers = phx_machine_containers_free(host->containers);
        free(host->cgroup);
        free(host->proc);
        tree_done();
        return 0;
}

static void add_container(const char *name) {
        char path[512];

        (void) snprintf(path, sizeof(path), "lxc/%s/config", name);
        tree_write(path, "lxc.uts.name = x\n");
}

/* ENTRIES are pairs of an id and a name (or NULL), sorted by id, with NULL behind the last. Returns
 * the directories that they got, as "ID=DIRECTORY ID=DIRECTORY …", to be freed. */
static char *directories(struct host *host, const char *const *entries) {
        char lxc_path[512];
        const struct phx_settings settings = { .lxc_path = lxc_path };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        struct phx_inventory inventory = { 0 };
        struct phx_container_config items[8] = { 0 };
        struct phx_configuration configuration = { .containers = items };
        struct phx_error error = { 0 };
        char text[512] = "";

        for (; entries[0]; entries += 2) {
                struct phx_container_config *item = &items[configuration.count++];

                assert_int_equal(phx_replace(&item->id, entries[0]), 0);
                assert_int_equal(phx_replace(&item->name, entries[1]), 0);
                assert_int_equal(phx_replace(&item->profile, "lxc-a"), 0);
        }
        observed->retry_usec = PHX_NEVER;
        (void) snprintf(lxc_path, sizeof(lxc_path), "%s", tree_path("lxc"));
        assert_int_equal(
                        look_at_containers(
                                        host->containers,
                                        &settings,
                                        &configuration,
                                        &inventory,
                                        desired,
                                        observed,
                                        &error),
                        0);
        for (size_t i = 0; i < desired->container_count; i++) {
                const struct phx_desired_container *container = &desired->containers[i];
                size_t length = strlen(text);

                (void) snprintf(text + length,
                                sizeof(text) - length,
                                "%s%s=%s",
                                i > 0 ? " " : "",
                                container->id,
                                container->directory ? container->directory : "none");
        }
        for (size_t i = 0; i < configuration.count; i++)
                phx_container_config_done(&items[i]);
        return strdup(text);
}

#define assert_directories(host, expected, ...)                                    \
        do {                                                                       \
                phx_autofree char *found = directories(                            \
                                host,                                              \
                                (const char *const[]){ __VA_ARGS__, NULL, NULL }); \
                assert_string_equal(found, expected);                              \
        } while (0)

static void a_container_is_the_directory_of_its_id(void **state) {
        add_container("901");
        add_container("web");
        assert_directories(*state, "901=901", "901", "web");
        assert_directories(*state, "901=901", "901", NULL);
}

static void without_it_the_directory_of_its_name(void **state) {
        add_container("web");
        assert_directories(*state, "901=web 902=none", "901", "web", "902", NULL);
}

static void a_name_that_two_have_is_the_directory_of_neither(void **state) {
        add_container("web");
        assert_directories(*state, "901=none 902=none", "901", "web", "902", "web");
        /* Also when one of them has another directory: who is meant is not for us to guess. */
        add_container("902");
        assert_directories(*state, "901=none 902=902", "901", "web", "902", "web");
}

static void a_name_that_is_another_s_id_is_that_one_s_directory(void **state) {
        add_container("web");
        assert_directories(*state, "901=none web=web", "901", "web", "web", NULL);
}

static void a_name_that_can_be_no_directory_finds_none(void **state) {
        add_container("my web");
        add_container("web");
        assert_directories(
                        *state,
                        "901=none 902=none 903=none",
                        "901",
                        "my web",
                        "902",
                        "../lxc/web",
                        "903",
                        ".");
}

/* What a name may hold: all that a terminal, a log, a bus or JSON does not bear. */
static const char *const odd_names[] = {
        ".hidden",         "my@box",      "a b",
        "\"quoted\"",      "new\nline",   "\033[31mred",
        "\377\376",        "back\\slash", "turned\342\200\256round",
        "{label=\"x\"} 1", NULL
};

static void look_at_odd_names(struct host *host, struct phx_snapshot *snapshot) {
        char lxc_path[512], name[256];
        const struct phx_settings settings = { .lxc_path = lxc_path };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        const struct phx_backoff backoff = { 0 };
        const struct phx_snapshot_view view = { desired, observed, &drifts, &backoff, 0 };
        struct phx_inventory inventory = { 0 };
        size_t count = 1;

        for (; odd_names[count - 1]; count++)
                add_container(odd_names[count - 1]);
        memset(name, 0xff, sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        add_container(name);
        tree_write("cgroup/lxc.payload.new\nline/cgroup.procs", "100\n");
        tree_write("proc/100/status",
                   "State:\tS\nTgid:\t100\nPPid:\t1\nNSpid:\t100\t1\nThreads:\t1\n");
        tree_write("proc/100/task/100/attr/apparmor/current", "unconfined\n");

        desired->has_configuration = true;
        observed->retry_usec = PHX_NEVER;
        (void) snprintf(lxc_path, sizeof(lxc_path), "%s", tree_path("lxc"));
        assert_int_equal(
                        look_at_containers(
                                        host->containers,
                                        &settings,
                                        NULL,
                                        &inventory,
                                        desired,
                                        observed,
                                        NULL),
                        0);
        assert_int_equal(observed->container_count, count);
        for (size_t i = 1; i < count; i++)
                assert_true(strcmp(observed->containers[i - 1].directory,
                                   observed->containers[i].directory) < 0);
        assert_int_equal(phx_diff(desired, observed, &drifts), 0);
        assert_int_equal(drifts.count, count);
        assert_int_equal(phx_snapshot_fill(&view, snapshot), 0);
        assert_int_equal(snapshot->unmanaged_count, count);
}

static const struct phx_snapshot_unmanaged *find_unmanaged(
                const struct phx_snapshot *snapshot,
                const char *directory) {
        for (size_t i = 0; i < snapshot->unmanaged_count; i++)
                if (phx_equal(snapshot->unmanaged[i].directory, directory))
                        return &snapshot->unmanaged[i];
        fail_msg("there is no '%s'", directory);
        return NULL;
}

static void names_that_no_id_can_have_are_unmanaged_and_can_be_shown(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new(),
                                                            *back = NULL;
        phx_cleanup(phx_buffer_done) struct phx_buffer metrics = { 0 };
        phx_autofree char *text = NULL;

        look_at_odd_names(*state, snapshot);
        assert_non_null(find_unmanaged(snapshot, "my@box"));
        assert_int_equal(find_unmanaged(snapshot, "my@box")->posture, PHX_POSTURE_STOPPED);
        assert_non_null(find_unmanaged(snapshot, "\\xff\\xfe"));
        assert_non_null(find_unmanaged(snapshot, "back\\x5cslash"));
        assert_int_equal(find_unmanaged(snapshot, "new\\x0aline")->posture, PHX_POSTURE_UNCONFINED);
        assert_string_equal(find_unmanaged(snapshot, "new\\x0aline")->label, "unconfined");
        /* For status, journal and the bus: plain text in every sentence. */
        for (size_t i = 0; i < snapshot->drift_count; i++) {
                assert_false(phx_has_control(snapshot->drifts[i].object));
                assert_false(phx_has_control(snapshot->drifts[i].sentence));
                assert_null(strstr(snapshot->drifts[i].sentence, "\342\200\256"));
                for (const char *c = snapshot->drifts[i].sentence; *c; c++)
                        assert_true((unsigned char) *c < 0x80);
        }
        /* jansson takes valid UTF-8 alone, and no name is another one on the way. */
        assert_int_equal(phx_snapshot_render(snapshot, &text), 0);
        assert_int_equal(phx_snapshot_parse(text, strlen(text), &back, NULL), 0);
        for (size_t i = 0; i < snapshot->unmanaged_count; i++)
                assert_string_equal(back->unmanaged[i].directory, snapshot->unmanaged[i].directory);
        /* No name is in the metrics. */
        assert_int_equal(phx_metrics_render(snapshot, &metrics), 0);
        assert_null(strstr(metrics.data, "box"));
}

/* A monitor of its name, whosever, that says nothing: the test's own process, or a child. */
static int open_mute_monitor(const char *name) {
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(tree_path("lxc"), name, &address);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, size) < 0 || listen(fd, 1) < 0)
                return -1;
        return fd;
}

static struct phx_process start_stranger(const char *name) {
        struct phx_process process = { 0 };
        char byte = 0;
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        if (phx_process_fork(&process) > 0) {
                if (setresuid(4321, 4321, 4321) < 0 || open_mute_monitor(name) < 0)
                        _exit(1);
                (void) write(fds[1], "r", 1);
                for (;;)
                        (void) pause();
        }
        (void) close(fds[1]);
        assert_int_equal(read(fds[0], &byte, 1), 1);
        (void) close(fds[0]);
        return process;
}

static struct phx_observed *look(struct host *host, uint64_t *ret_took) {
        char lxc_path[512];
        const struct phx_settings settings = { .lxc_path = lxc_path };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        struct phx_observed *observed = calloc(1, sizeof(*observed));
        struct phx_inventory inventory = { 0 };
        uint64_t begin = phx_now_usec();
        struct phx_error error = { 0 };

        observed->retry_usec = PHX_NEVER;
        (void) snprintf(lxc_path, sizeof(lxc_path), "%s", tree_path("lxc"));
        assert_int_equal(
                        look_at_containers(
                                        host->containers,
                                        &settings,
                                        NULL,
                                        &inventory,
                                        desired,
                                        observed,
                                        &error),
                        0);
        *ret_took = phx_now_usec() - begin;
        return observed;
}

/* Its tasks are not known, and its config is judged as ever. The second time it is known to hang.
 */
static void a_monitor_that_hangs_leaves_its_tasks_unknown(void **state) {
        phx_autoclose int monitor = -1;

        add_container("db");
        add_container("web");
        monitor = open_mute_monitor("web");
        assert_true(monitor >= 0);
        for (unsigned i = 0; i < 2; i++) {
                phx_cleanup(phx_observed_freep) struct phx_observed *observed = NULL;
                const struct phx_observed_container *web;
                uint64_t took = 0;

                observed = look(*state, &took);
                web = phx_observed_find_container(observed, "web");
                assert_null(web->trouble);
                assert_non_null(web->effective);
                assert_string_equal(web->unread_why, "its monitor does not answer");
                assert_true(web->is_running);
                assert_int_equal(web->unknown, 1);
                assert_true(observed->retry_usec < PHX_NEVER);
                assert_false(phx_observed_find_container(observed, "db")->is_running);
                assert_true(i == 0 ? took >= 2000000 : took >= 200000);
        }
}

static void a_stranger_at_its_name_does_not_make_it_run(void **state) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = NULL;
        const struct phx_observed_container *web;
        struct phx_process stranger;
        uint64_t took = 0;

        if (geteuid() != 0)
                skip();
        add_container("web");
        stranger = start_stranger("web");
        observed = look(*state, &took);
        assert_int_equal(phx_process_end(&stranger, NULL), 0);
        web = phx_observed_find_container(observed, "web");
        assert_null(web->trouble);
        assert_null(web->unread_why);
        assert_false(web->is_running);
        assert_true(web->restart == PHX_RESTART_PLAIN);
        assert_int_equal(web->unknown, 0);
        assert_true(observed->retry_usec == PHX_NEVER);
}

/* The number that a monitor tells is, by now, another process's: here, the test's own. */
static void a_process_that_is_not_in_it_is_not_its_init(void **state) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = NULL;
        const struct phx_observed_container *web;
        phx_autoclose int monitor = -1;
        struct phx_process answerer = { 0 };
        uint64_t took = 0;

        add_container("web");
        tree_write("proc/4242/status", "Name:\tsshd\nNSpid:\t4242\n");
        tree_write("proc/4242/cgroup", "0::/system.slice/ssh.service\n");
        monitor = open_mute_monitor("web");
        assert_true(monitor >= 0);
        if (phx_process_fork(&answerer) > 0) {
                const struct {
                        int32_t code, size;
                        intptr_t pid;
                } answer = { .pid = 4242 };

                (void) send(accept(monitor, NULL, NULL), &answer, sizeof(answer), 0);
                for (;;)
                        (void) pause();
        }
        observed = look(*state, &took);
        assert_int_equal(phx_process_end(&answerer, NULL), 0);
        web = phx_observed_find_container(observed, "web");
        assert_null(web->trouble);
        assert_string_equal(
                        web->unread_why,
                        "its monitor reports a process that is not in the container");
        assert_int_equal(web->labels.count, 0);
}

/* A file system of cgroups that cannot be read says nothing about the config. */
static void cgroups_that_cannot_be_read_leave_the_tasks_unknown(void **state) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = NULL;
        const struct phx_observed_container *web;
        uint64_t took = 0;

        add_container("web");
        tree_remove("cgroup");
        observed = look(*state, &took);
        web = phx_observed_find_container(observed, "web");
        assert_null(web->trouble);
        assert_non_null(web->effective);
        assert_non_null(strstr(web->unread_why, "cgroup"));
        assert_int_equal(web->unknown, 1);
        tree_mkdir("cgroup");
}

static void record_lines(struct phx_inventory *inventory, const char *name) {
        char *items[] = { strdup("lxc.environment=A=1") };
        const struct phx_strings lines = { items, 1 };

        assert_int_equal(phx_inventory_set_container(inventory, name, &lines, NULL), 1);
        free(items[0]);
}

/* Of the containers in CONFIGURATION; NULL: none. */
static int look_with_entries(
                struct host *host,
                const struct phx_configuration *configuration,
                struct phx_inventory *inventory) {
        char lxc_path[512], file[] = "/etc/x.json";
        const struct phx_settings settings = { .lxc_path = lxc_path, .configuration = file };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));

        (void) snprintf(lxc_path, sizeof(lxc_path), "%s", tree_path("lxc"));
        return look_at_containers(
                        host->containers,
                        &settings,
                        configuration,
                        inventory,
                        desired,
                        observed,
                        NULL);
}

static int look_with(struct host *host, struct phx_inventory *inventory) {
        return look_with_entries(host, NULL, inventory);
}

static void lines_of_a_container_that_is_gone_are_forgotten(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };

        record_lines(&inventory, "db");
        record_lines(&inventory, "gone");
        record_lines(&inventory, "web");
        /* Nothing is there: it may be the file system that is not. */
        assert_int_equal(look_with(*state, &inventory), 0);
        assert_int_equal(inventory.container_count, 3);

        add_container("db");
        add_container("web");
        assert_int_equal(look_with(*state, &inventory), 1);
        assert_int_equal(inventory.container_count, 2);
        assert_null(phx_inventory_container(&inventory, "gone"));
        assert_int_equal(look_with(*state, &inventory), 0);
}

static void keep_answers(struct host *host) {
        static const struct phx_trust anyone = { .root = "/", .anyone = true };

        phx_machine_containers_free(host->containers);
        assert_int_equal(
                        phx_machine_containers_new(&host->roots, &anyone, NULL, &host->containers),
                        0);
        assert_int_equal(
                        phx_machine_containers_keep(host->containers, tree_path("state"), "", NULL),
                        0);
}

/* Were it believed that nothing is to be done for the record with too many lines, it would stay,
 * and a line that the operator writes later would be taken for ours. */
static void a_record_that_was_not_saved_is_corrected_after_a_crash(void **state) {
        struct host *host = *state;
        char id[] = "web", profile[] = "lxc-a";
        struct phx_container_config web = { .id = id, .profile = profile };
        const struct phx_configuration configuration = { .containers = &web, .count = 1 };
        phx_cleanup(phx_inventory_done) struct phx_inventory memory = { 0 }, disk = { 0 };

        tree_mkdir("state");
        tree_write("lxc/web/config", "lxc.uts.name = x\nlxc.apparmor.profile = lxc-a\n");
        keep_answers(host);
        record_lines(&memory, "web");
        record_lines(&disk, "web");
        assert_int_equal(look_with_entries(host, &configuration, &memory), 1);
        assert_int_equal(memory.container_count, 0);
        phx_machine_answers_save(host->containers);
        assert_int_equal(access(tree_path("state/lxc-answers"), F_OK), 0);

        keep_answers(host);
        assert_int_equal(look_with_entries(host, &configuration, &disk), 1);
        assert_int_equal(disk.container_count, 0);
        assert_int_equal(look_with_entries(host, &configuration, &disk), 0);
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_host(a_container_is_the_directory_of_its_id),
                with_host(without_it_the_directory_of_its_name),
                with_host(a_name_that_two_have_is_the_directory_of_neither),
                with_host(a_name_that_is_another_s_id_is_that_one_s_directory),
                with_host(a_name_that_can_be_no_directory_finds_none),
                with_host(lines_of_a_container_that_is_gone_are_forgotten),
                with_host(a_record_that_was_not_saved_is_corrected_after_a_crash),
                with_host(a_monitor_that_hangs_leaves_its_tasks_unknown),
                with_host(a_stranger_at_its_name_does_not_make_it_run),
                with_host(a_process_that_is_not_in_it_is_not_its_init),
                with_host(cgroups_that_cannot_be_read_leave_the_tasks_unknown),
                with_host(names_that_no_id_can_have_are_unmanaged_and_can_be_shown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
