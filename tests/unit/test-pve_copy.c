/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The copy of phoenixd/, made by a worker over an ordinary directory. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "pve-tree.h"
#include "pve/copy.h"

/* Long for a test, and only a failing one waits for it. */
#define PATIENCE_MSEC 10000
#define OURS "pve/phoenixd/"
#define COPY "state/cluster/phoenixd/"

static struct {
        char root[256];
        char copies[256];
        int changed_fd;
        struct phx_pve_worker *worker;
        struct phx_pve_copy *copy;
} test;

/* Instead of waiting, what happens meanwhile. */
static void (*meanwhile)(void);

/* The linker's names. NOLINTBEGIN(*-identifier,*-identifier-naming,cert-dcl*) */
int __wrap_nanosleep(const struct timespec *duration, struct timespec *left);
int __wrap_nanosleep(const struct timespec *duration, struct timespec *left) {
        if (meanwhile)
                meanwhile();
        meanwhile = NULL;
        return 0;
}
/* NOLINTEND(*-identifier,*-identifier-naming,cert-dcl*) */

static int setup(void **state) {
        struct phx_pve_worker_options options;

        pve_tree_new();
        options = (struct phx_pve_worker_options){ .place = pve_tree_place() };
        (void) snprintf(test.copies, sizeof(test.copies), "%s", tree_path("state/cluster"));
        test.changed_fd = options.changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_int_equal(phx_pve_worker_new(&options, &test.worker), 0);
        assert_int_equal(phx_pve_copy_new(test.worker, test.copies, &test.copy), 0);
        return 0;
}

static int teardown(void **state) {
        test.copy = phx_pve_copy_free(test.copy);
        test.worker = phx_pve_worker_free(test.worker);
        (void) close(test.changed_fd);
        tree_done();
        return 0;
}

/* So that its time does not count as recent. */
static void age(const char *path) {
        const struct timespec times[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };

        assert_int_equal(utimensat(AT_FDCWD, tree_path(path), times, 0), 0);
}

static void assert_refreshes(int expected) {
        struct phx_error error = { 0 };
        int r = phx_pve_copy_refresh(test.copy, &error);

        if (r != expected)
                print_error("%s\n", error.text);
        assert_int_equal(r, expected);
}

static void assert_has(const char *path, const char *text) {
        phx_autofree char *found = tree_read(path);

        assert_string_equal(found, text);
}

static bool copy_is_there(const char *path) {
        struct stat st;

        return lstat(tree_path(path), &st) == 0;
}

static bool is_told(void) {
        struct pollfd poll_fd = { .fd = test.changed_fd, .events = POLLIN };
        uint64_t count;

        return poll(&poll_fd, 1, PATIENCE_MSEC) == 1 &&
               read(test.changed_fd, &count, sizeof(count)) == sizeof(count);
}

static void the_copy_is_what_is_there(void **state) {
        assert_refreshes(0);
        assert_false(copy_is_there(COPY "lxc.json"));
        tree_write(OURS "lxc.json", "{}");
        tree_write(OURS "apparmor.d/lxc-web", "profile lxc-web {}\n");
        tree_write(OURS "apparmor.d/abstractions/web", "");
        tree_mkdir(OURS "empty");
        assert_refreshes(1);
        assert_has(COPY "lxc.json", "{}");
        assert_has(COPY "apparmor.d/lxc-web", "profile lxc-web {}\n");
        assert_has(COPY "apparmor.d/abstractions/web", "");
        assert_true(copy_is_there(COPY "empty"));
        assert_refreshes(0);
        tree_write(OURS "lxc.json", "{ }");
        assert_refreshes(1);
        assert_has(COPY "lxc.json", "{ }");
}

static void hidden_files_are_not_copied(void **state) {
        tree_write(OURS ".fuse_hidden0000000100000002", "old");
        tree_write(OURS ".lxc.json.swp", "half");
        tree_write(OURS ".git/config", "x");
        tree_link(OURS "link", "/etc/passwd");
        assert_refreshes(0);
        assert_false(copy_is_there(COPY ".git"));
        assert_false(copy_is_there(COPY "link"));
}

static void what_is_gone_goes_from_the_copy(void **state) {
        tree_write(OURS "apparmor.d/deep/a", "a");
        tree_write(OURS "apparmor.d/b", "b");
        assert_refreshes(1);
        tree_remove(OURS "apparmor.d/deep");
        assert_refreshes(1);
        assert_false(copy_is_there(COPY "apparmor.d/deep"));
        assert_has(COPY "apparmor.d/b", "b");
        tree_remove("pve/phoenixd");
        assert_refreshes(1);
        assert_false(copy_is_there(COPY "apparmor.d"));
        assert_refreshes(0);
}

static void a_file_may_take_the_place_of_a_directory(void **state) {
        tree_write(OURS "a/b", "b");
        assert_refreshes(1);
        tree_remove(OURS "a");
        tree_write(OURS "a", "file");
        assert_refreshes(1);
        assert_has(COPY "a", "file");
        tree_remove(OURS "a");
        tree_write(OURS "a/b", "b again");
        assert_refreshes(1);
        assert_has(COPY "a/b", "b again");
}

/* An old time and the same size: only what was read while it was young is read once more. */
static void the_same_size_and_time_are_the_same_file(void **state) {
        tree_write(OURS "a", "one");
        assert_refreshes(1);
        tree_write(OURS "a", "two");
        assert_refreshes(1);
        age(OURS "a");
        assert_refreshes(0);
        tree_write(OURS "a", "six");
        age(OURS "a");
        assert_refreshes(0);
        assert_has(COPY "a", "two");
        tree_write(OURS "a", "seven");
        age(OURS "a");
        assert_refreshes(1);
        assert_has(COPY "a", "seven");
}

/* Another program of this node has changed it, say, or a crash left it half done. */
static void after_a_start_everything_is_compared(void **state) {
        tree_write(OURS "a", "one");
        age(OURS "a");
        assert_refreshes(1);
        tree_write(COPY "a", "off");
        test.copy = phx_pve_copy_free(test.copy);
        assert_int_equal(phx_pve_copy_new(test.worker, test.copies, &test.copy), 0);
        assert_refreshes(1);
        assert_has(COPY "a", "one");
        assert_refreshes(0);
}

static void without_the_file_system_the_copy_stays(void **state) {
        struct phx_error error = { 0 };

        tree_write(OURS "a", "one");
        assert_refreshes(1);
        tree_remove("pve/phoenixd");
        tree_remove("pve/local");
        assert_int_equal(phx_pve_copy_refresh(test.copy, &error), -EAGAIN);
        assert_non_null(strstr(error.text, "is not mounted"));
        assert_has(COPY "a", "one");
        tree_link("pve/local", "nodes/pve1");
        tree_write(OURS "a", "two");
        assert_refreshes(1);
        assert_has(COPY "a", "two");
}

/* A file that cannot be read keeps the others from being half of another configuration. */
static void a_refresh_that_fails_changes_nothing(void **state) {
        struct phx_error error = { 0 };

        tree_write(OURS "a", "old a");
        tree_write(OURS "gone", "old");
        assert_refreshes(1);
        tree_write(OURS "a", "new a");
        tree_remove(OURS "gone");
        tree_write(OURS "z", "");
        assert_int_equal(truncate(tree_path(OURS "z"), PHX_PVE_CONFIG_LIMIT + 1), 0);
        assert_true(phx_pve_copy_refresh(test.copy, &error) < 0);
        assert_has(COPY "a", "old a");
        assert_has(COPY "gone", "old");
        tree_write(OURS "z", "z");
        assert_refreshes(1);
        assert_has(COPY "a", "new a");
        assert_has(COPY "z", "z");
        assert_false(copy_is_there(COPY "gone"));
}

/* As after a crash in the middle: what is new is in the way of nothing. */
static void nothing_goes_before_what_is_new_is_there(void **state) {
        struct phx_error error = { 0 };

        tree_write(OURS "a", "a");
        assert_refreshes(1);
        tree_remove(OURS "a");
        tree_write(OURS "b", "b");
        tree_mkdir(COPY ".b.phoenixd~");
        assert_true(phx_pve_copy_refresh(test.copy, &error) < 0);
        assert_has(COPY "a", "a");
        tree_remove(COPY ".b.phoenixd~");
        assert_refreshes(1);
        assert_false(copy_is_there(COPY "a"));
}

static void what_a_crash_left_does_not_stay(void **state) {
        tree_write(OURS "local/a", "a");
        assert_refreshes(1);
        tree_write(COPY "local/.a.phoenixd~", "half");
        tree_remove(OURS "local");
        assert_refreshes(1);
        assert_false(copy_is_there(COPY "local"));
}

/* Its time says that it is the same. */
static void on_demand_every_file_is_read(void **state) {
        tree_write(OURS "a", "one");
        age(OURS "a");
        assert_refreshes(1);
        assert_refreshes(0);
        tree_write(OURS "a", "two");
        age(OURS "a");
        assert_refreshes(0);
        phx_pve_copy_forget(test.copy);
        assert_refreshes(1);
        assert_has(COPY "a", "two");
}

static void put_back(void) {
        tree_write(OURS "apparmor.d/a", "new");
}

/* As long as a replacement takes, it is missing. */
static void what_is_missing_for_a_moment_stays(void **state) {
        tree_write(OURS "apparmor.d/a", "old");
        assert_refreshes(1);
        tree_remove(OURS "apparmor.d/a");
        meanwhile = put_back;
        assert_refreshes(0);
        assert_has(COPY "apparmor.d/a", "old");
        assert_refreshes(1);
        assert_has(COPY "apparmor.d/a", "new");
}

static void what_others_may_write_is_refused(void **state) {
        struct phx_error error = { 0 };

        tree_write(OURS "a", "old");
        assert_refreshes(1);
        tree_write(OURS "a", "new");
        assert_int_equal(chmod(tree_path(OURS "a"), 0666), 0);
        assert_int_equal(phx_pve_copy_refresh(test.copy, &error), -EPERM);
        assert_non_null(strstr(error.text, "phoenixd/a: is not root's alone"));
        assert_has(COPY "a", "old");
        assert_int_equal(chmod(tree_path(OURS "a"), 0640), 0);
        assert_refreshes(1);
        assert_has(COPY "a", "new");
}

static void too_many_files_are_refused(void **state) {
        char path[256] = OURS;
        struct phx_error error = { 0 };

        for (int i = 0; i <= PHX_PVE_OURS_DEPTH; i++)
                (void) strcat(path, "d/");
        (void) strcat(path, "file");
        tree_write(path, "");
        assert_int_equal(phx_pve_copy_refresh(test.copy, &error), -ELOOP);
        assert_non_null(strstr(error.text, "the directory is nested too deeply"));
        tree_remove(OURS "d");
        tree_mkdir(OURS "many");
        for (int i = 0; i <= PHX_PVE_OURS_ENTRIES; i++) {
                (void) snprintf(path, sizeof(path), OURS "many/%d", i);
                tree_write(path, "");
        }
        assert_int_equal(phx_pve_copy_refresh(test.copy, &error), -E2BIG);
        assert_non_null(strstr(error.text, "too many files"));
}

/* The worker is at rest: a change is an event, in directories that came later, too. */
static void every_change_is_told(void **state) {
        assert_refreshes(0);
        tree_write(OURS "lxc.json", "{}");
        assert_true(is_told());
        assert_refreshes(1);
        tree_mkdir(OURS "apparmor.d");
        assert_true(is_told());
        assert_refreshes(1);
        tree_write(OURS "apparmor.d/lxc-web", "profile lxc-web {}\n");
        assert_true(is_told());
        assert_refreshes(1);
        tree_write(OURS "apparmor.d/deep/er/a", "a");
        assert_true(is_told());
        while (!copy_is_there(COPY "apparmor.d/deep/er/a"))
                (void) phx_pve_copy_refresh(test.copy, NULL);
        tree_write(OURS "apparmor.d/deep/er/a", "more");
        assert_true(is_told());
        assert_refreshes(1);
        assert_has(COPY "apparmor.d/deep/er/a", "more");
}

#define with_copy(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_copy(the_copy_is_what_is_there),
                with_copy(hidden_files_are_not_copied),
                with_copy(what_is_gone_goes_from_the_copy),
                with_copy(a_file_may_take_the_place_of_a_directory),
                with_copy(the_same_size_and_time_are_the_same_file),
                with_copy(after_a_start_everything_is_compared),
                with_copy(without_the_file_system_the_copy_stays),
                with_copy(what_is_missing_for_a_moment_stays),
                with_copy(a_refresh_that_fails_changes_nothing),
                with_copy(nothing_goes_before_what_is_new_is_there),
                with_copy(what_a_crash_left_does_not_stay),
                with_copy(on_demand_every_file_is_read),
                with_copy(what_others_may_write_is_refused),
                with_copy(too_many_files_are_refused),
                with_copy(every_change_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
