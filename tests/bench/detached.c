/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Can a file of /proc be written through a /proc that is not mounted anywhere?
 *
 *      phoenixd-detached FILE
 *
 * does it as runc 1.3.3 and newer, with a FILE such as sys/net/ipv4/ip_forward, and puts back what
 * it holds. A file that cannot be read is opened for writing, and not written. It is linked
 * statically: a container of the tests has no libraries.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE 6 /* FSCONFIG_CMD_CREATE, an enumerator of <linux/mount.h> */

static int open_proc(void) {
        int context = (int) syscall(SYS_fsopen, "proc", 1);

        if (context < 0 || syscall(SYS_fsconfig, context, CREATE, NULL, NULL, 0) < 0)
                return -1;
        return (int) syscall(SYS_fsmount, context, 1, 0);
}

static int reopen(int descriptor, int flags) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
        return open(path, flags | O_CLOEXEC);
}

static int write_back(int file) {
        char value[256];
        int in = reopen(file, O_RDONLY);
        int out = reopen(file, O_WRONLY);
        ssize_t size;

        if (out < 0)
                return -1;
        size = in < 0 ? 0 : read(in, value, sizeof(value));
        if (size <= 0)
                return 0;
        return write(out, value, (size_t) size) == size ? 0 : -1;
}

int main(int argc, char **argv) {
        int proc, file;

        if (argc != 2) {
                fprintf(stderr, "usage: phoenixd-detached FILE\n");
                return 2;
        }
        proc = open_proc();
        file = proc < 0 ? -1 : openat(proc, argv[1], O_PATH | O_CLOEXEC);
        if (file >= 0 && write_back(file) == 0)
                return 0;
        printf("%s\n", strerror(errno));
        return 1;
}
