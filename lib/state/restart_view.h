/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "state/job.h"
#include "state/restarts.h"
#include "state/settings.h"
#include "state/window.h"

/* What restarts are decided by, besides what is desired and what was observed. All is borrowed. */
struct phx_restart_view {
        const struct phx_restart_settings
                        *settings; /* NULL: none were accepted, nothing is begun */
        const struct phx_restarts *restarts;
        const struct phx_job_results *results; /* of jobs that have ended */
        struct phx_window window;
        const char *boot;           /* the id of this boot */
        const char *health_trouble; /* why the settings' health program is not run; NULL: it is */
        uint64_t wall_usec;         /* microseconds since the epoch */
        uint64_t booted_usec;       /* the same, when this boot began; 0: not known */
};
