/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "state/daemon.h"
#include "state/report.h"
#include "state/tally.h"

/* What there is to know, as of now: what the engine saw last, and how its looks go. Questions are
 * answered from here, whatever the engine is at. Times are microseconds since the epoch. */
struct board {
        struct phx_daemon daemon;
        struct phx_snapshot *snapshot; /* never NULL */
        struct phx_tally tally;        /* of it, counted once */
        struct phx_snapshot *next;     /* what the look that runs has seen; NULL before it
                                          has said that, or when it is nothing new */
        char *json;                    /* of both; NULL when it has to be rendered again */
        char *plan;                    /* in JSON, of the last look that sent one; or NULL */
        bool is_known;                 /* a look has ended */
};

/* 0 or -ENOMEM. */
int board_init(struct board *board, uint64_t wall_usec);
void board_done(struct board *board);

void board_begin(struct board *board, uint64_t wall_usec);
/* The look is at TEXT. */
void board_doing(struct board *board, const char *text);
/* What the look has seen, shown when it is over: takes SNAPSHOT. */
void board_see(struct board *board, struct phx_snapshot *snapshot);
/* What is suspended, though the look that was to show it fails: takes SUSPENSIONS. The objects
 * themselves show it after the next one. */
void board_suspend(struct board *board, struct phx_suspensions *suspensions);
/* The plan in JSON. */
void board_plan(struct board *board, const char *plan);
/* The look is over. Returns what was known before, for the caller to free, when it has seen
 * something new; else NULL. */
struct phx_snapshot *board_end(
                struct board *board,
                const struct phx_report *report,
                uint64_t wall_usec);
/* All labels were read again, and are those of the last look. */
void board_labels(struct board *board, uint64_t wall_usec);
/* The look could not be made. */
void board_fail(struct board *board, const char *status, uint64_t wall_usec);
void board_next(struct board *board, uint64_t wall_usec);

/* All of it as JSON; NULL when memory is short. Borrowed until the next change. */
const char *board_json(struct board *board);
