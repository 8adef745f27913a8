/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"

static void the_zero_value_is_empty(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };

        assert_null(buffer.data);
        assert_int_equal(phx_buffer_add(&buffer, NULL, 0), 0);
        assert_string_equal(buffer.data, "");
        assert_int_equal(buffer.size, 0);
}

static void bytes_and_text_follow_each_other_with_a_nul_behind(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };

        assert_int_equal(phx_buffer_add(&buffer, "a\0b", 3), 0);
        assert_int_equal(phx_buffer_add_text(&buffer, "cd"), 0);
        assert_int_equal(phx_buffer_addf(&buffer, "%d-%s", 7, "x"), 0);
        assert_int_equal(buffer.size, 8);
        assert_memory_equal(buffer.data, "a\0bcd7-x", 9);
}

static void it_grows_to_what_is_added(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };

        for (int i = 0; i < 10000; i++)
                assert_int_equal(phx_buffer_addf(&buffer, "%04d", i), 0);
        assert_int_equal(buffer.size, 40000);
        assert_int_equal(strlen(buffer.data), 40000);
        assert_memory_equal(buffer.data + 4936, "1234", 4);
}

static void done_may_come_twice(void **state) {
        struct phx_buffer buffer = { 0 };

        assert_int_equal(phx_buffer_add_text(&buffer, "x"), 0);
        phx_buffer_done(&buffer);
        phx_buffer_done(&buffer);
        assert_null(buffer.data);
        assert_int_equal(buffer.capacity, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_zero_value_is_empty),
                cmocka_unit_test(bytes_and_text_follow_each_other_with_a_nul_behind),
                cmocka_unit_test(it_grows_to_what_is_added),
                cmocka_unit_test(done_may_come_twice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
