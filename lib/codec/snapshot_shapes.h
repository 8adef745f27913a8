/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "codec/fields.h"
#include "state/daemon.h"
#include "state/snapshot.h"
#include "state/tally.h"

/* Of one object each, named after its struct; a step is a drift with what only a plan has. */
extern const struct phx_shape phx_snapshot_profile_shape;
extern const struct phx_shape phx_snapshot_container_shape;
extern const struct phx_shape phx_snapshot_unmanaged_shape;
extern const struct phx_shape phx_snapshot_drift_shape;
extern const struct phx_shape phx_snapshot_step_shape;

extern const struct phx_shape phx_snapshot_plan_shape;
extern const struct phx_shape phx_snapshot_plan_head_shape; /* without its steps and offers */
extern const struct phx_shape phx_snapshot_part_shape;
extern const struct phx_shape phx_daemon_shape;
/* The whole, what it has before its lists of objects, and what behind them. */
extern const struct phx_shape phx_snapshot_shape;
extern const struct phx_shape phx_snapshot_head_shape;
extern const struct phx_shape phx_snapshot_tail_shape;
/* Of a struct phx_snapshot the lists of objects alone, each of which may be missing. */
extern const struct phx_shape phx_snapshot_page_shape;
/* The counts by themselves, and as the member "tally" of something larger. */
extern const struct phx_shape phx_tally_shape;
extern const struct phx_shape phx_tally_part_shape;
