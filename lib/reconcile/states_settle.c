/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What becomes of the stops that were begun, and of containers that were started. A start goes the
 * way of a restart (restarts_settle.c), without a rollback, and is kept for a while after it: one
 * that is found stopped again too often is left so.
 *
 *   a stop   UNDER_WAY ─► gone: it does not run, and its job has ended
 *               └──────► FAILED, until its input changes, or it does not run after all */

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "reconcile/restarts_settled.h"
#include "reconcile/states.h"
#include "reconcile/states_private.h"

#define USEC_PER_SEC 1000000ULL

static int states_fail(const struct settled *settled, const char *why) {
        struct phx_restart_item *item = settled->item;

        if (phx_replace(&item->why, why) < 0)
                return -ENOMEM;
        item->phase = PHX_RESTART_FAILED;
        return settle_tell(settled, PHX_RESTART_EVENT_FAILED, item->label, why);
}

static bool states_is_same_input(const struct settled *settled) {
        return phx_equal(settled->want->mark.input, settled->item->input);
}

/* --- a stop --- */

static int stop_refused(struct settled *settled, const char *text) {
        phx_autofree char *why = NULL;

        if (phx_printf(&why, "systemd does not accept it: %s", text ? text : "") < 0)
                return -ENOMEM;
        settled->item->again = settle_wall(settled) + SETTLE_RETRY_USEC;
        return states_fail(settled, why);
}

/* It runs still. */
static int stop_note_result(struct settled *settled, const struct phx_job_result *result) {
        settled->item->ended = settle_wall(settled);
        switch (result->outcome) {
        case PHX_JOB_DONE:
                return 0;
        case PHX_JOB_GONE:
                settled->is_gone = true;
                return 0;
        case PHX_JOB_FAILED:
                return states_fail(settled, result->text ? result->text : "its job failed");
        case PHX_JOB_REFUSED:
                return stop_refused(settled, result->text);
        }
        return 0;
}

/* Its directory is not there, and not because Proxmox or LXC could not be asked. */
static bool stop_is_away(const struct settled *settled) {
        const struct phx_observed *observed = settled->settler->observed;

        return !settled->have && !observed->pve_refusal && !observed->lxc_refusal;
}

static int stop_overdue(const struct settled *settled) {
        uint64_t limit = settled->settler->view->settings->deadline_usec;
        phx_autofree char *why = NULL;

        if (!settled->have)
                return states_fail(settled, "it is not on this host");
        if (phx_printf(&why,
                       "after %llu s it still runs",
                       (unsigned long long) (limit / USEC_PER_SEC)) < 0)
                return -ENOMEM;
        return states_fail(settled, why);
}

/* Another job begins only when this one has ended. */
static int stop_done(struct settled *settled, bool has_ended) {
        struct phx_restart_item *item = settled->item;

        if (has_ended)
                settled->is_gone = true;
        else
                item->phase = PHX_RESTART_ENDING;
        return settle_tell(settled, PHX_RESTART_EVENT_DONE, item->label, NULL);
}

static int stop_under_way(struct settled *settled) {
        struct phx_restart_item *item = settled->item;
        const struct phx_observed_container *have = settled->have;
        const struct phx_restart_view *view = settled->settler->view;
        bool is_overdue = settle_age(settled, item->since) >= view->settings->deadline_usec;
        int r = 0;
        const struct phx_job_result *result = settle_result(settled, &r);

        if (r < 0)
                return r;
        if (!phx_equal(item->boot, view->boot)) {
                settled->is_gone = true;
                return 0;
        }
        if (stop_is_away(settled) && (result || item->ended > 0)) {
                settled->is_gone = true;
                return 0;
        }
        if (have && !have->is_running && (result || item->ended > 0 || is_overdue))
                return stop_done(settled, result || item->ended > 0);
        if (have && have->is_running && result && item->ended == 0)
                return stop_note_result(settled, result);
        return is_overdue ? stop_overdue(settled) : 0;
}

/* An operator who asks for it finds it in AGAIN, see phx_restarts_ask(). */
static int stop_failed(struct settled *settled) {
        struct phx_restart_item *item = settled->item;
        int r = 0;
        const struct phx_job_result *result = settle_result(settled, &r);

        if (r < 0)
                return r;
        if (result && item->ended == 0)
                item->ended = settle_wall(settled);
        if (phx_restart_has_job(item, settled->settler->view->boot))
                return 0;
        settled->is_gone = !states_is_same_input(settled) || stop_is_away(settled) ||
                           (settled->have && !settled->have->is_running) ||
                           (item->again > 0 && !settle_pauses(settled));
        return 0;
}

static int states_settle_stop(struct settled *settled) {
        return settled->item->phase == PHX_RESTART_FAILED ? stop_failed(settled)
                                                          : stop_under_way(settled);
}

/* --- after a start --- */

/* Its starts do not count any more. */
static bool states_is_old(
                const struct phx_restart_view *view,
                const struct phx_restart_item *item) {
        return item->phase == PHX_RESTART_STARTED &&
               (item->starts_since > view->wall_usec ||
                view->wall_usec - item->starts_since >= PHX_STATE_STARTS_USEC);
}

/* That time has passed is no reason to write: phx_states_drop_old(). */
static int states_settle_started(struct settled *settled) {
        struct phx_restart_item *item = settled->item;
        const struct phx_observed_container *have = settled->have;
        phx_autofree char *why = NULL;

        if (settled->want->state != PHX_RUN_RUNNING || !states_is_same_input(settled)) {
                settled->is_gone = true;
                return 0;
        }
        if (!have || have->is_running || item->starts < PHX_STATE_STARTS ||
            states_is_old(settled->settler->view, item))
                return 0;
        if (phx_printf(&why,
                       "it was started %u times within %llu min, and stopped again each time",
                       item->starts,
                       PHX_STATE_STARTS_USEC / USEC_PER_SEC / 60) < 0 ||
            phx_replace(&item->init, "") < 0)
                return -ENOMEM;
        item->since = settle_wall(settled);
        return states_fail(settled, why);
}

void phx_states_drop_old(const struct phx_restart_view *view, struct phx_restarts *next) {
        if (phx_restarts_equal(next, view->restarts))
                return;
        for (size_t i = next->count; i > 0; i--)
                if (states_is_old(view, &next->items[i - 1]) &&
                    !phx_restart_has_job(&next->items[i - 1], view->boot))
                        (void) phx_restarts_remove(next, next->items[i - 1].id);
}

/* --- both --- */

/* Whatever was the reason, it may be another one after the host has booted; and what it was asked
 * for while the host went down, systemd has refused. */
static bool states_is_past(const struct settled *settled) {
        return settled->item->phase == PHX_RESTART_FAILED &&
               !phx_equal(settled->item->boot, settled->settler->view->boot);
}

bool phx_states_takes(const struct settled *settled) {
        const struct phx_restart_item *item = settled->item;

        return (item->is_stop && item->phase != PHX_RESTART_ENDING) ||
               item->phase == PHX_RESTART_STARTED || states_is_past(settled);
}

int phx_states_settle(struct settled *settled) {
        if (states_is_past(settled)) {
                settled->is_gone = true;
                return 0;
        }
        return settled->item->is_stop ? states_settle_stop(settled)
                                      : states_settle_started(settled);
}
