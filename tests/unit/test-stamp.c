/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/stamp.h"

static struct phx_stamp changed_at(time_t seconds_ago, long nsec) {
        struct stat st = { .st_ino = 1 };
        struct timespec now;

        assert_int_equal(clock_gettime(CLOCK_REALTIME_COARSE, &now), 0);
        st.st_ctim = st.st_mtim = (struct timespec){ now.tv_sec - seconds_ago, nsec };
        return phx_stamp_of(&st);
}

static void what_changed_just_now_is_not_settled(void **state) {
        struct stat st = { .st_ino = 1 };
        struct phx_stamp stamp;

        assert_int_equal(clock_gettime(CLOCK_REALTIME_COARSE, &st.st_ctim), 0);
        st.st_mtim.tv_nsec = 1;
        stamp = phx_stamp_of(&st);
        assert_false(phx_stamp_is_settled(&stamp));
}

static void what_changed_long_ago_is_settled(void **state) {
        struct phx_stamp stamp = changed_at(2, 1);

        assert_true(phx_stamp_is_settled(&stamp));
        stamp = changed_at(100000, 0);
        assert_true(phx_stamp_is_settled(&stamp));
}

static void whole_seconds_need_more_of_them(void **state) {
        struct phx_stamp stamp = changed_at(1, 0);

        assert_false(phx_stamp_is_settled(&stamp));
        stamp = changed_at(5, 0);
        assert_true(phx_stamp_is_settled(&stamp));
}

/* As after the clock was set back. */
static void the_far_future_is_settled(void **state) {
        struct phx_stamp stamp = changed_at(-10, 1);
        uint64_t left = phx_stamp_settles_in(&stamp);

        assert_true(left > UINT64_C(9000000000) && left < UINT64_C(11000000000));
        stamp = changed_at(-100, 1);
        assert_true(phx_stamp_is_settled(&stamp));
        stamp = changed_at(-100000000, 1);
        assert_true(phx_stamp_is_settled(&stamp));
}

static void a_whole_second_that_is_to_come_is_not_settled(void **state) {
        struct phx_stamp stamp = changed_at(-10, 0);

        assert_false(phx_stamp_is_settled(&stamp));
        stamp = changed_at(-100000, 0);
        assert_false(phx_stamp_is_settled(&stamp));
}

static void each_part_counts(void **state) {
        const struct phx_stamp stamp = { 1, 2, 3, { 4, 5 }, { 6, 7 }, 8, 9, 10 };
        struct phx_stamp others[] = { stamp, stamp, stamp, stamp, stamp,
                                      stamp, stamp, stamp, stamp, stamp };

        others[0].device++;
        others[1].inode++;
        others[2].size++;
        others[3].mtime.tv_sec++;
        others[4].mtime.tv_nsec++;
        others[5].ctime.tv_sec++;
        others[6].ctime.tv_nsec++;
        others[7].mode++;
        others[8].uid++;
        others[9].gid++;
        assert_true(phx_stamp_equal(&stamp, &stamp));
        for (size_t i = 0; i < PHX_ELEMENTS(others); i++)
                assert_false(phx_stamp_equal(&stamp, &others[i]));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_changed_just_now_is_not_settled),
                cmocka_unit_test(what_changed_long_ago_is_settled),
                cmocka_unit_test(whole_seconds_need_more_of_them),
                cmocka_unit_test(the_far_future_is_settled),
                cmocka_unit_test(a_whole_second_that_is_to_come_is_not_settled),
                cmocka_unit_test(each_part_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
