/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void output_look(struct ctl *ctl) {
        /* The process has one thread. NOLINTBEGIN(concurrency-mt-unsafe) */
        const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
        /* NOLINTEND(concurrency-mt-unsafe) */
        struct winsize size = { 0 };

        if (!isatty(STDOUT_FILENO))
                return;
        ctl->colour = !(no_colour && no_colour[0]) && term && strcmp(term, "dumb") != 0;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                ctl->width = size.ws_col;
        else
                ctl->width = 80;
}

int output_end(int status) {
        if (fflush(stdout) == 0 && !ferror(stdout))
                return status;
        (void) fprintf(stderr, "phoenixctl: standard output: %s\n", strerrordesc_np(errno));
        return CTL_ERROR;
}
