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

#include <cmocka.h>

#include "base/file.h"
#include "tree.h"

static int set_up(void **state) {
        static int fd;

        fd = open(tree_new(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        *state = &fd;
        return fd < 0 ? -1 : 0;
}

static int tear_down(void **state) {
        (void) close(*(int *) *state);
        tree_done();
        return 0;
}

static int place(void **state) {
        return *(int *) *state;
}

static void a_file_is_read_whole_with_a_nul_behind(void **state) {
        phx_autofree char *data = NULL;
        size_t size = 0;

        tree_write_bytes("a", "x\0y", 3);
        assert_int_equal(phx_file_read_at(place(state), "a", 3, &data, &size), 0);
        assert_int_equal(size, 3);
        assert_memory_equal(data, "x\0y", 4);
}

static void sizes_around_the_buffers_are_read(void **state) {
        static const size_t sizes[] = { 0, 1, 8190, 8191, 8192, 8193, 16384, 100000 };
        static char bytes[100000];

        memset(bytes, 'x', sizeof(bytes));
        for (size_t i = 0; i < PHX_ELEMENTS(sizes); i++) {
                phx_autofree char *data = NULL;
                size_t size = 1;

                tree_write_bytes("a", bytes, sizes[i]);
                assert_int_equal(phx_file_read_at(place(state), "a", sizes[i], &data, &size), 0);
                assert_int_equal(size, sizes[i]);
                assert_int_equal(strlen(data), size);
        }
}

static void beyond_the_limit_nothing_is_returned(void **state) {
        char *data = NULL;
        size_t size = 7;

        tree_write("a", "1234");
        assert_int_equal(phx_file_read_at(place(state), "a", 3, &data, &size), -EFBIG);
        assert_null(data);
        assert_int_equal(size, 7);
        assert_int_equal(phx_file_read_at(place(state), "none", 3, &data, &size), -ENOENT);
}

static void what_is_no_file_is_not_waited_for(void **state) {
        char *data = NULL;
        size_t size = 0;

        assert_int_equal(mkfifo(tree_path("pipe"), 0644), 0);
        tree_mkdir("directory");
        assert_int_equal(phx_file_read_at(place(state), "pipe", 9, &data, &size), -EINVAL);
        assert_int_equal(phx_file_read_at(place(state), "directory", 9, &data, &size), -EINVAL);
        assert_null(data);
}

static void a_descriptor_may_be_read_twice(void **state) {
        phx_autoclose int fd = -1;

        tree_write("a", "text");
        fd = openat(place(state), "a", O_RDONLY | O_CLOEXEC);
        for (int i = 0; i < 2; i++) {
                phx_autofree char *data = NULL;
                size_t size = 0;

                assert_int_equal(phx_file_read_fd(fd, 9, &data, &size), 0);
                assert_string_equal(data, "text");
        }
}

/* One size is that of the file, the others were wrong when it was asked, or are by now. */
static void a_file_is_read_to_its_end_whatever_was_expected(void **state) {
        static const size_t expected[] = { 0, 3, 4, 5, 20000, SIZE_MAX };
        static char bytes[20000];
        phx_autoclose int small = -1, large = -1;

        memset(bytes, 'x', sizeof(bytes));
        tree_write("a", "text");
        tree_write_bytes("b", bytes, sizeof(bytes));
        small = openat(place(state), "a", O_RDONLY | O_CLOEXEC);
        large = openat(place(state), "b", O_RDONLY | O_CLOEXEC);
        for (size_t i = 0; i < PHX_ELEMENTS(expected); i++) {
                phx_autofree char *data = NULL, *more = NULL;
                size_t size = 0;

                assert_int_equal(phx_file_read_regular(small, expected[i], 9, &data, &size), 0);
                assert_string_equal(data, "text");
                assert_int_equal(size, 4);
                assert_int_equal(phx_file_read_regular(large, expected[i], 20000, &more, &size), 0);
                assert_int_equal(size, sizeof(bytes));
                assert_int_equal(
                                phx_file_read_regular(small, expected[i], 3, &data, &size),
                                -EFBIG);
        }
}

/* A file of the kernel's says 0, or the size of a page. */
static void what_the_kernel_makes_up_is_read_to_its_end(void **state) {
        phx_autofree char *data = NULL;
        size_t size = 0;

        assert_int_equal(phx_file_read_at(AT_FDCWD, "/proc/self/status", 65536, &data, &size), 0);
        assert_non_null(strstr(data, "\nnonvoluntary_ctxt_switches:"));
}

/* Around the size of the parts that are compared at a time. */
static void files_are_compared_byte_by_byte(void **state) {
        static const size_t sizes[] = { 0, 1, 131071, 131072, 131073, 262144, 300000 };
        static char bytes[300001];

        memset(bytes, 'x', sizeof(bytes));
        for (size_t i = 0; i < PHX_ELEMENTS(sizes); i++) {
                phx_autoclose int one = -1, two = -1;

                tree_write_bytes("one", bytes, sizes[i]);
                tree_write_bytes("two", bytes, sizes[i]);
                one = openat(place(state), "one", O_RDONLY | O_CLOEXEC);
                two = openat(place(state), "two", O_RDWR | O_CLOEXEC);
                assert_int_equal(phx_file_compare(one, two), 1);
                /* One byte more, or another last one. */
                assert_int_equal(pwrite(two, "y", 1, (off_t) sizes[i]), 1);
                assert_int_equal(phx_file_compare(one, two), 0);
                assert_int_equal(phx_file_compare(two, one), 0);
                assert_int_equal(ftruncate(two, (off_t) sizes[i]), 0);
                if (sizes[i] == 0)
                        continue;
                assert_int_equal(pwrite(two, "y", 1, (off_t) sizes[i] - 1), 1);
                assert_int_equal(phx_file_compare(one, two), 0);
        }
        assert_int_equal(phx_file_compare(-1, place(state)), -EBADF);
}

static void replacing_gives_the_mode_whatever_the_umask(void **state) {
        phx_autofree char *content = NULL;
        mode_t before = umask(0077);
        struct stat st;

        tree_write("a", "old");
        assert_int_equal(phx_file_replace_at(place(state), "a", "new", 3, 0644), 0);
        (void) umask(before);
        content = tree_read("a");
        assert_string_equal(content, "new");
        assert_int_equal(stat(tree_path("a"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0644);
        assert_int_equal(access(tree_path(".a.phoenixd~"), F_OK), -1);
}

static void replacing_a_link_leaves_its_target(void **state) {
        phx_autofree char *target = NULL, *content = NULL;
        struct stat st;

        tree_write("target", "kept");
        tree_link("a", "target");
        tree_link(".a.phoenixd~", "target"); /* left by a crash, or by somebody malicious */
        assert_int_equal(phx_file_replace_at(place(state), "a", "new", 3, 0600), 0);
        target = tree_read("target");
        content = tree_read("a");
        assert_string_equal(target, "kept");
        assert_string_equal(content, "new");
        assert_int_equal(lstat(tree_path("a"), &st), 0);
        assert_true(S_ISREG(st.st_mode));
}

static void a_file_that_is_not_synced_takes_the_place_of_the_old_one(void **state) {
        phx_autofree char *text = NULL;
        struct stat st;

        tree_write("a", "old");
        assert_int_equal(phx_file_write_unsynced_at(place(state), "a", "new", 3, 0600), 0);
        text = tree_read("a");
        assert_string_equal(text, "new");
        assert_int_equal(stat(tree_path("a"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(access(tree_path(".a" PHX_TEMPORARY_SUFFIX), F_OK), -1);
        /* Another process is at it, or was killed. */
        tree_write(".a" PHX_TEMPORARY_SUFFIX, "other");
        assert_int_equal(phx_file_write_unsynced_at(place(state), "a", "x", 1, 0600), -EEXIST);
        assert_int_equal(phx_file_remove_leftovers(place(state)), 1);
        assert_int_equal(phx_file_write_unsynced_at(place(state), "a", "x", 1, 0600), 0);
        tree_mkdir("b");
        assert_true(phx_file_write_unsynced_at(place(state), "b", "x", 1, 0600) < 0);
        assert_int_equal(access(tree_path(".b" PHX_TEMPORARY_SUFFIX), F_OK), -1);
}

static void ensuring_writes_once(void **state) {
        assert_int_equal(phx_file_ensure_at(place(state), "a", "text", 4, 0600), 1);
        assert_int_equal(phx_file_ensure_at(place(state), "a", "text", 4, 0600), 0);
        assert_int_equal(phx_file_ensure_at(place(state), "a", "texT", 4, 0600), 1);
        assert_int_equal(phx_file_ensure_at(place(state), "a", "t", 1, 0600), 1);
        assert_int_equal(phx_file_ensure_at(place(state), "a", "", 0, 0600), 1);
        assert_int_equal(phx_file_ensure_at(place(state), "a", "", 0, 0600), 0);
        tree_mkdir("directory");
        assert_int_equal(phx_file_ensure_at(place(state), "directory", "", 0, 0600), -EINVAL);
}

static void a_staged_file_waits_for_its_commit(void **state) {
        const struct phx_file_owner owner = { 0640, (uid_t) -1, (gid_t) -1 };
        phx_autofree char *temporary = NULL, *content = NULL;

        tree_write("a", "old");
        assert_int_equal(phx_file_stage_at(place(state), "a", "new", 3, &owner, &temporary), 0);
        assert_string_equal(temporary, ".a.phoenixd~");
        content = tree_read("a");
        assert_string_equal(content, "old");
        assert_int_equal(phx_file_commit_at(place(state), temporary, "a"), 0);
        free(PHX_TAKE(content));
        content = tree_read("a");
        assert_string_equal(content, "new");
}

static void a_commit_that_fails_leaves_nothing(void **state) {
        tree_mkdir("a");
        tree_write("b", "x");
        assert_int_equal(phx_file_commit_at(place(state), "b", "a"), -EISDIR);
        assert_int_equal(access(tree_path("b"), F_OK), -1);
}

static void leftovers_are_removed_and_nothing_else(void **state) {
        tree_write(".a.phoenixd~", "");
        tree_write(".b.phoenixd~", "");
        tree_write("c.phoenixd~", "");
        tree_write(".d", "");
        tree_write("sub/.e.phoenixd~", "");
        assert_int_equal(phx_file_remove_leftovers(place(state)), 2);
        assert_int_equal(phx_file_remove_leftovers(place(state)), 0);
        assert_int_equal(access(tree_path("c.phoenixd~"), F_OK), 0);
        assert_int_equal(access(tree_path(".d"), F_OK), 0);
        assert_int_equal(access(tree_path("sub/.e.phoenixd~"), F_OK), 0);
        tree_mkdir(".f.phoenixd~");
        tree_write(".g.phoenixd~", "");
        assert_int_equal(phx_file_remove_leftovers(place(state)), -EISDIR);
        assert_int_equal(access(tree_path(".g.phoenixd~"), F_OK), -1);
}

static void names_of_editors_and_packages_are_ignored(void **state) {
        static const char *const ignored[] = { ".hidden", "a~",       "#a#",       "a.dpkg-new",
                                               "a.swp",   "a.orig",   "a.rpmsave", ".a.phoenixd~",
                                               "a.tmp",   "a.pacnew", "a.dpkg-tmp" };
        static const char *const taken[] = { "a", "lxc-web", "a.b", "tmp", "a.json" };

        for (size_t i = 0; i < PHX_ELEMENTS(ignored); i++)
                assert_true(phx_file_is_ignored_name(ignored[i]));
        for (size_t i = 0; i < PHX_ELEMENTS(taken); i++)
                assert_false(phx_file_is_ignored_name(taken[i]));
}

static void directories_are_made_on_the_way(void **state) {
        struct stat st;

        assert_int_equal(phx_directory_ensure(tree_path("x/y/z"), 0700), 0);
        assert_int_equal(phx_directory_ensure(tree_path("x/y/z"), 0700), 0);
        assert_int_equal(stat(tree_path("x/y/z"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(phx_directory_ensure("/", 0700), 0);
        tree_write("file", "");
        assert_int_equal(phx_directory_ensure(tree_path("file/x"), 0700), -ENOTDIR);
}

static void they_have_their_mode_whatever_the_umask(void **state) {
        static const char *const made[] = { "u", "u/v" };
        mode_t mask = umask(0077);
        struct stat st;

        assert_int_equal(phx_directory_ensure(tree_path("u/v"), 0755), 0);
        (void) umask(mask);
        for (size_t i = 0; i < PHX_ELEMENTS(made); i++) {
                assert_int_equal(stat(tree_path(made[i]), &st), 0);
                assert_int_equal(st.st_mode & 07777, 0755);
        }
        /* But not of one that is there already. */
        assert_int_equal(phx_directory_ensure(tree_path("u"), 0700), 0);
        assert_int_equal(stat(tree_path("u"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0755);
}

#define with_place(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_place(a_file_is_read_whole_with_a_nul_behind),
                with_place(sizes_around_the_buffers_are_read),
                with_place(beyond_the_limit_nothing_is_returned),
                with_place(what_is_no_file_is_not_waited_for),
                with_place(a_descriptor_may_be_read_twice),
                with_place(a_file_is_read_to_its_end_whatever_was_expected),
                cmocka_unit_test(what_the_kernel_makes_up_is_read_to_its_end),
                with_place(files_are_compared_byte_by_byte),
                with_place(replacing_gives_the_mode_whatever_the_umask),
                with_place(replacing_a_link_leaves_its_target),
                with_place(a_file_that_is_not_synced_takes_the_place_of_the_old_one),
                with_place(ensuring_writes_once),
                with_place(a_staged_file_waits_for_its_commit),
                with_place(a_commit_that_fails_leaves_nothing),
                with_place(leftovers_are_removed_and_nothing_else),
                with_place(names_of_editors_and_packages_are_ignored),
                with_place(directories_are_made_on_the_way),
                with_place(they_have_their_mode_whatever_the_umask),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
