/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "reconcile/restarts_settled.h"

/* What reconcile/restarts_settle.c and restarts_jobs.c leave to the files of reconcile/states.h. */

/* Whether its next step is another one than that of a restart, of one that was begun for the state
 * that its entry asks for. */
bool phx_states_takes(const struct settled *settled);
/* That step. 0 or -ENOMEM. */
int phx_states_settle(struct settled *settled);
/* Where NEXT is to be written anyway: without the items of starts that do not count any more. */
void phx_states_drop_old(const struct phx_restart_view *view, struct phx_restarts *next);
