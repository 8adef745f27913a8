/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "profiles/update.h"

/* What compile.c and start.c share. */

/* NULL when there is none of that name. */
struct phx_candidate *phx_update_find_candidate(const struct phx_update *update, const char *name);
/* Whether that very text runs, or has ended and is not taken. */
bool phx_update_is_compiling(
                const struct phx_update *update,
                const struct phx_candidate *candidate);
struct phx_compile_job phx_update_job(
                const struct phx_update *update,
                const struct phx_candidate *candidate);

/* Starts as many as may run now. 0 or -ENOMEM. */
int phx_update_start(struct phx_update *update);
/* Takes the result over from JOB, and the candidate out of the queue. 0 or -ENOMEM. */
int phx_update_end_compile(
                struct phx_update *update,
                struct phx_candidate *candidate,
                struct phx_compile_job *job);

/* The run that NAME shared came to nothing, or could not be started: that text is compiled alone
 * from now on, and only a failure there is reported. */
void phx_update_turn_back(struct phx_update *update, const char *name);

/* Whether something was taken a short time ago. */
bool phx_profiles_is_in_series(const struct phx_profiles *profiles, uint64_t now_usec);
