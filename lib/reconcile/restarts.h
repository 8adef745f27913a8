/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "state/desired.h"
#include "state/drift.h"
#include "state/job.h"
#include "state/observed.h"
#include "state/plan.h"
#include "state/restart_view.h"

/* Which containers are restarted, and when; all of it is pure. A look goes through it in this
 * order:
 *
 *   mark     after desire: what is known of earlier restarts goes to the desired containers; one
 *            that was rolled back is to have its profile before, until its input changes
 *   settle   after the review: what became of the restarts that are under way
 *   decide   after the diff: which drifts are resolved by a restart now, and what the others wait
 * for jobs     at the end: all that systemd is to be at */

/* A container that does not run counts as failed only so long after the end of its job: its monitor
 * may still be about to say that it does. */
#define PHX_RESTART_GRACE_USEC 30000000ULL

/* So long it has to stay up before its restart counts as done. */
#define PHX_RESTART_STAY_USEC 10000000ULL

/* So often a container is restarted by its policy, with the same input and within this time, that
 * requires it again each time. */
#define PHX_RESTART_REPEATS 3
#define PHX_RESTART_REPEATS_USEC 600000000ULL

/* Digest of what decides how the container comes up: its label, the policy of its profile, and its
 * managed lines. 0 or -ENOMEM. */
int phx_restart_input(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                char hex[PHX_SHA256_HEX]);

/* 0 or -ENOMEM. */
int phx_restarts_mark(
                const struct phx_restart_view *view,
                const struct phx_observed *observed,
                struct phx_desired *desired);

enum phx_restart_event_kind {
        PHX_RESTART_EVENT_DONE,   /* it runs under LABEL */
        PHX_RESTART_EVENT_FAILED, /* TEXT says why */
        PHX_RESTART_EVENT_BACK,   /* BEFORE is assigned again; TEXT says why */
        PHX_RESTART_EVENT_INTENT, /* it is restarted, to run under LABEL again */
};

/* What happened to a restart, for the audit trail. Owned. */
struct phx_restart_event {
        enum phx_restart_event_kind kind;
        enum phx_action_kind action; /* PHX_ACTION_RESTART, or for its state a start or a stop */
        char *id;
        char *label;
        char *before; /* the label before; "" for none */
        char *text;   /* may be NULL */
};

struct phx_restart_events {
        struct phx_restart_event *items;
        size_t count;
};

void phx_restart_events_done(struct phx_restart_events *events);

/* What VIEW's list becomes, by what was observed of desired containers that were marked, confined
 * and reviewed, and by the drifts between the two: RET_NEXT, which may be the same. It is to be
 * stored before anything of it holds. 0 or -ENOMEM. */
int phx_restarts_settle(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts,
                struct phx_restarts *ret_next,
                struct phx_restart_events *ret_events);

/* Why a container is not restarted now, or that it is. Owned. */
struct phx_restart_wait {
        char *id;
        enum phx_restart_due due;
        enum phx_action_kind action; /* a restart, or for its state a start or a stop */
        uint64_t at;                 /* not before then, as far as is known; else PHX_NEVER */
        char *why; /* of some: the container that it waits for, or why it failed; else NULL */
};

struct phx_restart_waits {
        struct phx_restart_wait *items; /* sorted by id */
        size_t count;
        uint64_t next; /* when time alone may change a decision; PHX_NEVER */
};

void phx_restart_waits_done(struct phx_restart_waits *waits);
const struct phx_restart_wait *phx_restart_waits_find(
                const struct phx_restart_waits *waits,
                const char *id);

/* Gives the action to those drifts that are resolved by a restart now: never more at once than the
 * settings say, none whose profile or config is not right yet, none of a chain of dependencies that
 * has one under way, and none before what it depends on. 0 or -ENOMEM. */
int phx_restarts_decide(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_drifts *drifts,
                struct phx_restart_waits *ret_waits);

/* What a step needs that restarts the container. 0, -EINVAL when there is nothing to be restarted,
 * or -ENOMEM. */
int phx_restart_fill_step(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_desired_container *want,
                struct phx_step_restart *ret_step);
/* The list with a restart of STEP begun. 0 or -ENOMEM. */
int phx_restarts_begin(
                const struct phx_restart_view *view,
                const struct phx_step_restart *step,
                struct phx_restarts *ret_next);

/* Appends all that systemd is to be at. 0 or -ENOMEM. */
int phx_restarts_jobs(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_jobs *jobs);
