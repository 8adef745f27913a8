/* SPDX-License-Identifier: GPL-2.0-or-later */

/* pidfd_open(2) for programs that run under a valgrind older than 3.20, which does not know that
 * call: a pipe that a thread writes to when the child has ended, and does not reap. For LD_PRELOAD.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct wait {
        pid_t pid;
        int fd;
};

static void *wait_for_end(void *data) {
        struct wait *wait = data;
        siginfo_t info;
        sigset_t broken;

        /* The reader may have closed its end before the child ended. */
        (void) sigemptyset(&broken);
        (void) sigaddset(&broken, SIGPIPE);
        (void) pthread_sigmask(SIG_BLOCK, &broken, NULL);
        while (waitid(P_PID, (id_t) wait->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
        }
        (void) !write(wait->fd, "", 1);
        (void) close(wait->fd);
        free(wait);
        return NULL;
}

__attribute__((visibility("default"))) int pidfd_open(pid_t pid, unsigned flags) {
        struct wait *wait = malloc(sizeof(*wait));
        pthread_t thread;
        int fds[2];

        if (!wait || pipe2(fds, O_CLOEXEC) < 0) {
                free(wait);
                return -1;
        }
        *wait = (struct wait){ pid, fds[1] };
        if (pthread_create(&thread, NULL, wait_for_end, wait) != 0) {
                (void) close(fds[0]);
                (void) close(fds[1]);
                free(wait);
                errno = EAGAIN;
                return -1;
        }
        (void) pthread_detach(thread);
        return fds[0];
}
