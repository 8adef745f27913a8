/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void setting_returns_the_code_and_keeps_the_text(void **state) {
        struct phx_error error = { 0 };

        assert_int_equal(phx_error_set(&error, -EINVAL, "%s:%d: wrong", "file", 3), -EINVAL);
        assert_int_equal(error.code, -EINVAL);
        assert_string_equal(error.text, "file:3: wrong");
        assert_int_equal(phx_error_set(NULL, -EPERM, "nobody hears"), -EPERM);
}

static void long_text_is_cut(void **state) {
        struct phx_error error = { 0 };
        char text[3000];

        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(phx_error_set(&error, -EINVAL, "%s", text), -EINVAL);
        assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
        phx_error_prefix(&error, "outer");
        assert_memory_equal(error.text, "outer: xxx", 10);
        assert_int_equal(error.code, -EINVAL);
}

static void a_prefix_stands_before_what_was_there(void **state) {
        struct phx_error error = { 0 };

        (void) phx_error_set(&error, -ENOENT, "inner");
        phx_error_prefix(&error, "outer");
        assert_string_equal(error.text, "outer: inner");
        assert_int_equal(error.code, -ENOENT);
        phx_error_prefix(NULL, "outer");
}

static void assert_place(const struct phx_error *error, const char *file, unsigned line) {
        assert_string_equal(error->file, file);
        assert_int_equal(error->line, line);
}

static void a_place_is_in_fields_and_before_the_text(void **state) {
        struct phx_error error = { 0 };

        assert_int_equal(
                        phx_error_set_at(
                                        &error,
                                        -EINVAL,
                                        &(struct phx_position){ "/a\n", 3, 7 },
                                        "no %s",
                                        "good\n"),
                        -EINVAL);
        assert_string_equal(error.text, "/a\\u000a: line 3: no good\\u000a");
        assert_string_equal(phx_error_what(&error, -EINVAL), "no good\\u000a");
        assert_place(&error, "/a\n", 3);
        assert_int_equal(error.column, 7);

        /* It stays with what is put before it, and goes with the next text. */
        phx_error_prefix(&error, "outer");
        phx_error_place(&error, "more");
        assert_string_equal(error.text, "more: outer: /a\\u000a: line 3: no good\\u000a");
        assert_string_equal(phx_error_what(&error, -EINVAL), "no good\\u000a");
        assert_place(&error, "/a\n", 3);
        (void) phx_error_set(&error, -EINVAL, "other");
        assert_place(&error, "", 0);
        assert_string_equal(phx_error_what(&error, -EINVAL), "other");
        phx_error_place(&error, "name");
        assert_string_equal(error.text, "name: other");
        assert_string_equal(phx_error_what(&error, -EINVAL), "other");
        assert_place(&error, "name", 0);

        (void) phx_error_set_in(&error, -EPERM, "/b", "is closed");
        assert_string_equal(error.text, "/b: is closed");
        assert_place(&error, "/b", 0);
        assert_int_equal(phx_error_set_in(NULL, -EPERM, "/b", "nobody hears"), -EPERM);
        assert_int_equal(
                        phx_error_set_at(NULL, -EPERM, &(struct phx_position){ "/b" }, "likewise"),
                        -EPERM);
        phx_error_place(NULL, "/b");
}

/* Then nothing of the text is taken for the place. */
static void a_name_that_is_too_long_is_no_place(void **state) {
        struct phx_error error = { 0 };
        char name[4000];

        memset(name, 'x', sizeof(name));
        name[sizeof(name) - 1] = '\0';
        (void) phx_error_set_at(&error, -EINVAL, &(struct phx_position){ name, 3, 1 }, "wrong");
        assert_place(&error, "", 0);
        assert_string_equal(error.text + strlen(error.text) - 15, ": line 3: wrong");
        assert_ptr_equal(phx_error_what(&error, -EINVAL), error.text);
        (void) phx_error_set(&error, -EINVAL, "wrong");
        phx_error_place(&error, name);
        assert_place(&error, "", 0);
        assert_ptr_equal(phx_error_what(&error, -EINVAL), error.text);
}

static void a_copy_has_the_place_and_not_the_list(void **state) {
        struct phx_error error = { .is_listed = true }, from = { 0 };

        (void) phx_error_set_at(&from, -EINVAL, &(struct phx_position){ "a", 2 }, "wrong");
        from.is_listed = true;
        assert_int_equal(phx_error_copy(&error, -EPERM, &from), -EPERM);
        assert_int_equal(error.code, -EPERM);
        assert_string_equal(error.text, "a: line 2: wrong");
        assert_place(&error, "a", 2);
        assert_false(error.is_listed);
        assert_int_equal(phx_error_copy(NULL, -EPERM, &from), -EPERM);
}

static void only_a_failure_is_kept(void **state) {
        struct phx_error error = { 0 }, copy = { 0 };
        phx_autofree struct phx_error *kept = NULL;

        assert_null(phx_error_keep(&error, 0));
        (void) phx_error_set(&error, -EINVAL, "wrong");
        kept = phx_error_keep(&error, -EINVAL);
        assert_non_null(kept);
        assert_string_equal(kept->text, "wrong");
        /* Where there was no memory for it. */
        assert_int_equal(phx_error_copy(&copy, -EPERM, NULL), -EPERM);
        assert_string_equal(copy.text, "Operation not permitted");
}

static void errno_becomes_a_sentence(void **state) {
        struct phx_error error = { 0 };

        errno = ENOENT;
        assert_int_equal(phx_error_errno(&error, "/etc/x"), -ENOENT);
        assert_string_equal(error.text, "/etc/x: No such file or directory");
}

static void errno_is_never_taken_for_success(void **state) {
        errno = 0;
        assert_int_equal(phx_errno(), -EIO);
        errno = EACCES;
        assert_int_equal(phx_errno(), -EACCES);
}

static void without_a_text_the_code_speaks(void **state) {
        struct phx_error error = { 0 };

        assert_string_equal(phx_error_text(NULL, -ENOMEM), "Cannot allocate memory");
        assert_string_equal(phx_error_text(&error, -ENOMEM), "Cannot allocate memory");
        (void) phx_error_set(&error, -ENOMEM, "here");
        assert_string_equal(phx_error_text(&error, -ENOMEM), "here");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(setting_returns_the_code_and_keeps_the_text),
                cmocka_unit_test(long_text_is_cut),
                cmocka_unit_test(a_prefix_stands_before_what_was_there),
                cmocka_unit_test(a_place_is_in_fields_and_before_the_text),
                cmocka_unit_test(a_name_that_is_too_long_is_no_place),
                cmocka_unit_test(a_copy_has_the_place_and_not_the_list),
                cmocka_unit_test(only_a_failure_is_kept),
                cmocka_unit_test(errno_becomes_a_sentence),
                cmocka_unit_test(errno_is_never_taken_for_success),
                cmocka_unit_test(without_a_text_the_code_speaks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
