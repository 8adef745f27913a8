/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/texts.h"
#include "state/record.h"
#include "state/report.h"
#include "state/snapshot.h"
#include "state/world.h"

/* What one pass remembers for the next: the drifts that are known, so that only changes are
 * recorded; and what failed, so that it is not tried at every turn. Nothing in it is believed about
 * the machine. */
struct phx_pass;

/* AUDIT is copied; its data must outlive the pass. */
int phx_pass_new(const struct phx_audit *audit, struct phx_pass **ret_pass);
struct phx_pass *phx_pass_free(struct phx_pass *pass);
PHX_DEFINE_FREEP(phx_pass)

/* What the clock on the wall says at NOW_USEC, for the times in the snapshot. */
void phx_pass_set_clock(struct phx_pass *pass, uint64_t now_usec, uint64_t wall_usec);

/* What the last run saw; the caller's from now on. NULL when there is none, because it failed or
 * somebody has it already. Paths, times and compiles are the caller's to fill in. */
struct phx_snapshot *phx_pass_take_snapshot(struct phx_pass *pass);

/* The profiles whose policy somebody else had changed when the last run began; borrowed until the
 * next. Who that was is recorded with phx_pass_tell_foreign(). */
const struct phx_strings *phx_pass_foreign(const struct phx_pass *pass);
/* See phx_tell_foreign(). */
void phx_pass_tell_foreign(
                struct phx_pass *pass,
                const char *profile,
                const char *what,
                const char *by);

/* What was recorded, and need not be again by the next run in the same boot; and that of the run
 * before, before the first run of the pass. 0 or a negative errno. */
int phx_pass_leave(const struct phx_pass *pass, struct phx_buffer *texts);
int phx_pass_take(struct phx_pass *pass, struct phx_texts *texts);

/* What failed before is not waited for by the next run. */
void phx_pass_forget_failures(struct phx_pass *pass);

/* Look, compare, repair, look again, until a look finds nothing that may be repaired now. NOW_USEC
 * is the monotonic clock. Fills a fresh report's status, degraded, changes, watches, inits and
 * retry; the settings in it are the caller's. A negative errno only when no picture could be had.
 */
int phx_pass_run(
                struct phx_pass *pass,
                const struct phx_world *world,
                uint64_t now_usec,
                struct phx_report *report,
                struct phx_error *error);
