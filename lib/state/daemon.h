/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "base/macros.h"
#include "state/snapshot.h"

/* How the daemon itself is, which the loop alone knows and writes: it outlives engines and changes
 * with each pass, also where the machine does not. Times are as in the snapshot. */

enum phx_health {
        PHX_HEALTH_STARTING,
        PHX_HEALTH_IN_SYNC,
        PHX_HEALTH_DEGRADED,
        PHX_HEALTH_OBSERVING,
};

struct phx_daemon {
        char *version;
        uint64_t started_at;
        enum phx_health health;
        char *status; /* one line, as in systemctl status */
        char *doing;  /* the step of the pass that runs; NULL without one */
        struct {
                uint64_t number;
                uint64_t began_at;
                uint64_t ended_at;
                uint64_t changes;
        } pass;
        uint64_t passes; /* that ended with a report */
        uint64_t last_converged_at;
        uint64_t labels_at; /* when the tasks' labels were read last */
        uint64_t next_look_at;
};

/* What Describe() answers: both halves. */
struct phx_description {
        struct phx_daemon daemon;
        struct phx_snapshot *snapshot; /* never NULL */
};

/* Before the first pass: starting, and every time is PHX_NEVER. */
void phx_daemon_init(struct phx_daemon *daemon);
void phx_daemon_done(struct phx_daemon *daemon);

void phx_description_done(struct phx_description *description);

/* The words of the interface: "in-sync", … NULL for a number that is none. */
const char *phx_health_to_string(enum phx_health health);
