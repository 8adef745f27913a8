/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which container is started or stopped now. Each that is not in the state of its entry is first
 * judged by itself: suspended, not to be started or stopped by its backend now, something of it not
 * right yet. What is left is begun in the order of boot_order, stops the other way round and before
 * the starts, and waits for others:
 *
 *   holding    containers that are to be started, whether they may be or not, and those that are
 *              being started or restarted, or were in vain and do not run. The start of one that
 *              depends on them waits
 *   stopping   containers that are to be stopped, or are being. The stop of one that they depend on
 *              waits
 *
 * One that is being cloned is started after that.
 *
 * A dependency that no entry wants to run is not waited for, as nothing here would start it.
 *
 * A start puts nothing down that others need, so that it does not wait for those that depend on the
 * container, as a restart does. */

#include "reconcile/states.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "reconcile/chains.h"
#include "reconcile/restarts_private.h"
#include "state/report.h"

struct states_candidate {
        size_t at; /* of the desired containers */
        const struct phx_desired_container *want;
        struct phx_drift *drift;
};

struct states {
        const struct phx_restart_view *view;
        const struct phx_desired *desired;
        const struct phx_observed *observed;
        struct phx_drifts *drifts;
        struct phx_restart_waits *waits;
        struct phx_chains chains;
        struct states_candidate *candidates;
        size_t count;
        bool *holding, *stopping;
        size_t *below, *above; /* of HOLDING and STOPPING */
        unsigned under_way;
};

static void states_done(struct states *states) {
        phx_chains_done(&states->chains);
        free(states->candidates);
        free(states->holding);
        free(states->stopping);
        free(states->below);
        free(states->above);
}

static int states_wait(
                const struct states *states,
                const struct phx_desired_container *want,
                enum phx_restart_due due,
                const char *why) {
        struct phx_restart_wait *wait =
                        phx_grow(&states->waits->items, &states->waits->count, sizeof(*wait));

        if (!wait)
                return -ENOMEM;
        wait->due = due;
        wait->action = want->state == PHX_RUN_RUNNING ? PHX_ACTION_START : PHX_ACTION_STOP;
        wait->at = PHX_NEVER;
        return phx_replace(&wait->id, want->id) < 0 || phx_replace(&wait->why, why) < 0 ? -ENOMEM
                                                                                        : 0;
}

/* --- each by itself --- */

static bool states_is_ready(
                const struct states *states,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        if (want->state == PHX_RUN_STOPPED)
                return have->starting == 0;
        return !have->trouble && !phx_restart_is_blocked(states->drifts, want);
}

static enum phx_restart_due states_alone(
                const struct states *states,
                const struct phx_desired_container *want) {
        const struct phx_observed_container *have = phx_restarts_have(states->observed, want);

        if (phx_suspensions_find(&states->desired->suspensions, want->id))
                return PHX_RESTART_DUE_SUSPENDED;
        if (!have || have->restart != PHX_RESTART_PLAIN)
                return PHX_RESTART_DUE_BACKEND;
        /* phoenixd-create holds it. */
        if (want->copied_for)
                return PHX_RESTART_DUE_CHAIN;
        return states_is_ready(states, want, have) ? PHX_RESTART_DUE_NOW
                                                   : PHX_RESTART_DUE_NOT_READY;
}

/* By an item of its own, which says what it waits for. */
static bool states_is_occupied(const struct states *states, const char *id) {
        const struct phx_restart_item *item = phx_restarts_find(states->view->restarts, id);

        if (!item || item->phase == PHX_RESTART_ASKED)
                return false;
        return item->phase != PHX_RESTART_STARTED || phx_restart_has_job(item, states->view->boot);
}

/* Only the end of its job is waited for. */
static bool states_is_ending(const struct states *states, const char *id) {
        const struct phx_restart_item *item = phx_restarts_find(states->view->restarts, id);

        return item && item->phase == PHX_RESTART_ENDING;
}

static int states_candidate(struct states *states, struct phx_drift *drift) {
        size_t at = phx_chains_find(&states->chains, drift->object);
        const struct phx_desired_container *want;
        struct states_candidate *candidate;
        enum phx_restart_due due;

        if (at == PHX_CHAINS_NONE || drift->kind != PHX_DRIFT_STATE)
                return 0;
        want = &states->desired->containers[at];
        if (want->state == PHX_RUN_RUNNING)
                states->holding[at] = true;
        else
                states->stopping[at] = true;
        if (states_is_ending(states, want->id))
                return states_wait(
                                states,
                                want,
                                PHX_RESTART_DUE_UNDER_WAY,
                                "its job before has not ended");
        if (states_is_occupied(states, want->id))
                return 0;
        due = states_alone(states, want);
        if (due != PHX_RESTART_DUE_NOW)
                return states_wait(states, want, due, want->copied_for);
        candidate = phx_grow(&states->candidates, &states->count, sizeof(*candidate));
        if (!candidate)
                return -ENOMEM;
        *candidate = (struct states_candidate){ at, want, drift };
        return 0;
}

/* --- what was begun before --- */

static void states_item(struct states *states, const struct phx_restart_item *item) {
        size_t at = phx_chains_find(&states->chains, item->id);
        bool is_under_way = phx_restart_is_under_way(item);
        const struct phx_desired_container *want;
        const struct phx_observed_container *have;

        states->under_way += is_under_way;
        if (at == PHX_CHAINS_NONE)
                return;
        want = &states->desired->containers[at];
        have = phx_restarts_have(states->observed, want);
        /* One that is being restarted or started is stopped after that. */
        states->stopping[at] = is_under_way && (item->is_stop || want->state == PHX_RUN_STOPPED);
        if (!item->is_stop)
                states->holding[at] = is_under_way ||
                                      (phx_restart_is_over(item) && !(have && have->is_running));
}

/* --- among the others --- */

static int states_compare(const void *a, const void *b) {
        const struct states_candidate *x = a, *y = b;
        bool is_start = x->want->state == PHX_RUN_RUNNING;
        int order = strcmp(x->want->id, y->want->id);

        if (x->want->state != y->want->state)
                return is_start ? 1 : -1;
        if (x->want->boot_order != y->want->boot_order)
                order = x->want->boot_order < y->want->boot_order ? -1 : 1;
        return is_start ? order : -order;
}

/* Begins it, or says what it waits for. */
static int states_one(struct states *states, const struct states_candidate *candidate) {
        bool is_start = candidate->want->state == PHX_RUN_RUNNING;
        size_t other = is_start ? states->below[candidate->at] : states->above[candidate->at];
        const struct phx_desired_container *want = candidate->want;

        if (other != PHX_CHAINS_NONE)
                return states_wait(
                                states,
                                want,
                                PHX_RESTART_DUE_CHAIN,
                                states->desired->containers[other].id);
        if (states->under_way >= states->view->settings->jobs)
                return states_wait(states, want, PHX_RESTART_DUE_TURN, NULL);
        candidate->drift->action = is_start ? PHX_ACTION_START : PHX_ACTION_STOP;
        states->under_way++;
        return states_wait(states, want, PHX_RESTART_DUE_NOW, NULL);
}

static int states_among(struct states *states) {
        int r = 0;

        if (states->count > 1)
                qsort(states->candidates,
                      states->count,
                      sizeof(*states->candidates),
                      states_compare);
        phx_chains_below(&states->chains, states->holding, states->below);
        phx_chains_above(&states->chains, states->stopping, states->above);
        for (size_t i = 0; r >= 0 && i < states->count; i++)
                r = states_one(states, &states->candidates[i]);
        return r;
}

static int states_prepare(struct states *states) {
        size_t count = states->desired->container_count + 1;

        states->holding = calloc(count, sizeof(*states->holding));
        states->stopping = calloc(count, sizeof(*states->stopping));
        states->below = calloc(count, sizeof(*states->below));
        states->above = calloc(count, sizeof(*states->above));
        if (!states->holding || !states->stopping || !states->below || !states->above)
                return -ENOMEM;
        return phx_chains_make(states->desired, &states->chains);
}

static bool states_has_work(const struct states *states) {
        if (!states->view->settings)
                return false;
        for (size_t i = 0; i < states->drifts->count; i++)
                if (states->drifts->items[i].kind == PHX_DRIFT_STATE)
                        return true;
        return false;
}

int phx_states_decide(
                const struct phx_restart_view *view,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_drifts *drifts,
                struct phx_restart_waits *waits) {
        phx_cleanup(states_done) struct states states = { view, desired, observed, drifts, waits };
        int r;

        if (!states_has_work(&states))
                return 0;
        r = states_prepare(&states);
        for (size_t i = 0; r >= 0 && i < view->restarts->count; i++)
                states_item(&states, &view->restarts->items[i]);
        for (size_t i = 0; r >= 0 && i < drifts->count; i++)
                r = states_candidate(&states, &drifts->items[i]);
        if (r >= 0)
                r = states_among(&states);
        return r;
}

unsigned phx_states_begun(const struct phx_drifts *drifts) {
        unsigned count = 0;

        for (size_t i = 0; i < drifts->count; i++)
                count += drifts->items[i].action == PHX_ACTION_START ||
                         drifts->items[i].action == PHX_ACTION_STOP;
        return count;
}

/* --- what it takes --- */

int phx_states_fill_step(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_desired_container *want,
                struct phx_step_restart *ret_step) {
        const struct phx_observed_container *have = phx_restarts_have(observed, want);
        struct phx_step_restart step = { .id = want->id, .label = want->label, .before = "" };

        if (!have)
                return -EINVAL;
        step.directory = have->directory;
        if (have->init > 0)
                phx_restart_init((unsigned) have->init, have->init_started, step.init);
        if (phx_restart_input(desired, want, step.input) < 0)
                return -ENOMEM;
        *ret_step = step;
        return 0;
}

/* The starts that are counted are those that did not last. */
static void states_count_start(
                const struct phx_restart_view *view,
                const struct phx_restart_item *before,
                struct phx_restart_item *item) {
        bool is_counted = before && before->phase == PHX_RESTART_STARTED && before->starts > 0 &&
                          before->starts_since <= view->wall_usec &&
                          view->wall_usec - before->starts_since < PHX_STATE_STARTS_USEC;

        item->starts = is_counted ? before->starts + 1 : 1;
        item->starts_since = is_counted ? before->starts_since : view->wall_usec;
}

int phx_states_begin(
                const struct phx_restart_view *view,
                const struct phx_step_restart *step,
                enum phx_action_kind kind,
                struct phx_restarts *ret_next) {
        phx_cleanup(phx_restarts_done) struct phx_restarts next = { 0 };
        const struct phx_restart_item *before = phx_restarts_find(view->restarts, step->id);
        struct phx_restart_item *item;
        int r;

        r = phx_restarts_begin(view, step, &next);
        /* The interval is one between restarts. */
        if (r >= 0)
                r = phx_restarts_note_begun(
                                &next,
                                view->restarts->begun,
                                view->restarts->begun_boot,
                                view->restarts->begun_booted);
        if (r < 0)
                return r;
        item = phx_restarts_find(&next, step->id);
        item->when = PHX_RESTART_BY_STATE;
        item->is_start = kind == PHX_ACTION_START;
        item->is_stop = kind == PHX_ACTION_STOP;
        item->repeated = 0;
        if (item->is_start)
                states_count_start(view, before, item);
        phx_restarts_done(ret_next);
        *ret_next = PHX_TAKE_STRUCT(next);
        return 0;
}
