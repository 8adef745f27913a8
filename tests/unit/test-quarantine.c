/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "profiles/quarantine.h"
#include "state/report.h"

#define SECONDS 1000000ULL
#define MINUTES (60 * SECONDS)

static struct phx_quarantine quarantine;

static int tear_down(void **state) {
        phx_quarantine_done(&quarantine);
        assert_int_equal(quarantine.count, 0);
        return 0;
}

static void put(const char *name, const char *key, int code, uint64_t now_usec) {
        char text[64];
        struct phx_quarantined failure = { 0 };
        phx_autofree char *copy = strdup(name);

        (void) snprintf(text, sizeof(text), "%s: is bad", name);
        failure.name = copy;
        failure.text = text;
        (void) snprintf(failure.key, sizeof(failure.key), "%s", key);
        assert_int_equal(phx_quarantine_put(&quarantine, &failure, code, now_usec), 0);
}

static void a_source_is_known_by_name_and_key(void **state) {
        put("lxc-a", "k1", -EINVAL, 0);
        assert_string_equal(phx_quarantine_find(&quarantine, "lxc-a", "k1")->text, "lxc-a: is bad");
        assert_null(phx_quarantine_find(&quarantine, "lxc-a", "k2"));
        assert_null(phx_quarantine_find(&quarantine, "lxc-b", "k1"));
}

static void what_the_author_must_mend_is_never_tried_again(void **state) {
        put("lxc-a", "k1", -EINVAL, 5);
        assert_int_equal(phx_quarantine_find(&quarantine, "lxc-a", "k1")->retry_at, PHX_NEVER);
        assert_int_equal(phx_quarantine_next(&quarantine, 10), PHX_NEVER);
}

static void the_wait_doubles_up_to_an_hour(void **state) {
        static const uint64_t waits[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };

        for (size_t i = 0; i < PHX_ELEMENTS(waits); i++) {
                put("lxc-a", "k1", -ETIMEDOUT, 7);
                assert_int_equal(quarantine.count, 1);
                assert_int_equal(quarantine.items[0].retry_at, 7 + waits[i] * MINUTES);
        }
}

static void other_input_begins_with_the_shortest_wait(void **state) {
        put("lxc-a", "k1", -ETIMEDOUT, 0);
        put("lxc-a", "k1", -ETIMEDOUT, 0);
        put("lxc-a", "k2", -ENOMEM, 0);
        assert_null(phx_quarantine_find(&quarantine, "lxc-a", "k1"));
        assert_int_equal(phx_quarantine_find(&quarantine, "lxc-a", "k2")->retry_at, 1 * MINUTES);
}

static void the_next_is_the_first_of_all(void **state) {
        assert_int_equal(phx_quarantine_next(&quarantine, 0), PHX_NEVER);
        put("lxc-a", "k", -EINVAL, 0);
        put("lxc-b", "k", -ETIMEDOUT, 20 * SECONDS);
        put("lxc-c", "k", -ETIMEDOUT, 10 * SECONDS);
        assert_int_equal(phx_quarantine_next(&quarantine, 30 * SECONDS), 40 * SECONDS);
        assert_int_equal(phx_quarantine_next(&quarantine, 70 * SECONDS), 0);
        assert_int_equal(phx_quarantine_next(&quarantine, 90 * SECONDS), 0);
}

static void what_has_no_source_any_more_is_swept_away(void **state) {
        put("lxc-a", "k", -EINVAL, 0);
        put("lxc-b", "k", -EINVAL, 0);
        put("lxc-c", "k", -EINVAL, 0);
        phx_quarantine_sweep(&quarantine);
        assert_int_equal(quarantine.count, 3); /* what was just put is current */

        phx_quarantine_find(&quarantine, "lxc-b", "k")->is_current = true;
        phx_quarantine_sweep(&quarantine);
        assert_int_equal(quarantine.count, 1);
        assert_non_null(phx_quarantine_find(&quarantine, "lxc-b", "k"));
        phx_quarantine_sweep(&quarantine);
        assert_int_equal(quarantine.count, 0);
}

static void a_release_leaves_the_others(void **state) {
        put("lxc-a", "k", -EINVAL, 0);
        put("lxc-b", "k", -EINVAL, 0);
        phx_quarantine_release(&quarantine, "lxc-a");
        phx_quarantine_release(&quarantine, "lxc-never-there");
        assert_null(phx_quarantine_find(&quarantine, "lxc-a", "k"));
        assert_non_null(phx_quarantine_find(&quarantine, "lxc-b", "k"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(a_source_is_known_by_name_and_key, tear_down),
                cmocka_unit_test_teardown(
                                what_the_author_must_mend_is_never_tried_again,
                                tear_down),
                cmocka_unit_test_teardown(the_wait_doubles_up_to_an_hour, tear_down),
                cmocka_unit_test_teardown(other_input_begins_with_the_shortest_wait, tear_down),
                cmocka_unit_test_teardown(the_next_is_the_first_of_all, tear_down),
                cmocka_unit_test_teardown(what_has_no_source_any_more_is_swept_away, tear_down),
                cmocka_unit_test_teardown(a_release_leaves_the_others, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
