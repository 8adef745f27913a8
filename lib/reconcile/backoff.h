/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "state/drift.h"
#include "state/plan.h"

/* Actions that failed, and when they may be tried again: after 1 s, then twice as long each time, 5
 * min at most. A drift with other expectations is another one: new input does not wait for an old
 * failure. */
struct phx_backoff {
        struct phx_backoff_entry *entries;
        size_t count;
};

/* How long the drift's action must still wait because it failed before, in microseconds; 0 when it
 * may be tried. */
uint64_t phx_backoff_wait(
                const struct phx_backoff *backoff,
                const struct phx_drift *drift,
                uint64_t now_usec);
/* How long until the first step of PLAN may be tried: LEAST_USEC if one may be now, PHX_NEVER if it
 * has none. */
uint64_t phx_backoff_next(
                const struct phx_backoff *backoff,
                const struct phx_plan *plan,
                uint64_t now_usec,
                uint64_t least_usec);
/* When it may be tried, on the clock of NOW_USEC; PHX_NEVER when it has not failed. */
uint64_t phx_backoff_due(const struct phx_backoff *backoff, const struct phx_drift *drift);
/* What the action said when it last failed, or NULL when it did not. Borrowed. */
const char *phx_backoff_text(const struct phx_backoff *backoff, const struct phx_drift *drift);
/* Notes a failure. 0 or -ENOMEM. */
int phx_backoff_fail(
                struct phx_backoff *backoff,
                const struct phx_drift *drift,
                const char *text,
                uint64_t now_usec);
void phx_backoff_forget(struct phx_backoff *backoff, const struct phx_drift *drift);
/* Forgets what is not among those DRIFTS that have an action: its reason is gone, or it would not
 * be tried again. */
void phx_backoff_keep(struct phx_backoff *backoff, const struct phx_drifts *drifts);
void phx_backoff_done(struct phx_backoff *backoff);
