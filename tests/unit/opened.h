/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which files of a directory of the tree are opened. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cmocka.h>

#include "tree.h"

/* From now on. The caller closes it. */
static inline int opened_watch(const char *directory) {
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        assert_true(fd >= 0);
        assert_true(inotify_add_watch(fd, tree_path(directory), IN_OPEN) >= 0);
        return fd;
}

/* How many times since the last call one with this end of its name. */
static inline unsigned opened_count(int fd, const char *end) {
        _Alignas(struct inotify_event) char events[16384];
        ssize_t size = read(fd, events, sizeof(events));
        unsigned count = 0;

        for (ssize_t at = 0; at < size;) {
                const struct inotify_event *event = (const void *) (events + at);
                size_t length = event->len > 0 ? strlen(event->name) : 0;

                count += length >= strlen(end) &&
                         strcmp(event->name + length - strlen(end), end) == 0;
                at += (ssize_t) (sizeof(*event) + event->len);
        }
        return count;
}
