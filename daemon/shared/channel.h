/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "state/object.h"

/* How the loop and the engine talk: framed messages over one end of a stream socket pair. */

enum channel_type {
        CHANNEL_LOOK = 1,  /* to the engine: look; VALUE is its enum look_kind, TEXT what is to be
                            suspended, or empty */
        CHANNEL_PROGRESS,  /* from it: TEXT is what it does just now */
        CHANNEL_ALL,       /* from it, before a report: every object follows, and what does not is
                              gone */
        CHANNEL_OBJECT,    /* likewise: a new or changed object; VALUE is its enum phx_object_kind,
                              TEXT its key, JSON what it is. Objects come in the order of kind and
                              key; those that do not come are as they were sent last */
        CHANNEL_GONE,      /* likewise, in the same order: the object with the key TEXT is gone */
        CHANNEL_REST,      /* likewise: TEXT is all that is known but the objects, in JSON */
        CHANNEL_SUSPENDED, /* from it, before a failure: TEXT is all that is suspended, in JSON,
                              after what was asked for had been stored */
        CHANNEL_REPORT,    /* from it: the look is over, TEXT is the report in JSON; what came
                              before it is true from now on */
        CHANNEL_FAILURE,   /* from it: the look could not be made, and what came before is void;
                              VALUE is a negative errno */
        CHANNEL_LABELS,    /* from it: a LOOK_LABELS is over; VALUE is 1 when one differs, else 0 */
        CHANNEL_SCOPE,     /* to the engine, before a LOOK: TEXT is what must be read again
                              (shared/scope_text.h). Without one, everything */
        CHANNEL_COMPILED,  /* from it, between two looks: a compile has ended, or is late */
        CHANNEL_RESULTS,   /* to the engine, before a LOOK: TEXT is what came of jobs, in JSON
                              (codec/jobs_json.h). Without one, none has ended */
        CHANNEL_RESTARTS,  /* to the engine, before a LOOK: TEXT is which restarts operators ask for
                              (shared/restart_asks.h). Without one, none; the last */
};

struct channel_message {
        enum channel_type type;
        int32_t value;
        char *text; /* has a NUL behind SIZE bytes */
        size_t size;
        const char *json; /* of CHANNEL_OBJECT, else NULL: borrowed from TEXT; has a NUL, too */
        size_t json_size;
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

/* 1 and a message, 0 when there is none yet, -EPIPE when the other side is gone, -EBADMSG for what
 * is not ours, or another negative errno. Reads no more than some hundred KiB, so that 0 may come
 * although the descriptor is still readable. */
int channel_receive(struct channel *channel, struct channel_message **ret_message);
/* A whole message waits in memory, of which no poll of the descriptor knows. */
bool channel_has_message(const struct channel *channel);

/* Collects messages, so that each does not cost a call, and keeps what a descriptor that does not
 * block has not taken yet. The zero value with FD set is ready. */
struct channel_output {
        int fd;
        struct phx_buffer buffer;
};

void channel_output_done(struct channel_output *output);
/* JSON is NULL for an object that is gone. 0, or as channel_flush(). */
int channel_put_object(
                struct channel_output *output,
                enum phx_object_kind kind,
                const char *key,
                const char *json);
/* Any other message, in its place among them. */
int channel_put(struct channel_output *output,
                enum channel_type type,
                int32_t value,
                const char *text);
/* 0 when all is sent; -EAGAIN when the rest is kept, and the descriptor must be writable first; or
 * as channel_send(), and all is forgotten. */
int channel_flush(struct channel_output *output);
