/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "reconcile/restarts.h"

/* Which containers are started and stopped, as their entries say that they are to run or not to;
 * all of it is pure. It shares the list, the jobs and the limits of reconcile/restarts.h, so that
 * never two jobs are at one container, and this is only what differs. */

/* So often a container is started that does not keep running, within this time. Then it is left
 * stopped, until its input changes, the host boots, or an operator asks for it. */
#define PHX_STATE_STARTS 3
#define PHX_STATE_STARTS_USEC PHX_RESTART_REPEATS_USEC

/* Gives the action to those drifts of PHX_DRIFT_STATE that are resolved now; before
 * phx_restarts_decide(), which calls it and counts them. Appends to WAITS. 0 or -ENOMEM. */
int phx_states_decide(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_drifts *drifts,
                struct phx_restart_waits *waits);
/* How many drifts have been given such an action. */
unsigned phx_states_begun(const struct phx_drifts *drifts);

/* What a step of KIND, which is PHX_ACTION_START or PHX_ACTION_STOP, needs. 0 or -ENOMEM. */
int phx_states_fill_step(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_desired_container *want,
                struct phx_step_restart *ret_step);
/* The list with the start or stop of STEP begun. 0 or -ENOMEM. */
int phx_states_begin(
                const struct phx_restart_view *view,
                const struct phx_step_restart *step,
                enum phx_action_kind kind,
                struct phx_restarts *ret_next);
