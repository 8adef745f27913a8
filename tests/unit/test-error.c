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
                cmocka_unit_test(errno_becomes_a_sentence),
                cmocka_unit_test(errno_is_never_taken_for_success),
                cmocka_unit_test(without_a_text_the_code_speaks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
