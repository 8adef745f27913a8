/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "state/inventory.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void setting_twice_changes_once(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };

        assert_int_equal(phx_inventory_set_configuration(&inventory, A), 1);
        assert_int_equal(phx_inventory_set_configuration(&inventory, A), 0);
        assert_int_equal(phx_inventory_set_configuration(&inventory, B), 1);
        assert_int_equal(phx_inventory_set_configuration(&inventory, ""), 1);

        assert_int_equal(phx_inventory_set_file(&inventory, "/etc/apparmor.d/lxc-a", A), 1);
        assert_int_equal(phx_inventory_set_file(&inventory, "/etc/apparmor.d/lxc-a", A), 0);
        assert_int_equal(phx_inventory_set_file(&inventory, "/etc/apparmor.d/lxc-a", B), 1);

        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-a", A, ""), 1);
        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-a", A, ""), 0);
        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-a", A, B), 1);
        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-a", B, A), 1);

        assert_int_equal(phx_strings_add(&lines, "lxc.apparmor.profile = lxc-a"), 0);
        assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, NULL), 1);
        assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, NULL), 0);
        assert_int_equal(phx_strings_add(&lines, "lxc.mount.auto = sys"), 0);
        assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, NULL), 1);

        assert_int_equal(inventory.file_count, 1);
        assert_int_equal(inventory.profile_count, 1);
        assert_int_equal(inventory.container_count, 1);
}

static void what_was_set_is_found(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };

        assert_int_equal(phx_strings_add(&lines, "lxc.mount.auto = sys"), 0);
        assert_null(phx_inventory_file(&inventory, "/a"));
        assert_null(phx_inventory_profile(&inventory, "lxc-a"));
        assert_null(phx_inventory_container(&inventory, "web"));

        assert_int_equal(phx_inventory_set_file(&inventory, "/a", A), 1);
        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-a", A, B), 1);
        assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, NULL), 1);

        assert_string_equal(phx_inventory_file(&inventory, "/a")->digest, A);
        assert_string_equal(phx_inventory_profile(&inventory, "lxc-a")->source, A);
        assert_string_equal(phx_inventory_profile(&inventory, "lxc-a")->key, B);
        assert_true(phx_strings_equal(&phx_inventory_container(&inventory, "web")->lines, &lines));
        assert_null(phx_inventory_file(&inventory, "/b"));
}

static void lists_stay_sorted_whatever_comes_first(void **state) {
        static const char *const paths[] = { "/m", "/a", "/z", "/B", "/n", "/ab" },
                                 *const sorted[] = { "/B", "/a", "/ab", "/m", "/n", "/z" };
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };

        for (size_t i = 0; i < PHX_ELEMENTS(paths); i++)
                assert_int_equal(phx_inventory_set_file(&inventory, paths[i], A), 1);
        for (size_t i = 0; i < PHX_ELEMENTS(sorted); i++)
                assert_string_equal(inventory.files[i].path, sorted[i]);
}

static void removing_takes_that_one_alone(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };
        static const char *const names[] = { "lxc-a", "lxc-b", "lxc-c" };

        assert_int_equal(phx_strings_add(&lines, "lxc.mount.auto = sys"), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                assert_int_equal(phx_inventory_set_profile(&inventory, names[i], A, B), 1);
                assert_int_equal(
                                phx_inventory_set_container(&inventory, names[i], &lines, NULL),
                                1);
        }
        assert_int_equal(phx_inventory_set_file(&inventory, "/a", A), 1);

        assert_int_equal(phx_inventory_remove_profile(&inventory, "lxc-b"), 1);
        assert_int_equal(phx_inventory_remove_profile(&inventory, "lxc-b"), 0);
        assert_int_equal(phx_inventory_remove_container(&inventory, "lxc-c"), 1);
        assert_int_equal(phx_inventory_remove_container(&inventory, "lxc-c"), 0);
        assert_int_equal(phx_inventory_remove_file(&inventory, "/a"), 1);
        assert_int_equal(phx_inventory_remove_file(&inventory, "/a"), 0);

        assert_int_equal(inventory.profile_count, 2);
        assert_string_equal(inventory.profiles[0].name, "lxc-a");
        assert_string_equal(inventory.profiles[1].name, "lxc-c");
        assert_int_equal(inventory.container_count, 2);
        assert_string_equal(inventory.containers[1].name, "lxc-b");
        assert_int_equal(inventory.file_count, 0);
}

static void what_can_be_no_such_thing_is_refused(void **state) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };

        assert_int_equal(phx_inventory_set_configuration(&inventory, "a"), -EINVAL);
        assert_int_equal(phx_inventory_set_file(&inventory, "a", A), -EINVAL);
        assert_int_equal(phx_inventory_set_file(&inventory, "/a/../b", A), -EINVAL);
        assert_int_equal(phx_inventory_set_file(&inventory, "/a", ""), -EINVAL);
        assert_int_equal(phx_inventory_set_file(&inventory, "/a", A "a"), -EINVAL);
        assert_int_equal(phx_inventory_set_profile(&inventory, "web", A, B), -EINVAL);
        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-a", "", B), -EINVAL);
        assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, NULL), -EINVAL);
        assert_int_equal(phx_strings_add(&lines, "lxc.mount.auto = sys\nx"), 0);
        assert_int_equal(phx_inventory_set_container(&inventory, "web", &lines, NULL), -EINVAL);
        assert_int_equal(
                        inventory.file_count + inventory.profile_count + inventory.container_count,
                        0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(setting_twice_changes_once),
                cmocka_unit_test(what_was_set_is_found),
                cmocka_unit_test(lists_stay_sorted_whatever_comes_first),
                cmocka_unit_test(removing_takes_that_one_alone),
                cmocka_unit_test(what_can_be_no_such_thing_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
