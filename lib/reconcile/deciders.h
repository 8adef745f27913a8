/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/siphash.h"
#include "state/snapshot.h"

/* Says of CONTAINER which files decide its profile, layer by layer, from what the snapshot has of
 * it, its profile and its paths: what it said before is replaced. The snapshot's profiles are in
 * order, as phx_snapshot_fill() leaves them. 0 or -ENOMEM. */
int phx_deciders_fill(
                const struct phx_snapshot *snapshot,
                struct phx_snapshot_container *container);
/* Of all that SNAPSHOT has. */
int phx_deciders_fill_all(struct phx_snapshot *snapshot);

/* Both together with phx_object_digest() of CONTAINER: all that phx_deciders_fill() goes by, so
 * that it says the same of a container for which these are the same. The first is the same for all.
 */
void phx_deciders_hash_paths(const struct phx_snapshot *snapshot, struct phx_siphash *hash);
void phx_deciders_hash(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_container *container,
                struct phx_siphash *hash);
