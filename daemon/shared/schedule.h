/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "state/report.h"

/* A plain look is due to an event, and reads again what that may have changed. A full one reads all
 * again: it is due when events may have been missed, when something is to be tried again, and now
 * and then. For one that a person asked for, nothing that is remembered is trusted, and nothing is
 * put off.
 *
 * LOOK_COMPILED takes what has been compiled, and may believe all else as it was.
 *
 * LOOK_LABELS is none of these: it only asks whether any label is another one than the last look
 * saw, for which there is no event. When one is, a plain look is due. */
enum look_kind {
        LOOK_PLAIN,
        LOOK_FULL,
        LOOK_ASKED,
        LOOK_LABELS,
        LOOK_COMPILED,
};

/* When to look next. Pure: times are microseconds of any clock that only goes forward, and the
 * caller says what time it is.
 *
 * Events are answered when nothing has happened for DEBOUNCE, but at most LONGEST_DELAY after the
 * first, and some sooner, as schedule_within() says. What happens during a look counts for the next
 * one: whether the look saw it is unknown. */
struct schedule {
        uint64_t debounce_usec;
        uint64_t longest_delay_usec;
        uint64_t resync_usec;
        uint64_t label_resync_usec; /* 0: never */
        uint64_t resync_limit_usec; /* a shorter resync while events cannot be relied on */

        uint64_t first_event; /* PHX_NEVER: none since the last look began */
        uint64_t last_event;
        uint64_t latest; /* when the next look is due even if events go on; PHX_NEVER: no matter */
        uint64_t ended;  /* the last look */
        uint64_t labels_ended;
        uint64_t retry_at;
        bool is_settling;    /* then a plain look will do */
        uint64_t hold_until; /* no look before, whatever happens */
        unsigned failures;   /* in a row */
        bool full;           /* the next look must be a full one */
        bool at_once;        /* the next look waits for nothing */
        bool now;            /* nor does it, and a person does for it */
        bool compiled;       /* a compile has ended; it waits for nothing either */
        bool is_narrow;      /* the running look is a LOOK_COMPILED */
        bool running;
};

/* Due at once, full: the first look. The delays are the settings' defaults until a report says
 * otherwise. */
void schedule_init(struct schedule *schedule, uint64_t now);

/* Something happened that is worth a look. */
void schedule_event(struct schedule *schedule, uint64_t now, bool full);

/* What happened is not to wait longer than WITHIN, whatever else goes on. Beside schedule_event().
 */
void schedule_within(struct schedule *schedule, uint64_t now, uint64_t within_usec);

/* A compile has ended: a LOOK_COMPILED without delay, or whatever else is due by then. After a look
 * that failed, the next try takes it. */
void schedule_compiled(struct schedule *schedule);

/* A person asked: a full look, without delay. */
void schedule_ask(struct schedule *schedule);

/* When the next look is due: PHX_NEVER while one is running. */
uint64_t schedule_due(const struct schedule *schedule);

/* The same for a look at everything, without LOOK_LABELS. */
uint64_t schedule_look_due(const struct schedule *schedule);

/* True when what is due next is a resync, which may come late. */
bool schedule_is_lazy(const struct schedule *schedule);

/* The look begins; returns what it must be. */
enum look_kind schedule_begin(struct schedule *schedule, uint64_t now);

/* It ended with a report, whose delays hold from now on. */
void schedule_end(struct schedule *schedule, uint64_t now, const struct phx_report *report);

/* A LOOK_LABELS ended. All that was due stays due. */
void schedule_end_labels(struct schedule *schedule, uint64_t now, bool differs);

/* It could not be made: again after 1 s, doubled each time up to 5 min, in full. Events make it
 * sooner, unless HOLD says that only time can help. */
void schedule_fail(struct schedule *schedule, uint64_t now, bool hold);
