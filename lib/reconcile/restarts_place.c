/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/strings.h"
#include "reconcile/chains.h"
#include "reconcile/restarts_private.h"
#include "state/labels.h"

bool phx_restart_is_down(
                const struct phx_restart_view *view,
                const struct phx_restart_item *item,
                const struct phx_observed_container *have) {
        if (item->phase == PHX_RESTART_ASKED)
                return item->is_start && have && !have->is_running;
        if (!phx_restart_is_over(item))
                return false;
        return phx_restart_has_job(item, view->boot) ||
               (item->phase != PHX_RESTART_ENDING && have && !have->is_running);
}

int phx_restart_has_place(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_restarts *restarts,
                const struct phx_desired_container *want) {
        const struct phx_observed_container *have = phx_restarts_have(observed, want);
        size_t count = desired->container_count, under_way = 0, at;
        phx_cleanup(phx_chains_done) struct phx_chains chains = { 0 };
        phx_autofree bool *marked = calloc(count + 1, sizeof(*marked));
        phx_autofree size_t *below = calloc(count + 1, sizeof(*below)),
                            *above = calloc(count + 1, sizeof(*above));

        if (!marked || !below || !above || phx_chains_make(desired, &chains) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < restarts->count; i++) {
                const struct phx_restart_item *item = &restarts->items[i];
                bool is_under_way = phx_restart_is_under_way(item);

                under_way += is_under_way;
                at = phx_chains_find(&chains, item->id);
                if (at == PHX_CHAINS_NONE || &desired->containers[at] == want)
                        continue;
                /* One that does not run is put no further down by being started. */
                marked[at] = is_under_way ||
                             (have && have->is_running &&
                              phx_restart_is_down(
                                              view,
                                              item,
                                              phx_restarts_have(
                                                              observed,
                                                              &desired->containers[at])));
        }
        phx_chains_below(&chains, marked, below);
        phx_chains_above(&chains, marked, above);
        at = (size_t) (want - desired->containers);
        return under_way < view->settings->jobs && below[at] == PHX_CHAINS_NONE &&
               above[at] == PHX_CHAINS_NONE;
}

uint64_t phx_restart_late_end(
                const struct phx_restart_view *view,
                const struct phx_restart_item *item) {
        return item->phase == PHX_RESTART_FAILED && item->serial > 0 &&
                                               item->ended >= item->since + view->settings->deadline_usec
                               ? item->ended + PHX_RESTART_GRACE_USEC
                               : 0;
}

bool phx_restart_has_config(const struct phx_observed_container *have, const char *label) {
        return have && !have->trouble && phx_equal(have->effective, label) &&
               have->wrong_lines.count == 0;
}

static enum phx_restart_due place_by_permission(
                const struct phx_restart_view *view,
                const struct phx_desired_container *want,
                const struct phx_restart_item *item) {
        bool is_by_policy = item->when == PHX_RESTART_BY_POLICY;
        bool is_windowed = is_by_policy ? want->restart == PHX_RESTART_WINDOW
                                        : item->when == PHX_RESTART_IN_WINDOW;

        if (is_by_policy && want->restart == PHX_RESTART_NEVER)
                return PHX_RESTART_DUE_POLICY;
        return is_windowed && !(view->window.is_known && view->window.is_open)
                               ? PHX_RESTART_DUE_WINDOW
                               : PHX_RESTART_DUE_NOW;
}

static bool place_is_enforced(
                const struct phx_observed *observed,
                const struct phx_desired_container *want) {
        const struct phx_kernel_entry *loaded = phx_kernel_entries_find(
                        &observed->loaded,
                        want->profile);

        return want->is_generated || phx_label_is_unconfined(want->profile) ||
               (loaded && phx_policy_mode_is_enforced(loaded->mode));
}

enum phx_restart_due phx_restart_start_due(
                const struct phx_restart_view *view,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have,
                const struct phx_restart_item *item) {
        enum phx_restart_due due = place_by_permission(view, want, item);

        if (have->restart != PHX_RESTART_PLAIN)
                return PHX_RESTART_DUE_BACKEND;
        /* phoenixd-create holds it. */
        if (want->copied_for)
                return PHX_RESTART_DUE_CHAIN;
        if (due == PHX_RESTART_DUE_POLICY)
                return due;
        return !phx_restart_has_config(have, want->label) || !place_is_enforced(observed, want) ||
                                               phx_restart_is_blocked(drifts, want)
                               ? PHX_RESTART_DUE_NOT_READY
                               : due;
}
