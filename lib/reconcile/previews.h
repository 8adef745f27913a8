/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "reconcile/picture.h"
#include "state/snapshot.h"
#include "state/world.h"

/* The plan for what is left to do, as it would be carried out, with the texts that it is about.
 * Only a caller of Plan() needs the texts, so the plan is complete without them: LIMIT is
 * their bytes. 0 or -ENOMEM. */
int phx_previews_fill(
                const struct phx_world *world,
                const struct phx_picture *picture,
                size_t limit,
                struct phx_snapshot *snapshot);
