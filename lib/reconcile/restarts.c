/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which restart is begun now. Each container that requires one is a candidate, and is first judged
 * by itself: suspended, not to be restarted by its backend now, something of it not right yet, no
 * permission. What is left may be begun, in the order of boot_order, and each waits for what comes
 * first:
 *
 *   holding   candidates that may be begun, restarts that are under way, have failed or have left
 *             the container stopped, and containers of which something else is about to be
 * repaired. Those that depend on one of them wait, over any number of others between them active
 * restarts that are under way, starts and stops that are or are begun now, and those whose failure
 * has left the container stopped or whose job has not ended. Those that they depend on wait as
 * well, so that never two of one chain are down
 *
 * A drift that is chosen gets its action, and is active from then on. Nothing is chosen of a
 * picture in which another choice would be safer: what is not known counts as not right. */

#include "reconcile/restarts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/sorted.h"
#include "base/strings.h"
#include "reconcile/chains.h"
#include "reconcile/restarts_private.h"
#include "reconcile/states.h"
#include "state/labels.h"
#include "state/report.h"

/* When a window that could not be asked for is asked for again, and when a health program that
 * cannot be run is looked at again. */
#define WINDOW_RETRY_USEC 60000000ULL
#define HEALTH_RETRY_USEC 60000000ULL

struct candidate {
        size_t at; /* of the desired containers */
        const struct phx_desired_container *want;
        struct phx_drift *drift;
};

struct decider {
        const struct phx_restart_view *view;
        const struct phx_desired *desired;
        const struct phx_observed *observed;
        struct phx_drifts *drifts;
        struct phx_chains chains;
        struct candidate *candidates; /* those that may be begun */
        size_t count;
        bool *holding, *active;
        size_t *below, *above; /* of HOLDING and ACTIVE */
        unsigned under_way;
        uint64_t begun;
        struct phx_restart_waits waits;
};

static void decider_done(struct decider *decider) {
        phx_chains_done(&decider->chains);
        free(decider->candidates);
        free(decider->holding);
        free(decider->active);
        free(decider->below);
        free(decider->above);
        phx_restart_waits_done(&decider->waits);
}

void phx_restart_waits_done(struct phx_restart_waits *waits) {
        for (size_t i = 0; i < waits->count; i++) {
                free(waits->items[i].id);
                free(waits->items[i].why);
        }
        free(waits->items);
        *waits = (struct phx_restart_waits){ 0 };
}

static int decide_compare_waits(const void *a, const void *b) {
        return strcmp(((const struct phx_restart_wait *) a)->id,
                      ((const struct phx_restart_wait *) b)->id);
}

static int decide_compare_id(const void *id, const void *wait) {
        return strcmp(id, ((const struct phx_restart_wait *) wait)->id);
}

const struct phx_restart_wait *phx_restart_waits_find(
                const struct phx_restart_waits *waits,
                const char *id) {
        return phx_find_sorted(
                        id,
                        waits->items,
                        waits->count,
                        sizeof(*waits->items),
                        decide_compare_id);
}

/* 0 or -ENOMEM. */
static int decide_wait(
                struct decider *decider,
                const char *id,
                enum phx_restart_due due,
                uint64_t at,
                const char *why) {
        struct phx_restart_waits *waits = &decider->waits;
        struct phx_restart_wait *wait = phx_grow(&waits->items, &waits->count, sizeof(*wait));

        if (!wait)
                return -ENOMEM;
        wait->due = due;
        wait->action = PHX_ACTION_RESTART;
        wait->at = at;
        if (at < waits->next)
                waits->next = at;
        if (phx_replace(&wait->id, id) < 0)
                return -ENOMEM;
        return phx_replace(&wait->why, why);
}

/* --- each by itself --- */

/* Of the config and of what is known of the tasks. Lines without effect, and options that are left
 * out, do not change what a restart comes to; pending changes of Proxmox do. */
static bool decide_blocks(const struct phx_drift *drift) {
        switch (drift->kind) {
        case PHX_DRIFT_OPTION:
        case PHX_DRIFT_REMARK:
        case PHX_DRIFT_RUNNING:
        case PHX_DRIFT_LEFTOVER:
        case PHX_DRIFT_STATE:
                return false;
        case PHX_DRIFT_REFUSED:
        case PHX_DRIFT_ABSENT:
        case PHX_DRIFT_DIFFERS:
        case PHX_DRIFT_MODE:
        case PHX_DRIFT_FOREIGN:
        case PHX_DRIFT_DISABLED:
        case PHX_DRIFT_NAMESPACE:
        case PHX_DRIFT_WITHDRAWN:
        case PHX_DRIFT_ASSIGNED:
        case PHX_DRIFT_MISSING:
        case PHX_DRIFT_UNMANAGED:
        case PHX_DRIFT_PENDING:
        case PHX_DRIFT_UNKNOWN:
                return true;
        }
        return true;
}

static const struct phx_drift *decide_find_blocking(
                const struct phx_drifts *drifts,
                enum phx_layer layer,
                const char *object) {
        const struct phx_drift *drift;
        size_t at = 0;

        while ((drift = phx_drifts_next(drifts, layer, object, &at)))
                if (decide_blocks(drift))
                        return drift;
        return NULL;
}

/* The container and its profile may have the same name; then each counts for both. */
bool phx_restart_is_blocked(
                const struct phx_drifts *drifts,
                const struct phx_desired_container *want) {
        return decide_find_blocking(drifts, PHX_LAYER_CONFIG, want->id) ||
               decide_find_blocking(drifts, PHX_LAYER_RUNNING, want->id) ||
               decide_find_blocking(drifts, PHX_LAYER_KERNEL, want->id) ||
               decide_find_blocking(drifts, PHX_LAYER_KERNEL, want->profile) ||
               decide_find_blocking(drifts, PHX_LAYER_KERNEL, PHX_OBJECT_KERNEL);
}

static bool decide_is_ready(
                const struct decider *decider,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        return !phx_restart_is_blocked(decider->drifts, want) && have->is_running &&
               have->starting == 0 && have->unknown == 0 && have->init > 0 &&
               have->init_started > 0;
}

static enum phx_restart_when decide_permission(
                const struct decider *decider,
                const char *id,
                bool *ret_is_asked) {
        const struct phx_restart_item *item = phx_restarts_find(decider->view->restarts, id);

        *ret_is_asked = item && item->when != PHX_RESTART_BY_POLICY &&
                        (item->phase == PHX_RESTART_ASKED ||
                         (item->phase == PHX_RESTART_ENDING && item->again > 0));
        return *ret_is_asked ? item->when : PHX_RESTART_BY_POLICY;
}

static enum phx_restart_due decide_by_policy(
                const struct decider *decider,
                const struct phx_desired_container *want) {
        bool is_asked = false;
        enum phx_restart_when when = decide_permission(decider, want->id, &is_asked);
        bool is_windowed = is_asked ? when == PHX_RESTART_IN_WINDOW
                                    : want->restart == PHX_RESTART_WINDOW;

        if (!is_asked && want->restart == PHX_RESTART_NEVER)
                return PHX_RESTART_DUE_POLICY;
        if (is_windowed && !(decider->view->window.is_known && decider->view->window.is_open))
                return PHX_RESTART_DUE_WINDOW;
        return PHX_RESTART_DUE_NOW;
}

/* DUE_NOW when nothing but the others may keep it from being begun. */
static enum phx_restart_due decide_alone(
                const struct decider *decider,
                const struct phx_desired_container *want) {
        const struct phx_observed_container *have = phx_restarts_have(decider->observed, want);
        enum phx_restart_due due;

        if (phx_suspensions_find(&decider->desired->suspensions, want->id))
                return PHX_RESTART_DUE_SUSPENDED;
        if (have && have->restart != PHX_RESTART_PLAIN)
                return PHX_RESTART_DUE_BACKEND;
        due = decide_by_policy(decider, want);
        /* Of one that is not to be restarted, not all that this takes is known. */
        if (due == PHX_RESTART_DUE_POLICY)
                return due;
        return have && decide_is_ready(decider, want, have) ? due : PHX_RESTART_DUE_NOT_READY;
}

static uint64_t decide_at(const struct decider *decider, enum phx_restart_due due) {
        const struct phx_window *window = &decider->view->window;

        return due == PHX_RESTART_DUE_WINDOW && window->is_known ? window->next_usec : PHX_NEVER;
}

static void decide_note_unknown_window(struct decider *decider, enum phx_restart_due due) {
        uint64_t again = decider->view->wall_usec + WINDOW_RETRY_USEC;

        if (due == PHX_RESTART_DUE_WINDOW && !decider->view->window.is_known &&
            again < decider->waits.next)
                decider->waits.next = again;
}

/* Its health could not be asked for afterwards: it is not stopped before that is fixed. NULL when
 * it can be, or is not to be. */
static const char *decide_health_trouble(const struct decider *decider) {
        return decider->view->settings->health ? decider->view->health_trouble : NULL;
}

static int decide_await_health(struct decider *decider, const char *id, const char *trouble) {
        uint64_t again = decider->view->wall_usec + HEALTH_RETRY_USEC;

        if (again < decider->waits.next)
                decider->waits.next = again;
        return decide_wait(decider, id, PHX_RESTART_DUE_NOT_READY, PHX_NEVER, trouble);
}

/* By its own item: no second job may begin beside one that may still run. */
static bool decide_is_occupied(const struct decider *decider, const char *id) {
        const struct phx_restart_item *item = phx_restarts_find(decider->view->restarts, id);

        if (!item || item->phase == PHX_RESTART_ASKED)
                return false;
        return item->phase != PHX_RESTART_STARTED || phx_restart_has_job(item, decider->view->boot);
}

/* It is to be restarted again, and only the job of the restart before is waited for. */
static bool decide_is_ending(const struct decider *decider, const char *id) {
        const struct phx_restart_item *item = phx_restarts_find(decider->view->restarts, id);

        return item && item->phase == PHX_RESTART_ENDING;
}

static int decide_candidate(struct decider *decider, struct phx_drift *drift) {
        size_t at = phx_chains_find(&decider->chains, drift->object);
        const char *trouble = decide_health_trouble(decider);
        const struct phx_desired_container *want;
        struct candidate *candidate;
        enum phx_restart_due due;
        bool is_ending;

        if (at == PHX_CHAINS_NONE || !phx_drift_requires_restart(drift) ||
            drift->cause != PHX_CAUSE_REQUIRES_RESTART)
                return 0;
        want = &decider->desired->containers[at];
        is_ending = decide_is_ending(decider, want->id);
        /* Its own item already says what it waits for. */
        if (decide_is_occupied(decider, want->id) && !is_ending)
                return 0;
        /* It is stopped instead. */
        if (want->state == PHX_RUN_STOPPED)
                return 0;
        due = decide_alone(decider, want);
        decide_note_unknown_window(decider, due);
        if (due != PHX_RESTART_DUE_NOW)
                return decide_wait(decider, want->id, due, decide_at(decider, due), NULL);
        if (trouble)
                return decide_await_health(decider, want->id, trouble);
        decider->holding[at] = true;
        if (is_ending)
                return decide_wait(
                                decider,
                                want->id,
                                PHX_RESTART_DUE_UNDER_WAY,
                                PHX_NEVER,
                                "its restart before has not ended");
        candidate = phx_grow(&decider->candidates, &decider->count, sizeof(*candidate));
        if (!candidate)
                return -ENOMEM;
        *candidate = (struct candidate){ at, want, drift };
        return 0;
}

/* --- what was begun before --- */

/* It is to be started, as a restart has left it stopped: no drift has it restarted. One that its
 * entry wants to run, or not to, is the affair of states.c. */
static int decide_start(
                struct decider *decider,
                const struct phx_restart_item *item,
                const struct phx_desired_container *want) {
        const struct phx_observed_container *have = phx_restarts_have(decider->observed, want);
        enum phx_restart_due due = PHX_RESTART_DUE_SUSPENDED;
        int r = 1;

        if (!phx_restart_is_down(decider->view, item, have) || want->state != PHX_RUN_UNMANAGED)
                return 0;
        if (!phx_suspensions_find(&decider->desired->suspensions, want->id))
                due = phx_restart_start_due(
                                decider->view,
                                decider->observed,
                                decider->drifts,
                                want,
                                have,
                                item);
        decide_note_unknown_window(decider, due);
        if (due == PHX_RESTART_DUE_NOW)
                r = phx_restart_has_place(
                                decider->view,
                                decider->desired,
                                decider->observed,
                                decider->view->restarts,
                                want);
        if (r == 0)
                due = PHX_RESTART_DUE_TURN;
        if (r >= 0)
                r = decide_wait(decider,
                                want->id,
                                due,
                                decide_at(decider, due),
                                due == PHX_RESTART_DUE_CHAIN ? want->copied_for : NULL);
        if (r >= 0)
                decider->waits.items[decider->waits.count - 1].action = PHX_ACTION_START;
        return r;
}

static int decide_item(struct decider *decider, const struct phx_restart_item *item) {
        size_t at = phx_chains_find(&decider->chains, item->id);
        bool is_under_way = phx_restart_is_under_way(item), is_down;
        enum phx_restart_due due = PHX_RESTART_DUE_FAILED;
        const struct phx_desired_container *want;
        int r;

        decider->under_way += is_under_way;
        if (at == PHX_CHAINS_NONE || item->phase == PHX_RESTART_STARTED)
                return 0;
        want = &decider->desired->containers[at];
        is_down = phx_restart_is_down(
                        decider->view,
                        item,
                        phx_restarts_have(decider->observed, want));
        decider->active[at] = is_under_way || is_down;
        /* One that is to be stopped, and cannot be, is restarted by nothing. */
        decider->holding[at] = is_under_way || ((item->phase == PHX_RESTART_FAILED || is_down) &&
                                                want->state != PHX_RUN_STOPPED);
        if (item->phase == PHX_RESTART_ENDING)
                return 0;
        if (item->phase == PHX_RESTART_ASKED)
                return decide_start(decider, item, want);
        if (is_under_way)
                due = PHX_RESTART_DUE_UNDER_WAY;
        else if (item->phase == PHX_RESTART_ROLLED_BACK)
                due = PHX_RESTART_DUE_ROLLED_BACK;
        r = decide_wait(decider, item->id, due, PHX_NEVER, item->why[0] ? item->why : NULL);
        if (r >= 0)
                decider->waits.items[decider->waits.count - 1].action = phx_restart_action(item);
        return r;
}

/* When the check of one that is CHECKED may be over by time alone; after now. */
static uint64_t decide_check_end(
                const struct phx_restart_view *view,
                const struct phx_restart_item *item) {
        const uint64_t ends[] = {
                item->up + PHX_RESTART_STAY_USEC,
                item->since + PHX_RESTART_GRACE_USEC,
                item->tried + view->settings->health_usec + PHX_RESTART_HEALTH_GRACE_USEC,
                item->since + view->settings->deadline_usec,
        };
        uint64_t first = PHX_NEVER;

        for (size_t i = 0; i < PHX_ELEMENTS(ends); i++)
                if (ends[i] > view->wall_usec && ends[i] < first)
                        first = ends[i];
        return first < PHX_NEVER ? first : view->wall_usec + PHX_RESTART_GRACE_USEC;
}

/* When its phase is over by time alone. */
static uint64_t decide_end(const struct decider *decider, const struct phx_restart_item *item) {
        const struct phx_restart_settings *settings = decider->view->settings;
        uint64_t end = item->since + settings->deadline_usec;

        if (item->again > decider->view->wall_usec)
                return item->again;
        if (!phx_restart_is_under_way(item)) {
                end = phx_restart_late_end(decider->view, item);
                return end > decider->view->wall_usec ? end : PHX_NEVER;
        }
        if (item->phase == PHX_RESTART_CHECKED)
                return decide_check_end(decider->view, item);
        if (item->ended > 0 && item->ended + PHX_RESTART_GRACE_USEC < end)
                end = item->ended + PHX_RESTART_GRACE_USEC;
        /* What is over already is looked at again soon, as it may be settled then. */
        return end > decider->view->wall_usec ? end
                                              : decider->view->wall_usec + PHX_RESTART_GRACE_USEC;
}

/* --- among the others --- */

static int decide_compare_candidates(const void *a, const void *b) {
        const struct candidate *x = a, *y = b;

        if (x->want->boot_order != y->want->boot_order)
                return x->want->boot_order < y->want->boot_order ? -1 : 1;
        return strcmp(x->want->id, y->want->id);
}

/* Something of a container is about to be repaired, or it is to be started: those that depend on it
 * come after it. One that is started or stopped in this very pass is at work like one that is under
 * way. */
static void decide_hold_repaired(struct decider *decider) {
        for (size_t i = 0; i < decider->drifts->count; i++) {
                const struct phx_drift *drift = &decider->drifts->items[i];
                size_t at = PHX_CHAINS_NONE;

                if ((drift->action != PHX_ACTION_NONE && drift->layer >= PHX_LAYER_KERNEL) ||
                    (drift->kind == PHX_DRIFT_STATE && drift->cause == PHX_CAUSE_REQUIRES_START))
                        at = phx_chains_find(&decider->chains, drift->object);
                if (at == PHX_CHAINS_NONE)
                        continue;
                decider->holding[at] = true;
                decider->active[at] |= drift->action == PHX_ACTION_START ||
                                       drift->action == PHX_ACTION_STOP;
        }
}

/* When the last restart began, by the clock on the wall as it is now: in this boot the clock may
 * have been set since (restarts_clock.c), and in another one it was not after this began. */
static uint64_t decide_begun(const struct phx_restart_view *view) {
        const struct phx_restarts *list = view->restarts;
        uint64_t at = list->begun, from = list->begun_booted, to = view->booted_usec;

        if (at == 0 || !list->begun_boot || from == 0 || to == 0)
                return at;
        if (!phx_equal(list->begun_boot, view->boot))
                return at < to ? at : to;
        at = at + to > from ? at + to - from : 0;
        return at < view->wall_usec ? at : view->wall_usec;
}

static uint64_t decide_interval_end(const struct decider *decider) {
        uint64_t begun = decider->begun, wall = decider->view->wall_usec,
                 end = begun + decider->view->settings->interval_usec;

        /* Where that is not known, a clock that was set back holds nothing up. */
        return begun <= wall && end > wall ? end : 0;
}

/* Begins it, or says what it waits for. */
static int decide_one(struct decider *decider, const struct candidate *candidate) {
        const struct phx_desired_container *containers = decider->desired->containers;
        size_t at = candidate->at, other = decider->below[at];
        const char *id = candidate->want->id;
        uint64_t end = decide_interval_end(decider);

        if (other == PHX_CHAINS_NONE)
                other = decider->above[at];
        if (other != PHX_CHAINS_NONE)
                return decide_wait(
                                decider,
                                id,
                                PHX_RESTART_DUE_CHAIN,
                                PHX_NEVER,
                                containers[other].id);
        if (decider->under_way >= decider->view->settings->jobs)
                return decide_wait(decider, id, PHX_RESTART_DUE_TURN, PHX_NEVER, NULL);
        if (end > 0)
                return decide_wait(decider, id, PHX_RESTART_DUE_INTERVAL, end, NULL);
        candidate->drift->action = PHX_ACTION_RESTART;
        decider->under_way++;
        decider->begun = decider->view->wall_usec;
        decider->active[at] = true;
        phx_chains_above(&decider->chains, decider->active, decider->above);
        return decide_wait(decider, id, PHX_RESTART_DUE_NOW, PHX_NEVER, NULL);
}

static int decide_among(struct decider *decider) {
        int r = 0;

        decide_hold_repaired(decider);
        if (decider->count > 1)
                qsort(decider->candidates,
                      decider->count,
                      sizeof(*decider->candidates),
                      decide_compare_candidates);
        phx_chains_below(&decider->chains, decider->holding, decider->below);
        phx_chains_above(&decider->chains, decider->active, decider->above);
        for (size_t i = 0; r >= 0 && i < decider->count; i++)
                r = decide_one(decider, &decider->candidates[i]);
        return r;
}

static int decide_prepare(struct decider *decider) {
        size_t count = decider->desired->container_count + 1;

        decider->waits.next = PHX_NEVER;
        decider->begun = decide_begun(decider->view);
        decider->under_way = phx_states_begun(decider->drifts);
        decider->holding = calloc(count, sizeof(*decider->holding));
        decider->active = calloc(count, sizeof(*decider->active));
        decider->below = calloc(count, sizeof(*decider->below));
        decider->above = calloc(count, sizeof(*decider->above));
        if (!decider->holding || !decider->active || !decider->below || !decider->above)
                return -ENOMEM;
        return phx_chains_make(decider->desired, &decider->chains);
}

static bool decide_has_work(const struct decider *decider) {
        if (!decider->view->settings)
                return false;
        for (size_t i = 0; i < decider->drifts->count; i++)
                if (phx_drift_requires_restart(&decider->drifts->items[i]) ||
                    decider->drifts->items[i].kind == PHX_DRIFT_STATE)
                        return true;
        return decider->view->restarts->count > 0;
}

int phx_restarts_decide(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_drifts *drifts,
                struct phx_restart_waits *ret_waits) {
        phx_cleanup(decider_done) struct decider decider = { view, desired, observed, drifts };
        int r = 0;

        phx_restart_waits_done(ret_waits);
        ret_waits->next = PHX_NEVER;
        if (!decide_has_work(&decider))
                return 0;
        r = phx_states_decide(view, desired, observed, drifts, &decider.waits);
        if (r >= 0)
                r = decide_prepare(&decider);
        for (size_t i = 0; r >= 0 && i < view->restarts->count; i++) {
                uint64_t end = decide_end(&decider, &view->restarts->items[i]);

                if (end < decider.waits.next)
                        decider.waits.next = end;
                r = decide_item(&decider, &view->restarts->items[i]);
        }
        for (size_t i = 0; r >= 0 && i < drifts->count; i++)
                r = decide_candidate(&decider, &drifts->items[i]);
        if (r >= 0)
                r = decide_among(&decider);
        if (r < 0)
                return r;
        if (decider.waits.count > 1)
                qsort(decider.waits.items,
                      decider.waits.count,
                      sizeof(*decider.waits.items),
                      decide_compare_waits);
        *ret_waits = PHX_TAKE_STRUCT(decider.waits);
        return 0;
}
