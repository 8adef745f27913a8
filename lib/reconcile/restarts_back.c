/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The way back of a restart that failed. Once the item is BACK, the profile before is what is
 * desired (restarts_mark.c), so that the config is edited as for any other assignment; when that
 * names it again, a job is handed out as for the restart itself. */

#include "reconcile/restarts_settled.h"

/* One that never left its profile before is not stopped for its lines: those it had before, too. */
static bool back_is_there(const struct settled *settled) {
        const struct phx_observed_container *have = settled->have;

        return phx_restart_is_right(have) || (phx_restart_is_labelled(have) &&
                                              phx_restart_is_same_init(have, settled->item->init));
}

/* What allowed it when it failed may be gone by now. */
static int back_begin(struct settled *settled) {
        const struct settler *settler = settled->settler;
        struct phx_restart_item *item = settled->item;
        const char *why_not = phx_restart_why_not_back(
                        settler->view,
                        settler->observed,
                        settled->have,
                        item);

        if (why_not)
                return phx_restart_settle_fail(settled, why_not);
        item->is_start = !settled->have->is_running;
        if (settle_note_init(settled) < 0 || phx_replace(&item->boot, settler->view->boot) < 0 ||
            phx_replace(&item->directory, settled->have->directory) < 0 ||
            settle_note_begun(settled) < 0)
                return -ENOMEM;
        settle_hand_out(settled, PHX_RESTART_BACK_UNDER_WAY);
        return settle_tell(settled, PHX_RESTART_EVENT_INTENT, settled->want->label, NULL);
}

int phx_restart_settle_back(struct settled *settled) {
        const struct phx_observed_container *have = settled->have;
        struct phx_restart_item *item = settled->item;

        if (!settle_is_same_input(settled)) {
                phx_restart_settle_drop(settled);
                return 0;
        }
        if (settle_pauses(settled))
                return 0;
        if (settled->want->mark.asked && phx_restart_has_config(have, settled->want->label)) {
                if (back_is_there(settled)) {
                        settle_enter(settled, PHX_RESTART_ROLLED_BACK);
                        item->is_start = false;
                        return 0;
                }
                if (settle_may_change(settled) && have->restart == PHX_RESTART_PLAIN &&
                    have->starting == 0)
                        return back_begin(settled);
        }
        return settle_age(settled, item->since) >= settled->settler->view->settings->deadline_usec
                               ? phx_restart_settle_fail(
                                                 settled,
                                                 "its config is not as before in time")
                               : 0;
}
