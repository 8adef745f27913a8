/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The program that creates a container, in a tree of its own. It is killed at random points: the
 * container is complete or absent, and the next run completes it and leaves nothing. */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process.h"
#include "create/create.h"
#include "state/creation.h"
#include "tree.h"

#define KILLS 100
#define FILES 200

static struct phx_trust trust;

static int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = getuid() };
        tree_write("lxc/src/rootfs/etc/hostname", "src\n");
        tree_write("lxc/src/rootfs/bin/init", "#!/bin/sh\n");
        for (unsigned i = 0; i < FILES; i++) {
                char path[64], text[32];

                (void) snprintf(path, sizeof(path), "lxc/src/rootfs/srv/file-%u", i);
                (void) snprintf(text, sizeof(text), "text %u\n", i);
                tree_write(path, text);
        }
        tree_write("lxc/src/config", "");
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

/* The tree's paths are those of a root of its own: the config of the source has to name one. */
static void write_source(const char *lines) {
        phx_autofree char *text = NULL;

        assert_int_equal(phx_printf(&text, "lxc.rootfs.path = dir:/lxc/src/rootfs\n%s", lines), 0);
        tree_write("lxc/src/config", text);
}

static struct create_order order_clone(const char *name) {
        return (struct create_order){ .lxc_path = "/lxc",
                                      .name = name,
                                      .hostname = "made",
                                      .label = "lxc-web",
                                      .source = "src" };
}

static void make_archive(const char *directory, const char *name, const char *option) {
        phx_autofree char *command = NULL;

        assert_int_equal(
                        phx_printf(&command,
                                   "tar -C '%s/%s' -c %s -f '%s/%s' .",
                                   trust.root,
                                   directory,
                                   option,
                                   trust.root,
                                   name),
                        0);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c) */
        assert_int_equal(system(command), 0);
        assert_int_equal(chmod(tree_path(name), 0644), 0);
}

static bool is_there(const char *path) {
        return access(tree_path(path), F_OK) == 0;
}

static bool is_same(const char *name) {
        phx_autofree char *command = NULL;

        assert_int_equal(
                        phx_printf(&command,
                                   "diff -r --exclude=hostname '%s/lxc/src/rootfs' "
                                   "'%s/lxc/%s/rootfs'",
                                   trust.root,
                                   trust.root,
                                   name),
                        0);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c) */
        return system(command) == 0;
}

static void assert_whole(const char *name) {
        char path[128];
        phx_autofree char *config = NULL, *hostname = NULL;

        (void) snprintf(path, sizeof(path), "lxc/%s/config", name);
        config = tree_read(path);
        assert_non_null(strstr(config, "\nlxc.apparmor.profile = lxc-web\n"));
        (void) snprintf(path, sizeof(path), "lxc/%s/rootfs/etc/hostname", name);
        hostname = tree_read(path);
        assert_string_equal(hostname, "made\n");
        assert_true(is_same(name));
}

static int run(const struct create_order *order, struct phx_error *error) {
        *error = (struct phx_error){ 0 };
        return create_run(&trust, order, error);
}

static void assert_refused(const struct create_order *order, int code, const char *text) {
        struct phx_error error;

        assert_int_equal(run(order, &error), code);
        if (!strstr(error.text, text))
                assert_string_equal(error.text, text);
        assert_false(is_there("lxc/" PHX_CREATION_STAGE));
}

static void remove_container(const char *name) {
        char path[64];

        (void) snprintf(path, sizeof(path), "lxc/%s", name);
        tree_remove(path);
}

/* --- what it makes --- */

static void a_clone_has_files_and_no_permissions_of_its_source(void **state) {
        struct create_order order = order_clone("clone");
        struct phx_error error;
        phx_autofree char *config = NULL;

        write_source("lxc.include = /usr/share/lxc/config/common.conf\n"
                     "lxc.arch = linux64\n"
                     "lxc.net.0.type = none\n"
                     "lxc.mount.entry = /dev/kvm dev/kvm none bind 0 0\n"
                     "lxc.apparmor.profile = unconfined\n");
        assert_int_equal(phx_strings_add(&order.lines, "lxc.net.0.type = empty"), 0);
        assert_int_equal(run(&order, &error), 0);
        phx_strings_done(&order.lines);
        assert_whole("clone");
        config = tree_read("lxc/clone/config");
        assert_string_equal(
                        config,
                        "# Created by phoenixd as a clone of src.\n"
                        "lxc.include = /usr/share/lxc/config/common.conf\n"
                        "lxc.arch = linux64\n"
                        "lxc.rootfs.path = dir:/lxc/clone/rootfs\n"
                        "lxc.uts.name = made\n"
                        "lxc.net.0.type = empty\n"
                        "lxc.apparmor.profile = lxc-web\n");
        assert_false(is_there("lxc/" PHX_CREATION_STAGE));
}

/* lxc-create makes a container's directory so. */
static void a_directory_that_the_group_of_root_may_write_is_cloned(void **state) {
        struct create_order order = order_clone("clone");
        struct phx_error error;

        write_source("");
        assert_int_equal(chmod(tree_path("lxc/src"), 0770), 0);
        assert_int_equal(run(&order, &error), 0);
        assert_whole("clone");
        /* And one whose files are elsewhere. */
        tree_write("elsewhere/files/bin/init", "#!/bin/sh\n");
        tree_write("lxc/src/config", "lxc.rootfs.path = /elsewhere/files\n");
        order.name = "other";
        assert_int_equal(run(&order, &error), 0);
        assert_true(is_there("lxc/other/rootfs/bin/init"));
        assert_int_equal(chmod(tree_path("elsewhere"), 0777), 0);
        order.name = "third";
        assert_refused(&order, -EPERM, "elsewhere");
}

static void archives_of_each_kind_are_unpacked(void **state) {
        static const char *const kinds[][2] = {
                { "plain.tar", "" },
                { "gz.tar.gz", "-z" },
                { "xz.tar.xz", "-J" },
                { "gz.tgz", "-z" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(kinds); i++) {
                char template[64], name[16];
                struct create_order order = order_clone(name);
                struct phx_error error;

                (void) snprintf(template, sizeof(template), "/%s", kinds[i][0]);
                (void) snprintf(name, sizeof(name), "made-%zu", i);
                order.source = NULL;
                order.template = template;
                make_archive("lxc/src/rootfs", kinds[i][0], kinds[i][1]);
                assert_int_equal(run(&order, &error), 0);
                assert_whole(name);
        }
}

static void what_is_there_is_left_alone(void **state) {
        struct create_order order = order_clone("there");
        phx_autofree char *config = NULL;
        struct phx_error error;

        write_source("");
        tree_write("lxc/there/config", "lxc.uts.name = other\n");
        assert_int_equal(run(&order, &error), 0);
        config = tree_read("lxc/there/config");
        assert_string_equal(config, "lxc.uts.name = other\n");
        order.name = "empty";
        tree_mkdir("lxc/empty");
        assert_refused(&order, -EEXIST, "exists, and is no container");
}

/* As ZFS before 2.2 does, for this process and all that it starts. */
static int forbid_flags_of_rename(void) {
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[4])),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { PHX_ELEMENTS(filter), filter };

        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
                               ? -1
                               : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* 77: that cannot be had. */
static int run_without_flags(const struct create_order *order) {
        struct phx_error error;
        int status = 0;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(forbid_flags_of_rename() < 0 ? 77 : run(order, &error) < 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_file_system_may_know_no_flags_of_rename(void **state) {
        struct create_order order = order_clone("clone");
        int r;

        write_source("");
        /* It was killed when it had taken the name. */
        tree_mkdir("lxc/clone");
        assert_int_equal(chmod(tree_path("lxc/clone"), 0), 0);
        r = run_without_flags(&order);
        if (r == 77)
                skip();
        assert_int_equal(r, 0);
        assert_whole("clone");
        /* What has come by its name meanwhile, stays. */
        order.name = "there";
        tree_write("lxc/there/file", "x");
        assert_int_equal(chmod(tree_path("lxc/there"), 0), 0);
        assert_int_equal(run_without_flags(&order), 1);
        assert_int_equal(chmod(tree_path("lxc/there"), 0755), 0);
        assert_true(is_there("lxc/there/file"));
        assert_false(is_there("lxc/there/config"));
}

/* --- what it refuses --- */

static void what_is_no_directory_is_not_cloned(void **state) {
        struct create_order order = order_clone("clone");

        tree_write("lxc/src/config", "lxc.rootfs.path = zfs:tank/src\n");
        assert_refused(&order, -EINVAL, "is zfs:tank/src, and phoenixd clones only directories");
        tree_write("lxc/src/config", "lxc.uts.name = src\n");
        assert_refused(&order, -EINVAL, "has no lxc.rootfs.path");
        write_source("");
        order.is_unprivileged = true;
        assert_refused(&order, -EINVAL, "is privileged");
        order = order_clone("clone");
        order.source = "absent";
        assert_refused(&order, -ENOENT, "/lxc/absent/config: No such file");
        order.source = "src";
        assert_int_equal(chmod(tree_path("lxc/src/config"), 0666), 0);
        assert_refused(&order, -EPERM, "expected a file that only its owner can write");
        assert_false(is_there("lxc/clone"));
}

static void an_archive_that_others_may_write_is_not_unpacked(void **state) {
        struct create_order order = order_clone("made");

        order.source = NULL;
        order.template = "/a.tar";
        make_archive("lxc/src/rootfs", "a.tar", "");
        assert_int_equal(chmod(tree_path("a.tar"), 0666), 0);
        assert_refused(&order, -EPERM, "a.tar");
        tree_write("a.tar", "no archive at all, but a text that is long enough");
        assert_int_equal(chmod(tree_path("a.tar"), 0644), 0);
        assert_refused(&order, -EIO, "/a.tar: /usr/bin/tar: This does not look like a tar archive");
        make_archive("lxc", "a.tar", "");
        assert_refused(&order, -EINVAL, "holds no root file system");
        assert_false(is_there("lxc/made"));
}

/* tar takes the end of a file for the end of the archive. */
static void an_archive_that_is_cut_off_is_not_complete(void **state) {
        struct create_order order = order_clone("made");
        struct phx_error error;
        struct stat st;

        order.source = NULL;
        order.template = "/a.tar";
        make_archive("lxc/src/rootfs", "a.tar", "--blocking-factor=1");
        assert_int_equal(stat(tree_path("a.tar"), &st), 0);
        assert_int_equal(run(&order, &error), 0);
        remove_container("made");
        assert_int_equal(truncate(tree_path("a.tar"), st.st_size - 1024), 0);
        assert_refused(&order, -EINVAL, "/a.tar is cut off: it has no end");
        /* Some of these end between two files, as well. */
        for (off_t size = st.st_size - 1536; size > st.st_size - 4096; size -= 512) {
                assert_int_equal(truncate(tree_path("a.tar"), size), 0);
                assert_int_not_equal(run(&order, &error), 0);
                assert_false(is_there("lxc/made"));
        }
}

/* tar says of names and targets that begin with a slash that it takes that away, first of all. */
static void the_reason_of_a_failure_is_no_remark_on_names(void **state) {
        struct create_order order = order_clone("made");
        struct phx_error error;
        struct stat st;

        order.source = NULL;
        order.template = "/a.tar.gz";
        assert_int_equal(
                        link(tree_path("lxc/src/rootfs/bin/init"),
                             tree_path("lxc/src/rootfs/bin/again")),
                        0);
        make_archive("lxc/src/rootfs", "a.tar.gz", "-z -P --transform=s,^\\.,,rhS");
        assert_int_equal(run(&order, &error), 0);
        assert_whole("made");
        remove_container("made");
        assert_int_equal(stat(tree_path("a.tar.gz"), &st), 0);
        assert_int_equal(truncate(tree_path("a.tar.gz"), st.st_size - 100), 0);
        assert_int_equal(run(&order, &error), -EIO);
        assert_null(strstr(error.text, "Removing"));
}

/* --- interrupted --- */

static unsigned long measure(const struct create_order *order) {
        struct phx_error error;
        uint64_t began = phx_now_usec();

        assert_int_equal(run(order, &error), 0);
        return (unsigned long) (phx_now_usec() - began);
}

/* Kills it with its children after USEC. */
static void run_and_kill(const struct create_order *order, unsigned long usec) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                struct phx_error error;

                _exit(run(order, &error) < 0);
        }
        (void) usleep((useconds_t) usec);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void kill_often(const struct create_order *order) {
        unsigned long lasts = measure(order);
        unsigned complete = 0, left = 0;
        struct phx_error error;

        for (unsigned i = 0; i < KILLS / 2; i++) {
                remove_container(order->name);
                run_and_kill(order, (unsigned long) random() % (lasts + lasts / 8));
                left += is_there("lxc/" PHX_CREATION_STAGE);
                if (is_there("lxc/victim")) {
                        complete++;
                        assert_whole(order->name);
                }
                error.text[0] = '\0';
                if (run(order, &error) < 0)
                        fail_msg("%s", error.text);
                assert_whole(order->name);
                assert_false(is_there("lxc/" PHX_CREATION_STAGE));
        }
        /* Else it was not killed in the middle. */
        assert_true(left > 0);
        assert_true(complete < KILLS / 2);
        remove_container(order->name);
}

static void killed_at_any_point_it_is_complete_or_absent(void **state) {
        struct create_order order = order_clone("victim");

        /* The same points each time, as far as that goes. */
        srandom(1);
        write_source("");
        kill_often(&order);
        make_archive("lxc/src/rootfs", "a.tar.gz", "-z");
        order.source = NULL;
        order.template = "/a.tar.gz";
        kill_often(&order);
}

static void what_one_left_is_removed_and_nothing_else(void **state) {
        struct create_order order = order_clone("victim");
        struct phx_error error = { 0 };

        assert_int_equal(create_clean(&trust, "/lxc", &error), 0);
        write_source("");
        tree_write("lxc/" PHX_CREATION_STAGE "/old/rootfs/bin/init", "half of it");
        tree_link("lxc/" PHX_CREATION_STAGE "/link", "../src");
        assert_int_equal(chmod(tree_path("lxc/" PHX_CREATION_STAGE), 0700), 0);
        assert_int_equal(create_clean(&trust, "/lxc", &error), 0);
        assert_false(is_there("lxc/" PHX_CREATION_STAGE));
        assert_true(is_there("lxc/src/rootfs/bin/init"));
        tree_mkdir("lxc/" PHX_CREATION_STAGE);
        assert_int_equal(chmod(tree_path("lxc/" PHX_CREATION_STAGE), 0777), 0);
        assert_int_equal(run(&order, &error), -EPERM);
        assert_true(is_there("lxc/" PHX_CREATION_STAGE));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_clone_has_files_and_no_permissions_of_its_source),
                TEST(a_directory_that_the_group_of_root_may_write_is_cloned),
                TEST(archives_of_each_kind_are_unpacked),
                TEST(what_is_there_is_left_alone),
                TEST(a_file_system_may_know_no_flags_of_rename),
                TEST(what_is_no_directory_is_not_cloned),
                TEST(an_archive_that_others_may_write_is_not_unpacked),
                TEST(an_archive_that_is_cut_off_is_not_complete),
                TEST(the_reason_of_a_failure_is_no_remark_on_names),
                TEST(killed_at_any_point_it_is_complete_or_absent),
                TEST(what_one_left_is_removed_and_nothing_else),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
