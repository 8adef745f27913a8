/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/scope.h"
#include "engine/input.h"
#include "engine/remote.h"
#include "machine/machine.h"
#include "shared/engine_process.h"
#include "state/suspensions.h"
#include "state/world.h"

/* The machine and its input as one pass sees them: state/world.h over machine/machine.h. */
struct world {
        /* Borrowed. */
        struct input *input;
        struct phx_machine *machine;
        struct remote *remote;
        const struct phx_suspensions *suspensions;
        /* Of the look. */
        const struct phx_scope *scope; /* of the round; NULL: everything */
        struct phx_scope narrow;       /* when it is not everything */
        struct phx_scope made;         /* what the steps of the round have changed */
        unsigned rounds;
        bool must_look; /* whatever is unchanged: somebody asks, or a suspension is another one */
        uint64_t now_usec;
};

void world_done(struct world *world);

/* A look begins, at NOW_USEC of the monotonic clock. */
void world_begin(struct world *world, const struct engine_request *request, uint64_t now_usec);

/* As the pass takes it; WORLD must outlive it. */
struct phx_world world_of(struct world *world);
