/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "reconcile/backoff.h"
#include "reconcile/restarts.h"
#include "state/desired.h"
#include "state/drift.h"
#include "state/observed.h"
#include "state/snapshot.h"

/* What a pass has seen, to be shown. Borrowed. */
struct phx_snapshot_view {
        const struct phx_desired *desired;
        const struct phx_observed *observed;
        const struct phx_drifts *drifts;
        const struct phx_backoff *backoff;
        const struct phx_restart_waits *waits; /* NULL: none */
        uint64_t clock_offset_usec;            /* from the backoff's clock to the epoch's */
};

/* Fills a fresh snapshot with the generation, profiles, containers, unmanaged ones and drifts.
 * Pure. 0 or -ENOMEM. */
int phx_snapshot_fill(const struct phx_snapshot_view *view, struct phx_snapshot *snapshot);
