/* SPDX-License-Identifier: GPL-2.0-or-later */

/* When the next pass is due is a function of a few times, and nothing here waits. Five reasons
 * compete, and the earliest wins:
 *
 *   event    something happened: due when it has been quiet for the debounce, but no later than
 *            the longest delay after the first event, or than what came with it allows (latest);
 *            what came with it never makes looks follow each other faster than the debounce
 *   asked    a person waits: due at once
 *   retry    the last pass said when to come again, or failed: growing delays
 *   resync   nothing happened for so long that events may have been missed
 *   compiled a compile has ended: due at once, for a look that consumes no other reason
 *
 * hold_until overrules all of them: after the engine has died no pass begins before it, so that an
 * engine that dies at once cannot keep the machine busy.
 *
 * schedule_begin() consumes the reasons and turns them into the kind of pass; what happens after
 * that counts for the next one, since it is not known whether the running pass saw it. A check of
 * labels alone consumes nothing: what was due stays due. PHX_NEVER is the largest time, so that
 * "never" needs no case of its own. */

#include "shared/schedule.h"

#define SECOND UINT64_C(1000000)
#define BACKOFF_FIRST SECOND
#define BACKOFF_LAST (300 * SECOND)

static uint64_t earlier(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

/* NEVER plus anything is still never. */
static uint64_t later_by(uint64_t time, uint64_t delay) {
        return delay > PHX_NEVER - time ? PHX_NEVER : time + delay;
}

void schedule_init(struct schedule *schedule, uint64_t now) {
        *schedule = (struct schedule){
                .debounce_usec = SECOND / 5,
                .longest_delay_usec = 2 * SECOND,
                .resync_usec = 600 * SECOND,
                .resync_limit_usec = PHX_NEVER,
                .first_event = PHX_NEVER,
                .latest = PHX_NEVER,
                .ended = now,
                .labels_ended = now,
                .retry_at = PHX_NEVER,
                .full = true,
                .at_once = true,
        };
}

void schedule_event(struct schedule *schedule, uint64_t now, bool full) {
        if (schedule->first_event == PHX_NEVER)
                schedule->first_event = now;
        schedule->last_event = now;
        schedule->full = schedule->full || full;
}

void schedule_within(struct schedule *schedule, uint64_t now, uint64_t within_usec) {
        schedule->latest = earlier(schedule->latest, later_by(now, within_usec));
}

void schedule_compiled(struct schedule *schedule) {
        schedule->compiled = true;
}

void schedule_ask(struct schedule *schedule) {
        schedule->full = true;
        schedule->now = true;
}

/* Any user whom a container's directory belongs to can make such an event, again and again. */
static uint64_t latest_due(const struct schedule *schedule) {
        uint64_t rested = later_by(schedule->ended, schedule->debounce_usec);

        return schedule->latest > rested ? schedule->latest : rested;
}

static uint64_t event_due(const struct schedule *schedule) {
        if (schedule->now || schedule->at_once)
                return 0;
        if (schedule->first_event == PHX_NEVER)
                return PHX_NEVER;
        return earlier(latest_due(schedule),
                       earlier(later_by(schedule->last_event, schedule->debounce_usec),
                               later_by(schedule->first_event, schedule->longest_delay_usec)));
}

static uint64_t resync_due(const struct schedule *schedule) {
        return later_by(schedule->ended,
                        earlier(schedule->resync_usec, schedule->resync_limit_usec));
}

static uint64_t compiled_due(const struct schedule *schedule) {
        return schedule->compiled && schedule->failures == 0 ? 0 : PHX_NEVER;
}

/* A look for any other reason than a compile. */
static uint64_t other_due(const struct schedule *schedule) {
        return earlier(earlier(event_due(schedule), schedule->retry_at), resync_due(schedule));
}

static uint64_t look_due(const struct schedule *schedule) {
        return earlier(compiled_due(schedule), other_due(schedule));
}

static uint64_t labels_due(const struct schedule *schedule) {
        uint64_t last = schedule->ended > schedule->labels_ended ? schedule->ended
                                                                 : schedule->labels_ended;

        if (schedule->label_resync_usec == 0)
                return PHX_NEVER;
        return later_by(last, schedule->label_resync_usec);
}

uint64_t schedule_due(const struct schedule *schedule) {
        uint64_t due;

        if (schedule->running)
                return PHX_NEVER;
        due = earlier(look_due(schedule), labels_due(schedule));
        return due > schedule->hold_until ? due : schedule->hold_until;
}

uint64_t schedule_look_due(const struct schedule *schedule) {
        uint64_t due = schedule->running ? PHX_NEVER : look_due(schedule);

        return due > schedule->hold_until ? due : schedule->hold_until;
}

bool schedule_is_lazy(const struct schedule *schedule) {
        return compiled_due(schedule) == PHX_NEVER &&
               schedule_due(schedule) < earlier(event_due(schedule), schedule->retry_at);
}

enum look_kind schedule_begin(struct schedule *schedule, uint64_t now) {
        enum look_kind kind = LOOK_PLAIN;

        schedule->running = true;
        schedule->is_narrow = false;
        if (labels_due(schedule) <= now && look_due(schedule) > now)
                return LOOK_LABELS;
        schedule->is_narrow = schedule->compiled && other_due(schedule) > now;
        schedule->compiled = false;
        if (schedule->is_narrow)
                return LOOK_COMPILED;
        if (schedule->now)
                kind = LOOK_ASKED;
        else if (schedule->full || resync_due(schedule) <= now ||
                 (schedule->retry_at <= now && !schedule->is_settling))
                kind = LOOK_FULL;

        schedule->first_event = schedule->latest = PHX_NEVER;
        schedule->retry_at = PHX_NEVER;
        schedule->hold_until = 0;
        schedule->full = false;
        schedule->now = schedule->at_once = false;
        return kind;
}

void schedule_end(struct schedule *schedule, uint64_t now, const struct phx_report *report) {
        schedule->running = false;
        schedule->failures = 0;
        /* It has not looked at what a resync looks at. */
        if (!schedule->is_narrow)
                schedule->ended = now;
        /* It has not tried again what another look was to try. */
        if (!schedule->is_narrow || later_by(now, report->retry_usec) < schedule->retry_at) {
                schedule->retry_at = later_by(now, report->retry_usec);
                schedule->is_settling = report->is_settling;
        }
        schedule->debounce_usec = report->debounce_usec;
        schedule->longest_delay_usec = report->longest_delay_usec;
        schedule->resync_usec = report->resync_usec;
        schedule->label_resync_usec = report->label_resync_usec;
}

void schedule_end_labels(struct schedule *schedule, uint64_t now, bool differs) {
        schedule->running = false;
        schedule->labels_ended = now;
        schedule->at_once |= differs;
}

static uint64_t backoff(unsigned failures) {
        uint64_t delay = BACKOFF_FIRST;

        while (failures-- > 0 && delay < BACKOFF_LAST)
                delay *= 2;
        return earlier(delay, BACKOFF_LAST);
}

void schedule_fail(struct schedule *schedule, uint64_t now, bool hold) {
        schedule->running = false;
        schedule->ended = now;
        schedule->full = true;
        schedule->is_settling = false;
        schedule->retry_at = later_by(now, backoff(schedule->failures++));
        schedule->hold_until = hold ? schedule->retry_at : 0;
}
