/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each key is a call of its own, as a monitor closes the connection after its answer. Calls are
 * made in the order of the containers, up to CALLS_LIMIT at once, and the next begins when one has
 * ended. A container of which one call fails is silent, and its other keys are not asked for. */

#include "lxc/running.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/process.h"
#include "lxc/monitor_private.h"

/* The command's number. */
#define GET_CONFIG_ITEM 7
#define CALLS_LIMIT 64
/* Of one value. */
#define VALUE_LIMIT (64 * 1024)

struct call {
        struct phx_lxc_running *container;
        size_t key;
        struct phx_buffer bytes; /* of the answer so far */
};

struct asking {
        const char *lxc_path;
        uid_t uid;
        struct phx_lxc_running *containers;
        size_t count;
        size_t container, key; /* of the next call */
        struct pollfd fds[CALLS_LIMIT];
        struct call calls[CALLS_LIMIT]; /* of the same index */
        size_t open;
};

static void running_end(struct asking *asking, size_t index) {
        (void) close(asking->fds[index].fd);
        phx_buffer_done(&asking->calls[index].bytes);
        asking->open--;
        asking->fds[index] = asking->fds[asking->open];
        asking->calls[index] = asking->calls[asking->open];
        asking->calls[asking->open] = (struct call){ 0 };
}

static void asking_done(struct asking *asking) {
        while (asking->open > 0)
                running_end(asking, asking->open - 1);
}

void phx_lxc_running_done(struct phx_lxc_running *container) {
        phx_strings_done(&container->values);
}

/* --- one call --- */

static enum phx_lxc_monitor_answer running_connect(
                const struct asking *asking,
                const char *name,
                int *ret_fd) {
        phx_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;
        socklen_t size = phx_lxc_monitor_address(asking->lxc_path, name, &address);

        if (fd < 0)
                return PHX_LXC_MONITOR_SILENT;
        if (connect(fd, (const struct sockaddr *) &address, size) < 0)
                return errno == ECONNREFUSED || errno == EPROTOTYPE ? PHX_LXC_MONITOR_NONE
                                                                    : PHX_LXC_MONITOR_SILENT;
        if (!phx_lxc_monitor_is_held_by(fd, asking->uid))
                return PHX_LXC_MONITOR_NONE;
        *ret_fd = PHX_TAKE_FD(fd);
        return PHX_LXC_MONITOR_ANSWERS;
}

static void running_begin(struct asking *asking, struct phx_lxc_running *container, size_t key) {
        int fd = -1;

        container->answer = running_connect(asking, container->name, &fd);
        if (container->answer != PHX_LXC_MONITOR_ANSWERS)
                return;
        if (!phx_lxc_monitor_send(fd, GET_CONFIG_ITEM, container->keys->items[key])) {
                container->answer = PHX_LXC_MONITOR_SILENT;
                (void) close(fd);
                return;
        }
        asking->fds[asking->open] = (struct pollfd){ .fd = fd, .events = POLLIN };
        asking->calls[asking->open++] = (struct call){ .container = container, .key = key };
}

/* 1 when the answer is whole and kept, 0 when more is to come, -EBADMSG for none, or -ENOMEM. A
 * monitor says of a key without a value that it failed. */
static int running_accept(struct call *call) {
        struct phx_lxc_monitor_response response;
        const char *value = call->bytes.data + sizeof(response);

        if (call->bytes.size < sizeof(response))
                return 0;
        memcpy(&response, call->bytes.data, sizeof(response));
        if (response.code < 0)
                return 1;
        if (response.size < 0 || response.size > VALUE_LIMIT)
                return -EBADMSG;
        if (call->bytes.size < sizeof(response) + (size_t) response.size)
                return 0;
        if (response.size == 0)
                return 1;
        if (value[response.size - 1] != '\0')
                return -EBADMSG;
        return phx_replace(&call->container->values.items[call->key], value) < 0 ? -ENOMEM : 1;
}

/* As running_accept(). */
static int running_read(int fd, struct call *call) {
        char bytes[4096];
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -EBADMSG;
        if (n == 0)
                return -EBADMSG;
        if (phx_buffer_add(&call->bytes, bytes, (size_t) n) < 0)
                return -ENOMEM;
        return running_accept(call);
}

/* --- all calls --- */

static void running_fill(struct asking *asking) {
        while (asking->open < CALLS_LIMIT && asking->container < asking->count) {
                struct phx_lxc_running *container = &asking->containers[asking->container];

                if (container->answer != PHX_LXC_MONITOR_ANSWERS ||
                    asking->key == container->keys->count) {
                        asking->container++;
                        asking->key = 0;
                        continue;
                }
                running_begin(asking, container, asking->key++);
        }
}

static int running_take(struct asking *asking) {
        for (size_t i = asking->open; i > 0; i--) {
                struct call *call = &asking->calls[i - 1];
                int r = 0;

                if (asking->fds[i - 1].revents != 0)
                        r = running_read(asking->fds[i - 1].fd, call);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        call->container->answer = PHX_LXC_MONITOR_SILENT;
                if (r != 0)
                        running_end(asking, i - 1);
        }
        /* Of one that fails nothing else is waited for. */
        for (size_t i = asking->open; i > 0; i--)
                if (asking->calls[i - 1].container->answer != PHX_LXC_MONITOR_ANSWERS)
                        running_end(asking, i - 1);
        return 0;
}

static int running_wait(struct asking *asking, uint64_t until) {
        int r = 0;

        for (running_fill(asking); r >= 0 && asking->open > 0; running_fill(asking)) {
                uint64_t now = phx_now_usec();
                const struct timespec left = { (time_t) ((until - now) / 1000000),
                                               (long) ((until - now) % 1000000 * 1000) };

                if (now >= until)
                        break;
                if (ppoll(asking->fds, asking->open, &left, NULL) > 0)
                        r = running_take(asking);
        }
        return r;
}

/* Each counts as one that answers, until it does not. */
static int running_prepare(struct phx_lxc_running *container) {
        int r = 0;

        container->answer = PHX_LXC_MONITOR_ANSWERS;
        phx_strings_done(&container->values);
        for (size_t i = 0; r >= 0 && i < container->keys->count; i++)
                r = phx_strings_add(&container->values, "");
        return r;
}

int phx_lxc_running_ask(
                const char *lxc_path,
                struct phx_lxc_running *containers,
                size_t count,
                uid_t uid,
                uint64_t deadline_usec) {
        phx_cleanup(asking_done) struct asking asking = {
                .lxc_path = lxc_path,
                .uid = uid,
                .containers = containers,
                .count = count,
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++)
                r = running_prepare(&containers[i]);
        if (r >= 0)
                r = running_wait(&asking, phx_now_usec() + deadline_usec);
        /* It is too late for what has not ended, and for what was not begun. */
        for (size_t i = 0; i < asking.open; i++)
                asking.calls[i].container->answer = PHX_LXC_MONITOR_SILENT;
        for (size_t i = asking.container; i < count; i++)
                if (containers[i].answer == PHX_LXC_MONITOR_ANSWERS)
                        containers[i].answer = PHX_LXC_MONITOR_SILENT;
        return r < 0 ? r : 0;
}
