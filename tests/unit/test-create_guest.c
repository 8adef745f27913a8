/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Creation by Proxmox's own command, on its stand-in: killed at random points, a container is
 * complete or absent after the next run, and what belongs to others is left alone. */

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
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/process.h"
#include "create/guest.h"
#include "create/guest_record.h"
#include "create/guest_text.h"
#include "pve_host.h"
#include "tree.h"

#define KILLS 20

static struct phx_trust trust;
static struct guest_host host;
static char places[5][4096];

static const char *place(unsigned i, const char *path) {
        (void) snprintf(places[i], sizeof(places[i]), "%s", tree_path(path));
        return places[i];
}

/* SECONDS are what a volume takes to be filled. */
static const char *set_command(const char *seconds) {
        char settings[8192];

        (void) snprintf(settings,
                        sizeof(settings),
                        ", \"copy_wait\": %s, \"template_path\": \"%s\"",
                        seconds,
                        trust.root);
        return pve_host_command(settings);
}

static void make_archive(void) {
        phx_autofree char *command = NULL;

        tree_write("template/etc/hostname", "template\n");
        tree_mkdir("local");
        assert_int_equal(
                        phx_printf(&command,
                                   "tar -C '%s/template' -czf '%s/local/t.tar.gz' .",
                                   trust.root,
                                   trust.root),
                        0);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c) */
        assert_int_equal(system(command), 0);
}

static int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = getuid() };
        if (pve_host_missing())
                return 0;
        pve_host_start();
        make_archive();
        tree_mkdir("lock");
        tree_write("lxc/900/rootfs/etc/hostname", "source\n");
        host = (struct guest_host){
                .place = { .root = place(0, "etc-pve"), .lock_directory = place(1, "lock") },
                .pct = set_command("0.2"),
                .records = place(2, "records"),
                .wait_usec = 5000000,
                .trust = &trust,
        };
        return 0;
}

static int tear_down(void **state) {
        pve_host_done();
        tree_done();
        return 0;
}

static void skip_without_host(void) {
        const char *why = pve_host_missing();

        if (!why)
                return;
        print_message("skipped: %s\n", why);
        skip();
}

/* --- what is asked for --- */

static struct create_order order_template(const char *id) {
        return (struct create_order){ .name = id,
                                      .hostname = "made",
                                      .label = "lxc-web",
                                      .template = "local:vztmpl/t.tar.gz",
                                      .is_unprivileged = true };
}

static struct create_order order_clone(const char *id) {
        return (struct create_order){ .name = id,
                                      .hostname = "made",
                                      .label = "lxc-web",
                                      .source = "900" };
}

static void write_source(const char *more) {
        phx_autofree char *text = NULL;

        assert_int_equal(
                        phx_printf(&text,
                                   "arch: amd64\nfeatures: nesting=1\nhostname: source\nmemory: "
                                   "256\nnet0: name=eth0,bridge=br0,hwaddr=BC:24:11:00:00:01,"
                                   "type=veth\nonboot: 1\nostype: debian\nrootfs: "
                                   "local:900/vm-900-disk-0.raw,size=8G\nunprivileged: "
                                   "1\nlxc.apparmor.profile: unconfined\n"
                                   "lxc.cgroup2.devices.allow: a\n%s",
                                   more),
                        0);
        pve_host_save("lxc/900.conf", text);
}

static int run(const struct create_order *order,
               const struct phx_strings *keys,
               struct phx_error *error) {
        static const struct phx_strings none;

        *error = (struct phx_error){ 0 };
        return guest_create(&host, order, keys ? keys : &none, error);
}

/* NULL when it is not there. While an edit is being made, it cannot be opened without a wait. */
static char *config(const char *id) {
        char path[64], *text = NULL;
        size_t size = 0;
        int r;

        (void) snprintf(path, sizeof(path), "lxc/%s.conf", id);
        while ((r = phx_file_read_at(AT_FDCWD, pve_host_path(path), 1 << 20, &text, &size)) ==
               -EAGAIN)
                phx_pve_pause(1000);
        assert_true(r >= 0 || r == -ENOENT);
        return text;
}

static bool has_line(const char *text, const char *line) {
        phx_autofree char *all = NULL, *wanted = NULL;

        assert_int_equal(phx_printf(&all, "\n%s", text), 0);
        assert_int_equal(phx_printf(&wanted, "\n%s\n", line), 0);
        return strstr(all, wanted);
}

static void assert_done(const char *id) {
        phx_autofree char *text = config(id);
        char path[64];

        assert_non_null(text);
        assert_true(has_line(text, "lxc.apparmor.profile: lxc-web"));
        assert_true(has_line(text, "hostname: made"));
        assert_null(strstr(text, "lock:"));
        assert_null(strstr(text, GUEST_NOTE));
        (void) snprintf(path, sizeof(path), "records/%s", id);
        assert_int_not_equal(access(tree_path(path), F_OK), 0);
        (void) snprintf(path, sizeof(path), "lxc/%s/rootfs/etc/hostname", id);
        assert_int_equal(access(tree_path(path), F_OK), 0);
}

/* --- tests --- */

static void one_from_a_template_has_all_that_was_asked_for(void **state) {
        struct create_order order = order_template("901");
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        phx_autofree char *text = NULL;
        struct phx_error error;

        skip_without_host();
        assert_int_equal(phx_strings_add(&keys, "memory=1024"), 0);
        assert_int_equal(phx_strings_add(&keys, "net0=name=eth0,bridge=br0,type=veth"), 0);
        assert_int_equal(phx_strings_add(&keys, "storage=quick"), 0);
        assert_int_equal(phx_strings_add(&keys, "rootfs=16"), 0);
        assert_int_equal(phx_strings_add(&keys, "mp0=slow:3,mp=/data"), 0);
        assert_int_equal(phx_strings_add(&order.lines, "lxc.prlimit.nofile=64"), 0);
        assert_int_equal(run(&order, &keys, &error), 0);
        assert_done("901");
        text = config("901");
        assert_true(has_line(text, "memory: 1024"));
        assert_true(has_line(text, "unprivileged: 1"));
        assert_true(has_line(text, "rootfs: quick:901/vm-901-disk-0.raw,size=16G"));
        assert_true(has_line(text, "mp0: slow:901/vm-901-disk-1.raw,mp=/data,size=3G"));
        assert_true(has_line(text, "lxc.prlimit.nofile: 64"));
        assert_non_null(strstr(text, "net0: name=eth0,bridge=br0,hwaddr=BC:24:11:"));
        /* It is there, and stays. */
        assert_int_equal(run(&order, &keys, &error), 0);
        phx_strings_done(&order.lines);
}

static void a_clone_has_nothing_of_the_other_but_its_files_and_limits(void **state) {
        struct create_order order = order_clone("902");
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        phx_autofree char *text = NULL, *source = NULL;
        struct phx_error error;

        skip_without_host();
        write_source("");
        assert_int_equal(phx_strings_add(&keys, "cores=2"), 0);
        assert_int_equal(phx_strings_add(&keys, "rootfs=32"), 0);
        assert_int_equal(phx_strings_add(&keys, "storage=quick"), 0);
        assert_int_equal(run(&order, &keys, &error), 0);
        assert_done("902");
        text = config("902");
        assert_true(has_line(text, "memory: 256"));
        assert_true(has_line(text, "cores: 2"));
        assert_true(has_line(text, "rootfs: quick:902/vm-902-disk-0.raw,size=32G"));
        assert_null(strstr(text, "devices.allow"));
        assert_null(strstr(text, "features"));
        assert_null(strstr(text, "onboot"));
        assert_null(strstr(text, "net0"));
        source = config("900");
        assert_null(strstr(source, "lock:"));
}

static void assert_refused(const struct create_order *order, const char *rootfs, const char *why) {
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        phx_autofree char *text = NULL;
        struct phx_error error;

        if (rootfs)
                assert_int_equal(phx_strings_add(&keys, rootfs), 0);
        assert_true(run(order, &keys, &error) < 0);
        assert_string_equal(error.text, why);
        text = config(order->name);
        assert_null(text);
}

static void what_cannot_be_is_refused_before_anything_is_made(void **state) {
        struct create_order order = order_clone("903");

        skip_without_host();
        write_source("lxc.cap.drop: sys_module\n");
        assert_refused(&order,
                       NULL,
                       "container 900: line 12 of its file is lxc.cap.drop, which phoenixd does "
                       "not copy to a clone and does not leave out silently; add the same line to "
                       "lxc_options of 903");
        assert_int_equal(phx_strings_add(&order.lines, "lxc.cap.drop=sys_module"), 0);
        assert_refused(&order,
                       "rootfs=4",
                       "storage_size_gb: the disk of container 900, which it is cloned from, is "
                       "larger");
        assert_int_equal(phx_strings_add(&order.lines, "lxc.nonsense=1"), 0);
        assert_refused(&order,
                       NULL,
                       "lxc.nonsense: Proxmox removes lines with this key, expected one that it "
                       "keeps");
        phx_strings_done(&order.lines);
        order = order_template("903");
        order.template = "/nowhere/t.tar.gz";
        assert_refused(&order, NULL, "/nowhere/t.tar.gz: No such file or directory");
}

static void a_failure_of_the_command_is_passed_on_and_leaves_nothing(void **state) {
        struct create_order order = order_template("904");

        skip_without_host();
        order.template = "local:vztmpl/missing.tar.gz";
        assert_refused(&order, NULL, "volume 'local:vztmpl/missing.tar.gz' does not exist");
        assert_int_not_equal(access(tree_path("records/904"), F_OK), 0);
        /* Another node has it. */
        pve_host_order("node pve2 add");
        pve_host_write("nodes/pve2/lxc/904.conf", "arch: amd64\n");
        order = order_template("904");
        assert_refused(&order, NULL, "CT 904 already exists on node 'pve2'");
        assert_int_equal(access(pve_host_path("nodes/pve2/lxc/904.conf"), F_OK), 0);
}

/* --- interrupted --- */

static pid_t begin(const struct create_order *order) {
        struct phx_error error;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid > 0)
                return pid;
        (void) setsid();
        _exit(run(order, NULL, &error) < 0);
}

/* As the host's death does: all at once, the command's own worker with it. */
static void kill_all(pid_t pid) {
        phx_autofree char *command = NULL;

        (void) kill(pid, SIGKILL);
        assert_int_equal(phx_printf(&command, "pkill -KILL -f '%s'", tree_path("pct.json")), 0);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c) */
        (void) system(command);
        (void) waitpid(pid, NULL, 0);
}

static void interrupt(const struct create_order *order, unsigned msec) {
        const struct timespec pause = { .tv_sec = msec / 1000,
                                        .tv_nsec = (long) (msec % 1000) * 1000000 };
        pid_t pid = begin(order);

        (void) nanosleep(&pause, NULL);
        kill_all(pid);
}

static void run_pct(const char *words) {
        phx_autofree char *command = NULL;

        assert_int_equal(phx_printf(&command, "'%s' %s", host.pct, words), 0);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c) */
        assert_int_equal(system(command), 0);
}

/* As the sentence says that a person should. */
static void follow_advice(const char *id, const struct phx_error *error) {
        phx_autofree char *left = config(id);
        char unlock[32], destroy[32];

        assert_non_null(strstr(error->text, "it is not known by which"));
        (void) snprintf(unlock, sizeof(unlock), "unlock %s", left ? id : "900");
        run_pct(unlock);
        if (!left)
                return;
        (void) snprintf(destroy, sizeof(destroy), "destroy %s", id);
        run_pct(destroy);
}

/* Between the empty config and its record there is a fraction of a second. */
static bool next_run_completes(const struct create_order *order) {
        phx_autofree char *text = config(order->name);
        bool was_half = text && strstr(text, GUEST_EMPTY);
        struct phx_error error;
        int r = run(order, NULL, &error);

        for (unsigned i = 0; r == -EBUSY && i < 2; i++) {
                follow_advice(order->name, &error);
                r = run(order, NULL, &error);
        }
        if (r < 0)
                print_error("%s\n", error.text);
        assert_int_equal(r, 0);
        assert_done(order->name);
        return was_half;
}

static void killed_anywhere_a_run_is_completed_by_the_next(void **state) {
        unsigned half = 0;

        skip_without_host();
        write_source("");
        for (unsigned i = 0; i < KILLS; i++) {
                char id[16];
                struct create_order order;

                (void) snprintf(id, sizeof(id), "%u", 1000 + i);
                order = i % 2 ? order_clone(id) : order_template(id);
                interrupt(&order, 60 + 45 * i);
                half += next_run_completes(&order);
        }
        /* Else none was killed in the middle. */
        assert_true(half > 0);
}

static char *wait_for(const char *id, const char *text) {
        for (unsigned i = 0; i < 500; i++) {
                char *found = config(id);

                if (found && strstr(found, text))
                        return found;
                free(found);
                phx_pve_pause(5000);
        }
        return NULL;
}

/* While it is locked, and so before Proxmox would start it. */
static void a_clone_is_in_its_profile_before_it_is_unlocked(void **state) {
        struct create_order order = order_clone("905");
        phx_autofree char *text = NULL;
        int status = 0;
        pid_t pid;

        skip_without_host();
        write_source("");
        (void) set_command("2");
        pid = begin(&order);
        text = wait_for("905", "lxc.apparmor.profile: lxc-web");
        assert_non_null(text);
        assert_true(has_line(text, "lock: create"));
        assert_null(strstr(text, "unconfined"));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_done("905");
}

static void clean(int expected, const char *why) {
        struct phx_error error = { 0 };

        assert_int_equal(guest_clean(&host, &error), expected);
        if (why)
                assert_string_equal(error.text, why);
}

static void what_is_not_provably_ours_is_never_destroyed(void **state) {
        struct create_order order = order_template("906");
        phx_autofree char *text = NULL, *empty = NULL;

        skip_without_host();
        (void) set_command("20");
        interrupt(&order, 1500);
        empty = config("906");
        assert_string_equal(empty, GUEST_EMPTY);
        /* Another creation of the same id, which has been written at another time. */
        assert_int_equal(unlink(pve_host_path("lxc/906.conf")), 0);
        phx_pve_pause(1100000);
        pve_host_save("lxc/906.conf", GUEST_EMPTY);
        clean(-EBUSY,
              "container 906 is locked (create), and it is not known by which creation; if none "
              "is at it, run 'pct unlock 906' and 'pct destroy 906'");
        /* A person has unlocked it, and uses it. */
        pve_host_save("lxc/906.conf", "hostname: mine\n");
        clean(0, NULL);
        text = config("906");
        assert_string_equal(text, "hostname: mine\n");
        assert_int_not_equal(access(tree_path("records/906"), F_OK), 0);
}

/* Proxmox writes the mark of a clone before it copies. */
static void a_clone_that_was_unlocked_in_the_middle_is_not_complete(void **state) {
        struct create_order order = order_clone("909");
        phx_autofree char *text = NULL;
        pid_t pid;

        skip_without_host();
        write_source("");
        (void) set_command("20");
        pid = begin(&order);
        text = wait_for("909", "lxc.apparmor.profile: lxc-web");
        assert_non_null(text);
        kill_all(pid);
        (void) set_command("0");
        run_pct("unlock 909");
        run_pct("unlock 900");
        clean(-EBUSY,
              "container 909 was unlocked before it had all volumes of 900; run 'pct destroy 909'");
        assert_int_equal(access(tree_path("records/909"), F_OK), 0);
        run_pct("destroy 909");
        clean(0, NULL);
        assert_int_not_equal(access(tree_path("records/909"), F_OK), 0);
}

/* Another creation of the same id has begun at the same time: the command takes the lock, finds
 * that, and ends. */
static const char *set_loser(const char *config) {
        static char path[4096];
        phx_autofree char *text = NULL;

        assert_int_equal(
                        phx_printf(&text,
                                   "#!/bin/sh\n"
                                   "[ \"$1\" = create ] || { echo \"$1\" >>'%s/verbs'; exit 255; }\n"
                                   "printf '%s' >'%s/etc-pve/lxc/908.conf'\n"
                                   "flock '%s/lock/pve-config-908.lock' sleep 0.04\n"
                                   "echo \"CT 908 already exists on node 'pve1'\" >&2\n"
                                   "exit 255\n",
                                   trust.root,
                                   config,
                                   trust.root,
                                   trust.root),
                        0);
        tree_write("loser", text);
        (void) snprintf(path, sizeof(path), "%s", tree_path("loser"));
        assert_int_equal(chmod(path, 0755), 0);
        return path;
}

static void a_creation_that_came_first_is_not_taken_for_ours(void **state) {
        struct create_order order = order_template("908");
        phx_autofree char *text = NULL;
        struct phx_error error;

        skip_without_host();
        host.pct = set_loser("lock: create\\n");
        assert_true(run(&order, NULL, &error) < 0);
        assert_string_equal(error.text, "CT 908 already exists on node 'pve1'");
        text = config("908");
        assert_string_equal(text, GUEST_EMPTY);
        assert_int_not_equal(access(tree_path("verbs"), F_OK), 0);
}

static bool has_item(const char *record, const char *word) {
        phx_autofree char *line = NULL;

        assert_int_equal(phx_printf(&line, "\n%s ", word), 0);
        return strstr(record, line);
}

static void interrupt_when_recorded(const struct create_order *order, const char *word) {
        phx_autofree char *path = NULL;
        pid_t pid = begin(order);
        bool is_recorded = false;

        assert_int_equal(phx_printf(&path, "%s/records/%s", trust.root, order->name), 0);
        for (unsigned i = 0; !is_recorded && i < 4000; i++) {
                phx_autofree char *record = NULL;
                size_t size = 0;

                phx_pve_pause(5000);
                is_recorded = phx_file_read_at(AT_FDCWD, path, 1 << 20, &record, &size) >= 0 &&
                              has_item(record, word);
        }
        kill_all(pid);
        assert_true(is_recorded);
}

/* The empty config is all that Proxmox has of it for most of the time. */
static void an_interrupted_one_that_is_not_wanted_any_more_is_removed(void **state) {
        struct create_order order = order_template("907");
        phx_autofree char *text = NULL, *source = NULL;

        skip_without_host();
        (void) set_command("20");
        interrupt_when_recorded(&order, "time");
        clean(0, NULL);
        text = config("907");
        assert_null(text);
        assert_int_not_equal(access(tree_path("records/907"), F_OK), 0);
        /* And of a clone, the other's lock. */
        write_source("");
        order = order_clone("907");
        interrupt_when_recorded(&order, "source-time");
        source = config("900");
        assert_true(has_line(source, "lock: disk"));
        clean(0, NULL);
        text = config("907");
        assert_null(text);
        free(PHX_TAKE(source));
        source = config("900");
        assert_null(strstr(source, "lock:"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(one_from_a_template_has_all_that_was_asked_for),
                TEST(a_clone_has_nothing_of_the_other_but_its_files_and_limits),
                TEST(what_cannot_be_is_refused_before_anything_is_made),
                TEST(a_failure_of_the_command_is_passed_on_and_leaves_nothing),
                TEST(killed_anywhere_a_run_is_completed_by_the_next),
                TEST(a_clone_is_in_its_profile_before_it_is_unlocked),
                TEST(what_is_not_provably_ours_is_never_destroyed),
                TEST(a_clone_that_was_unlocked_in_the_middle_is_not_complete),
                TEST(a_creation_that_came_first_is_not_taken_for_ours),
                TEST(an_interrupted_one_that_is_not_wanted_any_more_is_removed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
