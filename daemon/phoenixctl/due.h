/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The restart, start or stop that a container requires: what phoenixd will do about it, and what
 * its operator may do. */

#include <stddef.h>
#include <stdint.h>

#include "state/snapshot.h"

/* Room for each of the texts below, and no more than for a step of shown.h. */
#define DUE_SIZE 512

/* When a container of SNAPSHOT is restarted, as in "when a window of restart_windows opens, in 5
 * h", or why it is not; "" when it requires nothing. */
void due_words(const struct phx_snapshot *snapshot,
               const struct phx_snapshot_container *container,
               uint64_t now,
               char text[DUE_SIZE]);

/* What that is about: never two of them. */
enum due_verb { DUE_RESTART, DUE_START, DUE_STOP };
#define DUE_VERBS (DUE_STOP + 1)
enum due_verb due_verb(const struct phx_snapshot_container *container);
/* "Restart", "Start" or "Stop". */
const char *due_title(enum due_verb verb);

/* The next step: a command, or that phoenixd takes it; "" when there is none. */
void due_step(const struct phx_snapshot *snapshot,
              const struct phx_snapshot_container *container,
              uint64_t now,
              char text[DUE_SIZE]);
