/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/buffer.h"
#include "state/desired.h"
#include "state/observed.h"
#include "state/plan.h"

/* The plan for all DRIFTS that have an action, in their order; pure. It borrows from all three,
 * which must outlive it. 0 or -ENOMEM. */
int phx_plan_make(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts,
                struct phx_plan *ret_plan);

/* Appends the step in one line without its end: all that it carries, but of managed lines only the
 * keys, as a value may be a secret. 0 or -ENOMEM. */
int phx_step_render(const struct phx_step *step, struct phx_buffer *text);
