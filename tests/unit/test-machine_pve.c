/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine/pve.h"

static struct phx_observed_container *with_lines(
                struct phx_observed *observed,
                const char *directory,
                const char *first,
                const char *second) {
        struct phx_observed_container *have = phx_observed_add_container(observed, directory);

        assert_non_null(have);
        assert_int_equal(phx_strings_add(&have->lines.tail, first), 0);
        assert_int_equal(phx_wrong_lines_add(&have->wrong_lines, PHX_LINE_NOT_IN_EFFECT, first), 0);
        if (!second)
                return have;
        assert_int_equal(phx_strings_add(&have->lines.tail, second), 0);
        assert_int_equal(
                        phx_wrong_lines_add(&have->wrong_lines, PHX_LINE_NOT_IN_EFFECT, second),
                        0);
        return have;
}

/* One of them would keep the profile out of the file, too. The value may be a secret. */
static void what_proxmox_does_not_keep_is_left_out_and_told(void **state) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        const struct phx_observed_container *items;

        assert_non_null(observed);
        with_lines(observed, "101", "lxc.no_new_privs=1", NULL)->backend = PHX_BACKEND_PVE;
        with_lines(observed, "102", "lxc.cap.drop=sys_time", "lxc.sysctl.x=hunter2")->backend =
                        PHX_BACKEND_PVE;
        with_lines(observed, "web", "lxc.no_new_privs=1", NULL);
        assert_int_equal(phx_machine_pve_skip_options("/c.json", observed), 0);
        items = observed->containers;
        assert_int_equal(items[0].lines.tail.count, 0);
        assert_int_equal(items[0].wrong_lines.count, 0);
        assert_string_equal(
                        items[0].refused_options.items[0],
                        "/c.json: lxc.no_new_privs is skipped: Proxmox does not accept this key");
        assert_int_equal(items[1].lines.tail.count, 1);
        assert_string_equal(items[1].lines.tail.items[0], "lxc.cap.drop=sys_time");
        assert_int_equal(items[1].refused_options.count, 1);
        assert_null(strstr(items[1].refused_options.items[0], "hunter2"));
        assert_true(items[1].wrong_lines.count > 0);
        assert_int_equal(items[2].lines.tail.count, 1);
        assert_int_equal(items[2].refused_options.count, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_proxmox_does_not_keep_is_left_out_and_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
