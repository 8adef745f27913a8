/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Compiles several profiles at once, each in a child of its own or, where they are small, several
 * in one (shared.c), and believes the children as little as their input. A compile goes through:
 *
 *   stage    copies of the text and of all that it includes, in a directory that only the
 *            compiler's group can read: the compiler reads what was judged, whatever happens to
 *            the originals
 *   start    two memory files for policy and messages, then a fork with limits of processor time,
 *            memory and file size, under another user, without privilege (child.c)
 *   reap     it has ended, or is late: the child's whole group is killed and reaped first; only
 *            then may the memory files be sealed and read, so that no process can change what was
 *            judged
 *   take     outcome.c says what became of it, and the job has its result
 *
 * Between start and reap the owner does what it likes. It polls the pidfds (phx_compiles_watches),
 * or asks now and then; nothing depends on how soon, as a child that has ended keeps its result in
 * memory files that no process but us has any more. A run (run.c) owns its stage, process and
 * descriptors; it lives as long as a profile waits for it, and each of them can be taken or
 * cancelled without the others. The job owns what its caller gets.
 *
 * Every job ends with a result, and every failure with a text. -EINVAL is the author's to fix and
 * stays until the input changes; -ETIMEDOUT, -ENOMEM and -EIO may be different another time, and
 * the quarantine tries them again. If phoenixd dies, its children get SIGKILL (set in child.c),
 * and the stages are removed at the next start. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "compiler/compiler.h"
#include "compiler/features.h"
#include "compiler/run.h"

/* A profile whose compile runs, or is reaped and waits to be taken. */
struct compile {
        char *name;
        char *key;
        struct phx_run *run;
        size_t position; /* in it */
};

struct phx_compiles {
        const struct phx_compile_progress *progress;
        struct compile *items;
        size_t count;
        struct phx_run **runs;
        size_t run_count;
        unsigned shared_count; /* so far, for the names of their stages */
        struct phx_staged_features features;
};

int phx_compiles_new(
                const struct phx_compile_progress *progress,
                struct phx_compiles **ret_compiles) {
        struct phx_compiles *compiles = calloc(1, sizeof(*compiles));

        if (!compiles)
                return -ENOMEM;
        compiles->progress = progress;
        *ret_compiles = compiles;
        return 0;
}

/* The last that waited for it has gone. */
static void drop_run(struct phx_compiles *compiles, struct phx_run *run) {
        for (size_t i = 0; i < compiles->run_count; i++)
                if (compiles->runs[i] == run) {
                        compiles->runs[i] = compiles->runs[--compiles->run_count];
                        break;
                }
        phx_run_free(run);
}

static void drop_compile(struct phx_compiles *compiles, struct compile *compile) {
        struct phx_run *run = compile->run;

        free(compile->name);
        free(compile->key);
        *compile = compiles->items[--compiles->count];
        if (run && --run->waiting == 0)
                drop_run(compiles, run);
}

struct phx_compiles *phx_compiles_free(struct phx_compiles *compiles) {
        if (!compiles)
                return NULL;

        while (compiles->count > 0)
                drop_compile(compiles, &compiles->items[compiles->count - 1]);
        phx_features_unstage(&compiles->features);
        free(compiles->items);
        free(compiles->runs);
        free(compiles);

        return NULL;
}

static struct compile *find_compile(const struct phx_compiles *compiles, const char *name) {
        for (size_t i = 0; i < compiles->count; i++)
                if (strcmp(compiles->items[i].name, name) == 0)
                        return &compiles->items[i];
        return NULL;
}

void phx_compiles_cancel(struct phx_compiles *compiles, const char *name) {
        struct compile *compile = find_compile(compiles, name);

        if (compile)
                drop_compile(compiles, compile);
}

/* --- start --- */

/* A compile that waits for no run yet. */
static int add_compile(struct phx_compiles *compiles, const char *name, const char *key) {
        struct compile *compile = phx_grow(&compiles->items, &compiles->count, sizeof(*compile));

        if (!compile)
                return -ENOMEM;
        compile->name = strdup(name);
        compile->key = strdup(key);
        if (compile->name && compile->key)
                return 0;
        drop_compile(compiles, compile);
        return -ENOMEM;
}

/* The last COUNT compiles, which were added for it, wait for a run. */
static int add_run(
                struct phx_compiles *compiles,
                const struct phx_compiler *compiler,
                const char *stage,
                const struct phx_stage_content *contents,
                size_t count,
                struct phx_error *error) {
        struct compile *first = &compiles->items[compiles->count - count];
        struct phx_run **run = phx_grow(&compiles->runs, &compiles->run_count, sizeof(*run));
        int r;

        if (!run)
                return -ENOMEM;
        r = phx_run_start(compiler, stage, contents, count, run, error);
        if (r < 0) {
                compiles->run_count--;
                return r;
        }
        (*run)->waiting = count;
        for (size_t i = 0; i < count; i++) {
                first[i].run = *run;
                first[i].position = i;
        }
        return 0;
}

static void begin(struct phx_compiles *compiles, const char *name) {
        const struct phx_compile_progress *progress = compiles->progress;

        if (progress && progress->started)
                progress->started(progress->data, name);
        phx_compiles_cancel(compiles, name);
}

static struct phx_stage_content content_of(const struct phx_compile_job *job) {
        return (struct phx_stage_content){ job->name, job->profile, job->closure, job->files };
}

static int start_alone(
                struct phx_compiles *compiles,
                const struct phx_compiler *compiler,
                const char *key,
                struct phx_compile_job *job) {
        const struct phx_stage_content content = content_of(job);
        int r;

        r = phx_features_stage(&compiles->features, compiler, &job->error);
        if (r < 0) {
                if (job->error.text[0])
                        phx_error_place(&job->error, job->name);
                return r;
        }
        r = add_compile(compiles, job->name, key);
        if (r < 0)
                return r;
        r = add_run(compiles, compiler, job->name, &content, 1, &job->error);
        if (r < 0)
                drop_compile(compiles, &compiles->items[compiles->count - 1]);
        return r;
}

int phx_compiles_start(
                struct phx_compiles *compiles,
                const struct phx_compiler *compiler,
                const char *key,
                struct phx_compile_job *job) {
        int r;

        begin(compiles, job->name);
        r = start_alone(compiles, compiler, key, job);
        if (r < 0)
                phx_compile_job_end(job, r);
        return r;
}

/* Its stage has a name that no profile has, as the first of them may be started again, alone, while
 * the others still run. */
int phx_compiles_start_shared(
                struct phx_compiles *compiles,
                const struct phx_compiler *compiler,
                const struct phx_compile_shared *shared,
                size_t count) {
        struct phx_stage_content contents[PHX_COMPILE_SHARE_LIMIT];
        char stage[32];
        size_t added = 0;
        int r;

        assert(count > 0 && count <= PHX_COMPILE_SHARE_LIMIT);
        for (size_t i = 0; i < count; i++) {
                contents[i] = content_of(shared[i].job);
                begin(compiles, contents[i].name);
        }
        r = phx_features_stage(&compiles->features, compiler, NULL);
        for (; r >= 0 && added < count; added += r >= 0)
                r = add_compile(compiles, contents[added].name, shared[added].key);
        (void) snprintf(stage, sizeof(stage), ".shared-%u", compiles->shared_count++);
        if (r >= 0)
                r = add_run(compiles, compiler, stage, contents, count, NULL);
        for (size_t i = 0; r < 0 && i < added; i++)
                drop_compile(compiles, &compiles->items[compiles->count - 1]);
        return r;
}

/* --- while they run --- */

size_t phx_compiles_watches(
                const struct phx_compiles *compiles,
                struct phx_process_watch *watches,
                size_t limit) {
        size_t count = 0;

        for (size_t i = 0; i < compiles->run_count && count < limit; i++) {
                const struct phx_run *run = compiles->runs[i];

                if (!phx_run_is_over(run))
                        watches[count++] = (struct phx_process_watch){ run->process.pid,
                                                                       run->process.fd,
                                                                       phx_run_due(run) };
        }
        return count;
}

size_t phx_compiles_running(const struct phx_compiles *compiles) {
        size_t count = 0;

        for (size_t i = 0; i < compiles->run_count; i++)
                count += !phx_run_is_over(compiles->runs[i]);
        return count;
}

/* Until the first of them is late, or UNTIL_USEC. */
static int milliseconds_left(
                const struct phx_process_watch *watches,
                size_t count,
                uint64_t until_usec) {
        uint64_t now = phx_now_usec(), first = until_usec;

        for (size_t i = 0; i < count; i++)
                if (watches[i].due_usec < first)
                        first = watches[i].due_usec;
        return first <= now ? 0 : (int) ((first - now) / 1000 + 1);
}

void phx_compiles_wait(const struct phx_compiles *compiles, uint64_t until_usec) {
        struct phx_process_watch watches[PHX_COMPILES_LIMIT];
        struct pollfd fds[PHX_COMPILES_LIMIT];
        size_t count = phx_compiles_watches(compiles, watches, PHX_COMPILES_LIMIT);

        if (count == 0)
                return;
        for (size_t i = 0; i < count; i++)
                fds[i] = (struct pollfd){ .fd = watches[i].fd, .events = POLLIN };
        (void) poll(fds, count, milliseconds_left(watches, count, until_usec));
}

/* --- the end --- */

static void compiles_reap(const struct phx_compiles *compiles, struct phx_run *run, bool was_late) {
        const struct phx_compile_progress *progress = compiles->progress;
        size_t count = run->names.count;
        uint64_t took;

        phx_run_reap(run, was_late);
        took = phx_now_usec() - run->began_usec;
        if (!progress || !progress->ended || (count > 1 && !run->output))
                return;
        for (size_t i = 0; i < count; i++)
                progress->ended(progress->data, took / count);
}

/* Those that run, and those of them that have ended or are late by NOW. Returns how many run. */
static nfds_t poll_runs(
                const struct phx_compiles *compiles,
                struct phx_run **runs,
                struct pollfd *fds,
                uint64_t *ret_now) {
        nfds_t count = 0;

        for (size_t i = 0; i < compiles->run_count && count < PHX_COMPILES_LIMIT; i++) {
                if (phx_run_is_over(compiles->runs[i]))
                        continue;
                runs[count] = compiles->runs[i];
                fds[count++] = (struct pollfd){ .fd = compiles->runs[i]->process.fd,
                                                .events = POLLIN };
        }
        if (count > 0)
                (void) poll(fds, count, 0);
        *ret_now = phx_now_usec();
        return count;
}

void phx_compiles_reap(struct phx_compiles *compiles) {
        struct pollfd fds[PHX_COMPILES_LIMIT];
        struct phx_run *runs[PHX_COMPILES_LIMIT];
        uint64_t now;
        nfds_t count = poll_runs(compiles, runs, fds, &now);

        for (nfds_t i = 0; i < count; i++)
                if (fds[i].revents || phx_run_due(runs[i]) <= now)
                        compiles_reap(compiles, runs[i], !fds[i].revents);
}

bool phx_compiles_has_ended(const struct phx_compiles *compiles) {
        struct pollfd fds[PHX_COMPILES_LIMIT];
        struct phx_run *runs[PHX_COMPILES_LIMIT];
        uint64_t now;
        nfds_t count = poll_runs(compiles, runs, fds, &now);

        if (count < compiles->run_count)
                return true;
        for (nfds_t i = 0; i < count; i++)
                if (fds[i].revents || phx_run_due(runs[i]) <= now)
                        return true;
        return false;
}

const char *phx_compiles_name(const struct phx_compiles *compiles, size_t position) {
        return position < compiles->count ? compiles->items[position].name : NULL;
}

const char *phx_compiles_key(const struct phx_compiles *compiles, const char *name) {
        const struct compile *compile = find_compile(compiles, name);

        return compile ? compile->key : NULL;
}

bool phx_compiles_take(struct phx_compiles *compiles, struct phx_compile_job *job) {
        struct compile *compile = find_compile(compiles, job->name);

        if (!compile || !phx_run_is_over(compile->run))
                return false;
        phx_run_take(compile->run, compile->position, job);
        drop_compile(compiles, compile);
        return true;
}
