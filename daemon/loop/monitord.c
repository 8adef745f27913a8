/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "loop/monitord.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"

/* One message: int type; char name[256]; int value. */
#define MESSAGE_SIZE 264
#define MESSAGE_STATE 0 /* the type that tells a container's state; the other is an exit code */

#define SECOND UINT64_C(1000000)
#define BACKOFF_LAST (300 * SECOND)

struct monitord {
        sd_event *event;
        sd_event_source *source;
        sd_event_source *timer;
        struct listener listener;
        char *lxc_path;
        int fd;
        uint64_t backoff_usec; /* of the next try after a loss, 0 when none is due */
        char message[MESSAGE_SIZE];
        size_t have; /* bytes of it */
};

/* The hash is over a name that existed as a file once. LXC prints at most 105 characters of the
 * address, and the first is not printed but is the NUL of the abstract namespace. */
socklen_t monitord_address(const char *lxc_path, struct sockaddr_un *ret_address) {
        char name[4096 + 18];
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int size;

        size = snprintf(name, sizeof(name), "lxc/%.4096s/monitor-sock", lxc_path);
        (void) snprintf(address.sun_path,
                        sizeof(address.sun_path) - 1,
                        "@lxc/%016" PRIx64 "/%s",
                        phx_fnv1a(name, (size_t) size),
                        lxc_path);
        address.sun_path[0] = '\0';
        *ret_address = address;
        return (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + strlen(&address.sun_path[1]));
}

static void monitord_disconnect(struct monitord *monitord) {
        monitord->source = sd_event_source_disable_unref(monitord->source);
        if (monitord->fd >= 0)
                (void) close(monitord->fd);
        monitord->fd = -1;
        monitord->have = 0;
}

static void forget_loss(struct monitord *monitord) {
        monitord->timer = sd_event_source_disable_unref(monitord->timer);
        monitord->backoff_usec = 0;
}

/* Anybody can take a name in the abstract namespace while lxc-monitord does not run. */
static int check_peer(int fd) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return phx_errno();
        return peer.uid == geteuid() ? 0 : -EPERM;
}

/* Never waits: a queue that is full answers -EAGAIN. */
static int connect_to(const char *lxc_path, int *ret_fd) {
        struct sockaddr_un address;
        socklen_t size = monitord_address(lxc_path, &address);
        phx_autoclose int fd = -1;
        int r;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *) &address, size) < 0)
                return phx_errno();
        r = check_peer(fd);
        if (r < 0)
                return r;
        *ret_fd = PHX_TAKE_FD(fd);
        return 0;
}

/* Takes what was read apart into messages, whose borders the stream does not keep. True when one of
 * them tells a state. */
static bool take_bytes(struct monitord *monitord, const char *data, size_t size) {
        bool told = false;

        while (size > 0) {
                size_t n = MESSAGE_SIZE - monitord->have;
                int type;

                if (n > size)
                        n = size;
                memcpy(monitord->message + monitord->have, data, n);
                monitord->have += n;
                data += n;
                size -= n;
                if (monitord->have < MESSAGE_SIZE)
                        break;
                memcpy(&type, monitord->message, sizeof(type));
                told = told || type == MESSAGE_STATE;
                monitord->have = 0;
        }
        return told;
}

/* Reads to the end: monitord writes to its clients without a timeout, and one that does not read
 * would stop the containers' own monitors. 1 when a state has come. */
static int drain(struct monitord *monitord) {
        bool told = false;

        for (;;) {
                char data[16 * MESSAGE_SIZE];
                ssize_t n = recv(monitord->fd, data, sizeof(data), 0);

                if (n < 0 && errno == EAGAIN)
                        return told;
                if (n < 0 && errno != EINTR)
                        return phx_errno();
                if (n == 0)
                        return -EPIPE;
                if (n > 0)
                        told = take_bytes(monitord, data, (size_t) n) || told;
        }
}

static void seek_again(struct monitord *monitord);

static int monitord_on_readable(sd_event_source *source, int fd, uint32_t revents, void *data) {
        struct monitord *monitord = data;
        int r;

        r = drain(monitord);
        if (r < 0) {
                monitord_disconnect(monitord);
                monitord->backoff_usec = SECOND;
                seek_again(monitord);
        }
        if (r != 0)
                monitord->listener.look(monitord->listener.data, &listener_tasks);
        return 0;
}

static int ensure_connected(struct monitord *monitord) {
        int r;

        if (monitord->fd >= 0)
                return 0;
        r = connect_to(monitord->lxc_path, &monitord->fd);
        if (r < 0)
                return r;
        r = sd_event_add_io(
                        monitord->event,
                        &monitord->source,
                        monitord->fd,
                        EPOLLIN,
                        monitord_on_readable,
                        monitord);
        if (r < 0) {
                monitord_disconnect(monitord);
                return r;
        }
        forget_loss(monitord);
        return 1;
}

static int monitord_on_timer(sd_event_source *source, uint64_t usec, void *data) {
        struct monitord *monitord = data;

        if (ensure_connected(monitord) > 0)
                monitord->listener.look(monitord->listener.data, &listener_tasks);
        else
                seek_again(monitord);
        return 0;
}

/* Arms the next try. When the tries are used up, or cannot be armed, the next look seeks. */
static void seek_again(struct monitord *monitord) {
        uint64_t delay = monitord->backoff_usec;

        monitord->timer = sd_event_source_disable_unref(monitord->timer);
        if (delay > BACKOFF_LAST)
                return;
        monitord->backoff_usec = delay * 2;
        (void) sd_event_add_time_relative(
                        monitord->event,
                        &monitord->timer,
                        CLOCK_MONOTONIC,
                        delay,
                        0,
                        monitord_on_timer,
                        monitord);
}

int monitord_new(sd_event *event, const struct listener *listener, struct monitord **ret_monitord) {
        phx_cleanup(monitord_freep) struct monitord *monitord = calloc(1, sizeof(*monitord));

        if (!monitord)
                return -ENOMEM;
        monitord->fd = -1;
        monitord->event = sd_event_ref(event);
        monitord->listener = *listener;
        *ret_monitord = PHX_TAKE(monitord);
        return 0;
}

struct monitord *monitord_free(struct monitord *monitord) {
        if (!monitord)
                return NULL;

        forget_loss(monitord);
        monitord_disconnect(monitord);
        free(monitord->lxc_path);
        sd_event_unref(monitord->event);
        free(monitord);

        return NULL;
}

int monitord_follow(struct monitord *monitord, const char *lxc_path) {
        int r;

        if (!phx_equal(monitord->lxc_path, lxc_path)) {
                r = phx_replace(&monitord->lxc_path, lxc_path);
                if (r < 0)
                        return r;
                monitord_disconnect(monitord);
                forget_loss(monitord);
        }
        return ensure_connected(monitord);
}
