/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Calls that may hang or crash, made in a forked child that is killed when it is late. One child
 * answers many questions, one after the other; when it fails over one, that one is named and
 * another child goes on with the rest. */

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/strings.h"

/* Bytes of one answer, from a child that may have gone wrong; what is more is cut. */
#define PHX_WORKER_REPLY_LIMIT ((size_t) 64 * 1024)

struct phx_worker_reply {
        int code; /* what answer() returned; -ETIMEDOUT and -EIO when the child was late or died */
        size_t size;
        char data[PHX_WORKER_REPLY_LIMIT + 1]; /* with a NUL behind SIZE bytes; when the child
                                                  failed, what happened, in words */
};

struct phx_worker_job {
        const struct phx_strings *subjects; /* one for each question, as a person knows it */
        const char *service;                /* who is asked, for messages */
        uint64_t deadline_usec;             /* for each question */
        /* In the child, which has nothing of the caller's open, /dev/null as standard input, output
         * and error, "/" as its directory, and dies with its parent: once, and for each subject.
         * Negative errno from start() ends the child. */
        int (*start)(void *data);
        int (*answer)(void *data, size_t index, struct phx_buffer *reply);
        /* In the caller's process, in the order of the subjects. Negative errno ends it all. */
        int (*accept)(void *data, size_t index, const struct phx_worker_reply *reply);
        void *data;
};

/* The NUL-terminated string at *OFFSET of a reply, which is then that of the next; "" behind the
 * last. */
const char *phx_worker_string(const struct phx_worker_reply *reply, size_t *offset);

/* 0 when every subject was accepted, or a negative errno. */
int phx_worker_run(const struct phx_worker_job *job, struct phx_error *error);
