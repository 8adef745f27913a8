#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

static void an_option_is_known_by_key_and_value(void **state) {
        phx_cleanup(phx_lxc_options_done) struct phx_lxc_options options = { 0 };

        assert_non_null(phx_lxc_options_add(&options, "lxc.apparmor.allow_nesting", "1"));
        assert_true(phx_lxc_options_have(&options, "lxc.apparmor.allow_nesting=1"));
        assert_false(phx_lxc_options_have(&options, "lxc.apparmor.allow_nesting=10"));
        assert_false(phx_lxc_options_have(&options, "lxc.apparmor.allow_nesting="));
        assert_false(phx_lxc_options_have(&options, "lxc.apparmor.allow_nesting"));
        assert_false(phx_lxc_options_have(&options, ""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_keep_their_order_and_their_copies),
                cmocka_unit_test(an_option_is_known_by_key_and_value),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
