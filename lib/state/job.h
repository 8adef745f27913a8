/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the engine wants systemd to do, and what came of it. The engine has no bus, and
 * the loop does not know why something is wanted: each report lists every job that is under way as
 * the engine sees it, and each look brings the results of those that have ended.
 *
 * A name stands for one handing over. The loop begins a job when its name is listed for the first
 * time, keeps its result while it is listed, and forgets it with the first report that does not
 * list it; nothing is stopped or cancelled then. So what is to be tried again has another name. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strings.h"

/* So many are under way at once: the settings allow fewer restarts. */
#define PHX_JOBS_LIMIT 256

enum phx_job_verb {
        PHX_JOB_RESTART,
        PHX_JOB_START,
        PHX_JOB_STOP,
        PHX_JOB_RUN, /* a program that only asks: the last */
};
#define PHX_JOB_VERBS (PHX_JOB_RUN + 1)

/* A program and its arguments, as execve(2) takes them: never a shell. */
struct phx_job_command {
        struct phx_strings arguments; /* the first is an absolute path */
};

struct phx_job {
        char *name; /* of letters, digits, '.', '_' and '-': its own unit is phoenixd-NAME.service
                     */
        enum phx_job_verb verb;
        char *description; /* of its own unit */
        char *service; /* a unit of systemd that runs the container, or NULL. It is started; it is
                          restarted or stopped if it is active */
        /* Otherwise these are run one after the other, in a unit of its own, until one fails. That
         * unit has no time limit, and nothing kills a program of it, as one that restarts a
         * container would leave it stopped: but for PHX_JOB_RUN, which LIMIT_USEC ends. */
        struct phx_job_command *commands;
        size_t command_count;
        uint64_t limit_usec; /* 0: none */
        bool is_resumed; /* handed over before, or not wanted any more: it is found, not begun, and
                            may be its name alone */
};

struct phx_jobs {
        struct phx_job *items;
        size_t count;
};

enum phx_job_outcome {
        PHX_JOB_DONE,
        PHX_JOB_FAILED,  /* it was begun, and systemd says that it failed, or was cancelled */
        PHX_JOB_GONE,    /* it was begun, and systemd knows nothing of it any more: how it ended is
                            to be seen by what it has done */
        PHX_JOB_REFUSED, /* it was not begun; the last */
};
#define PHX_JOB_OUTCOMES (PHX_JOB_REFUSED + 1)

struct phx_job_result {
        char *name;
        enum phx_job_outcome outcome;
        char *text; /* why, in a person's words; NULL when it is done */
};

struct phx_job_results {
        struct phx_job_result *items;
        size_t count;
};

/* "restart", "start", "stop", "run"; NULL for a number that is none. */
const char *phx_job_verb_to_string(enum phx_job_verb verb);
/* "done", "failed", "gone", "refused"; NULL for a number that is none. */
const char *phx_job_outcome_to_string(enum phx_job_outcome outcome);

/* Whether it can be handed over: a name that a unit may have, and a service or a command. */
bool phx_job_is_valid(const struct phx_job *job);

/* Appends a job that has a copy of NAME and nothing else, and returns it; NULL when memory is
 * short. Borrowed until the next one is added. */
struct phx_job *phx_jobs_add(struct phx_jobs *jobs, const char *name);
const struct phx_job *phx_jobs_find(const struct phx_jobs *jobs, const char *name);
/* Appends a command of copies of PROGRAM and the arguments that follow, which end with NULL. 0 or
 * -ENOMEM. */
int phx_job_add_command(struct phx_job *job, const char *program, ...)
                __attribute__((__sentinel__));
/* Replaces *COPY, which must be a job or zero. 0 or -ENOMEM. */
int phx_job_copy(struct phx_job *copy, const struct phx_job *job);
void phx_job_done(struct phx_job *job);
void phx_jobs_done(struct phx_jobs *jobs);

/* Appends copies; TEXT may be NULL. 0 or -ENOMEM. */
int phx_job_results_add(
                struct phx_job_results *results,
                const char *name,
                enum phx_job_outcome outcome,
                const char *text);
const struct phx_job_result *phx_job_results_find(
                const struct phx_job_results *results,
                const char *name);
void phx_job_results_done(struct phx_job_results *results);
