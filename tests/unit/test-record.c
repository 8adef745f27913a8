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

/* A record of another version must not be taken for one of ours, nor be lost. */
static void a_kind_is_known_by_its_name_alone(void **state) {
        enum phx_record_kind kind = PHX_RECORD_INTENT;

        for (unsigned i = 0; i < PHX_RECORD_KINDS; i++) {
                const char *name = phx_record_kind_to_string((enum phx_record_kind) i);

                assert_string_not_equal(name, "unknown");
                assert_true(phx_record_kind_from_string(name, &kind));
                assert_int_equal(kind, i);
        }
        assert_false(phx_record_kind_from_string("of-a-later-version", &kind));
        assert_false(phx_record_kind_from_string("unknown", &kind));
        assert_false(phx_record_kind_from_string("", &kind));
        assert_false(phx_record_kind_from_string(NULL, &kind));
        assert_int_equal(kind, PHX_RECORD_KINDS - 1);
}

static void what_failed_is_bad_and_what_was_done_is_not(void **state) {
        assert_true(phx_record_kind_is_bad(PHX_RECORD_FAILED));
        assert_true(phx_record_kind_is_bad(PHX_RECORD_REFUSED));
        assert_true(phx_record_kind_is_bad(PHX_RECORD_FOREIGN));
        assert_false(phx_record_kind_is_bad(PHX_RECORD_CHANGED));
        assert_false(phx_record_kind_is_bad(PHX_RECORD_JUDGED));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_has_a_name),
                cmocka_unit_test(a_kind_is_known_by_its_name_alone),
                cmocka_unit_test(what_failed_is_bad_and_what_was_done_is_not),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
