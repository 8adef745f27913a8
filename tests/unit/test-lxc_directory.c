/* SPDX-License-Identifier: GPL-2.0-or-later */

/* All above what is opened must be as trusted as on a real machine, which the usual temporary
 * directory is not; that of the build is. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "lxc/directory.h"
#include "tree.h"

struct host {
        struct phx_trust trust;
        struct phx_lxc lxc;
        char *path;
};

static int set_up(void **state) {
        static struct host host;

        tree_new();
        tree_mkdir("lxc");
        host.path = strdup(tree_path("lxc"));
        host.trust = (struct phx_trust){ .root = "/", .owner = geteuid() };
        host.lxc = (struct phx_lxc){ .path = host.path, .trust = &host.trust };
        *state = &host;
        return 0;
}

static int tear_down(void **state) {
        struct host *host = *state;

        free(host->path);
        tree_done();
        return 0;
}

static void link_to(const char *target, const char *path) {
        assert_int_equal(symlink(target, tree_path(path)), 0);
}

/* Opens a container's directory: 0 when it is WANTED, which is below the tree. */
static int open_container(
                const struct host *host,
                const char *name,
                const char *wanted,
                struct phx_error *error) {
        phx_autoclose int path_fd = -1, fd = -1;
        struct stat st, expected;
        int r;

        assert_int_equal(phx_lxc_open_path(&host->lxc, &path_fd, NULL), 0);
        r = phx_lxc_open_container(&host->lxc, path_fd, name, &fd, error);
        if (r < 0)
                return r;
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(stat(tree_path(wanted), &expected), 0);
        assert_int_equal(st.st_ino, expected.st_ino);
        return 0;
}

static void assert_refused(const struct host *host, const char *name, int code, const char *why) {
        struct phx_error error = { 0 };

        assert_int_equal(open_container(host, name, "lxc", &error), code);
        if (!strstr(error.text, why))
                assert_string_equal(error.text, why);
}

static void a_path_that_others_may_write_is_refused_with_its_mode(void **state) {
        const struct host *host = *state;
        struct phx_error error = { 0 };
        int fd = -1;

        assert_int_equal(phx_lxc_open_path(&host->lxc, &fd, &error), 0);
        (void) close(fd);
        assert_int_equal(chmod(host->path, 0777), 0);
        assert_int_equal(phx_lxc_open_path(&host->lxc, &fd, &error), -EPERM);
        assert_non_null(strstr(error.text, "'lxc' is writable by group or others (mode 0777)"));
        assert_true(phx_lxc_is_refusal(-EPERM));
        assert_int_equal(chmod(host->path, 0700), 0);
        assert_int_equal(phx_lxc_open_path(&host->lxc, &fd, &error), 0);
        (void) close(fd);
        assert_int_equal(rmdir(host->path), 0);
        assert_int_equal(phx_lxc_open_path(&host->lxc, &fd, &error), -ENOENT);
        assert_false(phx_lxc_is_refusal(-ENOENT));
}

static void a_path_of_somebody_else_is_refused_with_its_owner(void **state) {
        struct host host = *(struct host *) *state;
        struct phx_error error = { 0 };
        int fd = -1;

        host.trust.owner = geteuid() + 1;
        host.lxc.trust = &host.trust;
        assert_int_equal(phx_lxc_open_path(&host.lxc, &fd, &error), -EPERM);
        assert_non_null(strstr(error.text, "is owned by uid "));
}

/* A container's directory may be its own root's, and is 0770 as lxc-create leaves it. */
static void a_directory_is_opened_whatever_its_mode(void **state) {
        tree_mkdir("lxc/web");
        assert_int_equal(chmod(tree_path("lxc/web"), 0770), 0);
        assert_int_equal(open_container(*state, "web", "lxc/web", NULL), 0);
        assert_int_equal(open_container(*state, "none", "lxc", NULL), -ENOENT);
        tree_write("lxc/file", "x");
        assert_int_equal(open_container(*state, "file", "lxc", NULL), -ENOTDIR);
}

static void a_link_is_followed_where_all_above_is_trusted(void **state) {
        char path[512];

        tree_mkdir("storage/web");
        tree_mkdir("lxc/real");
        assert_int_equal(chmod(tree_path("storage/web"), 0770), 0);
        (void) snprintf(path, sizeof(path), "%s", tree_path("storage/web"));
        link_to(path, "lxc/absolute");
        (void) snprintf(path, sizeof(path), "%s//", tree_path("storage/web"));
        link_to(path, "lxc/slashes");
        link_to("real", "lxc/relative");
        link_to("absolute", "lxc/twice");
        assert_int_equal(open_container(*state, "absolute", "storage/web", NULL), 0);
        assert_int_equal(open_container(*state, "slashes", "storage/web", NULL), 0);
        assert_int_equal(open_container(*state, "relative", "lxc/real", NULL), 0);
        assert_int_equal(open_container(*state, "twice", "storage/web", NULL), 0);
}

static void a_link_to_where_others_write_is_refused_with_what_helps(void **state) {
        const struct host *host = *state;
        struct host other = *host;
        char path[512];

        tree_mkdir("open/web");
        assert_int_equal(chmod(tree_path("open"), 01777), 0);
        (void) snprintf(path, sizeof(path), "%s", tree_path("open/web"));
        link_to(path, "lxc/web");
        assert_refused(host, "web", -EPERM, "'open' is writable by group or others (mode 1777)");
        assert_refused(host, "web", -EPERM, "/lxc/web: is a symbolic link that is not followed: ");
        assert_refused(host, "web", -EPERM, "or use mount --bind");
        link_to("../open/web", "lxc/up");
        assert_refused(host, "up", -EINVAL, "'..' is not allowed in a path");
        link_to(".", "lxc/self");
        assert_refused(host, "self", -EINVAL, "without '.' and '..'");
        link_to("/", "lxc/root");
        assert_refused(host, "root", -EINVAL, "expected the path of a directory");
        link_to("loop", "lxc/loop");
        assert_refused(host, "loop", -ELOOP, "too many symbolic links");
        link_to("none", "lxc/dangling");
        assert_int_equal(open_container(host, "dangling", "lxc", NULL), -ENOENT);

        if (geteuid() != 0)
                return;
        link_to("real", "lxc/theirs");
        tree_mkdir("lxc/real");
        assert_int_equal(lchown(tree_path("lxc/theirs"), 4711, 0), 0);
        assert_refused(&other, "theirs", -EPERM, "the link is owned by uid 4711, expected uid 0");
}

static bool find_trusted_parent(struct phx_error *error) {
        const struct phx_trust trust = { "/", geteuid() };
        const char *given = getenv("TMPDIR");
        phx_autoclose int fd = -1;
        char directory[512];

        if (given && phx_trust_open_directory(&trust, given, &fd, error) >= 0)
                return true;
        if (!getcwd(directory, sizeof(directory)) ||
            phx_trust_open_directory(&trust, directory, &fd, error) < 0)
                return false;
        return setenv("TMPDIR", directory, 1) == 0;
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_host(a_path_that_others_may_write_is_refused_with_its_mode),
                with_host(a_path_of_somebody_else_is_refused_with_its_owner),
                with_host(a_directory_is_opened_whatever_its_mode),
                with_host(a_link_is_followed_where_all_above_is_trusted),
                with_host(a_link_to_where_others_write_is_refused_with_what_helps),
        };
        struct phx_error error = { 0 };

        if (!find_trusted_parent(&error)) {
                (void) printf("1..0 # SKIP %s\n", error.text);
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
