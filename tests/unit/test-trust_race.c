/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Between two of the walk's steps somebody puts another file, or another directory, in the place of
 * what was just judged: what is read must be what was judged. */

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

#define GOOD "what root wrote"
#define BAD "what somebody else wrote"

/* After the component SWAP_AFTER was opened, NEW takes the place of OLD. */
static const char *swap_after, *swap_old, *swap_new;

static void swap(const char *name) {
        char aside[4096];

        if (!swap_after || strcmp(name, swap_after) != 0)
                return;
        swap_after = NULL;
        (void) snprintf(aside, sizeof(aside), "%s.aside", tree_path(swap_old));
        assert_int_equal(rename(tree_path(swap_old), aside), 0);
        assert_int_equal(rename(tree_path(swap_new), tree_path(swap_old)), 0);
}

int __real_openat64(int dir_fd, const char *name, int flags, ...);
int __wrap_openat64(int dir_fd, const char *name, int flags, ...);

int __wrap_openat64(int dir_fd, const char *name, int flags, ...) {
        int fd = __real_openat64(dir_fd, name, flags, 0600);

        swap(name);
        return fd;
}

static int set_up(void **state) {
        (void) tree_new();
        tree_write("etc/dir/file", GOOD);
        tree_write("etc/bad/file", BAD);
        tree_write("etc/bad-file", BAD);
        assert_int_equal(chmod(tree_path("etc/bad/file"), 0666), 0);
        assert_int_equal(chmod(tree_path("etc/bad-file"), 0666), 0);
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

static void assert_reads_what_was_judged(void) {
        const struct phx_trust trust = { .root = tree_path(""), .owner = geteuid() };
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };
        size_t size = 0;
        int r;

        r = phx_trust_read(&trust, "/etc/dir/file", 4096, &text, &size, &error);
        /* It was swapped, else this tests nothing. */
        assert_null(swap_after);
        if (r >= 0)
                assert_string_equal(text, GOOD);
        else
                assert_null(text);
}

static void the_file_is_swapped_after_it_was_judged(void **state) {
        swap_after = "file";
        swap_old = "etc/dir/file";
        swap_new = "etc/bad-file";
        assert_reads_what_was_judged();
}

static void the_directory_is_swapped_after_it_was_judged(void **state) {
        swap_after = "dir";
        swap_old = "etc/dir";
        swap_new = "etc/bad";
        assert_reads_what_was_judged();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                the_file_is_swapped_after_it_was_judged,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                the_directory_is_swapped_after_it_was_judged,
                                set_up,
                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
