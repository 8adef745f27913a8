/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "reconcile/backoff.h"
#include "reconcile/creations.h"
#include "reconcile/picture.h"
#include "reconcile/tell.h"
#include "state/world.h"

/* Where what has become of a creation goes. All is borrowed. */
struct phx_creation_trail {
        struct phx_tell *tell;
        struct phx_backoff *backoff;
        const struct phx_world *world;
        uint64_t now_usec;
        unsigned *changes; /* counted up for one that has succeeded */
};

/* Records what PICTURE and the results in it say of the creation that is under way. 1 when it is
 * over, so that PICTURE is of before; 0 or -ENOMEM. */
int phx_creations_settle(
                struct phx_creations *creations,
                const struct phx_creation_trail *trail,
                const struct phx_picture *picture);
