/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/strings.h"
#include "state/settings.h"

static void modes_have_the_names_of_the_settings_file(void **state) {
        assert_string_equal(phx_mode_to_string(PHX_MODE_ENFORCE), "enforce");
        assert_string_equal(phx_mode_to_string(PHX_MODE_OBSERVE), "observe");
}

static void all_that_is_in_them_is_freed_with_them(void **state) {
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = calloc(
                        1,
                        sizeof(*settings));

        assert_non_null(settings);
        assert_int_equal(phx_replace(&settings->configuration, "a"), 0);
        assert_int_equal(phx_replace(&settings->profile_dir, "b"), 0);
        assert_int_equal(phx_replace(&settings->deployed_dir, "c"), 0);
        assert_int_equal(phx_replace(&settings->lxc_path, "d"), 0);
        assert_int_equal(phx_replace(&settings->default_profile, "unconfined"), 0);
        assert_null(phx_settings_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(modes_have_the_names_of_the_settings_file),
                cmocka_unit_test(all_that_is_in_them_is_freed_with_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
