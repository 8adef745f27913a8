/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "loop/watch_instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include <inotifytools/inotifytools.h>

#include "base/error.h"

/* The lowest number that is free, which the next descriptor gets: no other thread opens any. Fewer
 * than FD_SETSIZE, as the library's own select() can take no other. */
static int find_free(void) {
        int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

        if (fd < 0)
                fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return phx_errno();
        (void) close(fd);
        return fd < FD_SETSIZE ? fd : -EMFILE;
}

static bool is_instance(int fd) {
        char path[64], target[64];
        ssize_t size;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        size = readlink(path, target, sizeof(target) - 1);
        if (size <= 0)
                return false;
        target[size] = '\0';
        return strcmp(target, "anon_inode:inotify") == 0;
}

static int begin(void) {
        if (!inotifytools_initialize())
                return inotifytools_error() > 0 ? -inotifytools_error() : -EIO;
        return 0;
}

/* Where the library opens something else before, or had one already: the one that is new when it
 * begins again. Nothing else in the daemon uses the library. */
static int search(void) {
        int found = -EBUSY, r;
        fd_set before;

        inotifytools_cleanup();
        FD_ZERO(&before);
        for (int fd = 0; fd < FD_SETSIZE; fd++)
                if (is_instance(fd))
                        FD_SET(fd, &before);
        r = begin();
        for (int fd = 0; r >= 0 && fd < FD_SETSIZE; fd++)
                if (!FD_ISSET(fd, &before) && is_instance(fd)) {
                        if (found >= 0)
                                return -EBUSY;
                        found = fd;
                }
        return r < 0 ? r : found;
}

int watch_instance_open(int *ret_fd) {
        int fd = find_free(), r;

        if (fd < 0)
                return fd;
        r = begin();
        if (r < 0)
                return r;
        if (!is_instance(fd))
                fd = search();
        if (fd < 0)
                return fd;
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
                return phx_errno();
        *ret_fd = fd;
        return 0;
}
