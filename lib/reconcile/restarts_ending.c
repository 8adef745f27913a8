/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Restarts of which nothing is expected any more while systemd is still at their job. Until that
 * has ended no other job may begin at the container, so the item is kept:
 *
 *   FORMER      the container was up before its job had ended, and its health was asked for with
 *               another job
 *   ENDING      the restart is over; when a container that is not configured any more was waited
 *               for too long, too
 *   unwanted    the container is not configured any more: its restart takes a place among those
 *               under way, as before, until its job has ended, or the deadline is over */

#include <errno.h>
#include <string.h>

#include "reconcile/restarts_settled.h"

#define USEC_PER_SEC 1000000ULL

int phx_restart_settle_former(struct settled *settled) {
        const struct phx_restart_view *view = settled->settler->view;
        struct phx_restart_item *item = settled->item;
        phx_autofree char *name = NULL;

        settled->had_former = item->former > 0;
        if (item->former == 0)
                return 0;
        name = phx_restart_former_name(item);
        if (!name)
                return -ENOMEM;
        if (!phx_restart_has_former(item, view->boot) || phx_job_results_find(view->results, name))
                item->former = 0;
        return 0;
}

/* The item is about that job again. SINCE stays: it has begun long ago. */
static void ending_take_former(const struct settled *settled, enum phx_restart_phase phase) {
        struct phx_restart_item *item = settled->item;

        item->phase = phase;
        item->serial = item->former;
        item->former = 0;
        item->ended = item->again = item->tried = 0;
}

void phx_restart_settle_keep(struct settled *settled) {
        if (settled->item->former == 0)
                return;
        ending_take_former(settled, PHX_RESTART_ENDING);
        settled->is_gone = false;
}

/* Only its job was waited for. */
int phx_restart_settle_ending(struct settled *settled) {
        int r = 0;
        const struct phx_job_result *result = settle_result(settled, &r);

        if (r < 0 || (!result && phx_restart_has_job(settled->item, settled->settler->view->boot)))
                return r;
        if (settled->item->again > 0)
                phx_restart_settle_again(settled);
        else
                settled->is_gone = true;
        return 0;
}

/* --- of no container of the configuration any more --- */

static int unwanted_tell(const struct settled *settled, const char *what) {
        phx_autofree char *text = NULL;

        if (phx_printf(&text, "it is no longer in the configuration%s", what) < 0 ||
            phx_replace(&settled->item->why, text) < 0)
                return -ENOMEM;
        return settle_tell(settled, PHX_RESTART_EVENT_FAILED, settled->item->label, text);
}

static int unwanted_ended(const struct settled *settled, const struct phx_job_result *result) {
        phx_autofree char *what = NULL;

        if (!result || result->outcome == PHX_JOB_DONE || !result->text)
                return unwanted_tell(settled, "");
        return phx_printf(&what, "; %s", result->text) < 0 ? -ENOMEM : unwanted_tell(settled, what);
}

static int unwanted_overdue(const struct settled *settled) {
        uint64_t limit = settled->settler->view->settings->deadline_usec;
        struct phx_restart_item *item = settled->item;
        phx_autofree char *what = NULL;

        if (phx_printf(&what,
                       ", and after %llu s its job has not ended",
                       (unsigned long long) (limit / USEC_PER_SEC)) < 0)
                return -ENOMEM;
        /* The phase tells which job it is. */
        item->phase = item->phase == PHX_RESTART_UNDER_WAY ? PHX_RESTART_ENDING
                                                           : PHX_RESTART_ROLLED_BACK;
        return unwanted_tell(settled, what);
}

int phx_restart_settle_unwanted(struct settled *settled) {
        const struct phx_restart_view *view = settled->settler->view;
        struct phx_restart_item *item = settled->item;
        const struct phx_job_result *result;
        int r = 0;

        if (item->former > 0)
                ending_take_former(
                                settled,
                                item->phase == PHX_RESTART_CHECKED ? PHX_RESTART_UNDER_WAY
                                                                   : PHX_RESTART_ENDING);
        result = settle_result(settled, &r);
        if (r < 0)
                return r;
        /* A job that only asks for its health is of no account. */
        settled->is_gone = result || item->phase == PHX_RESTART_CHECKED ||
                           !phx_restart_has_job(item, view->boot);
        if (!phx_restart_is_under_way(item))
                return 0;
        if (settled->is_gone)
                return unwanted_ended(settled, result);
        return settle_age(settled, item->since) >= view->settings->deadline_usec
                               ? unwanted_overdue(settled)
                               : 0;
}
