/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/trust.h"
#include "tree.h"

static struct phx_trust trust;

static int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

static int read_trusted(const char *path, struct phx_error *error) {
        phx_autofree char *data = NULL;
        size_t size = 0;
        int r;

        r = phx_trust_read(&trust, path, 1024, &data, &size, error);
        assert_true((r < 0) == !data);
        return r;
}

static void assert_opens(const char *path) {
        struct phx_error error = { 0 };

        assert_int_equal(read_trusted(path, &error), 0);
}

static void assert_refused(const char *path, int code, const char *text) {
        struct phx_error error = { 0 };

        assert_int_equal(read_trusted(path, &error), code);
        assert_string_equal(error.text, text);
}

static void what_only_its_owner_could_write_is_opened(void **state) {
        tree_write("etc/a", "text");
        assert_opens("/etc/a");
        assert_opens("//etc/./a");
}

static void a_file_that_others_may_write_is_refused(void **state) {
        tree_write("etc/a", "text");
        assert_int_equal(chmod(tree_path("etc/a"), 0664), 0);
        assert_refused("/etc/a",
                       -EPERM,
                       "/etc/a: 'a' is writable by group or others (mode 0664), expected by its "
                       "owner alone");
        assert_int_equal(chmod(tree_path("etc/a"), 0646), 0);
        assert_refused("/etc/a",
                       -EPERM,
                       "/etc/a: 'a' is writable by group or others (mode 0646), expected by its "
                       "owner alone");
}

static void a_directory_that_others_may_write_is_refused(void **state) {
        tree_write("etc/sub/a", "text");
        assert_int_equal(chmod(tree_path("etc"), 01777), 0);
        assert_refused("/etc/sub/a",
                       -EPERM,
                       "/etc/sub/a: 'etc' is writable by group or others (mode 1777), expected by "
                       "its owner alone");
}

static void a_file_of_somebody_else_is_refused(void **state) {
        if (geteuid() != 0)
                skip(); /* cannot give a file away */
        tree_write("etc/a", "text");
        assert_int_equal(chown(tree_path("etc/a"), 1234, 0), 0);
        assert_refused("/etc/a", -EPERM, "/etc/a: 'a' is owned by uid 1234, expected uid 0");
}

static void a_link_of_somebody_else_is_refused(void **state) {
        if (geteuid() != 0)
                skip(); /* cannot give a link away */
        tree_write("etc/a", "text");
        tree_link("etc/link", "a");
        assert_int_equal(lchown(tree_path("etc/link"), 1234, 0), 0);
        assert_refused("/etc/link",
                       -EPERM,
                       "/etc/link: 'link' is owned by uid 1234, expected uid 0");
}

static void links_are_followed_below_the_root(void **state) {
        tree_write("data/a", "text");
        tree_link("etc/relative", "../data/a");
        tree_link("etc/absolute", "/data/a");
        tree_link("etc/directory", "/data");
        tree_link("etc/outside", "/etc/passwd");
        /* A link may not climb, either: '..' is refused wherever it comes from. */
        assert_refused("/etc/relative", -EINVAL, "/etc/relative: '..' is not allowed in a path");
        assert_opens("/etc/absolute");
        assert_opens("/etc/directory/a");
        assert_refused("/etc/outside", -ENOENT, "/etc/outside: No such file or directory");
}

static void the_target_of_a_link_is_judged_as_well(void **state) {
        tree_write("data/a", "text");
        tree_link("etc/a", "/data/a");
        assert_int_equal(chmod(tree_path("data"), 0777), 0);
        assert_refused("/etc/a",
                       -EPERM,
                       "/etc/a: 'data' is writable by group or others (mode 0777), expected by "
                       "its owner alone");
}

static void a_loop_of_links_ends(void **state) {
        tree_link("etc/a", "/etc/b");
        tree_link("etc/b", "/etc/a");
        assert_refused("/etc/a", -ELOOP, "/etc/a: too many symbolic links");
}

static void strange_paths_are_named(void **state) {
        char path[600], text[700];

        tree_write("etc/a", "text");
        assert_refused("etc/a", -EINVAL, "etc/a: expected an absolute path");
        assert_refused("/etc/../etc/a", -EINVAL, "/etc/../etc/a: '..' is not allowed in a path");
        assert_refused("/etc/none", -ENOENT, "/etc/none: No such file or directory");
        assert_refused("/etc/a/b", -ENOTDIR, "/etc/a/b: 'a' is not a directory");
        assert_refused("/etc", -EINVAL, "/etc: is not a regular file");

        (void) snprintf(path, sizeof(path), "/%0300d", 0);
        (void) snprintf(text, sizeof(text), "%s: a component is too long", path);
        assert_refused(path, -ENAMETOOLONG, text);
}

static void every_refusal_of_a_link_has_a_text(void **state) {
        char target[4000], path[400] = "/etc/link";
        struct phx_error error = { 0 };

        memset(target, 'x', sizeof(target));
        for (size_t i = 100; i < sizeof(target); i += 100)
                target[i] = '/';
        target[sizeof(target) - 1] = '\0';
        tree_link("etc/link", target);
        for (size_t length = strlen(path); length + 10 < sizeof(path); length += 10)
                memcpy(path + length, "/yyyyyyyyy", 11);
        assert_int_equal(read_trusted(path, &error), -ENAMETOOLONG);
        assert_non_null(
                        strstr(error.text,
                               "/yyyyyyyyy: the path after a symbolic link is too long"));
}

static void a_pipe_is_not_waited_for(void **state) {
        tree_mkdir("etc");
        assert_int_equal(mkfifo(tree_path("etc/pipe"), 0644), 0);
        assert_refused("/etc/pipe", -EINVAL, "/etc/pipe: is not a regular file");
}

static void directories_are_opened_as_directories(void **state) {
        phx_autoclose int fd = -1, root = -1;
        struct phx_error error = { 0 };
        int none = -1;

        tree_write("etc/a", "text");
        assert_int_equal(phx_trust_open_directory(&trust, "/etc", &fd, NULL), 0);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(faccessat(fd, "a", R_OK, 0), 0);
        assert_int_equal(phx_trust_open_directory(&trust, "/", &root, NULL), 0);
        assert_int_equal(phx_trust_open_directory(&trust, "/etc/a", &none, &error), -ENOTDIR);
        assert_int_equal(none, -1);
        assert_string_equal(error.text, "/etc/a: is not a directory");
}

static void reading_gives_the_bytes_within_the_limit(void **state) {
        struct phx_error error = { 0 };
        phx_autofree char *data = NULL;
        size_t size = 0;

        tree_write("etc/a", "text");
        assert_int_equal(phx_trust_read(&trust, "/etc/a", 3, &data, &size, &error), -EFBIG);
        assert_string_equal(error.text, "/etc/a: is larger than 3 bytes");
        assert_null(data);
        assert_int_equal(phx_trust_read(&trust, "/etc/a", 4, &data, &size, &error), 0);
        assert_string_equal(data, "text");
        assert_int_equal(size, 4);
}

static void a_file_that_is_being_written_is_busy(void **state) {
        phx_autoclose int writer = -1;
        struct phx_error error = { 0 };
        phx_autofree char *data = NULL;
        size_t size = 0;

        tree_write("etc/a", "text");
        writer = open(tree_path("etc/a"), O_WRONLY | O_CLOEXEC);
        assert_true(writer >= 0);
        assert_int_equal(phx_trust_read(&trust, "/etc/a", 9, &data, &size, &error), -EBUSY);
        assert_string_equal(error.text, "/etc/a: is still being written");
        (void) close(PHX_TAKE_FD(writer));
        assert_int_equal(phx_trust_read(&trust, "/etc/a", 9, &data, &size, &error), 0);
}

/* However a way leads there; nothing there is asked for, so that it need not even exist. */
static void no_way_goes_into_the_cluster_file_system(void **state) {
        static const char *const ways[] = { "/etc/pve/file",  "/etc/pve",  "//etc/./pve/file",
                                            "/absolute/file", "/relative", "/links/twice/file",
                                            "/short/pve/file" };

        tree_mkdir("links");
        tree_mkdir("etc/other");
        tree_link("absolute", "/etc/pve/phoenixd");
        tree_link("relative", "etc/pve/file");
        tree_link("links/twice", "/absolute");
        tree_link("short", "/etc");
        for (size_t i = 0; i < PHX_ELEMENTS(ways); i++) {
                struct phx_error error = { 0 };

                assert_int_equal(read_trusted(ways[i], &error), -EREMOTE);
                assert_non_null(strstr(error.text, "is below /etc/pve, Proxmox's cluster file"));
        }
        tree_write("etc/pver", "text");
        assert_opens("/etc/pver");
}

static void a_way_back_is_followed_for_anyone_only(void **state) {
        const struct phx_trust any = { .root = tree_path(""), .anyone = true };
        phx_autoclose int fd = -1, root = -1;
        struct phx_error error = { 0 };
        mode_t mode = 0;

        tree_write("etc/a", "text");
        tree_mkdir("srv/deep");
        tree_link("back", "srv/deep/../../etc");
        assert_refused("/srv/../etc/a", -EINVAL, "/srv/../etc/a: '..' is not allowed in a path");
        assert_int_equal(phx_trust_open_path(&any, "/srv/../etc/a", &fd, &mode, &error), 0);
        assert_true(S_ISREG(mode));
        (void) close(PHX_TAKE_FD(fd));
        assert_int_equal(phx_trust_open_path(&any, "/back/a", &fd, &mode, &error), 0);
        assert_int_equal(phx_trust_open_path(&any, "/../../etc", &root, &mode, &error), 0);
        assert_true(S_ISDIR(mode));
        (void) close(PHX_TAKE_FD(root));
        assert_int_equal(
                        phx_trust_open_path(&any, "/srv/../etc/../etc/pve", &root, &mode, &error),
                        -EREMOTE);
}

static void a_way_into_it_goes_on_in_the_copy(void **state) {
        struct phx_error error = { 0 };
        bool is_met = false;

        tree_write("copy/phoenixd/a", "text");
        tree_link("link", "/etc/pve/phoenixd");
        trust.remote_copy = tree_path("copy");
        trust.is_remote_met = &is_met;
        tree_write("etc/a", "text");
        assert_opens("/etc/a");
        assert_false(is_met);
        assert_opens("/etc/pve/phoenixd/a");
        assert_true(is_met);
        assert_opens("/link/a");
        assert_int_equal(read_trusted("/etc/pve/phoenixd/b", &error), -ENOENT);
        assert_string_equal(error.text, "/etc/pve/phoenixd/b: No such file or directory");
        assert_int_equal(read_trusted("/etc/pve/../a", &error), -EINVAL);
}

#define with_place(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void absent_is_what_is_not_there_and_may_not_come(void **state) {
        tree_write("etc/a", "text");
        assert_true(phx_trust_is_absent(&trust, "/etc/b"));
        assert_true(phx_trust_is_absent(&trust, "/etc/sub/b"));
        assert_false(phx_trust_is_absent(&trust, "/etc/a"));
        tree_link("etc/b", "/nowhere");
        assert_false(phx_trust_is_absent(&trust, "/etc/b"));
        tree_link("etc/c", "/dev/null");
        assert_false(phx_trust_is_absent(&trust, "/etc/c"));
        tree_link("linked", "etc");
        assert_false(phx_trust_is_absent(&trust, "/linked/d"));
        assert_int_equal(chmod(tree_path("etc"), 0777), 0);
        assert_false(phx_trust_is_absent(&trust, "/etc/d"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_place(what_only_its_owner_could_write_is_opened),
                with_place(a_file_that_others_may_write_is_refused),
                with_place(a_directory_that_others_may_write_is_refused),
                with_place(a_file_of_somebody_else_is_refused),
                with_place(a_link_of_somebody_else_is_refused),
                with_place(links_are_followed_below_the_root),
                with_place(the_target_of_a_link_is_judged_as_well),
                with_place(a_loop_of_links_ends),
                with_place(strange_paths_are_named),
                with_place(every_refusal_of_a_link_has_a_text),
                with_place(a_pipe_is_not_waited_for),
                with_place(directories_are_opened_as_directories),
                with_place(reading_gives_the_bytes_within_the_limit),
                with_place(a_file_that_is_being_written_is_busy),
                with_place(absent_is_what_is_not_there_and_may_not_come),
                with_place(no_way_goes_into_the_cluster_file_system),
                with_place(a_way_back_is_followed_for_anyone_only),
                with_place(a_way_into_it_goes_on_in_the_copy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
