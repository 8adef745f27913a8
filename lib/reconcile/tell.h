/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/texts.h"
#include "state/desired.h"
#include "state/drift.h"
#include "state/record.h"

/* The audit trail of a pass: what is new is recorded, once. */
struct phx_tell;

int phx_tell_new(const struct phx_audit *audit, struct phx_tell **ret_tell);
struct phx_tell *phx_tell_free(struct phx_tell *tell);

/* Compares with what was recorded last: drifts found and gone, refusals and their end, a new
 * generation, who is unconfined by configuration, contradictions in it. What the pass is about to
 * repair is left to the records of the repair. 0 or -ENOMEM. */
int phx_tell_picture(
                struct phx_tell *tell,
                const struct phx_desired *desired,
                const struct phx_drifts *drifts);

/* The picture with which the pass ends, which was recorded as above: what was left to the pass and
 * is still there is a drift that was found. 0 or -ENOMEM. */
int phx_tell_left(
                struct phx_tell *tell,
                const struct phx_desired *desired,
                const struct phx_drifts *drifts);

/* What was judged just now: each version that has become the last known good one is recorded once,
 * by the intent to install it or by phx_tell_rest(). */
void phx_tell_judged(struct phx_tell *tell, const struct phx_desired *judged);
/* Records what no intent has. To be called at the end of the pass, whatever has failed in it. */
void phx_tell_rest(struct phx_tell *tell);

/* WHAT is "replaced", "removed" or "changed"; BY is NULL when that is not known. */
void phx_tell_foreign(struct phx_tell *tell, const char *profile, const char *what, const char *by);

/* phx_remarks_leave() and phx_remarks_take(), before the first picture. */
int phx_tell_leave(const struct phx_tell *tell, struct phx_buffer *texts);
int phx_tell_take(struct phx_tell *tell, struct phx_texts *texts);

void phx_tell_intent(struct phx_tell *tell, const struct phx_drift *drift);
void phx_tell_changed(struct phx_tell *tell, const struct phx_drift *drift);
/* The profile before is assigned again, DRIFT->found. */
void phx_tell_rolled_back(struct phx_tell *tell, const struct phx_drift *drift, const char *text);
void phx_tell_failed(
                struct phx_tell *tell,
                const struct phx_drift *drift,
                int error,
                const char *text);
