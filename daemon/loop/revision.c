/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "loop/revision.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"

struct revision {
        sd_event *event;
        sd_event_source *source;
        struct listener listener;
        char *path;
        int fd;
};

static void stop_following(struct revision *revision) {
        revision->source = sd_event_source_disable_unref(revision->source);
        if (revision->fd >= 0)
                (void) close(revision->fd);
        revision->fd = -1;
}

/* Reading the number is what tells the kernel that we know. The number itself does not matter. */
static int revision_consume(const struct revision *revision) {
        char number[64];
        ssize_t n = read(revision->fd, number, sizeof(number));

        if (n < 0) {
                int r = phx_errno();

                return r == -EAGAIN || r == -EINTR ? 0 : r;
        }
        return n > 0 ? 0 : -ENODATA;
}

static int revision_on_readable(sd_event_source *source, int fd, uint32_t revents, void *data) {
        struct revision *revision = data;

        /* A file that cannot be read any more would wake us for ever. The next look opens it again.
         */
        if (revision_consume(revision) < 0)
                stop_following(revision);
        revision->listener.look(revision->listener.data, &listener_policy);
        return 0;
}

int revision_new(
                sd_event *event,
                const char *path,
                const struct listener *listener,
                struct revision **ret_revision) {
        phx_cleanup(revision_freep) struct revision *revision = calloc(1, sizeof(*revision));

        if (!revision)
                return -ENOMEM;
        revision->fd = -1;
        revision->event = sd_event_ref(event);
        revision->listener = *listener;
        revision->path = strdup(path);
        if (!revision->path)
                return -ENOMEM;
        *ret_revision = PHX_TAKE(revision);
        return 0;
}

struct revision *revision_free(struct revision *revision) {
        if (!revision)
                return NULL;

        stop_following(revision);
        free(revision->path);
        sd_event_unref(revision->event);
        free(revision);

        return NULL;
}

int revision_follow(struct revision *revision) {
        int r;

        if (revision->fd >= 0)
                return 0;
        revision->fd = open(revision->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (revision->fd < 0)
                return phx_errno();

        r = revision_consume(revision);
        if (r >= 0)
                r = sd_event_add_io(
                                revision->event,
                                &revision->source,
                                revision->fd,
                                EPOLLIN,
                                revision_on_readable,
                                revision);
        if (r < 0) {
                stop_following(revision);
                return r;
        }
        return 1;
}
