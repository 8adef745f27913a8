/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "state/record.h"

static void every_kind_has_a_name(void **state) {
        assert_string_equal(phx_record_kind_to_string(PHX_RECORD_INTENT), "intent");
        assert_string_equal(phx_record_kind_to_string(PHX_RECORD_CHANGED), "changed");
        assert_string_equal(phx_record_kind_to_string(PHX_RECORD_FAILED), "failed");
        assert_string_equal(phx_record_kind_to_string(PHX_RECORD_REFUSED), "refused");
        assert_string_equal(phx_record_kind_to_string(PHX_RECORD_ACCEPTED), "accepted");
        assert_string_equal(phx_record_kind_to_string(PHX_RECORD_DRIFT_FOUND), "drift-found");
        assert_string_equal(phx_record_kind_to_string(PHX_RECORD_DRIFT_GONE), "drift-gone");
        assert_string_equal(phx_record_kind_to_string(PHX_RECORD_POSTURE), "posture");
        assert_string_equal(phx_record_kind_to_string(PHX_RECORD_REMARK), "remark");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_has_a_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
