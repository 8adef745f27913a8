/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The clock on the wall may be set, and how long a restart has been under way is no matter of that.
 * When the boot began is the same instant for as long as it lasts: by how much that has moved on
 * the clock, all times of an item of this boot move with it. Of another boot nothing is known but
 * that its times have been. */

#include "reconcile/restarts_settled.h"

/* The two clocks are never read at once, and the one on the wall is corrected all the time. */
#define CLOCK_SET_USEC 1000000ULL

static void clock_move(uint64_t *at, uint64_t from, uint64_t to) {
        if (*at == 0)
                return;
        *at = *at + to > from ? *at + to - from : 1;
}

/* What lies ahead, as an item of this boot may have it to be tried again. */
static void clock_limit(uint64_t *at, uint64_t now) {
        if (*at > now && *at - now > SETTLE_RETRY_USEC)
                *at = now;
}

void phx_restart_settle_clock(const struct phx_restart_view *view, struct phx_restart_item *item) {
        uint64_t *const times[] = { &item->since, &item->ended, &item->up,
                                    &item->tried, &item->again, &item->starts_since };
        uint64_t from = item->booted, to = view->booted_usec;
        bool is_known = from > 0 && to > 0 && item->boot[0] && phx_equal(item->boot, view->boot);

        if (is_known && from - to + CLOCK_SET_USEC <= 2 * CLOCK_SET_USEC)
                return;
        for (size_t i = 0; i < PHX_ELEMENTS(times); i++)
                if (is_known)
                        clock_move(times[i], from, to);
                else
                        clock_limit(times[i], view->wall_usec);
        if (is_known)
                item->booted = to;
}
