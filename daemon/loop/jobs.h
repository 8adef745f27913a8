/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "state/job.h"

/* What the engine wants systemd to do (state/job.h), on its way: begun over the message bus, waited
 * for, and kept until the engine has its result. Nothing here blocks. Where the bus is absent, a
 * job waits for it for a while, and is refused then; one that was begun is waited for until the
 * engine forgets it. */
struct jobs;

struct jobs_handler {
        /* A job has ended: the next look has its result. */
        void (*ended)(void *data);
        void *data;
};

/* PATIENCE_USEC: so long a job waits for the bus. HANDLER is copied. */
int jobs_new(sd_event *event,
             uint64_t patience_usec,
             const struct jobs_handler *handler,
             struct jobs **ret_jobs);
struct jobs *jobs_free(struct jobs *jobs);
PHX_DEFINE_FREEP(jobs)

/* The bus that systemd is on has come: CONNECTION is used until the next call; or it is lost: NULL.
 */
void jobs_connect(struct jobs *jobs, sd_bus *connection);

/* All that is wanted now. What is new begins, and what is not listed any more is forgotten. */
void jobs_follow(struct jobs *jobs, const struct phx_jobs *wanted);

/* Appends the results of those that have ended. 0 or -ENOMEM. */
int jobs_results(const struct jobs *jobs, struct phx_job_results *results);
