/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which of those that wait are compiled next, and which share a run.
 *
 * The most urgent one that waits is always the next. It runs alone, but for small ones behind which
 * others wait: these share a run of the parser, as its start takes longer than they do
 * (compiler/shared.c). No source may be worse off for it:
 *
 *   - What a running container waits for runs alone, and so does the first of a series.
 *   - So does what no look has ranked yet, as a running container may wait for it.
 *   - Of those that wait, each run that is allowed gets its part, so that no processor is idle.
 *   - Together they take no longer than one shipped profile, see below.
 *   - What has hats or children runs alone: in a run of several it could not be said whose they
 * are.
 *   - What shared a run that came to nothing runs alone from then on, and so does what failed.
 *   - Their copies stand in one directory, which none of them must notice (source/agree.h). */

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "profiles/compile.h"
#include "source/agree.h"
#include "source/walk.h"
#include "state/configuration.h"

/* Of the daemon's compiles, where more wait than there are processors: a mass change must not take
 * a host's processors from its containers, and one change must not wait for them. Nor does the
 * first of many, which is the most urgent one. */
#define NICENESS 10

/* A profile and all that it includes. Of 120 profiles, each with one of the distribution's
 * abstractions, those of up to 12 KiB took 0.2 to 9 ms within a run, and one of 16 KiB up to 107:
 * so much is a shipped profile. A run's start is 5 to 7 ms. */
#define SMALL_BYTES (12UL << 10)
/* Of a run: by the same measure 100 ms. */
#define RUN_BYTES (96UL << 10)
/* A small text can take any time. Ten times that measure is short for those that wait with it:
 * after it each runs alone, with its own deadline. It is processor time, as on a busy host a run
 * may wait as long for a processor, and what it has done would be done again. The clock has a limit
 * too, for one that takes none. */
#define RUN_CPU_USEC 1000000
#define RUN_USEC 10000000

#define SERIES_USEC 1000000

struct phx_candidate *phx_update_find_candidate(const struct phx_update *update, const char *name) {
        const struct phx_source *source = phx_sources_find(&update->sources, name);

        return source ? &update->candidates[source - update->sources.items] : NULL;
}

bool phx_update_is_compiling(
                const struct phx_update *update,
                const struct phx_candidate *candidate) {
        const char *key = phx_compiles_key(update->profiles->compiles, candidate->source->name);

        return key && strcmp(key, candidate->key) == 0;
}

struct phx_compile_job phx_update_job(
                const struct phx_update *update,
                const struct phx_candidate *candidate) {
        return (struct phx_compile_job){
                .name = candidate->source->name,
                .profile = candidate->source->seen,
                .closure = &candidate->closure,
                .files = update->files,
        };
}

/* Of those that no look has ranked yet: a container names it. Who runs is not known here. */
static void rank_named(struct phx_update *update) {
        const struct phx_configuration *configuration = update->look->configuration;
        struct phx_queue *queue = &update->profiles->queue;

        if (!configuration || !phx_queue_is_unranked(queue))
                return;
        for (size_t i = 0; i < configuration->count; i++)
                phx_queue_rank(queue, configuration->containers[i].profile, PHX_URGENCY_NAMED);
}

bool phx_profiles_is_in_series(const struct phx_profiles *profiles, uint64_t now_usec) {
        return profiles->took_usec > 0 && now_usec - profiles->took_usec < SERIES_USEC;
}

/* Whether the next one is: what has ended and was not taken yet came before it. */
static bool is_first(const struct phx_profiles *profiles) {
        return !phx_compiles_name(profiles->compiles, 0) &&
               !phx_profiles_is_in_series(profiles, phx_now_usec());
}

/* As many as may ever wait when it is not known. */
static size_t count_processors(void) {
        cpu_set_t processors;

        return sched_getaffinity(0, sizeof(processors), &processors) < 0
                               ? SIZE_MAX
                               : (size_t) CPU_COUNT(&processors);
}

/* Of the next one. */
static int niceness(const struct phx_profiles *profiles) {
        if (profiles->options.is_offline || is_first(profiles))
                return 0;
        return profiles->queue.count > count_processors() ? NICENESS : 0;
}

static bool has_place(const struct phx_profiles *profiles, size_t limit) {
        size_t running = phx_compiles_running(profiles->compiles);

        if (profiles->head_start.is_on)
                return running == 0 && !phx_compiles_has_ended(profiles->compiles);
        return running < limit;
}

static void see_head_start(struct phx_profiles *profiles) {
        phx_head_start_see(
                        &profiles->head_start,
                        phx_compiles_running(profiles->compiles) > 0 ||
                                        phx_compiles_has_ended(profiles->compiles),
                        phx_now_usec());
}

void phx_update_reap(struct phx_profiles *profiles) {
        phx_compiles_reap(profiles->compiles);
        see_head_start(profiles);
}

/* --- those that share a run --- */

/* What is in one run. */
struct start_group {
        struct phx_update *update;
        struct phx_candidate *items[PHX_COMPILE_SHARE_LIMIT];
        size_t count;
        size_t bytes;
};

static bool is_startable(const struct phx_update *update, const struct phx_candidate *candidate) {
        return candidate && candidate->must_compile && !phx_update_is_compiling(update, candidate);
}

static bool waits(const struct phx_update *update, const struct phx_queued *queued) {
        return is_startable(update, phx_update_find_candidate(update, queued->name));
}

static bool is_next(void *data, const struct phx_queued *queued) {
        return waits(data, queued);
}

/* SIZE_MAX when it cannot be told. */
static size_t bytes_of(const struct phx_update *update, const struct phx_candidate *candidate) {
        size_t bytes = candidate->source->seen->size;

        for (size_t i = 0; i < candidate->closure.count; i++) {
                const struct phx_include *include = &candidate->closure.items[i];
                const struct phx_file_seen *seen;

                if (!include->path || strcmp(include->digest, "directory") == 0)
                        continue;
                seen = phx_files_get(update->files, include->path);
                if (!seen || seen->result < 0)
                        return SIZE_MAX;
                bytes += seen->size;
        }
        return bytes;
}

static struct phx_source_text text_of(
                const struct phx_update *update,
                const struct phx_candidate *candidate) {
        return (struct phx_source_text){ candidate->source->name,
                                         candidate->source->seen,
                                         &candidate->closure,
                                         update->files };
}

/* Whether it opens one block, which then is the profile, and no hat, child or condition. */
static bool is_plain(const struct phx_update *update, const struct phx_candidate *candidate) {
        const struct phx_source_text text = text_of(update, candidate);
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(
                        &text);
        struct phx_statement statement;
        size_t blocks = 0;

        while (walk && blocks < 2 && phx_source_walk_next(walk, &statement))
                blocks += statement.kind == PHX_STATEMENT_OPEN;
        return blocks == 1;
}

/* SIZE_MAX when it is large, or more than one profile. */
static size_t small_bytes(const struct phx_update *update, const struct phx_candidate *candidate) {
        size_t bytes = bytes_of(update, candidate);

        return bytes <= SMALL_BYTES && is_plain(update, candidate) ? bytes : SIZE_MAX;
}

/* Whether it may share a run at all. Its bytes are counted once, and are there when it may. */
static bool is_sharable(
                const struct phx_update *update,
                const struct phx_candidate *candidate,
                struct phx_queued *queued) {
        bool is_ranked = queued->is_ranked || update->profiles->options.is_offline;

        if (queued->is_alone || queued->is_retry || !is_ranked ||
            queued->urgency == PHX_URGENCY_RUNNING || candidate->breaks_rule)
                return false;
        if (queued->bytes == 0)
                queued->bytes = small_bytes(update, candidate);
        return queued->bytes < SIZE_MAX;
}

static bool is_fit(const struct start_group *group, const struct phx_candidate *candidate) {
        const struct phx_source_text text = text_of(group->update, candidate);

        for (size_t i = 0; i < group->count; i++) {
                const struct phx_source_text other = text_of(group->update, group->items[i]);

                if (!phx_texts_agree(&text, &other))
                        return false;
        }
        return true;
}

static void group_add(
                struct start_group *group,
                struct phx_candidate *candidate,
                const struct phx_queued *queued) {
        group->items[group->count++] = candidate;
        group->bytes += queued->bytes;
}

/* Adds to the first of GROUP others that wait, in no order but that of the queue: all of them are
 * as urgent as it is, or less. */
static void fill_group(struct start_group *group, size_t limit, enum phx_urgency urgency) {
        struct phx_queue *queue = &group->update->profiles->queue;

        for (size_t i = 0; i < queue->count && group->count < limit; i++) {
                struct phx_queued *queued = &queue->items[i];
                struct phx_candidate *candidate = phx_update_find_candidate(
                                group->update,
                                queued->name);

                if (is_startable(group->update, candidate) && queued->urgency == urgency &&
                    candidate != group->items[0] && is_sharable(group->update, candidate, queued) &&
                    group->bytes + queued->bytes <= RUN_BYTES && is_fit(group, candidate))
                        group_add(group, candidate, queued);
        }
}

/* How many of those that wait one run may have, of RUNS that are allowed at once. */
static size_t share_of(const struct phx_update *update, size_t runs) {
        const struct phx_queue *queue = &update->profiles->queue;
        size_t waiting = 0, share;

        for (size_t i = 0; i < queue->count; i++)
                waiting += waits(update, &queue->items[i]);
        share = (waiting + runs - 1) / runs;
        return share < PHX_COMPILE_SHARE_LIMIT ? share : PHX_COMPILE_SHARE_LIMIT;
}

/* The next one, and those that share its run: none when nothing may start. */
static void next_group(struct phx_update *update, size_t runs, struct start_group *ret_group) {
        struct phx_profiles *profiles = update->profiles;
        struct phx_queued *next = phx_queue_first(&profiles->queue, is_next, update);
        struct phx_candidate *candidate;
        bool may_share;

        *ret_group = (struct start_group){ .update = update };
        if (!next)
                return;
        candidate = phx_update_find_candidate(update, next->name);
        may_share = !is_first(profiles) && is_sharable(update, candidate, next) &&
                    phx_compiler_known_is_repeatable(&profiles->compiler, profiles->options.parser);
        group_add(ret_group, candidate, next);
        if (may_share)
                fill_group(ret_group, share_of(update, runs), next->urgency);
}

/* --- the start --- */

static int start_one(
                struct phx_profiles *profiles,
                const struct phx_compiler *compiler,
                const struct phx_candidate *candidate,
                struct phx_compile_job *job) {
        bool is_head = !profiles->options.is_offline && is_first(profiles);
        int r = phx_compiles_start(profiles->compiles, compiler, candidate->key, job);

        if (r >= 0 && is_head)
                phx_head_start_give(
                                &profiles->head_start,
                                profiles->queue.count,
                                count_processors(),
                                phx_now_usec());
        return r;
}

static int start_alone(
                struct phx_update *update,
                const struct phx_compiler *compiler,
                struct phx_candidate *candidate) {
        struct phx_compile_job job = phx_update_job(update, candidate);

        if (start_one(update->profiles, compiler, candidate, &job) >= 0)
                return 0;
        return phx_update_end_compile(update, candidate, &job);
}

/* When they cannot be started together, what each alone fails with is told. */
static int start_group(const struct start_group *group, const struct phx_compiler *compiler) {
        struct phx_compiler for_run = *compiler;
        struct phx_compile_job jobs[PHX_COMPILE_SHARE_LIMIT];
        struct phx_compile_shared shared[PHX_COMPILE_SHARE_LIMIT];
        struct phx_profiles *profiles = group->update->profiles;

        if (group->count == 1)
                return start_alone(group->update, compiler, group->items[0]);
        for (size_t i = 0; i < group->count; i++) {
                jobs[i] = phx_update_job(group->update, group->items[i]);
                shared[i] = (struct phx_compile_shared){ group->items[i]->key, &jobs[i] };
        }
        for_run.cpu_usec = RUN_CPU_USEC;
        if (for_run.deadline_usec > RUN_USEC)
                for_run.deadline_usec = RUN_USEC;
        if (phx_compiles_start_shared(profiles->compiles, &for_run, shared, group->count) >= 0)
                return 0;
        for (size_t i = 0; i < group->count; i++)
                phx_update_turn_back(group->update, jobs[i].name);
        return 0;
}

int phx_update_start(struct phx_update *update) {
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
        see_head_start(profiles); /* those that ended or were cancelled since have none */
        while (has_place(profiles, limit)) {
                struct start_group group;
                int r;

                next_group(update, limit, &group);
                if (group.count == 0)
                        return 0;
                compiler.niceness = niceness(profiles);
                r = start_group(&group, &compiler);
                if (r < 0)
                        return r;
        }
        return 0;
}
