/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Compiles beside the engine's looks. No look waits for one: each takes what has ended since the
 * look before, starts what may run now, and goes on with what there is.
 *
 *   queue      all that is to be compiled, by name and key, from one look to the next: since when,
 *              who waits for it, and whether it failed before. It is made from the candidates at
 *              each look, so that nothing else is compiled
 *   compiles   those of the queue that run, at most compile_jobs; and those that have ended
 *
 * In this order: end what is not wanted any more (its text has changed, or is gone), start the most
 * urgent, and only then take what has ended, as judging a policy takes time in which the next one
 * may compile. What is being written keeps its compile: it may be the same when it is closed.
 *
 * The first that ends is taken at once. After it, a look waits a moment for those that end next,
 * and starts others in their place, so that many small profiles do not take a pass each: the longer
 * the series lasts, the longer. So a profile is in force a quarter later than it could be, and what
 * grows with the number of profiles in each pass is not done as often as there are profiles.
 *
 * A candidate that is still compiled has the result -EINPROGRESS; one that failed before, and is
 * tried again because its time has come, keeps the text of its failure meanwhile, so that a profile
 * that never compiles is not "compiling" every minute.
 *
 * The key decides what belongs together, not the moment: a policy is taken only by a candidate with
 * the key under which it was started, and what explains its messages has the same bytes then. */

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/findings.h"
#include "base/process.h"
#include "policy/cache.h"
#include "profiles/update.h"
#include "state/configuration.h"

/* Of the daemon's compiles, where more wait than there are processors: a mass change must not take
 * a host's processors from its containers, and one change must not wait for them. Nor does the
 * first of many, which is the most urgent one. */
#define NICENESS 10

/* What ends in so short a time is taken together, when something was taken as recently as that. */
#define BATCH_USEC 50000
#define BATCH_LIMIT_USEC 500000
#define BATCH_PART 4 /* of the time that the series has taken */
#define SERIES_USEC 1000000

static struct phx_candidate *find_candidate(const struct phx_update *update, const char *name) {
        size_t low = 0, high = update->sources.count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(update->sources.items[middle].name, name);

                if (order == 0)
                        return &update->candidates[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

static bool is_running_as(const struct phx_update *update, const struct phx_candidate *candidate) {
        const char *key = phx_compiles_key(update->profiles->compiles, candidate->source->name);

        return key && strcmp(key, candidate->key) == 0;
}

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
        candidate->result = phx_error_set(&candidate->error, -EINVAL, "%s", bad->text);
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
        const struct phx_candidate *candidate = find_candidate(update, name);

        if (!candidate)
                return false;
        return candidate->result == -EBUSY ||
               (candidate->must_compile && is_running_as(update, candidate));
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
        candidate->error = job->error;
        if (candidate->result >= 0)
                candidate->result = phx_update_accept(update, candidate, job->blob, job->size);
}

static int quarantine(struct phx_update *update, struct phx_candidate *candidate) {
        struct phx_quarantined failure = {
                .name = candidate->source->name,
                .text = candidate->error.text,
        };

        memcpy(failure.key, candidate->key, sizeof(failure.key));
        return phx_quarantine_put(
                        &update->profiles->quarantine,
                        &failure,
                        candidate->result,
                        update->look->now_usec);
}

static int end_candidate(
                struct phx_update *update,
                struct phx_candidate *candidate,
                struct phx_compile_job *job) {
        const char *name = candidate->source->name;
        int r = 0;

        candidate->must_compile = false;
        candidate->is_kept = false;
        note_warnings(update, job);
        take_result(update, candidate, job);
        phx_compile_job_done(job);
        phx_queue_remove(&update->profiles->queue, name);
        if (candidate->result < 0)
                r = quarantine(update, candidate);
        else
                phx_quarantine_release(&update->profiles->quarantine, name);
        return r;
}

static struct phx_compile_job job_of(
                const struct phx_update *update,
                const struct phx_candidate *candidate) {
        return (struct phx_compile_job){
                .name = candidate->source->name,
                .profile = candidate->source->seen,
                .closure = &candidate->closure,
                .files = update->files,
        };
}

static int compile_take_ended(struct phx_update *update) {
        for (size_t i = 0; i < update->sources.count; i++) {
                struct phx_candidate *candidate = &update->candidates[i];
                struct phx_compile_job job = job_of(update, candidate);
                int r;

                if (!candidate->must_compile || !is_running_as(update, candidate) ||
                    !phx_compiles_take(update->profiles->compiles, &job))
                        continue;
                r = end_candidate(update, candidate, &job);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- the start --- */

/* Of those that no look has ranked yet: a container names it. Who runs is not known here. */
static void rank_named(struct phx_update *update) {
        const struct phx_configuration *configuration = update->look->configuration;
        struct phx_queue *queue = &update->profiles->queue;

        if (!configuration || !phx_queue_is_unranked(queue))
                return;
        for (size_t i = 0; i < configuration->count; i++)
                phx_queue_rank(queue, configuration->containers[i].profile, PHX_URGENCY_NAMED);
}

static bool is_startable(void *data, const struct phx_queued *queued) {
        const struct phx_update *update = data;
        const struct phx_candidate *candidate = find_candidate(update, queued->name);

        return candidate && candidate->must_compile && !is_running_as(update, candidate);
}

static bool is_in_series(const struct phx_profiles *profiles, uint64_t now_usec) {
        return profiles->took_usec > 0 && now_usec - profiles->took_usec < SERIES_USEC;
}

/* Of the next one. */
static int niceness(const struct phx_profiles *profiles) {
        bool is_first = phx_compiles_running(profiles->compiles) == 0 &&
                        !is_in_series(profiles, phx_now_usec());
        cpu_set_t processors;

        if (profiles->options.is_offline || is_first ||
            sched_getaffinity(0, sizeof(processors), &processors) < 0)
                return 0;
        return profiles->queue.count > (size_t) CPU_COUNT(&processors) ? NICENESS : 0;
}

static int start_some(struct phx_update *update) {
        const struct phx_settings *settings = update->look->settings;
        struct phx_profiles *profiles = update->profiles;
        const struct phx_profiles_options *options = &profiles->options;
        struct phx_compiler compiler = {
                .parser = options->parser,
                .features_file = options->features_file,
                .features_text = update->look->features_text,
                .options = &profiles->compiler.options,
                .stage_dir = options->stage_dir,
                .account = profiles->compiler.account,
                .jobs = settings->compile_jobs,
                .deadline_usec = settings->compile_deadline_usec,
                .memory = settings->compile_memory,
        };
        size_t limit = phx_compiler_limit(&compiler);

        if (profiles->queue.count > limit)
                rank_named(update);
        while (phx_compiles_running(profiles->compiles) < limit) {
                const struct phx_queued *next =
                                phx_queue_first(&profiles->queue, is_startable, update);
                struct phx_candidate *candidate = next ? find_candidate(update, next->name) : NULL;
                struct phx_compile_job job;
                int r;

                if (!candidate)
                        return 0;
                job = job_of(update, candidate);
                compiler.niceness = niceness(profiles);
                if (phx_compiles_start(profiles->compiles, &compiler, candidate->key, &job) >= 0)
                        continue;
                r = end_candidate(update, candidate, &job);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compile_step(struct phx_update *update) {
        int r = start_some(update);

        return r < 0 ? r : compile_take_ended(update);
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
        bool is_series = is_in_series(profiles, now);
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
        return phx_compiles_watches(profiles->compiles, watches, limit);
}

bool phx_profiles_has_compiled(const struct phx_profiles *profiles) {
        return phx_compiles_has_ended(profiles->compiles);
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
