/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* By what a file or directory is recognized as unchanged, from one stat(2). The zero value is that
 * of nothing, and equals only itself. */
struct phx_stamp {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec mtime, ctime;
        mode_t mode;
        uid_t uid;
        gid_t gid;
};

struct phx_stamp phx_stamp_of(const struct stat *st);
bool phx_stamp_equal(const struct phx_stamp *a, const struct phx_stamp *b);

/* Whether a change that comes after this call is sure to give another stamp. To be asked after the
 * stat(2) and before the content is read; where it is false, the content is to be read again the
 * next time, whatever the stamp. */
bool phx_stamp_is_settled(const struct phx_stamp *stamp);
/* After how many nanoseconds it is; UINT64_MAX for a whole second that is far ahead. */
uint64_t phx_stamp_settles_in(const struct phx_stamp *stamp);
