/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/scope.h"
#include "engine/input.h"
#include "engine/remote.h"
#include "engine/restart.h"
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
        struct restart *restart;
        const struct phx_task_roots *tasks;
        const struct phx_trust *trust;
        /* For restarts, of the look. */
        const struct phx_job_results *results;
        uint64_t wall_usec, booted_usec; /* the latter: when this boot began, on the same clock */
        char *boot;                      /* the id of this boot; "" when it cannot be read */
        char *health_trouble;            /* why the settings' program is not run; NULL: it is */
        /* Of the look. */
        const struct phx_scope *scope; /* of the round; NULL: everything */
        struct phx_scope narrow;       /* when it is not everything */
        struct phx_scope made;         /* what the steps of the round have changed */
        unsigned rounds;
        bool must_look; /* whatever is unchanged: somebody asks, a suspension is another one, or a
                           job has ended */
        uint64_t now_usec;
        uint64_t explained_usec; /* that reading why restarts failed has taken */
};

void world_done(struct world *world);

/* Once, before the first look. 0 or -ENOMEM. */
int world_read_boot(struct world *world);

/* A look begins, at NOW_USEC of the monotonic clock. */
void world_begin(struct world *world, const struct engine_request *request, uint64_t now_usec);

/* As the pass takes it; WORLD must outlive it. */
struct phx_world world_of(struct world *world);
