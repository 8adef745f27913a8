/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "state/record.h"
#include "state/snapshot.h"

/* What was changed and what failed, counted, and the last of it remembered, for the snapshot. */

#define PHX_HISTORY_LIMIT 20

struct phx_history {
        struct phx_snapshot_change changes[PHX_HISTORY_LIMIT]; /* oldest first */
        size_t count;
        uint64_t changed;
        uint64_t failed;
};

/* Notes a PHX_RECORD_CHANGED or PHX_RECORD_FAILED of this time, and passes over the others. What
 * memory is too short for is counted alone. */
void phx_history_note(
                struct phx_history *history,
                const struct phx_record *record,
                uint64_t wall_usec);
/* Copies it to SNAPSHOT, which has no changes yet. 0 or -ENOMEM. */
int phx_history_fill(const struct phx_history *history, struct phx_snapshot *snapshot);
void phx_history_done(struct phx_history *history);
