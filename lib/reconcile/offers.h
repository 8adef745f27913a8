/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/plan.h"
#include "state/snapshot.h"
#include "state/world.h"

/* Puts into SNAPSHOT what WORLD offers for each container that is configured: edits that are not
 * phoenixd's to make. PLAN is what it is about to do itself. Texts of offers have LEFT bytes
 * together, which are counted down; beyond that only the changes are listed. 0 or -ENOMEM. */
int phx_offers_fill(
                const struct phx_world *world,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_plan *plan,
                size_t left,
                struct phx_snapshot *snapshot);
