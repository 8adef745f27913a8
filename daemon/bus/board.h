/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "state/report.h"
#include "state/snapshot.h"
#include "state/tally.h"

/* What there is to know, as of now: what the engine saw last, and how its looks go. Questions are
 * answered from here, whatever the engine is at. Times are microseconds since the epoch. */
struct board {
        struct phx_snapshot *snapshot; /* never NULL */
        struct phx_tally tally;        /* of it, counted once */
        char *json;                    /* of it; NULL when it has to be rendered anew */
        char *plan;                    /* in JSON, of the last look that told one; or NULL */
        bool is_known;                 /* a look has been told */
};

/* 0 or -ENOMEM. */
int board_init(struct board *board, uint64_t wall_usec);
void board_done(struct board *board);

void board_begin(struct board *board, uint64_t wall_usec);
/* The look is at TEXT. */
void board_doing(struct board *board, const char *text);
/* The look is over. RET_BEFORE is what was known before, and the caller's, when the engine had
 * something new to tell; else NULL. A report that cannot be understood changes nothing but times:
 * -EINVAL, or -ENOMEM. */
int board_end(struct board *board,
              const struct phx_report *report,
              uint64_t wall_usec,
              struct phx_snapshot **ret_before);
/* All labels were read again, and are those of the last look. */
void board_labels(struct board *board, uint64_t wall_usec);
/* The look could not be made. */
void board_fail(struct board *board, const char *status, uint64_t wall_usec);
void board_next(struct board *board, uint64_t wall_usec);

/* All of it as JSON; NULL when memory is short. Borrowed until the next change. */
const char *board_json(struct board *board);
