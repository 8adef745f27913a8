/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Restarts that are not under way: they have failed, or what was before is there again, or an
 * operator asks for one. Of most, nothing but another input or an operator makes another try; what
 * systemd did not accept is tried again by itself. A container that a restart has left stopped has
 * no drift that decides, so it is started here. */

#include <errno.h>

#include "reconcile/restarts_settled.h"

#define USEC_PER_SEC 1000000ULL

static int over_has_place(const struct settled *settled) {
        const struct settler *settler = settled->settler;

        return phx_restart_has_place(
                        settler->view,
                        settler->desired,
                        settler->observed,
                        &settler->next,
                        settled->want);
}

/* Whether another try takes its place. What was asked for waits for the end of a job that may still
 * be at it; then the container may be stopped, and is started. */
static bool over_ends(struct settled *settled, const struct phx_job_result *result) {
        struct phx_restart_item *item = settled->item;
        uint64_t again = item->again;
        bool had_job = item->ended == 0 || settled->had_former, is_wish = again > 0 && had_job;

        if (result && item->ended == 0)
                item->ended = settle_wall(settled);
        if (phx_restart_has_job(item, settled->settler->view->boot))
                return false;
        if (had_job)
                settle_note_stopped(settled);
        if (settle_is_same_input(settled) && (again == 0 || (!is_wish && settle_pauses(settled))))
                return false;
        item->is_start |= is_wish;
        item->again = 0;
        if (again > 0)
                phx_restart_settle_again(settled);
        else
                phx_restart_settle_drop(settled);
        return true;
}

int phx_restart_settle_rolled_back(struct settled *settled) {
        int r = 0;
        const struct phx_job_result *result = settle_result(settled, &r);

        if (r >= 0)
                (void) over_ends(settled, result);
        return r;
}

/* Its job has ended after the deadline, which says nothing yet: what that has started shows only
 * some time later. */
static bool over_may_come_up(const struct settled *settled) {
        return settle_wall(settled) < phx_restart_late_end(settled->settler->view, settled->item);
}

int phx_restart_settle_failed(struct settled *settled) {
        struct phx_restart_item *item = settled->item;
        int r = 0;
        const struct phx_job_result *result = settle_result(settled, &r);

        if (r < 0)
                return r;
        if (over_ends(settled, result))
                return 0;
        if (settle_came_up(settled) && settle_is_same_input(settled)) {
                r = over_has_place(settled);
                return r <= 0 ? r : phx_restart_settle_up(settled);
        }
        if (item->again > 0 || over_may_come_up(settled) ||
            !settled->settler->view->settings->rollback || !settle_may_change(settled) ||
            phx_restart_why_not_back(
                            settled->settler->view,
                            settled->settler->observed,
                            settled->have,
                            item))
                return 0;
        r = over_has_place(settled);
        if (r <= 0)
                return r;
        settle_enter(settled, PHX_RESTART_BACK);
        return settle_tell(settled, PHX_RESTART_EVENT_BACK, item->label, item->why);
}

/* A restart has left it stopped, and it is tried again: then there is no drift that decides. */
static int over_start(struct settled *settled) {
        const struct phx_restart_view *view = settled->settler->view;
        struct phx_restart_item *item = settled->item;
        int r;

        if (!settle_may_change(settled) || phx_restart_start_due(
                                                           view,
                                                           settled->settler->observed,
                                                           settled->settler->drifts,
                                                           settled->want,
                                                           settled->have,
                                                           item) != PHX_RESTART_DUE_NOW)
                return 0;
        r = over_has_place(settled);
        if (r <= 0)
                return r;
        if (phx_replace(&item->boot, view->boot) < 0 ||
            phx_replace(&item->directory, settled->want->directory) < 0 ||
            phx_replace(&item->init, "") < 0 ||
            phx_replace(&item->label, settled->want->label) < 0 ||
            phx_replace(&item->input, settled->want->mark.input) < 0 ||
            settle_note_begun(settled) < 0)
                return -ENOMEM;
        settle_hand_out(settled, PHX_RESTART_UNDER_WAY);
        return settle_tell(settled, PHX_RESTART_EVENT_INTENT, item->label, NULL);
}

/* One that failed runs as it should: it is asked once more whether it stays up and is well. */
static int over_check(struct settled *settled) {
        const struct phx_desired_container *want = settled->want;
        struct phx_restart_item *item = settled->item;
        int r;

        r = over_has_place(settled);
        if (r <= 0)
                return r;
        if (phx_replace(&item->boot, settled->settler->view->boot) < 0 ||
            phx_replace(&item->label, want->label) < 0 ||
            phx_replace(&item->input, want->mark.input) < 0)
                return -ENOMEM;
        return phx_restart_settle_up(settled);
}

/* Nothing to be done for an operator either, where nothing runs or all is as it should be. What
 * was left stopped is started by somebody else meanwhile: then a drift decides, if any. */
int phx_restart_settle_asked(struct settled *settled) {
        const struct phx_observed_container *have = settled->have;
        bool has_failed = settled->item->is_start;

        if (!have || have->trouble)
                return 0;
        settled->is_gone = settled->want->state == PHX_RUN_STOPPED ||
                           (settled->item->when == PHX_RESTART_BY_POLICY &&
                            (!settle_is_this_boot(settled) ||
                             (have->is_running && !phx_restart_is_right(have))));
        if (settled->is_gone)
                return 0;
        if (!have->is_running && has_failed)
                return over_start(settled);
        if (phx_restart_is_right(have) && phx_restart_has_config(have, settled->want->label)) {
                if (has_failed)
                        return over_check(settled);
                settled->is_gone = true;
        }
        settled->is_gone |= !have->is_running;
        return 0;
}

/* It requires another restart, as far as that is known. */
static bool over_is_wrong_again(const struct settled *settled) {
        const struct phx_observed_container *have = settled->have;

        return have && have->is_running && have->starting == 0 && have->unknown == 0 &&
               (have->wrong > 0 || have->at_start.count > 0);
}

/* That time has passed is no reason to write: phx_states_drop_old(). That its profile is at fault
 * is not known, so that the one before is not put back. */
int phx_restart_settle_repeated(struct settled *settled) {
        struct phx_restart_item *item = settled->item;
        phx_autofree char *why = NULL;

        settled->is_gone = !settle_is_same_input(settled) || !settle_is_this_boot(settled) ||
                           settled->want->state == PHX_RUN_STOPPED;
        if (settled->is_gone || item->repeated < PHX_RESTART_REPEATS ||
            !over_is_wrong_again(settled) ||
            settle_age(settled, item->starts_since) >= PHX_RESTART_REPEATS_USEC)
                return 0;
        if (phx_printf(&why,
                       "it was restarted %u times within %llu min, and requires it again",
                       item->repeated,
                       PHX_RESTART_REPEATS_USEC / USEC_PER_SEC / 60) < 0 ||
            settle_note_init(settled) < 0)
                return -ENOMEM;
        item->since = settle_wall(settled);
        item->is_unasked = true;
        return phx_restart_settle_fail(settled, why);
}
