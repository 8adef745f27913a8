/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

/* The sources that are to be compiled, and are not yet: they run, or wait for one that runs to end.
 * What is remembered of each, from one look to the next. */

/* Who waits for it. */
enum phx_urgency {
        PHX_URGENCY_LOW,     /* no container */
        PHX_URGENCY_NAMED,   /* a container that is stopped */
        PHX_URGENCY_RUNNING, /* a container that runs; the last */
};

struct phx_queued {
        char *name;
        char key[PHX_SHA256_HEX];
        uint64_t since_usec; /* monotonic: when it was found */
        enum phx_urgency urgency;
        bool is_ranked; /* the URGENCY is known */
        bool is_retry;  /* it failed before, and what it failed with is still said */
        bool is_alone;  /* shares no run: one that it shared came to nothing */
        size_t bytes;   /* with all that it includes; 0: not counted yet, SIZE_MAX: shares no run */
        bool is_awaited; /* since a person asked for a look */
        bool is_current; /* is to be compiled now; the caller's own mark */
};

struct phx_queue {
        struct phx_queued *items; /* sorted by name */
        size_t count;
};

/* NULL when there is none. */
struct phx_queued *phx_queue_find(const struct phx_queue *queue, const char *name);
/* The one of this name and key, marked as current: as it was, or a new one in place of one with
 * another key. Valid until the next call. NULL when memory is short. */
struct phx_queued *phx_queue_put(
                struct phx_queue *queue,
                const char *name,
                const char *key,
                uint64_t now_usec);
void phx_queue_remove(struct phx_queue *queue, const char *name);
/* Removes what is not marked as current, and takes the marks away. */
void phx_queue_sweep(struct phx_queue *queue);
/* The first of those for which IS_WANTED says so, a retry after all others: the most urgent, the
 * one that waits longest, then by name. NULL when there is none. */
struct phx_queued *phx_queue_first(
                const struct phx_queue *queue,
                bool (*is_wanted)(void *data, const struct phx_queued *queued),
                void *data);
/* Notes that NAME has at least this URGENCY; nothing when it is not in the queue, or was ranked. */
void phx_queue_rank(struct phx_queue *queue, const char *name, enum phx_urgency urgency);
/* Whether any is not ranked yet; and all of them are from now on. */
bool phx_queue_is_unranked(const struct phx_queue *queue);
void phx_queue_set_ranked(struct phx_queue *queue);
void phx_queue_done(struct phx_queue *queue);
