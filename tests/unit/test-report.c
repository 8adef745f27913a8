/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "state/report.h"

static void inits_are_kept_in_order(void **state) {
        phx_cleanup(phx_report_freep) struct phx_report *report = calloc(1, sizeof(*report));

        assert_non_null(report);
        assert_int_equal(phx_report_add_init(report, 11), 0);
        assert_int_equal(phx_report_add_init(report, 7), 0);
        assert_int_equal(report->init_count, 2);
        assert_int_equal(report->inits[0], 11);
        assert_int_equal(report->inits[1], 7);
}

static void all_that_is_in_it_is_freed_with_it(void **state) {
        phx_cleanup(phx_report_freep) struct phx_report *report = calloc(1, sizeof(*report));

        assert_non_null(report);
        assert_int_equal(phx_replace(&report->status, "In sync"), 0);
        assert_int_equal(phx_replace(&report->lxc_path, "/var/lib/lxc"), 0);
        assert_int_equal(phx_strings_add(&report->watches, "/etc"), 0);
        assert_null(phx_report_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(inits_are_kept_in_order),
                cmocka_unit_test(all_that_is_in_it_is_freed_with_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
