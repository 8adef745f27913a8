/* SPDX-License-Identifier: GPL-2.0-or-later */

/* /run/lock is writable for everybody on Debian, and Proxmox makes /run/lock/lxc when its first
 * program runs, or takes what is there. So the directory is made if it is missing, as Proxmox would
 * make it, and then judged by a descriptor of it: somebody else's would let that one hold, or
 * redirect, the lock. */

#include "pve/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/process.h"
#include "base/strings.h"
#include "pve/cluster.h"

#define RETRY_USEC UINT64_C(10000)

static int lock_open_directory(const char *directory, int *ret_fd, struct phx_error *error) {
        phx_autoclose int fd = -1;
        struct stat st;

        if (mkdir(directory, 0755) < 0 && errno != EEXIST)
                return phx_error_errno(error, directory);
        fd = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return phx_error_errno(error, directory);
        if (st.st_uid != geteuid() || (st.st_mode & 0022))
                return phx_error_set(
                                error,
                                -EPERM,
                                "%s: found owner %u and mode %04o, expected owner %u and a "
                                "directory that no other user may write",
                                directory,
                                (unsigned) st.st_uid,
                                (unsigned) st.st_mode & 07777,
                                (unsigned) geteuid());
        *ret_fd = PHX_TAKE_FD(fd);
        return 0;
}

static int lock_wait(int fd, uint64_t patience_usec) {
        uint64_t until = phx_now_usec() + patience_usec;

        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return phx_errno();
                if (phx_now_usec() >= until)
                        return -EBUSY;
                phx_pve_pause(RETRY_USEC);
        }
        return 0;
}

int phx_pve_lock(
                const char *directory,
                uint32_t id,
                uint64_t patience_usec,
                int *ret_fd,
                struct phx_error *error) {
        phx_autoclose int directory_fd = -1;
        phx_autofree char *path = NULL;
        phx_autoclose int fd = -1;
        struct stat st;
        int r;

        if (phx_printf(&path, "%s/pve-config-%u.lock", directory, id) < 0)
                return -ENOMEM;
        r = lock_open_directory(directory, &directory_fd, error);
        if (r < 0)
                return r;
        /* Without O_NONBLOCK a FIFO in its place would be waited for. */
        fd = openat(directory_fd,
                    path + strlen(directory) + 1,
                    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                    0644);
        if (fd < 0 || fstat(fd, &st) < 0)
                return phx_error_errno(error, path);
        if (!S_ISREG(st.st_mode))
                return phx_error_set(error, -EPERM, "%s: is not a regular file", path);
        r = lock_wait(fd, patience_usec);
        if (r == -EBUSY)
                return phx_error_set(
                                error,
                                r,
                                "%s: another process holds Proxmox's lock of the container",
                                path);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));
        *ret_fd = PHX_TAKE_FD(fd);
        return 0;
}
