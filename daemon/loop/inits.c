/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "loop/inits.h"

#include <errno.h>
#include <sys/pidfd.h>

#include "base/error.h"

struct init {
        struct inits *inits;
        pid_t pid;
        int fd; /* -1 when it has ended */
        sd_event_source *source;
        bool wanted;
};

struct inits {
        sd_event *event;
        struct listener listener;
        struct init **items; /* by address: each is the data of its event source */
        size_t count;
};

static void stop_waiting(struct init *init) {
        init->source = sd_event_source_disable_unref(init->source);
        if (init->fd >= 0)
                (void) close(init->fd);
        init->fd = -1;
}

static struct init *init_free(struct init *init) {
        if (!init)
                return NULL;

        stop_waiting(init);
        free(init);

        return NULL;
}
PHX_DEFINE_FREEP(init)

static int inits_on_ended(sd_event_source *source, int fd, uint32_t revents, void *data) {
        struct init *init = data;
        const struct listener *listener = &init->inits->listener;

        /* It stays readable for ever. The entry stays, so that a process that is never reaped does
         * not end again with each report that still has it. */
        stop_waiting(init);
        listener->look(listener->data, &listener_tasks);
        return 0;
}

int inits_new(sd_event *event, const struct listener *listener, struct inits **ret_inits) {
        phx_cleanup(inits_freep) struct inits *inits = calloc(1, sizeof(*inits));

        if (!inits)
                return -ENOMEM;
        inits->event = sd_event_ref(event);
        inits->listener = *listener;
        *ret_inits = PHX_TAKE(inits);
        return 0;
}

struct inits *inits_free(struct inits *inits) {
        if (!inits)
                return NULL;

        for (size_t i = 0; i < inits->count; i++)
                inits->items[i] = init_free(inits->items[i]);
        free(inits->items);
        sd_event_unref(inits->event);
        free(inits);

        return NULL;
}

static struct init *inits_find(const struct inits *inits, pid_t pid) {
        for (size_t i = 0; i < inits->count; i++)
                if (inits->items[i]->pid == pid)
                        return inits->items[i];
        return NULL;
}

/* 1 when it has ended before we could wait. */
static int inits_add(struct inits *inits, pid_t pid) {
        phx_cleanup(init_freep) struct init *init = calloc(1, sizeof(*init));
        struct init **items;
        bool ended;

        items = reallocarray(inits->items, inits->count + 1, sizeof(struct init *));
        if (items)
                inits->items = items;
        if (!init || !items)
                return -ENOMEM;

        *init = (struct init){ .inits = inits, .pid = pid, .wanted = true };
        init->fd = pidfd_open(pid, 0);
        ended = init->fd < 0 && errno == ESRCH;
        if (init->fd >= 0 &&
            sd_event_add_io(inits->event, &init->source, init->fd, EPOLLIN, inits_on_ended, init) <
                            0)
                stop_waiting(init);

        items[inits->count++] = PHX_TAKE(init);
        return ended;
}

static void remove_unwanted(struct inits *inits) {
        size_t kept = 0;

        for (size_t i = 0; i < inits->count; i++) {
                if (inits->items[i]->wanted)
                        inits->items[kept++] = inits->items[i];
                else
                        (void) init_free(inits->items[i]);
        }
        inits->count = kept;
}

int inits_set(struct inits *inits, const pid_t *pids, size_t count) {
        bool ended = false;

        for (size_t i = 0; i < inits->count; i++)
                inits->items[i]->wanted = false;

        for (size_t i = 0; i < count; i++) {
                struct init *init = inits_find(inits, pids[i]);
                int r;

                if (init) {
                        init->wanted = true;
                        continue;
                }
                r = inits_add(inits, pids[i]);
                if (r < 0)
                        return r;
                ended = ended || r > 0;
        }
        remove_unwanted(inits);
        return ended;
}
