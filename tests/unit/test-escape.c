/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/strings.h"

static void assert_escaped(const char *bytes, const char *expected) {
        phx_autofree char *text = NULL;

        assert_int_equal(phx_escape(bytes, &text), 0);
        assert_string_equal(text, expected);
}

static void plain_names_stay_as_they_are(void **state) {
        assert_escaped("", "");
        assert_escaped("my@box", "my@box");
        assert_escaped("a b'\"<>&%;$`", "a b'\"<>&%;$`");
        assert_escaped("b\303\274ro \342\202\254 \360\237\220\247",
                       "b\303\274ro \342\202\254 \360\237\220\247");
}

static void what_a_terminal_or_a_log_would_obey_is_escaped(void **state) {
        assert_escaped("a\nb\tc\033[31md\177", "a\\x0ab\\x09c\\x1b[31md\\x7f");
        assert_escaped("\302\233", "\\xc2\\x9b");              /* CSI in one character */
        assert_escaped("a\342\200\256b", "a\\xe2\\x80\\xaeb"); /* from right to left */
        assert_escaped("a\342\200\213b\357\273\277", "a\\xe2\\x80\\x8bb\\xef\\xbb\\xbf");
}

static void what_is_no_utf_8_is_escaped_byte_by_byte(void **state) {
        assert_escaped("\377a\200", "\\xffa\\x80");
        assert_escaped("\303", "\\xc3");
        assert_escaped("\342\202", "\\xe2\\x82");
        assert_escaped("\300\257", "\\xc0\\xaf"); /* longer than it must be */
        assert_escaped("\340\200\257", "\\xe0\\x80\\xaf");
        assert_escaped("\355\240\200", "\\xed\\xa0\\x80");          /* half of a pair */
        assert_escaped("\364\220\200\200", "\\xf4\\x90\\x80\\x80"); /* beyond the last */
}

static void no_two_names_give_the_same(void **state) {
        assert_escaped("\n", "\\x0a");
        assert_escaped("\\x0a", "\\x5cx0a");
}

static void a_long_name_is_whole(void **state) {
        char name[256], expected[1021];

        memset(name, 0xff, 255);
        name[255] = '\0';
        for (size_t i = 0; i < 255; i++)
                memcpy(expected + 4 * i, "\\xff", 5);
        assert_escaped(name, expected);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_names_stay_as_they_are),
                cmocka_unit_test(what_a_terminal_or_a_log_would_obey_is_escaped),
                cmocka_unit_test(what_is_no_utf_8_is_escaped_byte_by_byte),
                cmocka_unit_test(no_two_names_give_the_same),
                cmocka_unit_test(a_long_name_is_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
