/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/picture.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "reconcile/confine.h"
#include "reconcile/desire.h"
#include "reconcile/diff.h"
#include "reconcile/plan.h"
#include "reconcile/restarts_private.h"
#include "state/report.h"

/* When it is tried again to keep what became of restarts. */
#define KEEP_RETRY_USEC 30000000ULL

void phx_picture_done(struct phx_picture *picture) {
        phx_plan_done(&picture->plan);
        phx_restart_waits_done(&picture->waits);
        phx_restart_events_done(&picture->events);
        picture->desired = phx_desired_free(picture->desired);
        picture->observed = phx_observed_free(picture->observed);
        phx_drifts_done(&picture->drifts);
        picture->has_restarts = picture->is_settled = false;
}

/* What was decided about restarts before holds while the tasks are judged. */
static int picture_desire(
                const struct phx_world *world,
                struct phx_input *input,
                struct phx_picture *picture) {
        int r = phx_observed_index(picture->observed);

        if (r >= 0)
                r = phx_desire(input, picture->observed);
        if (r >= 0 && world->restarts) {
                r = world->restarts(world->data, input, &picture->view);
                picture->has_restarts = r >= 0;
        }
        if (r >= 0 && picture->has_restarts)
                r = phx_restarts_mark(&picture->view, picture->observed, picture->desired);
        return r < 0 ? r : phx_confine(picture->desired, picture->observed);
}

/* What cannot be had at all has its text already; otherwise it is memory that is short. */
static int picture_see(
                struct phx_tell *tell,
                const struct phx_world *world,
                struct phx_picture *picture,
                struct phx_error *error) {
        struct phx_input input = { .retry_usec = PHX_NEVER };
        int r;

        r = world->judge(world->data, &input, error);
        picture->desired = input.judged;
        if (r < 0)
                return r;
        /* Before anything can fail: it is the last known good from now on, whatever follows. */
        phx_tell_judged(tell, picture->desired);
        r = world->observe(world->data, &input, &picture->observed, error);
        if (r < 0)
                return r;
        assert(picture->desired && picture->observed);
        if (input.retry_usec < picture->observed->retry_usec)
                picture->observed->retry_usec = input.retry_usec;
        r = picture_desire(world, &input, picture);
        if (r < 0)
                return phx_error_set(error, r, "comparing: %s", strerrordesc_np(-r));
        if (world->review)
                r = world->review(world->data, &input, picture->desired, picture->observed, error);
        if (r >= 0 && world->remember)
                r = world->remember(
                                world->data,
                                &input,
                                picture->desired,
                                picture->observed,
                                error);
        return r;
}

static int picture_compare(struct phx_picture *picture) {
        int r;

        phx_plan_done(&picture->plan);
        phx_restart_waits_done(&picture->waits);
        phx_drifts_done(&picture->drifts);
        r = phx_diff(picture->desired, picture->observed, &picture->drifts);
        if (r >= 0 && picture->creations)
                r = phx_creations_mark(picture->creations, picture->observed, picture->desired);
        if (r >= 0 && picture->has_restarts)
                r = phx_restarts_decide(
                                &picture->view,
                                picture->desired,
                                picture->observed,
                                &picture->drifts,
                                &picture->waits);
        if (r >= 0 && picture->creations)
                r = phx_creations_decide(
                                picture->creations,
                                picture->desired,
                                picture->observed,
                                &picture->drifts);
        return r < 0 ? r
                     : phx_plan_make(picture->desired,
                                     picture->observed,
                                     &picture->drifts,
                                     &picture->plan);
}

/* --- restarts that are under way --- */

/* A status has room for one line of such a reason. */
static int picture_add_why(
                const struct phx_world *world,
                const struct phx_picture *picture,
                struct phx_restart_item *item,
                struct phx_restart_event *event) {
        const struct phx_observed_container *have = NULL;
        phx_autofree char *text = NULL, *both = NULL;
        int r;

        for (size_t i = 0; i < picture->desired->container_count; i++) {
                const struct phx_desired_container *want = &picture->desired->containers[i];

                if (want->directory && strcmp(want->id, item->id) == 0)
                        have = phx_observed_find_container(picture->observed, want->directory);
        }
        r = world->explain_restart(world->data, item, have, &text);
        if (r <= 0)
                return r;
        if (phx_printf(&both, "%s; %s", item->why, text) < 0 || phx_replace(&item->why, both) < 0 ||
            phx_replace(&event->text, both) < 0)
                return -ENOMEM;
        return 0;
}

/* Nothing was begun, so nothing of the container says why. 1, 0 or -ENOMEM. */
static int picture_is_refused(const struct phx_picture *picture, const char *id) {
        const struct phx_restart_item *before = phx_restarts_find(picture->view.restarts, id);
        phx_autofree char *name = before ? phx_restart_job_name(before) : NULL;
        const struct phx_job_result *result;

        if (!name)
                return before ? -ENOMEM : 0;
        result = phx_job_results_find(picture->view.results, name);
        return result && result->outcome == PHX_JOB_REFUSED;
}

/* Before it is kept, as it is not asked for again. */
static int picture_explain(
                const struct phx_world *world,
                const struct phx_picture *picture,
                const struct phx_restarts *next,
                const struct phx_restart_events *events) {
        int r = 0;

        for (size_t i = 0; r >= 0 && world->explain_restart && i < events->count; i++) {
                struct phx_restart_event *event = &events->items[i];
                struct phx_restart_item *item = phx_restarts_find(next, event->id);

                if (!item || event->kind != PHX_RESTART_EVENT_FAILED || item->is_unasked)
                        continue;
                r = picture_is_refused(picture, item->id);
                if (r == 0)
                        r = picture_add_why(world, picture, item, event);
        }
        return r < 0 ? r : 0;
}

/* Once, with the first reason. Room on a disk comes back without an event. */
static int picture_refuse_state(struct phx_picture *picture, const char *text) {
        const struct phx_desired *desired = picture->desired;
        struct phx_observed *observed = picture->observed;

        for (size_t i = 0; i < desired->refusal_count; i++)
                if (desired->refusals[i].refused == PHX_REFUSED_STATE)
                        return 0;
        if (!phx_desired_add_refusal(picture->desired, PHX_REFUSED_STATE, NULL, text))
                return -ENOMEM;
        if (observed->retry_usec > KEEP_RETRY_USEC) {
                observed->retry_usec = KEEP_RETRY_USEC;
                observed->is_settling = false;
        }
        return picture_compare(picture);
}

/* What cannot be kept has not happened, and the next look comes to it again. The rest of the pass
 * is not held up by that. */
static int picture_settle(const struct phx_world *world, struct phx_picture *picture) {
        phx_cleanup(phx_restarts_done) struct phx_restarts next = { 0 };
        phx_cleanup(phx_restart_events_done) struct phx_restart_events events = { 0 };
        struct phx_error why = { 0 };
        int r;

        if (!picture->has_restarts || picture->view.restarts->count == 0)
                return 0;
        r = phx_restarts_settle(
                        &picture->view,
                        picture->desired,
                        picture->observed,
                        &picture->drifts,
                        &next,
                        &events);
        if (r >= 0)
                r = picture_explain(world, picture, &next, &events);
        if (r < 0 || phx_restarts_equal(&next, picture->view.restarts))
                return r;
        r = world->keep_restarts(world->data, &next, &why);
        if (r < 0)
                return picture_refuse_state(picture, phx_error_text(&why, r));
        picture->is_settled = true;
        picture->events = PHX_TAKE_STRUCT(events);
        return 0;
}

/* --- the whole --- */

int phx_picture_look(
                struct phx_tell *tell,
                const struct phx_world *world,
                struct phx_picture *picture,
                struct phx_error *error) {
        int r;

        phx_picture_done(picture);
        r = picture_see(tell, world, picture, error);
        if (r < 0)
                return r;
        r = picture_compare(picture);
        if (r >= 0)
                r = picture_settle(world, picture);
        return r < 0 ? phx_error_set(error, r, "comparing: %s", strerrordesc_np(-r)) : 0;
}

static void picture_tell(
                struct phx_tell *tell,
                const struct phx_restart_event *event,
                unsigned *changes) {
        struct phx_drift drift = {
                .layer = PHX_LAYER_RUNNING,
                .kind = PHX_DRIFT_RUNNING,
                .action = event->action,
                .object = event->id,
                .expected = event->label,
                .found = event->before[0] ? event->before : "another label",
        };

        if (event->action != PHX_ACTION_RESTART) {
                bool is_start = event->action == PHX_ACTION_START;

                drift.kind = PHX_DRIFT_STATE;
                drift.expected = phx_run_state_to_string(
                                is_start ? PHX_RUN_RUNNING : PHX_RUN_STOPPED);
                drift.found = phx_run_state_to_string(is_start ? PHX_RUN_STOPPED : PHX_RUN_RUNNING);
        }

        switch (event->kind) {
        case PHX_RESTART_EVENT_DONE:
                phx_tell_changed(tell, &drift);
                (*changes)++;
                break;
        case PHX_RESTART_EVENT_FAILED:
                phx_tell_failed(tell, &drift, -EIO, event->text);
                break;
        case PHX_RESTART_EVENT_BACK:
                phx_tell_rolled_back(tell, &drift, event->text);
                break;
        case PHX_RESTART_EVENT_INTENT:
                phx_tell_intent(tell, &drift);
                break;
        }
}

int phx_picture_tell(struct phx_tell *tell, const struct phx_picture *picture, unsigned *changes) {
        for (size_t i = 0; i < picture->events.count; i++)
                picture_tell(tell, &picture->events.items[i], changes);
        return picture->is_settled;
}
