/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "state/observed.h"

static void what_is_added_is_found(void **state) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        struct phx_observed_container *container;

        assert_non_null(observed);
        assert_non_null(phx_observed_add_file(observed, "lxc-web"));
        assert_non_null(phx_observed_add_container(observed, "db"));
        container = phx_observed_add_container(observed, "web");
        assert_ptr_equal(phx_observed_find_file(observed, "lxc-web"), &observed->files[0]);
        assert_null(phx_observed_find_file(observed, "lxc-db"));
        assert_ptr_equal(phx_observed_find_container(observed, "web"), container);
        assert_null(phx_observed_find_container(observed, "we"));
        assert_false(container->is_running);
}

static void all_that_is_in_it_is_freed_with_it(void **state) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        struct phx_observed_file *file;
        struct phx_observed_container *container;

        assert_non_null(observed);
        file = phx_observed_add_file(observed, "lxc-web");
        container = phx_observed_add_container(observed, "web");
        assert_int_equal(phx_replace(&observed->kernel_trouble, "off"), 0);
        assert_int_equal(phx_replace(&file->content, "0123"), 0);
        assert_int_equal(phx_replace(&file->trouble, "a directory"), 0);
        assert_int_equal(phx_replace(&file->disabled, "/etc/apparmor.d/disable/lxc-web"), 0);
        assert_int_equal(phx_replace(&container->effective, "unconfined"), 0);
        assert_int_equal(phx_replace(&container->digest, "0123"), 0);
        assert_int_equal(phx_replace(&container->trouble, "unreadable"), 0);
        assert_int_equal(phx_replace(&container->example.text, "unconfined"), 0);
        assert_int_equal(phx_wrong_lines_add(&container->wrong_lines, PHX_LINE_TOO_MANY, "a"), 0);
        assert_int_equal(phx_strings_add(&observed->watches, "/etc"), 0);
        assert_int_equal(
                        phx_kernel_entries_add(
                                        &observed->loaded,
                                        "lxc-web",
                                        PHX_POLICY_ENFORCE,
                                        "0123"),
                        0);
        assert_null(phx_observed_free(NULL));
}

static void a_wrong_line_is_there_once_and_without_its_value(void **state) {
        phx_cleanup(phx_wrong_lines_done) struct phx_wrong_lines lines = { 0 };

        assert_int_equal(phx_wrong_lines_add(&lines, PHX_LINE_TOO_MANY, "a=b=c"), 0);
        assert_int_equal(phx_wrong_lines_add(&lines, PHX_LINE_TOO_MANY, "a=d"), 0);
        assert_int_equal(phx_wrong_lines_add(&lines, PHX_LINE_NOT_IN_EFFECT, "a"), 0);
        assert_int_equal(phx_wrong_lines_add(&lines, PHX_LINE_NOT_IN_EFFECT, "ab"), 0);
        assert_int_equal(lines.count, 3);
        assert_int_equal(lines.items[0].fault, PHX_LINE_TOO_MANY);
        assert_string_equal(lines.items[0].key, "a");
        assert_int_equal(lines.items[1].fault, PHX_LINE_NOT_IN_EFFECT);
        assert_string_equal(lines.items[1].key, "a");
        assert_string_equal(lines.items[2].key, "ab");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_wrong_line_is_there_once_and_without_its_value),
                cmocka_unit_test(what_is_added_is_found),
                cmocka_unit_test(all_that_is_in_it_is_freed_with_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
