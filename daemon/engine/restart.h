/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/calendar.h"
#include "base/error.h"
#include "machine/windows.h"
#include "shared/restart_asks.h"
#include "state/record.h"
#include "state/restarts.h"
#include "state/settings.h"
#include "state/snapshot.h"

/* The engine's list of restarts, kept over restarts of the daemon, and the windows in which they
 * may begin. */
struct restart {
        int state_fd;                        /* borrowed */
        const struct phx_calendar *calendar; /* borrowed; NULL: no window ever opens */
        const struct phx_audit *audit;
        struct phx_restarts list;
        struct phx_windows windows;
        char *trouble;       /* of the windows, as it was recorded last */
        bool is_any_waiting; /* a container required a restart when the last look ended, */
        bool is_asking;      /* and did not when it began: its window is not known yet */
};

/* Reads what was kept. When that cannot be understood, this is recorded, and nothing is under way.
 */
int restart_init(
                struct restart *restart,
                int state_fd,
                const struct phx_calendar *calendar,
                const struct phx_audit *audit,
                struct phx_error *error);
void restart_done(struct restart *restart);

/* NEXT takes the place of the list, which it is left with, once it is stored. 0, or a negative
 * errno, and then the list is as it was. */
int restart_replace(struct restart *restart, struct phx_restarts *next, struct phx_error *error);

/* The windows at WALL_USEC. systemd is asked only while a container waits for a restart: it is not
 * known before. 0 or -ENOMEM. */
int restart_window(
                struct restart *restart,
                const struct phx_restart_settings *settings,
                uint64_t wall_usec,
                struct phx_window *ret_window);

/* What the look has seen. True when the next one has to follow at once, as a container waits for a
 * window that was not asked for yet. */
bool restart_note(
                struct restart *restart,
                const struct phx_restart_settings *settings,
                const struct phx_snapshot *snapshot);

/* What operators ask for, of the containers that require a restart by SNAPSHOT: stored, and then
 * recorded. What the list has of a container from later than the ask is not replaced: then the ask
 * was stored before, and this is what came of it. 1 when the list is another one now, 0, or a
 * negative errno. */
int restart_ask(struct restart *restart,
                const struct restart_asks *asks,
                const struct phx_snapshot *snapshot,
                uint64_t wall_usec,
                struct phx_error *error);
