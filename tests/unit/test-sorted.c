/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/sorted.h"

static int compare(const void *key, const void *item) {
        const int *a = key, *b = item;

        return (*a > *b) - (*a < *b);
}

/* Of every length, before, at and behind each item, and where several are alike. */
static void the_first_that_does_not_come_before_is_found(void **state) {
        static const int items[] = { 1, 3, 3, 3, 5, 7, 7, 9 };

        for (size_t count = 0; count <= sizeof(items) / sizeof(items[0]); count++)
                for (int key = 0; key <= 10; key++) {
                        size_t expected = 0;

                        while (expected < count && items[expected] < key)
                                expected++;
                        assert_int_equal(
                                        phx_lower_bound(&key,
                                                        items,
                                                        count,
                                                        sizeof(items[0]),
                                                        compare),
                                        expected);
                }
}

static void only_what_is_there_is_found(void **state) {
        static const int items[] = { 1, 3, 5, 7, 9 };

        for (int key = 0; key <= 10; key++) {
                const int *found = phx_find_sorted(
                                &key,
                                items,
                                sizeof(items) / sizeof(items[0]),
                                sizeof(items[0]),
                                compare);

                if (key % 2 == 0)
                        assert_null(found);
                else
                        assert_int_equal(*found, key);
        }
}

static void among_none_none_is_found(void **state) {
        const int key = 1;

        assert_int_equal(phx_lower_bound(&key, NULL, 0, sizeof(key), compare), 0);
        assert_null(phx_find_sorted(&key, NULL, 0, sizeof(key), compare));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_that_does_not_come_before_is_found),
                cmocka_unit_test(only_what_is_there_is_found),
                cmocka_unit_test(among_none_none_is_found),
        };

        return cmocka_run_group_tests_name("sorted", tests, NULL, NULL);
}
