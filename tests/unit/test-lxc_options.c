/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "state/lxc_options.h"

static void options_keep_their_order_and_their_copies(void **state) {
        phx_cleanup(phx_lxc_options_done) struct phx_lxc_options options = { 0 }, copy = { 0 };

        assert_non_null(phx_lxc_options_add(&options, "lxc.cap.drop", ""));
        assert_non_null(phx_lxc_options_add(&options, "lxc.cap.drop", "sys_time"));
        options.items[1].index = 4;
        options.items[1].line = 7;
        options.items[1].column = 9;
        assert_int_equal(phx_lxc_options_copy(&copy, &options), 0);
        phx_lxc_options_done(&options);
        assert_int_equal(copy.count, 2);
        assert_string_equal(copy.items[0].value, "");
        assert_int_equal(copy.items[0].index, 0);
        assert_string_equal(copy.items[1].key, "lxc.cap.drop");
        assert_int_equal(copy.items[1].index, 4);
        assert_int_equal(copy.items[1].line, 7);
        assert_int_equal(copy.items[1].column, 9);
}

static void assert_split(const char *text, const char *key, const char *value) {
        struct phx_lxc_option_text option;

        assert_true(phx_lxc_option_split(text, &option));
        assert_int_equal(option.key_size, strlen(key));
        assert_memory_equal(option.key, key, option.key_size);
        assert_int_equal(option.value_size, strlen(value));
        assert_memory_equal(option.value, value, option.value_size);
}

static void an_option_is_read_as_proxmox_reads_it(void **state) {
        static const char *const wrong[] = { "lxc.a",     "lxc.",         "lxc.=x",   "lxc.a : x",
                                             "Lxc.a = x", "lxc.A=x",      "x=lxc.a",  "",
                                             "lxc.a b=x", "lxc.a=x\ny=z", "lxc.a\n=x" };
        struct phx_lxc_option_text option;

        assert_split("lxc.a=b", "lxc.a", "b");
        assert_split(" \tlxc.a \t= \tb c \t", "lxc.a", "b c");
        assert_split("lxc.a:b", "lxc.a", "b");
        assert_split("lxc.a: b=c", "lxc.a", "b=c");
        assert_split("lxc.net.0.hwaddr=aa:bb", "lxc.net.0.hwaddr", "aa:bb");
        assert_split("lxc.a:=b", "lxc.a", "=b");
        assert_split("lxc.a: ", "lxc.a", "");
        assert_split("lxc.a=\"b\"", "lxc.a", "\"b\"");
        for (size_t i = 0; i < PHX_ELEMENTS(wrong); i++)
                assert_false(phx_lxc_option_split(wrong[i], &option));
}

static void lxc_takes_one_pair_of_quotes_off(void **state) {
        static const char *const cases[][2] = { { "\"a\"", "a" },   { "'a\"'", "a\"" },
                                                { "\"a'", "\"a'" }, { "\"", "\"" },
                                                { "''", "" },       { "", "" } };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                struct phx_lxc_option_text option = { .value = cases[i][0],
                                                      .value_size = strlen(cases[i][0]) };

                phx_lxc_option_unquote(&option);
                assert_int_equal(option.value_size, strlen(cases[i][1]));
                assert_memory_equal(option.value, cases[i][1], option.value_size);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_keep_their_order_and_their_copies),
                cmocka_unit_test(an_option_is_read_as_proxmox_reads_it),
                cmocka_unit_test(lxc_takes_one_pair_of_quotes_off),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
