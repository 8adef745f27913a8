/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strings.h"
#include "reconcile/restarts_private.h"

/* One look at the restarts that were begun, and one item of it: what each step of
 * reconcile/restarts_settle.c is made of. */

/* When a job that systemd did not accept is tried again. */
#define SETTLE_RETRY_USEC 300000000ULL

struct settler {
        const struct phx_restart_view *view;
        const struct phx_desired *desired;
        const struct phx_observed *observed;
        const struct phx_drifts *drifts;
        struct phx_index by_id;
        struct phx_restarts next;
        struct phx_restart_events events;
};

/* One item, with what it is about. */
struct settled {
        struct settler *settler;
        struct phx_restart_item *item;             /* of NEXT */
        const struct phx_desired_container *want;  /* never NULL */
        const struct phx_observed_container *have; /* NULL: not on this host */
        bool had_former;                           /* a job of it had not ended before this look */
        bool is_gone;                              /* to be removed */
};

/* It has come to nothing, for that reason. 0 or -ENOMEM. */
int phx_restart_settle_fail(const struct settled *settled, const char *why);
/* Nothing is expected of it any more. It is gone, unless it has left its container stopped: then
 * that is to be started, as the policy of its entry allows. */
void phx_restart_settle_drop(struct settled *settled);
/* It is as if it had never been begun; what an operator has asked for stays so, and what is to be
 * put back is still to be. */
void phx_restart_settle_again(struct settled *settled);
/* It runs as it should: it is CHECKED from now on, or what is put back is there. 0 or -ENOMEM. */
int phx_restart_settle_up(struct settled *settled);
/* Of one that is CHECKED: 1 when it is well, 0 when that is not known yet or it is CHECKED no
 * longer, or -ENOMEM. The answer may be there before the time has passed that it has to stay up. */
int phx_restart_settle_health(const struct settled *settled);
/* Takes into account that the clock on the wall has been set. */
void phx_restart_settle_clock(const struct phx_restart_view *view, struct phx_restart_item *item);
/* Sees the end of the job that is FORMER. 0 or -ENOMEM. */
int phx_restart_settle_former(struct settled *settled);
/* One that is gone is kept after all, if that job has not ended. */
void phx_restart_settle_keep(struct settled *settled);
/* The step of one whose profile before is to be in its config again. 0 or -ENOMEM. */
int phx_restart_settle_back(struct settled *settled);
/* The steps of one that has failed, whose profile before is in its config again, that an operator
 * has asked for, and of whose job only the end is waited for. 0 or -ENOMEM. */
int phx_restart_settle_failed(struct settled *settled);
int phx_restart_settle_rolled_back(struct settled *settled);
int phx_restart_settle_asked(struct settled *settled);
/* The same of one that was restarted by its policy, and may be too often. */
int phx_restart_settle_repeated(struct settled *settled);
int phx_restart_settle_ending(struct settled *settled);
/* The step of one that is not in the configuration any more. 0 or -ENOMEM. */
int phx_restart_settle_unwanted(struct settled *settled);

static inline int settle_tell(
                const struct settled *settled,
                enum phx_restart_event_kind kind,
                const char *label,
                const char *text) {
        return phx_restart_events_add(&settled->settler->events, kind, settled->item, label, text);
}

/* NULL while there is none. */
static inline const struct phx_job_result *settle_result(const struct settled *settled, int *ret) {
        phx_autofree char *name = phx_restart_job_name(settled->item);

        if (!name)
                *ret = -ENOMEM;
        return name ? phx_job_results_find(settled->settler->view->results, name) : NULL;
}

static inline uint64_t settle_wall(const struct settled *settled) {
        return settled->settler->view->wall_usec;
}

/* How long ago by the clock on the wall; one that was set is seen by phx_restart_settle_clock(). */
static inline uint64_t settle_age(const struct settled *settled, uint64_t since) {
        uint64_t now = settle_wall(settled);

        return now > since ? now - since : 0;
}

static inline int settle_note_init(const struct settled *settled) {
        const struct phx_observed_container *have = settled->have;
        char init[PHX_RESTART_INIT_SIZE] = "";

        if (have && have->init > 0 && have->init_started > 0)
                phx_restart_init((unsigned) have->init, have->init_started, init);
        return phx_replace(&settled->item->init, init);
}

/* Of one that has failed, when no job is at it any more: whether that has left it stopped. */
static inline void settle_note_stopped(const struct settled *settled) {
        struct phx_restart_item *item = settled->item;

        if (!phx_restart_is_for_state(item) &&
            !phx_restart_has_job(item, settled->settler->view->boot))
                item->is_start = settled->have && !settled->have->is_running;
}

/* It is not to be tried again yet. A clock that was set back holds nothing up. */
static inline bool settle_pauses(const struct settled *settled) {
        uint64_t now = settle_wall(settled), again = settled->item->again;

        return again > now && again - now <= SETTLE_RETRY_USEC;
}

static inline void settle_enter(const struct settled *settled, enum phx_restart_phase phase) {
        settled->item->phase = phase;
        settled->item->since = settle_wall(settled);
}

/* A job gets the next number, and is thereby another one. */
static inline void settle_number(const struct settled *settled) {
        settled->item->serial = ++settled->settler->next.serial;
        settled->item->is_resumed = false;
}

/* Hands out a job. */
static inline void settle_hand_out(const struct settled *settled, enum phx_restart_phase phase) {
        settle_enter(settled, phase);
        settle_number(settled);
        settled->item->booted = settled->settler->view->booted_usec;
        settled->item->ended = settled->item->again = settled->item->tried = 0;
        settled->item->up = phase == PHX_RESTART_CHECKED ? settle_wall(settled) : 0;
        settled->item->is_unasked = false;
}

/* Of a restart that begins now. 0 or -ENOMEM. */
static inline int settle_note_begun(const struct settled *settled) {
        const struct phx_restart_view *view = settled->settler->view;

        return phx_restarts_note_begun(
                        &settled->settler->next,
                        view->wall_usec,
                        view->boot,
                        view->booted_usec);
}

static inline bool settle_is_same_input(const struct settled *settled) {
        return phx_equal(settled->want->mark.input, settled->item->input);
}

static inline bool settle_is_this_boot(const struct settled *settled) {
        return phx_equal(settled->item->boot, settled->settler->view->boot);
}

static inline bool settle_came_up(const struct settled *settled) {
        const struct phx_observed_container *have = settled->have;

        return have && phx_restart_is_right(have) &&
               phx_restart_is_other_init(have, settled->item->init);
}

static inline bool settle_may_change(const struct settled *settled) {
        const struct phx_desired *desired = settled->settler->desired;

        return desired->mode == PHX_MODE_ENFORCE && desired->has_configuration &&
               !phx_suspensions_find(&desired->suspensions, settled->item->id);
}
