/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/message.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "base/process.h"
#include "base/trust.h"

void phx_pve_task_describe(const struct phx_pve_task *task, char *text, size_t size) {
        switch (task->kind) {
        case PHX_PVE_TASK_REST:
                (void) snprintf(text, size, "at rest");
                break;
        case PHX_PVE_TASK_STATE:
                (void) snprintf(text, size, "read of its state");
                break;
        case PHX_PVE_TASK_LIST:
                (void) snprintf(text, size, "list of the containers");
                break;
        case PHX_PVE_TASK_READ:
                (void) snprintf(text, size, "read of %u.conf", task->id);
                break;
        case PHX_PVE_TASK_EDIT:
                (void) snprintf(text, size, "write of %u.conf", task->id);
                break;
        case PHX_PVE_TASK_LIST_OURS:
                (void) snprintf(text, size, "list of " PHX_REMOTE_OURS);
                break;
        case PHX_PVE_TASK_READ_OURS:
                (void) snprintf(text, size, "read of " PHX_REMOTE_OURS);
                break;
        case PHX_PVE_TASK_WATCH:
                (void) snprintf(text, size, "watch for changes");
                break;
        }
}

static int message_wait(int fd, short events, uint64_t until) {
        for (;;) {
                struct pollfd poll_fd = { .fd = fd, .events = events };
                uint64_t now = phx_now_usec();
                uint64_t left_usec = now < until ? until - now : 0;
                const struct timespec left = { (time_t) (left_usec / 1000000),
                                               (long) (left_usec % 1000000 * 1000) };
                int n;

                if (left_usec == 0)
                        return -ETIMEDOUT;
                n = ppoll(&poll_fd, 1, until == UINT64_MAX ? NULL : &left, NULL);
                if (n > 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return phx_errno();
        }
}

static bool message_is_to_be_tried_again(void) {
        return errno == EAGAIN || errno == EINTR;
}

int phx_pve_send(int fd, const void *data, size_t size, uint64_t until) {
        const char *rest = data;

        while (size > 0) {
                int r = message_wait(fd, POLLOUT, until);
                ssize_t n;

                if (r < 0)
                        return r;
                n = send(fd, rest, size, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && message_is_to_be_tried_again())
                        continue;
                if (n < 0)
                        return phx_errno();
                rest += n;
                size -= (size_t) n;
        }
        return 0;
}

int phx_pve_receive(int fd, void *data, size_t size, uint64_t until) {
        char *rest = data;

        while (size > 0) {
                int r = message_wait(fd, POLLIN, until);
                ssize_t n;

                if (r < 0)
                        return r;
                n = recv(fd, rest, size, MSG_DONTWAIT);
                if (n < 0 && message_is_to_be_tried_again())
                        continue;
                if (n <= 0)
                        return n < 0 ? phx_errno() : -EPIPE;
                rest += n;
                size -= (size_t) n;
        }
        return 0;
}
