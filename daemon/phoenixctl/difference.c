/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/difference.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/macros.h"

/* A name under which diff(1) reads the text; the descriptor is to be closed behind it. */
static int offer(const char *text, size_t size, int *ret_fd, char name[64]) {
        phx_autoclose int fd = memfd_create("difference", 0);

        if (fd < 0 || (size > 0 && write(fd, text, size) != (ssize_t) size))
                return phx_errno();
        (void) snprintf(name, 64, "/dev/fd/%d", fd);
        *ret_fd = PHX_TAKE_FD(fd);
        return 0;
}

static void label(char text[PATH_MAX + 16], char side, const char *file, bool exists) {
        if (exists)
                (void) snprintf(text, PATH_MAX + 16, "%c%s", side, file);
        else
                (void) snprintf(text, PATH_MAX + 16, "/dev/null");
}

int difference_print(const struct ctl *ctl, const struct difference *difference) {
        phx_autoclose int old_fd = -1, new_fd = -1;
        char old_name[64], new_name[64], old_label[PATH_MAX + 16], new_label[PATH_MAX + 16];
        char diff[] = "diff", unified[] = "-u", option[] = "--label";
        char colour[] = "--color=always", plain[] = "--color=never";
        char *line[] = { diff,      unified,   ctl->colour ? colour : plain,
                         option,    old_label, option,
                         new_label, old_name,  new_name,
                         NULL };
        pid_t pid = -1;
        int status = 0, r;

        r = offer(difference->before, difference->before_size, &old_fd, old_name);
        if (r >= 0)
                r = offer(difference->after, difference->after_size, &new_fd, new_name);
        if (r < 0)
                return r;
        label(old_label, 'a', difference->file, difference->before);
        label(new_label, 'b', difference->file, difference->after);
        (void) fflush(stdout);
        if (posix_spawnp(&pid, "diff", NULL, NULL, line, environ) != 0 ||
            waitpid(pid, &status, 0) < 0)
                return -EIO;
        /* 1 is what diff says when there is a difference. */
        return WIFEXITED(status) && WEXITSTATUS(status) <= 1 ? 0 : -EIO;
}
