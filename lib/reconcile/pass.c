/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A pass is a few rounds of: observe, compare, settle what the round before tried, plan, repair.
 * It ends with a round in which there was nothing to do, or nothing that may be done now, and
 * always with an observation: what was done counts only when it has been read back.
 *
 * A picture is made in one direction (picture.c): judge the input, observe the machine, desire,
 * confine, review what needs both, remember what phoenixd wrote, then the drifts and the plan. No
 * part is returned to.
 *
 *   picture   desired, observed, the drifts between them and the plan; replaced as a whole by each
 *             round, so no decision rests on an older observation
 *   tried     drifts whose step was made in this round; each ends as changed or as failed in the
 *             next one (pass_settle), because the same drift is gone or is there again
 *   backoff   drifts whose step failed, and when another try is due; forgotten with the drift
 *   tell      the drifts that are reported already, so that only changes become records
 *   foreign   digests and hashes as the last pass left them: what differs at the start of the next
 *             was done by another program
 *
 * Before the first round the world is asked whether anything is otherwise than the last pass left
 * it. When nothing is, and that pass left nothing to do, this one ends there.
 *
 * A restart, a start and a stop are the steps that no look after them settles: to make one is to
 * keep that it is under way, the loop has systemd do it, and a later picture says what came of it
 * (restarts_settle.c).
 * Where that has changed something, the round ends there, and the next one sees the change.
 *
 * A step is recorded as an intent before it is made and as changed or failed later. If the engine
 * is killed in between, the new engine has no `tried`: it observes, and the trail shows an intent
 * without a result. No failure ends the pass, apart from missing memory or an observation that
 * cannot be made at all; then the machine stays as it is.
 *
 * The plan borrows from the picture, and the snapshot copies what it needs, so phx_picture_done()
 * is all that has to be freed. */

#include "reconcile/pass.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reconcile/backoff.h"
#include "reconcile/creations_settle.h"
#include "reconcile/foreign.h"
#include "reconcile/history.h"
#include "reconcile/offers.h"
#include "reconcile/picture.h"
#include "reconcile/plan.h"
#include "reconcile/previews.h"
#include "reconcile/sentence.h"
#include "reconcile/snapshot.h"
#include "reconcile/states.h"
#include "reconcile/status.h"
#include "reconcile/tell.h"

/* Layers are repaired downwards, so a container whose profile is new takes three rounds: load,
 * assign, look. The others are for an input that changes meanwhile; what is left then waits for the
 * next pass. */
#define ROUNDS_LIMIT 5
/* When the next pass is due for what was left without a failure: long enough for the status to be
 * read and for others to calm down. */
#define LEFT_USEC 1000000ULL
/* By how much the wall's clock must have been set, for times that were reported to be reported
 * again. */
#define CLOCK_SET_USEC 1000000ULL

/* Bytes of all texts of one plan, and of all offers: beyond it, only files are named. */
#define PREVIEW_LIMIT ((size_t) 1 << 20)

struct phx_pass {
        struct phx_audit audit;
        struct phx_tell *tell;
        struct phx_history history;
        struct phx_snapshot *snapshot; /* of the last run */
        uint64_t clock_offset_usec;    /* from our clock to the wall's */
        uint64_t wall_usec;
        struct phx_foreign foreign;
        struct phx_strings changed; /* by others, when the last run began */
        uint64_t restarts_due;      /* on the wall's clock: when time alone may change what is
                                       decided about restarts; PHX_NEVER */
        bool is_at_rest;            /* the last run left nothing to be done, tried again or taken
                                       from the compiler */
        struct phx_creations creations;
        char *status; /* as it said then */
        bool degraded;
        struct phx_backoff backoff;
        struct phx_drifts tried; /* in the round before: recorded as changed or failed after the
                                    next look */
};

/* Every record passes here, and what is to be remembered of it is. */
static void pass_on_record(void *data, const struct phx_record *record) {
        struct phx_pass *pass = data;

        phx_history_note(&pass->history, record, pass->wall_usec);
        pass->audit.record(pass->audit.data, record);
}

static void pass_on_progress(void *data, const char *text) {
        const struct phx_pass *pass = data;

        if (pass->audit.progress)
                pass->audit.progress(pass->audit.data, text);
}

int phx_pass_new(const struct phx_audit *audit, struct phx_pass **ret_pass) {
        phx_cleanup(phx_pass_freep) struct phx_pass *pass = calloc(1, sizeof(*pass));
        int r;

        if (!pass)
                return -ENOMEM;
        pass->audit = *audit;
        pass->restarts_due = PHX_NEVER;
        r = phx_tell_new(
                        &(struct phx_audit){ pass_on_record, pass_on_progress, pass },
                        &pass->tell);
        if (r < 0)
                return r;
        *ret_pass = PHX_TAKE(pass);
        return 0;
}

struct phx_pass *phx_pass_free(struct phx_pass *pass) {
        if (!pass)
                return NULL;

        phx_tell_free(pass->tell);
        phx_backoff_done(&pass->backoff);
        phx_drifts_done(&pass->tried);
        phx_creations_done(&pass->creations);
        phx_history_done(&pass->history);
        phx_foreign_done(&pass->foreign);
        phx_strings_done(&pass->changed);
        phx_snapshot_free(pass->snapshot);
        free(pass->status);
        free(pass);

        return NULL;
}

void phx_pass_set_clock(struct phx_pass *pass, uint64_t now_usec, uint64_t wall_usec) {
        uint64_t offset = wall_usec - now_usec;

        pass->wall_usec = wall_usec;
        /* The two clocks are never read at once; what has been reported does not change for that.
         */
        if (offset - pass->clock_offset_usec > CLOCK_SET_USEC &&
            pass->clock_offset_usec - offset > CLOCK_SET_USEC) {
                pass->clock_offset_usec = offset;
                /* What is due when is another time by now. */
                pass->is_at_rest = false;
        }
}

struct phx_snapshot *phx_pass_take_snapshot(struct phx_pass *pass) {
        return PHX_TAKE(pass->snapshot);
}

const struct phx_strings *phx_pass_foreign(const struct phx_pass *pass) {
        return &pass->changed;
}

void phx_pass_tell_foreign(
                struct phx_pass *pass,
                const char *profile,
                const char *what,
                const char *by) {
        phx_tell_foreign(pass->tell, profile, what, by);
}

int phx_pass_leave(const struct phx_pass *pass, struct phx_buffer *texts) {
        return phx_tell_leave(pass->tell, texts);
}

int phx_pass_take(struct phx_pass *pass, struct phx_texts *texts) {
        return phx_tell_take(pass->tell, texts);
}

void phx_pass_forget_failures(struct phx_pass *pass) {
        phx_backoff_done(&pass->backoff);
        phx_creations_forget_failures(&pass->creations);
}

/* What a config file has become can only be seen in it. */
static const char *seen_digest(const struct phx_picture *picture, const struct phx_drift *tried) {
        for (size_t i = 0; i < picture->desired->container_count; i++) {
                const struct phx_desired_container *want = &picture->desired->containers[i];
                const struct phx_observed_container *have = NULL;

                if (want->directory && strcmp(want->id, tried->object) == 0)
                        have = phx_observed_find_container(picture->observed, want->directory);
                if (have)
                        return have->digest;
        }
        return NULL;
}

static void settle_done(
                struct phx_pass *pass,
                const struct phx_picture *picture,
                const struct phx_drift *tried) {
        struct phx_drift done = *tried;

        if (tried->action == PHX_ACTION_ASSIGN)
                done.new_digest = seen_digest(picture, tried);
        phx_backoff_forget(&pass->backoff, tried);
        phx_tell_changed(pass->tell, &done);
}

static int settle_undone(
                struct phx_pass *pass,
                const struct phx_drift *tried,
                const struct phx_drift *still,
                uint64_t now_usec) {
        phx_autofree char *clause = phx_drift_clause(still);
        char text[1024];

        (void) snprintf(text,
                        sizeof(text),
                        "done, but reading back shows: %s",
                        clause ? clause : "no change");
        phx_tell_failed(pass->tell, tried, -EIO, text);
        if (still->action == PHX_ACTION_NONE)
                return 0;
        return phx_backoff_fail(&pass->backoff, still, "reading back shows no change", now_usec);
}

/* Success is what the look after it sees. Each that was tried gets its result, also when memory
 * runs short on the way. */
static int pass_settle(
                struct phx_pass *pass,
                const struct phx_picture *picture,
                uint64_t now_usec,
                unsigned *changes) {
        int result = 0;

        for (size_t i = 0; i < pass->tried.count; i++) {
                const struct phx_drift *tried = &pass->tried.items[i];
                const struct phx_drift *still = phx_drifts_find_state(&picture->drifts, tried);
                int r;

                /* Done, and something else has been asked for since. */
                if (!still || phx_equal(still->found, tried->expected)) {
                        settle_done(pass, picture, tried);
                        (*changes)++;
                        continue;
                }
                r = settle_undone(pass, tried, still, now_usec);
                if (r < 0)
                        result = r;
        }
        phx_drifts_done(&pass->tried);
        return result;
}

static int begin_restart(
                struct phx_pass *pass,
                const struct phx_world *world,
                const struct phx_picture *picture,
                const struct phx_step *step,
                uint64_t now_usec) {
        phx_cleanup(phx_restarts_done) struct phx_restarts next = { 0 };
        struct phx_error error = { 0 };
        int r;

        if (step->kind == PHX_ACTION_RESTART)
                r = phx_restarts_begin(&picture->view, &step->restart, &next);
        else
                r = phx_states_begin(&picture->view, &step->restart, step->kind, &next);
        if (r < 0)
                return r;
        phx_tell_intent(pass->tell, step->drift);
        r = world->keep_restarts(world->data, &next, &error);
        if (r >= 0)
                return 0;
        phx_tell_failed(pass->tell, step->drift, r, phx_error_text(&error, r));
        return phx_backoff_fail(&pass->backoff, step->drift, phx_error_text(&error, r), now_usec);
}

/* The job is handed out at the end of the pass; what comes of it, a later picture shows. */
static int begin_creation(struct phx_pass *pass, const struct phx_step *step) {
        int r = phx_creations_begin(&pass->creations, &step->create);

        if (r >= 0)
                phx_tell_intent(pass->tell, step->drift);
        return r;
}

static int act(struct phx_pass *pass,
               const struct phx_world *world,
               const struct phx_picture *picture,
               const struct phx_step *step,
               uint64_t now_usec) {
        const struct phx_drift *drift = step->drift;
        struct phx_error error = { 0 };
        int r;

        if (step->kind == PHX_ACTION_RESTART || step->kind == PHX_ACTION_START ||
            step->kind == PHX_ACTION_STOP)
                return begin_restart(pass, world, picture, step, now_usec);
        if (step->kind == PHX_ACTION_CREATE)
                return begin_creation(pass, step);
        /* Before the deed, so that whatever is done is settled by a later look. */
        r = phx_drifts_add(&pass->tried, drift);
        if (r < 0)
                return r;
        phx_tell_intent(pass->tell, drift);
        r = world->apply(world->data, step, &error);
        if (r >= 0)
                return 0;

        phx_drifts_drop_last(&pass->tried);
        phx_tell_failed(pass->tell, drift, r, phx_error_text(&error, r));
        return phx_backoff_fail(&pass->backoff, drift, phx_error_text(&error, r), now_usec);
}

/* Those of the plan that are due now. */
static size_t find_due(
                const struct phx_pass *pass,
                const struct phx_plan *plan,
                uint64_t now_usec,
                const struct phx_step **due) {
        size_t count = 0;

        for (size_t i = 0; i < plan->count; i++)
                if (phx_backoff_wait(&pass->backoff, plan->steps[i].drift, now_usec) == 0)
                        due[count++] = &plan->steps[i];
        return count;
}

/* 1 when something was tried, so that another look is due. One failure never stops the others; only
 * a creation is not begun without the record of it. */
static int repair(
                struct phx_pass *pass,
                const struct phx_world *world,
                const struct phx_picture *picture,
                uint64_t now_usec) {
        phx_autofree const struct phx_step **due = NULL;
        size_t count;
        int claimed = 0, r = 0;

        if (picture->desired->mode == PHX_MODE_OBSERVE || picture->plan.count == 0)
                return 0;
        due = calloc(picture->plan.count, sizeof(*due));
        if (!due)
                return -ENOMEM;
        count = find_due(pass, &picture->plan, now_usec, due);
        if (world->claim && count > 0)
                claimed = world->claim(world->data, due, count);
        for (size_t i = 0; r >= 0 && i < count; i++)
                if (claimed >= 0 || due[i]->kind != PHX_ACTION_CREATE)
                        r = act(pass, world, picture, due[i], now_usec);
        return r < 0 ? r : count > 0;
}

/* When to look again although nothing has happened. What waits for new input is not waited for. */
static uint64_t retry_after(
                const struct phx_pass *pass,
                const struct phx_picture *picture,
                uint64_t now_usec) {
        uint64_t retry = picture->observed->retry_usec, wait;

        if (picture->desired->mode == PHX_MODE_OBSERVE)
                return retry;
        wait = phx_backoff_next(&pass->backoff, &picture->plan, now_usec, LEFT_USEC);
        return wait < retry ? wait : retry;
}

static int take_snapshot(
                struct phx_pass *pass,
                const struct phx_world *world,
                const struct phx_picture *picture,
                struct phx_report *report) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        const struct phx_snapshot_view view = {
                .desired = picture->desired,
                .observed = picture->observed,
                .drifts = &picture->drifts,
                .backoff = &pass->backoff,
                .waits = &picture->waits,
                .clock_offset_usec = pass->clock_offset_usec,
        };
        int r;

        if (!snapshot || phx_history_fill(&pass->history, snapshot) < 0 ||
            phx_snapshot_fill(&view, snapshot) < 0 ||
            phx_status_render(snapshot, &report->status, &report->degraded) < 0)
                return -ENOMEM;
        r = phx_previews_fill(world, picture, PREVIEW_LIMIT, snapshot);
        if (r >= 0)
                r = phx_offers_fill(
                                world,
                                picture->desired,
                                picture->observed,
                                &picture->plan,
                                PREVIEW_LIMIT,
                                snapshot);
        if (r < 0)
                return r;
        pass->snapshot = PHX_TAKE(snapshot);
        return 0;
}

static int pass_fill(
                struct phx_pass *pass,
                const struct phx_world *world,
                const struct phx_picture *picture,
                uint64_t now_usec,
                struct phx_report *report) {
        int r;

        r = phx_strings_copy(&report->watches, &picture->observed->watches);
        for (size_t i = 0; r >= 0 && i < picture->observed->container_count; i++)
                if (picture->observed->containers[i].init > 0)
                        r = phx_report_add_init(report, picture->observed->containers[i].init);
        if (r < 0)
                return r;

        for (size_t i = 0; i < picture->desired->profile_count; i++) {
                const struct phx_desired_profile *profile = &picture->desired->profiles[i];

                report->compiling += profile->compiling_since_usec > 0;
                report->awaited += profile->is_awaited;
        }
        if (picture->has_restarts)
                r = phx_restarts_jobs(
                                &picture->view,
                                picture->desired,
                                picture->observed,
                                &report->jobs);
        if (r >= 0)
                r = phx_creations_jobs(
                                &pass->creations,
                                picture->desired,
                                picture->observed,
                                &report->jobs);
        if (r < 0)
                return r;
        pass->restarts_due = picture->has_restarts ? picture->waits.next : PHX_NEVER;
        report->labels_at = picture->observed->labels_at;
        report->retry_usec = retry_after(pass, picture, now_usec);
        report->is_settling = picture->observed->is_settling &&
                              report->retry_usec == picture->observed->retry_usec;
        return take_snapshot(pass, world, picture, report);
}

/* One round without its repairs: look, settle what the round before tried, and tell. 1 when a
 * restart was settled: the picture is of before, and nothing may be done by it. */
static int look_and_tell(
                struct phx_pass *pass,
                const struct phx_world *world,
                uint64_t now_usec,
                struct phx_picture *picture,
                struct phx_report *report,
                struct phx_error *error) {
        int r, settled;

        r = phx_picture_look(pass->tell, world, picture, error);
        if (r < 0)
                return r;
        r = pass_settle(pass, picture, now_usec, &report->changes);
        if (r >= 0) {
                phx_backoff_keep(&pass->backoff, &picture->drifts);
                r = phx_tell_picture(pass->tell, picture->desired, &picture->drifts);
        }
        /* In any case: it is kept, and no other look comes to it. */
        settled = phx_picture_tell(pass->tell, picture, &report->changes);
        if (r >= 0)
                r = phx_creations_settle(
                                &pass->creations,
                                &(struct phx_creation_trail){ pass->tell,
                                                              &pass->backoff,
                                                              world,
                                                              now_usec,
                                                              &report->changes },
                                picture);
        settled |= r > 0;
        return r < 0 ? phx_error_set(error, r, "logging: out of memory") : settled;
}

static void await_restarts(const struct phx_pass *pass, struct phx_report *report) {
        uint64_t due = pass->restarts_due, wait = due > pass->wall_usec ? due - pass->wall_usec : 0;

        if (due == PHX_NEVER || wait >= report->retry_usec)
                return;
        report->retry_usec = wait > LEFT_USEC ? wait : LEFT_USEC;
        report->is_settling = false;
}

/* Without a picture: what the last run reported still holds. */
static int pass_repeat(
                const struct phx_pass *pass,
                struct phx_report *report,
                struct phx_error *error) {
        report->is_unchanged = true;
        report->degraded = pass->degraded;
        report->retry_usec = PHX_NEVER;
        await_restarts(pass, report);
        if (phx_replace(&report->status, pass->status) < 0)
                return phx_error_set(error, -ENOMEM, "reporting: out of memory");
        return 0;
}

/* A restart that waits for a time is no reason to look at more than was changed, before that. */
static int pass_leave(struct phx_pass *pass, struct phx_report *report) {
        pass->is_at_rest = report->retry_usec == PHX_NEVER && report->compiling == 0 &&
                           report->jobs.count == 0;
        await_restarts(pass, report);
        pass->degraded = report->degraded;
        return phx_replace(&pass->status, report->status);
}

static int pass_go_rounds(
                struct phx_pass *pass,
                const struct phx_world *world,
                uint64_t now_usec,
                struct phx_report *report,
                struct phx_error *error) {
        phx_cleanup(phx_picture_done) struct phx_picture picture = {
                .creations = &pass->creations,
        };
        int r;

        for (unsigned round = 0; round < ROUNDS_LIMIT; round++) {
                r = look_and_tell(pass, world, now_usec, &picture, report, error);
                if (r < 0)
                        return r;
                if (round == 0 && phx_foreign_compare(
                                                  &pass->foreign,
                                                  picture.desired,
                                                  picture.observed,
                                                  &pass->changed) < 0)
                        return phx_error_set(error, -ENOMEM, "comparing: out of memory");
                /* The last round only looks: what was done must have been read back. */
                if (round + 1 == ROUNDS_LIMIT)
                        break;
                if (r > 0)
                        continue;
                r = repair(pass, world, &picture, now_usec);
                if (r < 0)
                        return phx_error_set(error, r, "repairing: out of memory");
                if (r == 0)
                        break;
        }

        r = phx_tell_left(pass->tell, picture.desired, &picture.drifts);
        if (r >= 0)
                r = phx_foreign_leave(&pass->foreign, picture.desired, picture.observed);
        if (r >= 0)
                r = pass_fill(pass, world, &picture, now_usec, report);
        if (r >= 0)
                r = pass_leave(pass, report);
        return r < 0 ? phx_error_set(error, r, "reporting: out of memory") : 0;
}

int phx_pass_run(
                struct phx_pass *pass,
                const struct phx_world *world,
                uint64_t now_usec,
                struct phx_report *report,
                struct phx_error *error) {
        int r;

        pass->snapshot = phx_snapshot_free(pass->snapshot);
        phx_strings_done(&pass->changed);
        if (pass->is_at_rest && pass->wall_usec < pass->restarts_due && world->is_unchanged &&
            world->is_unchanged(world->data))
                return pass_repeat(pass, report, error);
        /* Until this run is over. */
        pass->is_at_rest = false;
        r = pass_go_rounds(pass, world, now_usec, report, error);
        phx_tell_rest(pass->tell);
        return r;
}
