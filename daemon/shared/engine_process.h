/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/macros.h"
#include "base/process.h"
#include "base/scope.h"
#include "shared/channel.h"
#include "shared/journal.h"
#include "shared/restart_asks.h"
#include "shared/schedule.h"
#include "state/record.h"
#include "state/report.h"

/* The engine is the process that looks at the machine and repairs it. It may block, fork and wait
 * as it likes: the loop never does, and kills it with all that it has started when it hangs. */

struct work_options;

/* Where a look puts what has changed since it was put there last, as CHANNEL_ALL, _OBJECT and _REST
 * of shared/channel.h have it. Each returns 0 or a negative errno, which ends the look. */
struct engine_sink {
        int (*all)(void *data);
        /* JSON is NULL for what is gone. */
        int (*object)(void *data, enum phx_object_kind kind, const char *key, const char *json);
        int (*rest)(void *data, const char *json);
        void *data;
};

/* What a look has to say: the report, which is for the loop, and what is for all who ask. Owned,
 * but for the sink. */
struct engine_answer {
        const struct engine_sink *sink; /* set before the look */
        struct phx_report *report;
        char *suspensions; /* once those that were asked for are stored: all, in JSON. Also of a
                              look that fails then */
};
void engine_answer_done(struct engine_answer *answer);

/* What the engine is asked for; borrowed. */
struct engine_request {
        enum look_kind kind;
        const char *suspensions; /* NULL, or in JSON all that is to be suspended from now on */
        const struct phx_scope *scope;         /* what must be read again; NULL: everything */
        const struct phx_job_results *results; /* of all jobs of the last report that have ended;
                                                  NULL: none has */
        const struct restart_asks *restarts; /* that operators ask for, of which some may have been
                                                asked for before; NULL: none */
};

/* What a look is. Negative errno with a text for people when it could not be made at all; anything
 * less than that is part of the report. */
struct engine_work {
        int (*look)(void *data,
                    const struct engine_request *request,
                    struct engine_answer *ret_answer,
                    struct phx_error *error);
        /* Whether a label is another one than the last look saw; in doubt it is. */
        bool (*labels)(void *data);
        /* A process that outlives a look, and that the engine does not sweep up; NULL for none.
         * When it ends between two looks, the engine asks for the next one. Borrowed until then.
         * May be NULL. */
        const struct phx_process *(*process)(void *data);
        /* Compiles that outlive it likewise: at most LIMIT. When one has ended, or is late, the
         * engine says CHANNEL_COMPILED, once before the next look. Returns how many. May be NULL.
         */
        size_t (*compiles)(void *data, struct phx_process_watch *watches, size_t limit);
        /* The loop is gone, and no look is under way, though the answer to the last one may not
         * have arrived: what is left to the next run. IS_RECORDED: the journal has taken every
         * record so far. May be NULL. */
        void (*leave)(void *data, bool is_recorded);
        void *data;
};

/* How an engine is made, again and again. SETUP runs in the new process: work_setup() of work.h, or
 * a test's own. Borrowed: lives as long as the daemon. */
struct engine_plan {
        int (*setup)(const struct work_options *options,
                     const struct phx_audit *audit,
                     struct engine_work *ret_work,
                     struct phx_error *error);
        const struct work_options *options;
        const struct journal *journal;
        int changed_fd; /* an eventfd(2) that asks for a look, kept by every engine; 0: none */
};

/* The loop's side of an engine. */
struct engine {
        struct phx_process process;
        struct channel channel;
};

/* Starts a process. Its look requests and answers go over engine->channel. */
int engine_start(const struct engine_plan *plan, struct engine **ret_engine);

/* Kills the engine and its group. It is gone when its pidfd is readable: a process that hangs in
 * the kernel takes its time. */
void engine_kill(const struct engine *engine);

/* True when it has ended and was reaped; RET_STATUS as from waitpid(2). */
bool engine_reap(struct engine *engine, int *ret_status);

/* Kills what still lives, without waiting for it. */
struct engine *engine_free(struct engine *engine);
PHX_DEFINE_FREEP(engine)
