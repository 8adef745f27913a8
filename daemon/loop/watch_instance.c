/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "loop/watch_instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include <inotifytools/inotifytools.h>

#include "base/error.h"

/* The descriptors that are inotify instances, as a set: fewer than FD_SETSIZE, as the library's own
 * select() can take no other. */
static int scan_instances(fd_set *ret_set) {
        DIR *dir = opendir("/proc/self/fd");
        const struct dirent *entry;

        if (!dir)
                return phx_errno();
        FD_ZERO(ret_set);
        while ((entry = readdir(dir))) {
                char target[64];
                ssize_t size = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
                long fd = strtol(entry->d_name, NULL, 10);

                if (size <= 0 || fd >= FD_SETSIZE)
                        continue;
                target[size] = '\0';
                if (strcmp(target, "anon_inode:inotify") == 0)
                        FD_SET(fd, ret_set);
        }
        (void) closedir(dir);
        return 0;
}

/* The one descriptor that is in AFTER and not in BEFORE. */
static int find_new(const fd_set *before, const fd_set *after) {
        int found = -EBUSY;

        for (int fd = 0; fd < FD_SETSIZE; fd++)
                if (FD_ISSET(fd, after) && !FD_ISSET(fd, before)) {
                        if (found >= 0)
                                return -EBUSY;
                        found = fd;
                }
        return found;
}

int watch_instance_open(int *ret_fd) {
        fd_set before = { 0 }, after = { 0 };
        int fd, r;

        r = scan_instances(&before);
        if (r < 0)
                return r;
        if (!inotifytools_initialize())
                return inotifytools_error() > 0 ? -inotifytools_error() : -EIO;

        r = scan_instances(&after);
        fd = r < 0 ? r : find_new(&before, &after);
        if (fd < 0)
                return fd;
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
                return phx_errno();
        *ret_fd = fd;
        return 0;
}
