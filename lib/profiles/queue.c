/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "profiles/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/sorted.h"

void phx_queue_done(struct phx_queue *queue) {
        for (size_t i = 0; i < queue->count; i++)
                free(queue->items[i].name);
        free(queue->items);
        *queue = (struct phx_queue){ 0 };
}

static int queue_compare_name(const void *name, const void *queued) {
        return strcmp(name, ((const struct phx_queued *) queued)->name);
}

/* The first that does not come before NAME. */
static size_t queue_lower_bound(const struct phx_queue *queue, const char *name) {
        return phx_lower_bound(
                        name,
                        queue->items,
                        queue->count,
                        sizeof(*queue->items),
                        queue_compare_name);
}

struct phx_queued *phx_queue_find(const struct phx_queue *queue, const char *name) {
        size_t at = queue_lower_bound(queue, name);

        return at < queue->count && strcmp(queue->items[at].name, name) == 0 ? &queue->items[at]
                                                                             : NULL;
}

static struct phx_queued *queue_insert(struct phx_queue *queue, const char *name) {
        size_t at = queue_lower_bound(queue, name);
        char *copy = strdup(name);

        if (!copy || !phx_grow(&queue->items, &queue->count, sizeof(*queue->items))) {
                free(copy);
                return NULL;
        }
        memmove(&queue->items[at + 1],
                &queue->items[at],
                (queue->count - 1 - at) * sizeof(*queue->items));
        queue->items[at] = (struct phx_queued){ .name = copy };
        return &queue->items[at];
}

/* Another text is another matter: nothing of the former counts, not even that it was waited for. */
struct phx_queued *phx_queue_put(
                struct phx_queue *queue,
                const char *name,
                const char *key,
                uint64_t now_usec) {
        struct phx_queued *queued = phx_queue_find(queue, name);

        if (!queued)
                queued = queue_insert(queue, name);
        if (!queued)
                return NULL;
        if (strcmp(queued->key, key) != 0) {
                *queued = (struct phx_queued){ .name = queued->name, .since_usec = now_usec };
                memcpy(queued->key, key, sizeof(queued->key));
        }
        queued->is_current = true;
        return queued;
}

void phx_queue_remove(struct phx_queue *queue, const char *name) {
        struct phx_queued *queued = phx_queue_find(queue, name);

        if (!queued)
                return;
        free(queued->name);
        queue->count--;
        memmove(queued,
                queued + 1,
                (queue->count - (size_t) (queued - queue->items)) * sizeof(*queued));
}

void phx_queue_sweep(struct phx_queue *queue) {
        size_t kept = 0;

        for (size_t i = 0; i < queue->count; i++) {
                if (!queue->items[i].is_current) {
                        free(queue->items[i].name);
                        continue;
                }
                queue->items[i].is_current = false;
                queue->items[kept++] = queue->items[i];
        }
        queue->count = kept;
}

static bool queued_comes_before(const struct phx_queued *a, const struct phx_queued *b) {
        if (a->is_retry != b->is_retry)
                return b->is_retry;
        if (a->urgency != b->urgency)
                return a->urgency > b->urgency;
        return a->since_usec < b->since_usec;
}

struct phx_queued *phx_queue_first(
                const struct phx_queue *queue,
                bool (*is_wanted)(void *data, const struct phx_queued *queued),
                void *data) {
        struct phx_queued *first = NULL;

        for (size_t i = 0; i < queue->count; i++) {
                struct phx_queued *queued = &queue->items[i];

                if ((!first || queued_comes_before(queued, first)) && is_wanted(data, queued))
                        first = queued;
        }
        return first;
}

void phx_queue_rank(struct phx_queue *queue, const char *name, enum phx_urgency urgency) {
        struct phx_queued *queued = phx_queue_find(queue, name);

        if (queued && !queued->is_ranked && urgency > queued->urgency)
                queued->urgency = urgency;
}

bool phx_queue_is_unranked(const struct phx_queue *queue) {
        for (size_t i = 0; i < queue->count; i++)
                if (!queue->items[i].is_ranked)
                        return true;
        return false;
}

void phx_queue_set_ranked(struct phx_queue *queue) {
        for (size_t i = 0; i < queue->count; i++)
                queue->items[i].is_ranked = true;
}
