/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a clone takes over from its source, which may be hostile inside and loose outside: no file
 * in it is opened that is none, no line of its config makes the clone less confined than the
 * entry says, and nothing is left out silently. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "create/create.h"
#include "create/fill.h"
#include "lxc/monitor.h"
#include "opened.h"
#include "tree.h"

#define SHARE "/usr/share/lxc/config/"
#define COMMON "lxc.include = " SHARE "common.conf\n"
#define USERNS "lxc.include = " SHARE "userns.conf\n"
#define MAP "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n"
#define STRANGER 4321

static struct phx_trust trust;
static struct create_order order;

static int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = getuid() };
        order = (struct create_order){ .lxc_path = "/lxc",
                                       .name = "clone",
                                       .hostname = "made",
                                       .label = "lxc-web",
                                       .source = "src" };
        tree_write("lxc/src/rootfs/etc/hostname", "src\n");
        tree_write("lxc/src/rootfs/bin/init", "#!/bin/sh\n");
        return 0;
}

static int tear_down(void **state) {
        phx_strings_done(&order.lines);
        tree_done();
        return 0;
}

/* PATH, below LXC_PATH, in the tree. */
static const char *in_lxc(const char *path) {
        static char text[256];

        (void) snprintf(text, sizeof(text), "%s/%s", order.lxc_path + 1, path);
        return text;
}

static void write_source(const char *lines) {
        phx_autofree char *text = NULL;

        assert_int_equal(
                        phx_printf(&text,
                                   "lxc.rootfs.path = dir:%s/src/rootfs\n%s",
                                   order.lxc_path,
                                   lines),
                        0);
        tree_write(in_lxc("src/config"), text);
}

static void assert_cloned(const char *lines) {
        phx_autofree char *config = NULL, *expected = NULL;
        struct phx_error error = { 0 };

        tree_remove(in_lxc("clone"));
        if (create_run(&trust, &order, &error) < 0)
                assert_string_equal(error.text, "");
        config = tree_read(in_lxc("clone/config"));
        assert_int_equal(
                        phx_printf(&expected,
                                   "# Created by phoenixd as a clone of src.\n"
                                   "%s"
                                   "lxc.rootfs.path = dir:%s/clone/rootfs\n"
                                   "lxc.uts.name = made\n",
                                   lines,
                                   order.lxc_path),
                        0);
        if (!phx_has_prefix(config, expected))
                assert_string_equal(config, expected);
}

static void assert_refused(int code, const char *text) {
        struct phx_error error = { 0 };

        assert_int_equal(create_run(&trust, &order, &error), code);
        if (!strstr(error.text, text))
                assert_string_equal(error.text, text);
        assert_int_not_equal(access(tree_path(in_lxc("clone")), F_OK), 0);
}

/* --- inside --- */

/* Opening a device node acts on the host. */
static void a_hostname_that_is_no_file_is_not_opened(void **state) {
        phx_autoclose int rootfs_fd = -1, watch_fd = -1;
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };

        rootfs_fd = open(tree_path("lxc/src/rootfs"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        watch_fd = opened_watch("lxc/src/rootfs/etc");
        assert_int_equal(fill_hostname(rootfs_fd, "made", &error), 0);
        assert_int_equal(opened_count(watch_fd, "hostname"), 1);
        text = tree_read("lxc/src/rootfs/etc/hostname");
        assert_string_equal(text, "made\n");
        tree_remove("lxc/src/rootfs/etc/hostname");
        assert_int_equal(mkfifo(tree_path("lxc/src/rootfs/etc/hostname"), 0600), 0);
        (void) opened_count(watch_fd, "hostname");
        assert_int_equal(fill_hostname(rootfs_fd, "made", &error), 0);
        assert_int_equal(opened_count(watch_fd, "hostname"), 0);
}

static void a_hostname_with_a_second_name_is_not_written(void **state) {
        phx_autoclose int rootfs_fd = -1;
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };

        tree_write("outside", "as it was\n");
        tree_remove("lxc/src/rootfs/etc/hostname");
        assert_int_equal(
                        linkat(AT_FDCWD,
                               tree_path("outside"),
                               AT_FDCWD,
                               tree_path("lxc/src/rootfs/etc/hostname"),
                               0),
                        0);
        rootfs_fd = open(tree_path("lxc/src/rootfs"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(fill_hostname(rootfs_fd, "made", &error), 0);
        tree_remove("lxc/src/rootfs/etc/hostname");
        tree_link("lxc/src/rootfs/etc/hostname", tree_path("outside"));
        assert_int_equal(fill_hostname(rootfs_fd, "made", &error), 0);
        text = tree_read("outside");
        assert_string_equal(text, "as it was\n");
}

/* --- its config --- */

static void the_files_of_a_distribution_are_included(void **state) {
        write_source("");
        assert_cloned(COMMON);
        write_source(COMMON);
        assert_cloned(COMMON);
        tree_write("usr/share/lxc/config/debian.common.conf", COMMON);
        write_source("lxc.include = " SHARE "debian.common.conf\n");
        assert_cloned("lxc.include = " SHARE "debian.common.conf\n");
        tree_write("usr/share/lxc/config/oci.common.conf", "# empty\n");
        write_source("lxc.include = " SHARE "oci.common.conf\n");
        assert_cloned(COMMON "lxc.include = " SHARE "oci.common.conf\n");
        write_source(COMMON USERNS MAP "lxc.include = " SHARE "debian.userns.conf\n");
        assert_cloned(COMMON USERNS "lxc.include = " SHARE "debian.userns.conf\n" MAP);
        write_source("lxc.include = " SHARE "absent.common.conf\n");
        tree_remove("lxc/clone");
        assert_refused(-ENOENT, "absent.common.conf");
}

static void another_include_is_refused(void **state) {
        static const char *const files[] = {
                SHARE "nesting.conf",          SHARE "common.conf.d/",
                SHARE "../evil.common.conf",   SHARE "sub/evil.common.conf",
                SHARE ".common.conf",          SHARE "ubuntu.priv.common.conf",
                SHARE "common.conf/",          "/root/common.conf",
                "usr/share/lxc/config/x.conf", "",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(files); i++) {
                phx_autofree char *lines = NULL;

                assert_int_equal(phx_printf(&lines, COMMON "lxc.include = %s\n", files[i]), 0);
                write_source(lines);
                assert_refused(-EINVAL, "container src: line 3 of its config is lxc.include");
        }
        /* It is not lost where the entry has it as well. */
        write_source("lxc.include = " SHARE "nesting.conf\n");
        assert_int_equal(phx_strings_add(&order.lines, "lxc.include = " SHARE "nesting.conf"), 0);
        assert_cloned(COMMON);
}

static void a_line_that_may_confine_is_not_lost(void **state) {
        static const char *const lines[] = {
                "lxc.cap.drop = sys_nice",
                "lxc.cap.keep = chown",
                "lxc.cap.drop =",
                "lxc.seccomp.profile = /etc/strict.seccomp",
                "lxc.no_new_privs = 1",
                "lxc.cgroup.devices.deny = a",
                "lxc.cgroup2.devices.deny = a",
                "lxc.rootfs.options = ro",
                "lxc.mount.auto = sys:ro",
                "lxc.selinux.context = a",
                "lxc.namespace.keep = net",
                "lxc.hook.start = /check",
                "lxc.unheard.of = 1",
                "lxc.networks = 1",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(lines); i++) {
                phx_autofree char *text = NULL, *expected = NULL;

                assert_int_equal(phx_printf(&text, COMMON "# why\n%s\n", lines[i]), 0);
                assert_int_equal(
                                phx_printf(&expected,
                                           "container src: line 4 of its config is %.*s",
                                           (int) strcspn(lines[i], " "),
                                           lines[i]),
                                0);
                write_source(text);
                assert_refused(-EINVAL, expected);
        }
        write_source("lxc.cap.drop=sys_nice\n");
        assert_int_equal(phx_strings_add(&order.lines, "lxc.cap.drop = sys_nice"), 0);
        assert_cloned(COMMON);
}

static void what_its_own_entry_gives_a_clone_is_left_out(void **state) {
        write_source("lxc.uts.name = src\n"
                     "lxc.net.0.type = none\n"
                     "lxc.cgroup2.memory.max = 1G\n"
                     "lxc.cgroup2.devices.allow = a\n"
                     "lxc.prlimit.nofile = 10\n"
                     "lxc.mount.entry = /dev/kvm dev/kvm none bind 0 0\n"
                     "lxc.mount.fstab = /etc/other\n"
                     "lxc.start.auto = 1\n"
                     "lxc.group = onboot\n"
                     "lxc.log.level = 0\n"
                     "lxc.apparmor.profile = unconfined\n"
                     "lxc.apparmor.allow_nesting = 1\n"
                     "lxc.environment = SECRET=1\n"
                     "lxc.tty.max = 1\n"
                     "lxc.pty.max = 1\n"
                     "lxc.console.path = none\n"
                     "lxc.signal.halt = SIGUSR1\n");
        assert_cloned(COMMON);
}

/* --- users --- */

static void unprivileged_is_what_is_in_effect(void **state) {
        static const char *const privileged[] = {
                "",
                "lxc.idmap =\n",
                MAP "lxc.idmap =\n",
                "lxc.idmap = u 0 0 65536\nlxc.idmap = g 0 0 65536\n",
                "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 0 65536\n",
                "lxc.idmap = u 0 100000 65536\n",
                "lxc.idmap = u 1 100000 65535\nlxc.idmap = g 1 100000 65535\n",
                MAP "lxc.idmap = u 70000 0 1\n",
                MAP "lxc.idmap = nonsense\n",
                "lxc.idmap = u 0 4294967296 5\nlxc.idmap = g 0 4294967296 5\n",
                "lxc.idmap = x 0 100000 65536\n",
        };

        order.is_unprivileged = true;
        for (size_t i = 0; i < PHX_ELEMENTS(privileged); i++) {
                write_source(privileged[i]);
                assert_refused(-EINVAL, "is privileged");
        }
        write_source("lxc.idmap = u 0 0 5\nlxc.idmap =\n" COMMON MAP);
        assert_cloned(COMMON MAP);
        write_source("lxc.idmap = b 0 100000 65536\n");
        assert_cloned(COMMON "lxc.idmap = b 0 100000 65536\n");
        /* It gives all capabilities, which is for a user namespace. */
        order.is_unprivileged = false;
        tree_remove("lxc/clone");
        write_source(COMMON USERNS);
        assert_refused(-EINVAL, "container src: line 3 of its config is lxc.include");
}

/* --- its files --- */

/* Clones with a file system of TYPE at PATH, in a mount namespace of its own, for the error. 77: it
 * cannot have one. */
static int clone_with_mount(const char *type, const char *path, int code, const char *text) {
        struct phx_error error = { 0 };

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", tree_path(path), type, 0, NULL) < 0)
                return 77;
        tree_write("lxc/src/config", "lxc.rootfs.path = /elsewhere/files\n");
        if (create_run(&trust, &order, &error) != code)
                return 1;
        return strstr(error.text, text) ? 0 : 2;
}

static void assert_refused_with_mount(
                const char *type,
                const char *path,
                int code,
                const char *text) {
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
                _exit(clone_with_mount(type, path, code, text));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(status, 0);
        assert_int_not_equal(access(tree_path("lxc/clone"), F_OK), 0);
}

static void one_with_a_nested_file_system_is_not_cloned(void **state) {
        tree_write("elsewhere/files/bin/init", "#!/bin/sh\n");
        tree_mkdir("elsewhere/files/srv/data");
        assert_refused_with_mount(
                        "tmpfs",
                        "elsewhere/files/srv/data",
                        -EXDEV,
                        "another file system at /srv/data");
        assert_cloned(COMMON);
}

/* ramfs has none. */
static void attributes_that_cannot_be_copied_are_an_error(void **state) {
        tree_write("elsewhere/files/bin/init", "#!/bin/sh\n");
        if (setxattr(tree_path("elsewhere/files/bin/init"), "user.test", "x", 1, 0) < 0)
                skip();
        assert_refused_with_mount("ramfs", "lxc", -EIO, "/bin/init");
}

#define ACL "system.posix_acl_access"

/* u::rw-, u:4321:r--, g::r--, m::r--, o::r-- */
static const uint8_t acl[] = {
        2, 0,   0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,   4,
        0, 225, 16,  0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16,  0,
        4, 0,   255, 255, 255, 255, 32, 0, 4,   0,   255, 255, 255, 255,
};

static void run_command(const char *command) {
        phx_autofree char *line = NULL;

        assert_int_equal(phx_printf(&line, "cd '%s' && %s", trust.root, command), 0);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c) */
        assert_int_equal(system(line), 0);
}

/* --- who comes to them --- */

static void assert_directory(const char *path, unsigned mode, unsigned group) {
        struct stat st;

        assert_int_equal(stat(tree_path(path), &st), 0);
        assert_int_equal(st.st_mode & 07777, mode);
        assert_int_equal(st.st_uid, 0);
        assert_int_equal(st.st_gid, group);
}

/* What is setuid in a privileged container would make any user root of the host, and who owns its
 * files is said by its root, or by an archive. */
static void other_users_of_the_host_come_to_no_file(void **state) {
        struct phx_error error = { 0 };

        if (geteuid() != 0)
                skip();
        assert_int_equal(chown(tree_path("lxc/src/rootfs"), STRANGER, STRANGER), 0);
        write_source("");
        assert_cloned(COMMON);
        assert_directory("lxc/clone", 0750, 0);
        run_command("tar -C lxc/src/rootfs -cf a.tar . && chmod 644 a.tar");
        order.source = NULL;
        order.template = "/a.tar";
        order.name = "made";
        assert_int_equal(create_run(&trust, &order, &error), 0);
        assert_directory("lxc/made", 0750, 0);
}

static void root_of_an_unprivileged_one_comes_to_its_files(void **state) {
        struct phx_error error = { 0 };

        if (geteuid() != 0)
                skip();
        write_source(COMMON USERNS "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 1 7 1\n"
                                   "lxc.idmap = g 0 200000 65536\n");
        assert_int_equal(create_run(&trust, &order, &error), 0);
        assert_directory("lxc/clone", 0710, 200000);
}

static void access_lists_come_along(void **state) {
        struct phx_error error = { 0 };

        if (setxattr(tree_path("lxc/src/rootfs/bin/init"), ACL, acl, sizeof(acl), 0) < 0)
                skip();
        write_source("");
        assert_cloned(COMMON);
        assert_int_equal(
                        getxattr(tree_path("lxc/clone/rootfs/bin/init"), ACL, NULL, 0),
                        (int) sizeof(acl));
        run_command("tar -C lxc/src/rootfs --acls -cf a.tar . && chmod 644 a.tar");
        order.source = NULL;
        order.template = "/a.tar";
        order.name = "made";
        assert_int_equal(create_run(&trust, &order, &error), 0);
        assert_int_equal(
                        getxattr(tree_path("lxc/made/rootfs/bin/init"), ACL, NULL, 0),
                        (int) sizeof(acl));
}

static void only_dev_at_the_top_is_left_out_of_an_archive(void **state) {
        static const char *const kinds[][2] = {
                { "dotted", "tar -C lxc/src/rootfs -cf a.tar ." },
                { "bare", "tar -C lxc/src/rootfs -cf a.tar bin dev etc srv" },
                { "absolute",
                  "tar -C lxc/src/rootfs -P --transform 's,^,/,' -cf a.tar bin dev srv" },
        };

        tree_write("lxc/src/rootfs/dev/node", "left out\n");
        tree_write("lxc/src/rootfs/srv/dev/file", "kept\n");
        order.source = NULL;
        order.template = "/a.tar";
        for (size_t i = 0; i < PHX_ELEMENTS(kinds); i++) {
                struct phx_error error = { 0 };
                char path[64];

                run_command(kinds[i][1]);
                assert_int_equal(chmod(tree_path("a.tar"), 0644), 0);
                order.name = kinds[i][0];
                assert_int_equal(create_run(&trust, &order, &error), 0);
                (void) snprintf(path, sizeof(path), "lxc/%s/rootfs/srv/dev/file", order.name);
                assert_int_equal(access(tree_path(path), F_OK), 0);
                (void) snprintf(path, sizeof(path), "lxc/%s/rootfs/dev/node", order.name);
                assert_int_not_equal(access(tree_path(path), F_OK), 0);
        }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_hostname_that_is_no_file_is_not_opened),
                TEST(a_hostname_with_a_second_name_is_not_written),
                TEST(the_files_of_a_distribution_are_included),
                TEST(another_include_is_refused),
                TEST(a_line_that_may_confine_is_not_lost),
                TEST(what_its_own_entry_gives_a_clone_is_left_out),
                TEST(unprivileged_is_what_is_in_effect),
                TEST(other_users_of_the_host_come_to_no_file),
                TEST(root_of_an_unprivileged_one_comes_to_its_files),
                TEST(one_with_a_nested_file_system_is_not_cloned),
                TEST(attributes_that_cannot_be_copied_are_an_error),
                TEST(access_lists_come_along),
                TEST(only_dev_at_the_top_is_left_out_of_an_archive),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
