/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/digest.h"
#include "state/desired.h"
#include "state/drift.h"
#include "state/job.h"
#include "state/observed.h"
#include "state/plan.h"

/* Which missing container is created, one at a time. The program phoenixd-create does it, in a
 * unit of its own: it may be killed at any time, be begun twice, and be begun for a container that
 * is there, and does the same at each start: it removes what is left of an earlier try, and makes
 * the container under a name that LXC does not see, or lets Proxmox make it and records that. So
 * nothing of this is kept over restarts of the engine; one that is restarted comes to the same
 * decision, and hands out the same job. */

struct phx_creation_failure {
        char *id;
        char input[PHX_SHA256_HEX];
        char *text;
};

/* What a pass remembers for the next. Zero at first. */
struct phx_creations {
        char *id; /* of the container that is being created; NULL: none is */
        char *profile;
        char input[PHX_SHA256_HEX];
        struct phx_job job;
        unsigned tries;        /* that have ended: a job for each has a name of its own */
        unsigned cleans;       /* likewise of what cleans up, when it is to be done again */
        uint64_t cleaned_usec; /* when it was seen that the last had ended; 0: it has not */
        struct phx_creation_failure *failures; /* not tried again until its entry changes */
        size_t failure_count;
        bool accepts_empty; /* an operator asked, and no container has been seen since */
};

void phx_creations_done(struct phx_creations *creations);
/* From now on all may be tried again, and where LXC_PATH is empty all are created. */
void phx_creations_forget_failures(struct phx_creations *creations);

/* Notes the container that is being copied, or is to be as far as a new engine can know: LXC does
 * not start it meanwhile. 0 or -ENOMEM. */
int phx_creations_mark(
                const struct phx_creations *creations,
                const struct phx_observed *observed,
                struct phx_desired *desired);

/* Gives the action to the missing container that is to be created now, and says of the others that
 * are to be created what they wait for. 0 or -ENOMEM. */
int phx_creations_decide(
                const struct phx_creations *creations,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_drifts *drifts);

/* What a step needs that creates the container. 0, or -EINVAL when it is not to be created. */
int phx_creation_fill_step(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_desired_container *want,
                struct phx_step_create *ret_step);

/* It is being created from now on. 0 or -ENOMEM. */
int phx_creations_begin(struct phx_creations *creations, const struct phx_step_create *step);

/* To be called for each look. One that is not to be begun any more, as the mode, a suspension or
 * another entry says, is only looked for from now on: when systemd has begun it, it goes on to its
 * end. 0 or -ENOMEM. */
int phx_creations_withdraw(
                struct phx_creations *creations,
                const struct phx_desired *desired,
                const struct phx_observed *observed);

enum phx_creation_outcome {
        PHX_CREATION_UNDER_WAY, /* or none is */
        PHX_CREATION_DONE,      /* it is on this host */
        PHX_CREATION_DROPPED,   /* its entry is gone, or it was withdrawn and not begun */
        PHX_CREATION_REFUSED,   /* it was not begun */
        PHX_CREATION_FAILED,
};
/* What has become of the one that is under way. RET_TEXT is systemd's word for a failure; borrowed
 * from RESULTS, NULL for none. */
enum phx_creation_outcome phx_creations_outcome(
                const struct phx_creations *creations,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_job_results *results,
                const char **ret_text);

/* The drift that its creation resolves, or did; borrowed. */
struct phx_drift phx_creations_drift(const struct phx_creations *creations);

/* None is under way any more. With TEXT it has failed, and is not tried again by itself. 0 or
 * -ENOMEM. */
int phx_creations_end(struct phx_creations *creations, const char *text);

/* What cleans up is done again some time after it has ended, as long as there is something left:
 * what it could not settle then, such as a container that another program was creating, it may by
 * now. */
void phx_creations_clean_again(
                struct phx_creations *creations,
                const struct phx_job_results *results,
                uint64_t now_usec);

/* Appends what systemd is to be at: the creation, or else to clean up what is left of one. 0 or
 * -ENOMEM. */
int phx_creations_jobs(
                const struct phx_creations *creations,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_jobs *jobs);
