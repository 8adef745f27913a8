/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "state/configuration.h"

static void profile_names_are_those_that_lxc_start_may_change_to(void **state) {
        char longest[129] = "lxc-", too_long[130] = "lxc-";

        memset(longest + 4, 'x', 124);
        memset(too_long + 4, 'x', 125);
        assert_true(phx_is_profile_name("lxc-web"));
        assert_true(phx_is_profile_name("lxc-A.b_c+d-9"));
        assert_true(phx_is_profile_name(longest));
        assert_false(phx_is_profile_name(too_long));
        assert_false(phx_is_profile_name(""));
        assert_false(phx_is_profile_name("lxc-"));
        assert_false(phx_is_profile_name("web"));
        assert_false(phx_is_profile_name("lxc-a/b"));
        assert_false(phx_is_profile_name("lxc-a b"));
        assert_false(phx_is_profile_name("lxc-a//b"));
        assert_false(phx_is_profile_name("lxc-\n"));
        assert_false(phx_is_profile_name("unconfined"));
}

static void unconfined_may_be_assigned_and_other_words_of_lxc_not(void **state) {
        assert_true(phx_is_assignable_profile("unconfined"));
        assert_true(phx_is_assignable_profile("lxc-web"));
        assert_false(phx_is_assignable_profile("generated"));
        assert_false(phx_is_assignable_profile("unchanged"));
        assert_false(phx_is_assignable_profile("Unconfined"));
        assert_false(phx_is_assignable_profile(""));
}

static void container_ids_are_never_paths(void **state) {
        char longest[65], too_long[66];

        memset(longest, '1', 64);
        longest[64] = '\0';
        memset(too_long, '1', 65);
        too_long[65] = '\0';
        assert_true(phx_is_container_id("101"));
        assert_true(phx_is_container_id("web-1.example_x"));
        assert_true(phx_is_container_id(longest));
        assert_false(phx_is_container_id(too_long));
        assert_false(phx_is_container_id(""));
        assert_false(phx_is_container_id("."));
        assert_false(phx_is_container_id(".."));
        assert_false(phx_is_container_id("-rf"));
        assert_false(phx_is_container_id("_x"));
        assert_false(phx_is_container_id("a/b"));
        assert_false(phx_is_container_id("a b"));
}

static void freeing_takes_what_is_half_built(void **state) {
        struct phx_configuration *configuration = calloc(1, sizeof(*configuration));

        assert_null(phx_configuration_free(NULL));
        assert_non_null(configuration);
        configuration->containers = calloc(2, sizeof(*configuration->containers));
        assert_non_null(configuration->containers);
        configuration->count = 2;
        configuration->containers[0].id = strdup("101");
        assert_null(phx_configuration_free(configuration));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(profile_names_are_those_that_lxc_start_may_change_to),
                cmocka_unit_test(unconfined_may_be_assigned_and_other_words_of_lxc_not),
                cmocka_unit_test(container_ids_are_never_paths),
                cmocka_unit_test(freeing_takes_what_is_half_built),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
