/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "reconcile/creations.h"
#include "reconcile/restarts.h"
#include "reconcile/tell.h"
#include "state/plan.h"
#include "state/world.h"

/* What one round of a pass sees, and all that follows from it. Made as a whole, so that no decision
 * rests on an older observation. */
struct phx_picture {
        const struct phx_creations *creations; /* borrowed, and stays; NULL: none are made */
        struct phx_desired *desired;
        struct phx_observed *observed;
        struct phx_drifts drifts;
        struct phx_plan plan; /* borrows from all three */
        bool has_restarts;    /* the world has any, and VIEW is what they are decided by */
        struct phx_restart_view view;
        struct phx_restart_waits waits;
        bool is_settled; /* what became of restarts is kept: all above is of before */
        struct phx_restart_events events; /* of that */
};

void phx_picture_done(struct phx_picture *picture);

/* The picture before is gone, whatever comes of it: nothing old is ever acted on. What was judged
 * is recorded at once, as it is the last known good from then on. What became of restarts is kept;
 * where that fails, it is a refusal of the picture, and the list is as before. */
int phx_picture_look(
                struct phx_tell *tell,
                const struct phx_world *world,
                struct phx_picture *picture,
                struct phx_error *error);

/* Tells what became of restarts. 1 when that is kept, so that another look is due, else 0. CHANGES
 * is counted up for each that succeeded. */
int phx_picture_tell(struct phx_tell *tell, const struct phx_picture *picture, unsigned *changes);
