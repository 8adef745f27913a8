/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A pidfd for each container that runs. The list is sorted by number, and a new one takes over from
 * it what goes on running, so that nothing is searched from its beginning. With many, they are
 * opened some at a time between events. */

#include "loop/inits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/select.h>

#include "base/error.h"

/* One takes some 5 us. */
#define SLICE 128

struct init {
        struct inits *inits;
        pid_t pid;
        int fd; /* -1 when it is not there, or is not opened yet */
        sd_event_source *source;
        bool is_opened;
        bool is_ended; /* and the listener was called */
};

struct inits {
        sd_event *event;
        sd_event_source *rest; /* what is still to be opened */
        struct listener listener;
        struct init **items; /* by number; each is the data of its event source */
        size_t count;
        size_t next; /* to be opened */
        size_t open; /* descriptors */
};

static void stop_waiting(struct init *init) {
        init->source = sd_event_source_disable_unref(init->source);
        if (init->fd < 0)
                return;
        (void) close(init->fd);
        init->fd = -1;
        init->inits->open--;
}

static struct init *init_free(struct init *init) {
        if (!init)
                return NULL;

        stop_waiting(init);
        free(init);

        return NULL;
}

static int inits_on_ended(sd_event_source *source, int fd, uint32_t revents, void *data) {
        struct init *init = data;
        const struct listener *listener = &init->inits->listener;

        /* It stays readable for ever. The entry stays, so that a process that is never reaped does
         * not end again with each report that still has it; with its descriptor, which tells when
         * another process has its number. */
        init->source = sd_event_source_disable_unref(init->source);
        init->is_ended = true;
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
        sd_event_source_disable_unref(inits->rest);
        sd_event_unref(inits->event);
        free(inits);

        return NULL;
}

/* These are hints, and leave others their half of the descriptors. */
static bool has_room(const struct inits *inits) {
        struct rlimit limit;

        return getrlimit(RLIMIT_NOFILE, &limit) == 0 && inits->open < limit.rlim_cur / 2;
}

/* Beyond what select(2) can take, which libinotifytools asks with. */
static int open_pidfd(pid_t pid) {
        int low = pidfd_open(pid, 0), high;

        if (low < 0)
                return phx_errno();
        high = fcntl(low, F_DUPFD_CLOEXEC, FD_SETSIZE);
        if (high < 0)
                return low;
        (void) close(low);
        return high;
}

/* 1 when it has ended before we could wait. */
static int init_open(struct init *init) {
        struct inits *inits = init->inits;
        bool was_ended = init->is_ended;
        int fd;

        init->is_opened = true;
        if (!has_room(inits))
                return 0;
        fd = open_pidfd(init->pid);
        init->is_ended = fd == -ESRCH;
        if (fd < 0)
                return init->is_ended && !was_ended;
        init->fd = fd;
        inits->open++;
        if (sd_event_add_io(inits->event, &init->source, fd, EPOLLIN, inits_on_ended, init) < 0)
                stop_waiting(init);
        return 0;
}

/* 1 when one of them has ended. */
static int inits_open_some(struct inits *inits) {
        size_t end = inits->next + SLICE;
        int ended = 0;

        for (; inits->next < inits->count && inits->next < end; inits->next++)
                if (!inits->items[inits->next]->is_opened)
                        ended |= init_open(inits->items[inits->next]);
        return ended;
}

static int inits_on_rest(sd_event_source *source, void *data) {
        struct inits *inits = data;

        if (inits_open_some(inits) > 0)
                inits->listener.look(inits->listener.data, &listener_tasks);
        if (inits->next == inits->count)
                (void) sd_event_source_set_enabled(inits->rest, SD_EVENT_OFF);
        return 0;
}

static int inits_leave_rest(struct inits *inits) {
        int r = 0;

        if (!inits->rest)
                r = sd_event_add_defer(inits->event, &inits->rest, inits_on_rest, inits);
        if (r >= 0)
                r = sd_event_source_set_priority(inits->rest, SD_EVENT_PRIORITY_IDLE);
        return r < 0 ? r : sd_event_source_set_enabled(inits->rest, SD_EVENT_ON);
}

static int inits_compare(const void *a, const void *b) {
        const pid_t *left = a, *right = b;

        return (*left > *right) - (*left < *right);
}

static struct init *init_new(struct inits *inits, pid_t pid) {
        struct init *init = calloc(1, sizeof(*init));

        if (init)
                *init = (struct init){ .inits = inits, .pid = pid, .fd = -1 };
        return init;
}

/* One that has ended and was reaped: its number is free now, or another process's. */
static void init_renew(struct init *init) {
        if (!init->is_ended ||
            (init->fd >= 0 && (pidfd_send_signal(init->fd, 0, NULL, 0) >= 0 || errno != ESRCH)))
                return;
        stop_waiting(init);
        init->is_opened = false;
}

/* PIDS are sorted. What is in both lists goes on. A process for which memory is short is passed
 * over. */
static int inits_replace(struct inits *inits, const pid_t *pids, size_t count) {
        struct init **items = calloc(count + 1, sizeof(struct init *));
        size_t kept = 0, old = 0;

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++) {
                if (i > 0 && pids[i] == pids[i - 1])
                        continue;
                while (old < inits->count && inits->items[old]->pid < pids[i])
                        inits->items[old] = init_free(inits->items[old]), old++;
                if (old < inits->count && inits->items[old]->pid == pids[i]) {
                        init_renew(inits->items[old]);
                        items[kept++] = PHX_TAKE(inits->items[old]), old++;
                } else if ((items[kept] = init_new(inits, pids[i])))
                        kept++;
        }
        while (old < inits->count)
                inits->items[old] = init_free(inits->items[old]), old++;
        free(inits->items);
        inits->items = items;
        inits->count = kept;
        inits->next = 0;
        return 0;
}

bool inits_have_ended(const struct inits *inits) {
        for (size_t i = 0; i < inits->count; i++)
                if (inits->items[i]->is_ended)
                        return true;
        return false;
}

int inits_set(struct inits *inits, const pid_t *pids, size_t count) {
        phx_autofree pid_t *sorted = calloc(count + 1, sizeof(*sorted));
        int r, ended;

        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                sorted[i] = pids[i];
        qsort(sorted, count, sizeof(*sorted), inits_compare);
        r = inits_replace(inits, sorted, count);
        if (r < 0)
                return r;
        ended = inits_open_some(inits);
        if (inits->next < inits->count) {
                r = inits_leave_rest(inits);
                if (r < 0)
                        return r;
        }
        return ended;
}
