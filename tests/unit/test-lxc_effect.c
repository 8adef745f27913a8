/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lxc/effect.h"

/* "KEY=VALUE" with semicolons between. */
static bool holds(const char *list, const char *options, const char *effective) {
        phx_autofree char *copy = strdup(options);
        struct phx_lxc_item items[16];
        char *rest = copy, *text;
        size_t count = 0;

        assert_non_null(copy);
        while ((text = strsep(&rest, ";"))) {
                items[count].key = strsep(&text, "=");
                items[count++].value = text;
        }
        return phx_lxc_items_hold(list, items, count, effective);
}

static void of_most_lists_the_order_says_nothing(void **state) {
        static const char list[] = "lxc.cap.drop";

        assert_true(holds(list, "lxc.cap.drop=a", "a\n"));
        assert_true(holds(list, "lxc.cap.drop=a;lxc.cap.drop=b", "c\nb\na\n"));
        assert_true(holds(list, "lxc.cap.drop=a  b", "b\na\n"));
        assert_false(holds(list, "lxc.cap.drop=a;lxc.cap.drop=b", "a\n"));
        assert_false(holds(list, "lxc.cap.drop=a", ""));
        assert_true(holds("lxc.idmap", "lxc.idmap=u 0  1 2", "g 0 1 2\nu 0 1 2"));
        assert_true(holds("lxc.tty.max", "lxc.tty.max=4", "4"));
        assert_false(holds("lxc.tty.max", "lxc.tty.max=4", "40"));
}

static void an_emptied_list_has_what_follows_and_nothing_else(void **state) {
        static const char list[] = "lxc.cap.drop";

        assert_true(holds(list, "lxc.cap.drop=x;lxc.cap.drop=;lxc.cap.drop=a", "a\n"));
        assert_false(holds(list, "lxc.cap.drop=;lxc.cap.drop=a", "b\na\n"));
        assert_false(holds(list, "lxc.cap.drop=;lxc.cap.drop=a", ""));
        assert_true(holds(list, "lxc.cap.drop=a;lxc.cap.drop=", ""));
        assert_false(holds(list, "lxc.cap.drop=a;lxc.cap.drop=", "a\n"));
        assert_true(
                        holds("lxc.hook.start",
                              "lxc.hook.start=;lxc.hook.start=/a;lxc.hook.start=/b",
                              "/a\n/b\n"));
        assert_false(
                        holds("lxc.hook.start",
                              "lxc.hook.start=;lxc.hook.start=/a;lxc.hook.start=/b",
                              "/b\n/a\n"));
}

static void of_a_variable_the_last_counts(void **state) {
        static const char list[] = "lxc.environment";

        assert_true(holds(list, "lxc.environment=A=1", "A=2\nA=1\nB=3\n"));
        assert_true(holds(list, "lxc.environment=A=1", "A=1\nAB=3\n"));
        assert_false(holds(list, "lxc.environment=A=1", "A=1\nA=2\n"));
        assert_false(holds(list, "lxc.environment=A=1;lxc.environment=B=1", "B=1\nA=1\n"));
}

static void a_later_mount_hides_what_is_below(void **state) {
        static const char list[] = "lxc.mount.entry";

        assert_true(
                        holds(list,
                              "lxc.mount.entry=/a b/c none bind",
                              "/a b/c none bind\n/x b/d none bind\n"));
        assert_true(
                        holds(list,
                              "lxc.mount.entry=/a b/c none bind",
                              "/a b/c none bind\n/x b/c/d none bind\n"));
        assert_true(
                        holds(list,
                              "lxc.mount.entry=/a b/c none bind",
                              "/a b/c none bind\n/x b/cd none bind\n"));
        assert_false(
                        holds(list,
                              "lxc.mount.entry=/a b/c none bind",
                              "/a b/c none bind\n/x /b/c/ none bind\n"));
        assert_false(
                        holds(list,
                              "lxc.mount.entry=/a b/c none bind",
                              "/a b/c none bind\n/x b none bind\n"));
        assert_false(
                        holds(list,
                              "lxc.mount.entry=/a b/c none bind",
                              "/a b/c none bind\n/x  / none bind\n"));
}

static void limits_and_devices_come_with_their_keys(void **state) {
        char list[PHX_LXC_LIST_SIZE];

        phx_lxc_list_of("lxc.cgroup2.devices.allow", list);
        assert_string_equal(list, "lxc.cgroup2.devices");
        assert_string_equal(phx_lxc_list_key(list), "lxc.cgroup2");
        assert_true(
                        holds(list,
                              "lxc.cgroup2.devices.allow=c 1:3 rwm",
                              "lxc.cgroup2.devices.deny = a\n"
                              "lxc.cgroup2.devices.allow = c 1:3 rwm\n"
                              "lxc.cgroup2.memory.max = 1G\n"
                              "lxc.cgroup2.devices.allow = c 1:5 rwm\n"));
        assert_false(
                        holds(list,
                              "lxc.cgroup2.devices.allow=c 1:3 rwm",
                              "lxc.cgroup2.devices.allow = c 1:3 rwm\n"
                              "lxc.cgroup2.devices.deny = a\n"));
        assert_false(
                        holds(list,
                              "lxc.cgroup2.devices.deny=a;lxc.cgroup2.devices.deny=",
                              "lxc.cgroup2.devices.deny = a\n"));
        phx_lxc_list_of("lxc.cgroup2.memory.max", list);
        assert_string_equal(list, "lxc.cgroup2.memory.max");
        assert_string_equal(phx_lxc_list_key(list), "lxc.cgroup2");
        assert_true(
                        holds(list,
                              "lxc.cgroup2.memory.max=1G",
                              "lxc.cgroup2.memory.max = 2G\nlxc.cgroup2.memory.max = 1G\n"));
        assert_false(
                        holds(list,
                              "lxc.cgroup2.memory.max=1G",
                              "lxc.cgroup2.memory.max = 1G\nlxc.cgroup2.memory.max = 2G\n"));
        assert_string_equal(phx_lxc_list_key("lxc.cgroup.relative"), "lxc.cgroup.relative");
        assert_true(phx_lxc_list_is_set("lxc.cgroup.dir.container"));
}

static void a_key_rules_its_list_and_all_below(void **state) {
        assert_true(phx_lxc_list_rules("lxc.net", "lxc.net.0.link"));
        assert_true(phx_lxc_list_rules("lxc.hook", "lxc.hook.start"));
        assert_true(phx_lxc_list_rules("lxc.cgroup2.devices.deny", "lxc.cgroup2.devices.allow"));
        assert_true(phx_lxc_list_rules("lxc.cap.drop", "lxc.cap.drop"));
        assert_false(phx_lxc_list_rules("lxc.net.0.link", "lxc.net"));
        assert_false(phx_lxc_list_rules("lxc.cap.drop", "lxc.cap.keep"));
        assert_false(phx_lxc_list_rules("lxc.net.1", "lxc.net.10.link"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(of_most_lists_the_order_says_nothing),
                cmocka_unit_test(an_emptied_list_has_what_follows_and_nothing_else),
                cmocka_unit_test(of_a_variable_the_last_counts),
                cmocka_unit_test(a_later_mount_hides_what_is_below),
                cmocka_unit_test(limits_and_devices_come_with_their_keys),
                cmocka_unit_test(a_key_rules_its_list_and_all_below),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
