/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "bus/shelf.h"
#include "shared/channel.h"
#include "state/daemon.h"
#include "state/report.h"
#include "state/tally.h"

/* All but the objects, and the counts of these. */
struct board_rest {
        struct phx_snapshot *snapshot; /* without objects in its lists */
        struct phx_tally tally;
};

/* An object that was read; leaves the board at the next change. */
struct board_read {
        const struct shelf_object *profile_of;
        struct phx_snapshot_profile profile;
        const struct shelf_object *container_of;
        struct phx_snapshot_container container;
};

/* What there is to know, as of now: what the engine saw last, and how its looks go. Questions are
 * answered from here, whatever the engine is at. Objects are kept as the texts that came from
 * the engine, and read when something asks for a part of one. Times are microseconds since the
 * epoch. */
struct board {
        struct phx_daemon daemon;
        struct board_rest rest;
        struct board_rest next; /* of the look that runs; without a snapshot before it has sent
                                   that, or when it is nothing new */
        struct shelves shelves;
        struct board_read read;
        bool is_known; /* a look has ended */
};

/* 0 or -ENOMEM. */
int board_init(struct board *board, uint64_t wall_usec);
void board_done(struct board *board);

void board_begin(struct board *board, uint64_t wall_usec);
/* The look is at TEXT. */
void board_doing(struct board *board, const char *text);
/* What the look has seen, as shared/channel.h has it; shown when the look is over. 0, or a negative
 * errno for what no engine says. */
int board_take(struct board *board, const struct channel_message *message);
/* What is suspended, though the look that was to show it fails: takes SUSPENSIONS. The objects
 * themselves show it after the next one. */
void board_suspend(struct board *board, struct phx_suspensions *suspensions);
/* The look is over, and what it has seen is shown. Returns a set of bits, 1 << KIND, of the kinds
 * of objects that have changed. */
unsigned board_end(struct board *board, const struct phx_report *report, uint64_t wall_usec);
/* All labels were read again, and are those of the last look. */
void board_labels(struct board *board, uint64_t wall_usec);
/* The look could not be made. */
void board_fail(struct board *board, const char *status, uint64_t wall_usec);
void board_next(struct board *board, uint64_t wall_usec);

/* There is a profile or a container of this name. */
bool board_has(const struct board *board, const char *name);
/* An object of the shelves, read. NULL when memory is short. Borrowed until another one of its kind
 * is read, or the next change. */
const struct phx_snapshot_profile *board_profile(
                struct board *board,
                const struct shelf_object *object);
const struct phx_snapshot_container *board_container(
                struct board *board,
                const struct shelf_object *object);

/* The directories that are to be watched, and the processes whose end matters, as the last look
 * has them. The strings are borrowed, the arrays are the caller's to free. 0 or -ENOMEM. */
int board_watches(const struct board *board, struct phx_strings *ret_watches);
int board_inits(const struct board *board, pid_t **ret_pids, size_t *ret_count);

/* --- what is answered, in JSON; each adds to BUFFER: 0 or a negative errno --- */

/* All but the lists of objects. */
int board_describe_daemon(const struct board *board, struct phx_buffer *buffer);
/* At most COUNT objects of KIND behind the key AFTER, and the key behind which the next are. */
int board_describe_objects(
                const struct board *board,
                enum phx_object_kind kind,
                const char *after,
                size_t count,
                struct phx_buffer *buffer);
/* The profile and the container of this name, and their drifts. */
int board_describe_object(const struct board *board, const char *name, struct phx_buffer *buffer);
/* A container with its drifts. */
int board_describe_container(
                const struct board *board,
                const struct shelf_object *container,
                struct phx_buffer *buffer);

/* --- what may be long, and is written in parts --- */

/* A text about all objects of some kinds, as they are when it is begun. The zero value is nothing;
 * board_text_done() is for both a whole one and one that was given up. */
struct board_text {
        char *head, *tail;
        enum phx_object_kind kind;   /* of the first list */
        unsigned lists;              /* of that kind and those that follow */
        struct shelf_object **items; /* of all lists, pinned */
        size_t counts[PHX_OBJECT_KINDS];
        size_t size;   /* of all, without a NUL */
        unsigned list; /* the part that comes next */
        size_t at, left;
        bool is_begun, is_whole;
};
/* All of it, and the plan. 0 or a negative errno. */
int board_describe(const struct board *board, struct board_text *ret_text);
int board_describe_plan(const struct board *board, struct board_text *ret_text);
/* Writes what comes next, some LIMIT bytes of it, to TO, where there is room for all that is left.
 * Returns the end. */
char *board_text_write(const struct board *board, struct board_text *text, size_t limit, char *to);
void board_text_done(struct board_text *text);
