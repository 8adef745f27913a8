/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "state/daemon.h"

/* The file for node_exporter's textfile collector: replaced as a whole when something has changed
 * in it, and when its times are five minutes old at the end of a pass. The zero value has written
 * nothing. */
struct metrics {
        char *file;       /* that was written last; NULL for none */
        char *written;    /* what of it is not times */
        uint64_t pass_at; /* the end of the pass that it describes */
};

/* FILE is NULL when none is wanted: what was written before is removed. 0, or a negative errno with
 * a text: it is tried again the next time. */
int metrics_update(
                struct metrics *metrics,
                const char *file,
                const struct phx_daemon *daemon,
                const struct phx_snapshot *snapshot,
                struct phx_error *error);
/* Leaves the file: a daemon that is stopped keeps what is in force in force. */
void metrics_done(struct metrics *metrics);
