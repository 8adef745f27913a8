/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Compiles beside the engine's looks. No look waits for one: each takes what has ended since the
 * look before, starts what may run now, and goes on with what there is.
 *
 *   queue      all that is to be compiled, by name and key, from one look to the next: since when,
 *              who waits for it, and whether it failed before. It is made from the candidates at
 *              each look, so that nothing else is compiled
 *   compiles   those of the queue that run, at most compile_jobs at once, of which small ones may
 *              share a run (start.c); and those that have ended
 *
 * In this order: end what is not wanted any more (its text has changed, or is gone), start the most
 * urgent, and only then take what has ended, as judging a policy takes time in which the next one
 * may compile. What is being written keeps its compile: it may be the same when it is closed.
 *
 * On few processors, the first of many runs alone for a while (head_start.h): no other is started
 * until it is in force. The first that ends is taken at once. After it, a look waits a moment for
 * those that end next, and starts others in their place, so that many small profiles do not take a
 * pass each: the longer the series lasts, the longer. So a profile is in force a quarter later than
 * it could be, and what grows with the number of profiles in each pass is not done as often as
 * there are profiles.
 *
 * A candidate that is still compiled has the result -EINPROGRESS; one that failed before, and is
 * tried again because its time has come, keeps the text of its failure meanwhile, so that a profile
 * that never compiles is not "compiling" every minute.
 *
 * The key decides what belongs together, not the moment: a policy is taken only by a candidate with
 * the key under which it was started, and what explains its messages has the same bytes then. */

#include "profiles/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/findings.h"
#include "base/process.h"
#include "policy/cache.h"

/* What ends in so short a time is taken together, when something was taken as recently as that. */
#define BATCH_USEC 50000
#define BATCH_LIMIT_USEC 500000
#define BATCH_PART 4 /* of the time that the series has taken */

/* --- what is to be compiled --- */

static int queue_candidate(struct phx_update *update, struct phx_candidate *candidate) {
        struct phx_profiles *profiles = update->profiles;
        struct phx_quarantined *bad = phx_quarantine_find(
                        &profiles->quarantine,
                        candidate->source->name,
                        candidate->key);
        struct phx_queued *queued = phx_queue_put(
                        &profiles->queue,
                        candidate->source->name,
                        candidate->key,
                        update->look->now_usec);

        if (!queued)
                return -ENOMEM;
        queued->is_retry = bad != NULL;
        queued->is_awaited |= profiles->is_asked;
        if (!bad) {
                candidate->result = -EINPROGRESS;
                return 0;
        }
        bad->is_tried = bad->is_current = true;
        candidate->result = phx_error_set(phx_candidate_error(candidate), -EINVAL, "%s", bad->text);
        return 0;
}

static int compile_queue_all(struct phx_update *update) {
        struct phx_queue *queue = &update->profiles->queue;

        for (size_t i = 0; i < update->sources.count; i++) {
                struct phx_candidate *candidate = &update->candidates[i];
                struct phx_queued *queued;
                int r = 0;

                if (candidate->must_compile)
                        r = queue_candidate(update, candidate);
                else if (candidate->result == -EBUSY) {
                        queued = phx_queue_find(queue, candidate->source->name);
                        if (queued)
                                queued->is_current = true;
                }
                if (r < 0)
                        return r;
        }
        phx_queue_sweep(queue);
        return 0;
}

static bool is_wanted(const struct phx_update *update, const char *name) {
        const struct phx_candidate *candidate = phx_update_find_candidate(update, name);

        if (!candidate)
                return false;
        return candidate->result == -EBUSY ||
               (candidate->must_compile && phx_update_is_compiling(update, candidate));
}

static void cancel_unwanted(struct phx_update *update) {
        struct phx_compiles *compiles = update->profiles->compiles;
        const char *name;

        for (size_t i = 0; (name = phx_compiles_name(compiles, i));)
                if (is_wanted(update, name))
                        i++;
                else
                        phx_compiles_cancel(compiles, name);
}

/* --- the end of one --- */

/* What the compiler said besides, a line each. */
static void note_warnings(const struct phx_update *update, const struct phx_compile_job *job) {
        struct phx_findings *findings = update->profiles->options.findings;
        const struct phx_position position = { job->name, 0, 0 };

        if (!findings || !job->warnings)
                return;
        for (const char *at = job->warnings; *at; at += strspn(at, "\n")) {
                size_t length = strcspn(at, "\n");

                phx_findings_add(
                                findings,
                                PHX_SEVERITY_WARNING,
                                &position,
                                "%.*s",
                                (int) length,
                                at);
                at += length;
        }
}

static void take_result(
                struct phx_update *update,
                struct phx_candidate *candidate,
                const struct phx_compile_job *job) {
        if (job->result >= 0 && candidate->breaks_rule) {
                candidate->result = -EINVAL; /* and the error is that of the rule */
                return;
        }
        if (job->result >= 0 && !job->warnings && update->profiles->options.earlier_fd)
                (void) phx_policy_cache_put_unsynced(
                                *update->profiles->options.earlier_fd,
                                candidate->key,
                                job->blob,
                                job->size);
        candidate->result = job->result;
        phx_candidate_forget_error(candidate);
        if (job->result < 0)
                (void) phx_error_copy(phx_candidate_error(candidate), job->result, &job->error);
        if (candidate->result >= 0)
                candidate->result = phx_update_accept(update, candidate, job->blob, job->size);
}

static int quarantine(struct phx_update *update, struct phx_candidate *candidate) {
        char none[] = "";
        struct phx_quarantined failure = {
                .name = candidate->source->name,
                .text = candidate->error ? candidate->error->text : none,
        };

        memcpy(failure.key, candidate->key, sizeof(failure.key));
        return phx_quarantine_put(
                        &update->profiles->quarantine,
                        &failure,
                        candidate->result,
                        update->look->now_usec);
}

int phx_update_end_compile(
                struct phx_update *update,
                struct phx_candidate *candidate,
                struct phx_compile_job *job) {
        const char *name = candidate->source->name;

        candidate->must_compile = false;
        candidate->is_kept = false;
        note_warnings(update, job);
        take_result(update, candidate, job);
        phx_compile_job_done(job);
        phx_queue_remove(&update->profiles->queue, name);
        if (candidate->result < 0)
                return quarantine(update, candidate);
        phx_head_start_take(&update->profiles->head_start, phx_now_usec());
        phx_quarantine_release(&update->profiles->quarantine, name);
        return 0;
}

void phx_update_turn_back(struct phx_update *update, const char *name) {
        struct phx_queued *queued = phx_queue_find(&update->profiles->queue, name);

        if (queued)
                queued->is_alone = true;
}

/* 1 when it is to be started again. */
static int take_candidate(struct phx_update *update, struct phx_candidate *candidate) {
        struct phx_compile_job job = phx_update_job(update, candidate);

        if (!phx_compiles_take(update->profiles->compiles, &job))
                return 0;
        if (job.result != -EAGAIN)
                return phx_update_end_compile(update, candidate, &job);
        phx_update_turn_back(update, candidate->source->name);
        return 1;
}

/* 1 when some are to be started again. */
static int compile_take_ended(struct phx_update *update) {
        bool is_turned_back = false;

        for (size_t i = 0; i < update->sources.count; i++) {
                struct phx_candidate *candidate = &update->candidates[i];
                int r = 0;

                if (candidate->must_compile && phx_update_is_compiling(update, candidate))
                        r = take_candidate(update, candidate);
                if (r < 0)
                        return r;
                is_turned_back |= r > 0;
        }
        return is_turned_back;
}

static int compile_step(struct phx_update *update) {
        const struct phx_head_start *head = &update->profiles->head_start;
        int r = phx_update_start(update);

        if (r >= 0)
                r = compile_take_ended(update);
        /* Of a head start that came to nothing, no look is made. */
        return r > 0 || (r == 0 && head->is_on && !head->is_taken) ? phx_update_start(update) : r;
}

/* Offline there is nothing else to wait for. */
static int compile_all(struct phx_update *update) {
        struct phx_profiles *profiles = update->profiles;
        int r = compile_step(update);

        while (r >= 0 && profiles->queue.count > 0) {
                phx_compiles_wait(profiles->compiles, UINT64_MAX);
                phx_compiles_reap(profiles->compiles);
                r = compile_step(update);
        }
        return r;
}

static uint64_t batch_usec(uint64_t series_usec) {
        uint64_t part = series_usec / BATCH_PART;

        return part < BATCH_USEC ? BATCH_USEC : part > BATCH_LIMIT_USEC ? BATCH_LIMIT_USEC : part;
}

/* A profile that has ended by itself is put in force at once. When several end in a row, those that
 * end in a moment go with it: small ones are compiled faster than a pass is made. */
static int compile_batch(struct phx_update *update) {
        struct phx_profiles *profiles = update->profiles;
        uint64_t now = phx_now_usec(), until;
        bool is_series = phx_profiles_is_in_series(profiles, now);
        size_t before = profiles->queue.count;
        int r = compile_step(update);

        if (profiles->queue.count == before)
                return r;
        if (!is_series)
                profiles->series_usec = now;
        until = now + batch_usec(now - profiles->series_usec);
        while (r >= 0 && is_series && phx_compiles_running(profiles->compiles) > 0 &&
               phx_now_usec() < until) {
                phx_compiles_wait(profiles->compiles, until);
                phx_compiles_reap(profiles->compiles);
                r = compile_step(update);
        }
        profiles->took_usec = phx_now_usec();
        return r;
}

int phx_update_compile(struct phx_update *update) {
        struct phx_profiles *profiles = update->profiles;
        int r;

        r = compile_queue_all(update);
        if (r < 0)
                return r;
        profiles->is_asked = false;
        cancel_unwanted(update);
        return profiles->options.is_offline ? compile_all(update) : compile_batch(update);
}

size_t phx_profiles_compiles(
                const struct phx_profiles *profiles,
                struct phx_process_watch *watches,
                size_t limit) {
        size_t count = phx_compiles_watches(profiles->compiles, watches, limit);
        uint64_t due = phx_head_start_due(&profiles->head_start);

        for (size_t i = 0; i < count; i++)
                if (due < watches[i].due_usec)
                        watches[i].due_usec = due;
        /* While it is put in force, and nothing runs. */
        if (count == 0 && due != PHX_NEVER && limit > 0)
                watches[count++] = (struct phx_process_watch){ .fd = -1, .due_usec = due };
        return count;
}

bool phx_profiles_has_compiled(const struct phx_profiles *profiles) {
        return phx_compiles_has_ended(profiles->compiles) ||
               phx_head_start_is_over(&profiles->head_start, phx_now_usec());
}

bool phx_profiles_is_unranked(const struct phx_profiles *profiles) {
        return phx_queue_is_unranked(&profiles->queue);
}

void phx_profiles_rank(struct phx_profiles *profiles, const char *name, enum phx_urgency urgency) {
        phx_queue_rank(&profiles->queue, name, urgency);
}

void phx_profiles_set_ranked(struct phx_profiles *profiles) {
        phx_queue_set_ranked(&profiles->queue);
}
