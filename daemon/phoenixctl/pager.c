/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/pager.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The process has one pager. */
static pid_t pager = -1;

static pid_t pager_start(const char *command, int input) {
        char shell[] = "sh", option[] = "-c";
        char *line[] = { shell, option, strdupa(command), NULL };
        posix_spawn_file_actions_t actions;
        pid_t pid = -1;

        /* Quit when it fits on the screen, leave what was shown, pass colours on, and end with the
         * program at an interrupt; what the user has set counts more. */
        (void) setenv("LESS", "FRSXMK", 0);
        if (posix_spawn_file_actions_init(&actions) != 0)
                return -1;
        if (posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) != 0 ||
            posix_spawnp(&pid, "sh", &actions, NULL, line, environ) != 0)
                pid = -1;
        (void) posix_spawn_file_actions_destroy(&actions);
        return pid;
}

void pager_open(const struct ctl *ctl) {
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        const char *command = getenv("PAGER");
        int pipes[2];

        if (ctl->no_pager || ctl->json || ctl->quiet || !isatty(STDOUT_FILENO))
                return;
        if (!command)
                command = "less";
        if (!command[0] || strcmp(command, "cat") == 0 || pipe2(pipes, O_CLOEXEC) < 0)
                return;
        pager = pager_start(command, pipes[0]);
        if (pager >= 0) {
                (void) fflush(stdout);
                (void) dup2(pipes[1], STDOUT_FILENO);
                /* Who leaves the pager early has seen enough. */
                (void) signal(SIGPIPE, SIG_DFL);
        }
        (void) close(pipes[0]);
        (void) close(pipes[1]);
}

void pager_close(void) {
        if (pager < 0)
                return;
        (void) fclose(stdout);
        (void) waitpid(pager, NULL, 0);
        pager = -1;
}
