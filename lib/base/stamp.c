/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The kernel takes the time of a change from its coarse clock, which stands still for a tick: two
 * changes within one tick leave the same times. So what was changed just now is not believed yet.
 * File systems without fractions of a second (or with two seconds, as FAT) leave zeros there.
 *
 * A time that is still to come is left when the clock is set back. A change has an earlier one
 * until the clock comes there again, and then it would have to come in that very tick, of which the
 * clock would have to take the same nanosecond: that is not waited for, which may be years. A whole
 * second is long enough to be met by chance. */

#include "base/stamp.h"

#include <stdint.h>
#include <time.h>

/* 20 ms, and a tick of at most 10. */
#define SETTLED_NSEC INT64_C(30000000)
#define WHOLE_SECONDS_NSEC INT64_C(2000000000)
/* Longer than anything that is done between a stat(2) and the next one. */
#define AHEAD_SEC 60

struct phx_stamp phx_stamp_of(const struct stat *st) {
        return (struct phx_stamp){
                .device = st->st_dev,
                .inode = st->st_ino,
                .size = st->st_size,
                .mtime = st->st_mtim,
                .ctime = st->st_ctim,
                .mode = st->st_mode,
                .uid = st->st_uid,
                .gid = st->st_gid,
        };
}

static bool stamp_same_time(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool phx_stamp_equal(const struct phx_stamp *a, const struct phx_stamp *b) {
        return a->inode == b->inode && a->device == b->device && a->size == b->size &&
               stamp_same_time(&a->ctime, &b->ctime) && stamp_same_time(&a->mtime, &b->mtime) &&
               a->mode == b->mode && a->uid == b->uid && a->gid == b->gid;
}

uint64_t phx_stamp_settles_in(const struct phx_stamp *stamp) {
        bool has_fractions = stamp->ctime.tv_nsec != 0 || stamp->mtime.tv_nsec != 0;
        int64_t age, needed = SETTLED_NSEC + (has_fractions ? 0 : WHOLE_SECONDS_NSEC);
        struct timespec now;

        if (clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0)
                return UINT64_MAX;
        /* Beyond some seconds it may be any number of them. */
        if (now.tv_sec - stamp->ctime.tv_sec > 10)
                return 0;
        if (stamp->ctime.tv_sec - now.tv_sec > AHEAD_SEC)
                return has_fractions ? 0 : UINT64_MAX;
        age = (int64_t) (now.tv_sec - stamp->ctime.tv_sec) * 1000000000 +
              (now.tv_nsec - stamp->ctime.tv_nsec);
        return age >= needed ? 0 : (uint64_t) (needed - age);
}

bool phx_stamp_is_settled(const struct phx_stamp *stamp) {
        return phx_stamp_settles_in(stamp) == 0;
}
