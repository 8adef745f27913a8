/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/daemon.h"

#include <stdlib.h>

void phx_daemon_init(struct phx_daemon *daemon) {
        *daemon = (struct phx_daemon){
                .started_at = PHX_NEVER,
                .pass = { .began_at = PHX_NEVER, .ended_at = PHX_NEVER },
                .last_converged_at = PHX_NEVER,
                .labels_at = PHX_NEVER,
                .next_look_at = PHX_NEVER,
        };
}

void phx_daemon_done(struct phx_daemon *daemon) {
        free(daemon->version);
        free(daemon->status);
        free(daemon->doing);
        *daemon = (struct phx_daemon){ 0 };
}

void phx_description_done(struct phx_description *description) {
        phx_daemon_done(&description->daemon);
        description->snapshot = phx_snapshot_free(description->snapshot);
}

const char *phx_health_to_string(enum phx_health health) {
        static const char *const names[] = {
                [PHX_HEALTH_STARTING] = "starting",
                [PHX_HEALTH_IN_SYNC] = "in-sync",
                [PHX_HEALTH_DEGRADED] = "degraded",
                [PHX_HEALTH_OBSERVING] = "observing",
        };

        return (unsigned) health < PHX_ELEMENTS(names) ? names[health] : NULL;
}
