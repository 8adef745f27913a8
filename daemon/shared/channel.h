/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/macros.h"

/* How the loop and the engine talk: framed messages over one end of a stream socket pair. */

enum channel_type {
        CHANNEL_LOOK = 1, /* to the engine: look; VALUE is its enum look_kind, TEXT what is to be
                           suspended, or empty */
        CHANNEL_PROGRESS, /* from it: TEXT is what it does just now */
        CHANNEL_SNAPSHOT, /* from it, before a report: TEXT is the snapshot in JSON. Without one, it
                             is as it was sent last */
        CHANNEL_PLAN,     /* the same of the plan, for those alone who may see the files' texts */
        CHANNEL_SUSPENDED, /* from it, before a failure: TEXT is all that is suspended, in JSON,
                              after what was asked for had been stored */
        CHANNEL_REPORT,    /* from it: the look is over, TEXT is the report in JSON */
        CHANNEL_FAILURE,   /* from it: the look could not be made; VALUE is a negative errno */
        CHANNEL_LABELS,    /* from it: a LOOK_LABELS is over; VALUE is 1 when one differs, else 0 */
        CHANNEL_SCOPE,     /* to the engine, before a LOOK: TEXT is what must be read again
                              (shared/scope_text.h). Without one, everything */
};

struct channel_message {
        enum channel_type type;
        int32_t value;
        char *text; /* has a NUL behind SIZE bytes */
        size_t size;
};

/* The zero value with FD set is ready. Does not own the descriptor. */
struct channel {
        int fd;
        struct phx_buffer input;
};

void channel_done(struct channel *channel);

struct channel_message *channel_message_free(struct channel_message *message);
static inline void channel_message_freep(struct channel_message **message) {
        *message = channel_message_free(*message);
}

/* Sends one message whole, TEXT may be NULL. On a descriptor that does not block, -EAGAIN may come
 * after a part of it was sent: the channel is of no use then. -EPIPE when the other side is gone.
 */
int channel_send(int fd, enum channel_type type, int32_t value, const char *text);

/* 1 and a message, 0 when there is none yet (only on a descriptor that does not block), -EPIPE when
 * the other side is gone, -EBADMSG for what is not ours, or another negative errno. Messages wait
 * in memory: call until it returns 0 before polling the descriptor again. */
int channel_receive(struct channel *channel, struct channel_message **ret_message);
