/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Compiles several profiles at once, each in a child of its own, and believes the children as
 * little as their input. A compile goes through:
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
 * memory files that no process but us has any more. A run owns its stage, process and descriptors
 * until run_done(); the job owns what its caller gets.
 *
 * Every job ends with a result, and every failure with a text. -EINVAL is the author's to fix and
 * stays until the input changes; -ETIMEDOUT, -ENOMEM and -EIO may be different another time, and
 * the quarantine tries them again. If phoenixd dies, its children get SIGKILL (set in child.c),
 * and the stages are removed at the next start. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/digest.h"
#include "base/grow.h"
#include "base/strings.h"
#include "compiler/child.h"
#include "compiler/compiler.h"
#include "compiler/outcome.h"
#include "compiler/output.h"
#include "compiler/stage.h"

/* A compile that runs, or is reaped and waits to be taken. */
struct run {
        char *name;
        char *key;
        struct phx_compiler compiler; /* as it was at the start */
        char *stage;
        struct phx_process process; /* none: it is reaped */
        uint64_t began_usec;
        struct phx_compile_end end;
};

struct phx_compiles {
        const struct phx_compile_progress *progress;
        struct run *runs;
        size_t count;
        /* What the parser gets to know of the machine's features, as it is staged: for all that
         * run. */
        char *stage_dir;
        char *kernel;
        char *policy;
        char *override;
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

static void run_close(struct run *run) {
        if (run->end.policy_fd >= 0)
                (void) close(run->end.policy_fd);
        if (run->end.messages_fd >= 0)
                (void) close(run->end.messages_fd);
        run->end.policy_fd = run->end.messages_fd = -1;
}

static void run_unstage(const struct run *run) {
        if (run->stage)
                (void) phx_stage_remove(run->stage);
}

/* Whatever it started goes with it. */
static void run_end(struct run *run) {
        if (run->process.pid <= 0)
                return;
        run->end.pid = run->process.pid;
        run->end.is_abandoned = phx_process_end(&run->process, &run->end.status) < 0;
        run_unstage(run);
}

static void run_done(struct run *run) {
        run_end(run);
        run_close(run);
        free(run->name);
        free(run->key);
        free(run->stage);
}

static void unstage_features(struct phx_compiles *compiles) {
        if (!compiles->stage_dir)
                return;
        (void) phx_stage_subtract(compiles->stage_dir, PHX_COMPILER_KERNEL_FEATURES);
        (void) phx_stage_subtract(compiles->stage_dir, PHX_COMPILER_POLICY_FEATURES);
        (void) phx_stage_subtract(compiles->stage_dir, PHX_COMPILER_OVERRIDE_FEATURES);
        free(compiles->stage_dir);
        free(compiles->kernel);
        free(compiles->policy);
        free(compiles->override);
        compiles->stage_dir = compiles->kernel = compiles->policy = compiles->override = NULL;
}

struct phx_compiles *phx_compiles_free(struct phx_compiles *compiles) {
        if (!compiles)
                return NULL;

        for (size_t i = 0; i < compiles->count; i++)
                run_done(&compiles->runs[i]);
        unstage_features(compiles);
        free(compiles->runs);
        free(compiles);

        return NULL;
}

static struct run *find_run(const struct phx_compiles *compiles, const char *name) {
        for (size_t i = 0; i < compiles->count; i++)
                if (strcmp(compiles->runs[i].name, name) == 0)
                        return &compiles->runs[i];
        return NULL;
}

static void drop_run(struct phx_compiles *compiles, struct run *run) {
        run_done(run);
        *run = compiles->runs[--compiles->count];
}

void phx_compiles_cancel(struct phx_compiles *compiles, const char *name) {
        struct run *run = find_run(compiles, name);

        if (run)
                drop_run(compiles, run);
}

/* --- start --- */

/* The group that may read the copies. */
static gid_t group_of(const struct phx_compiler *compiler) {
        return geteuid() == 0 ? compiler->account.gid : getegid();
}

/* A file of the directory of stages as it is to be; STAGED is what was put there. It may be gone
 * since, and the account have another group. */
static int stage_text(
                const struct phx_compiler *compiler,
                const char *name,
                const char *text,
                char **staged,
                struct phx_error *error) {
        int r;

        if (!text || (phx_equal(text, *staged) &&
                      phx_stage_has(compiler->stage_dir, name, group_of(compiler))))
                return 0;
        (void) phx_replace(staged, NULL);
        r = phx_stage_add(compiler->stage_dir, name, group_of(compiler), text, error);
        return r < 0 ? r : phx_replace(staged, text);
}

/* Those that run under other features are of no use any more: their keys differ. */
static int stage_features(
                struct phx_compiles *compiles,
                const struct phx_compiler *compiler,
                struct phx_error *error) {
        const struct phx_parser_options *options = compiler->options;
        int r = 0;

        if (!phx_equal(compiles->stage_dir, compiler->stage_dir)) {
                unstage_features(compiles);
                r = phx_replace(&compiles->stage_dir, compiler->stage_dir);
        }
        if (r >= 0)
                r = stage_text(compiler,
                               PHX_COMPILER_KERNEL_FEATURES,
                               compiler->features_text,
                               &compiles->kernel,
                               error);
        if (r >= 0 && options)
                r = stage_text(compiler,
                               PHX_COMPILER_POLICY_FEATURES,
                               options->policy.text,
                               &compiles->policy,
                               error);
        if (r >= 0 && options)
                r = stage_text(compiler,
                               PHX_COMPILER_OVERRIDE_FEATURES,
                               options->override.text,
                               &compiles->override,
                               error);
        return r;
}

static int run_prepare(struct run *run, struct phx_compile_job *job) {
        const struct phx_compiler *compiler = &run->compiler;
        int r;

        if (phx_printf(&run->stage, "%s/%s", compiler->stage_dir, job->name) < 0)
                return -ENOMEM;
        run->end.stage = run->stage;
        r = phx_compiler_output_new("phoenixd-policy", &run->end.policy_fd);
        if (r >= 0)
                r = phx_compiler_output_new("phoenixd-messages", &run->end.messages_fd);
        if (r < 0)
                return r;
        return phx_stage_create(
                        run->stage,
                        group_of(compiler),
                        &(struct phx_stage_content){ job->name,
                                                     job->profile,
                                                     job->closure,
                                                     job->files },
                        &job->error);
}

static int run_start(struct run *run, struct phx_compile_job *job) {
        pid_t parent = getpid();
        int r;

        r = run_prepare(run, job);
        if (r < 0)
                return r;
        run->began_usec = phx_now_usec();
        r = phx_process_fork(&run->process);
        if (r > 0)
                phx_compiler_become(
                                &run->compiler,
                                &(struct phx_compiler_start){ job->name,
                                                              run->stage,
                                                              run->end.policy_fd,
                                                              run->end.messages_fd,
                                                              parent });
        if (r < 0)
                run_unstage(run);
        return r;
}

static int compiles_add(
                struct phx_compiles *compiles,
                const struct phx_compiler *compiler,
                const char *key,
                struct phx_compile_job *job) {
        struct run *run;
        int r;

        r = stage_features(compiles, compiler, &job->error);
        if (r < 0) {
                if (job->error.text[0])
                        phx_error_place(&job->error, job->name);
                return r;
        }
        run = phx_grow(&compiles->runs, &compiles->count, sizeof(*run));
        if (!run)
                return -ENOMEM;
        run->compiler = *compiler;
        run->end.policy_fd = run->end.messages_fd = -1;
        run->name = strdup(job->name);
        run->key = strdup(key);
        r = run->name && run->key ? run_start(run, job) : -ENOMEM;
        run->compiler.features_text = NULL;
        if (r < 0)
                drop_run(compiles, run);
        return r;
}

int phx_compiles_start(
                struct phx_compiles *compiles,
                const struct phx_compiler *compiler,
                const char *key,
                struct phx_compile_job *job) {
        const struct phx_compile_progress *progress = compiles->progress;
        int r;

        if (progress && progress->started)
                progress->started(progress->data, job->name);
        phx_compiles_cancel(compiles, job->name);
        r = compiles_add(compiles, compiler, key, job);
        if (r < 0)
                phx_compile_job_end(job, r);
        return r;
}

/* --- while they run --- */

static uint64_t due_of(const struct run *run) {
        return run->began_usec + run->compiler.deadline_usec;
}

size_t phx_compiles_watches(
                const struct phx_compiles *compiles,
                struct phx_process_watch *watches,
                size_t limit) {
        size_t count = 0;

        for (size_t i = 0; i < compiles->count && count < limit; i++) {
                const struct run *run = &compiles->runs[i];

                if (run->process.pid > 0)
                        watches[count++] = (struct phx_process_watch){ run->process.pid,
                                                                       run->process.fd,
                                                                       due_of(run) };
        }
        return count;
}

size_t phx_compiles_running(const struct phx_compiles *compiles) {
        size_t count = 0;

        for (size_t i = 0; i < compiles->count; i++)
                count += compiles->runs[i].process.pid > 0;
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

static void reap(const struct phx_compiles *compiles, struct run *run, bool was_late) {
        const struct phx_compile_progress *progress = compiles->progress;

        run->end.was_late = was_late;
        run_end(run);
        if (progress && progress->ended)
                progress->ended(progress->data, phx_now_usec() - run->began_usec);
}

/* Those that run, and those of them that have ended or are late by NOW. Returns how many run. */
static nfds_t poll_runs(
                const struct phx_compiles *compiles,
                struct run **runs,
                struct pollfd *fds,
                uint64_t *ret_now) {
        nfds_t count = 0;

        for (size_t i = 0; i < compiles->count && count < PHX_COMPILES_LIMIT; i++) {
                if (compiles->runs[i].process.pid <= 0)
                        continue;
                runs[count] = &compiles->runs[i];
                fds[count++] = (struct pollfd){ .fd = compiles->runs[i].process.fd,
                                                .events = POLLIN };
        }
        if (count > 0)
                (void) poll(fds, count, 0);
        *ret_now = phx_now_usec();
        return count;
}

void phx_compiles_reap(struct phx_compiles *compiles) {
        struct pollfd fds[PHX_COMPILES_LIMIT];
        struct run *runs[PHX_COMPILES_LIMIT];
        uint64_t now;
        nfds_t count = poll_runs(compiles, runs, fds, &now);

        for (nfds_t i = 0; i < count; i++)
                if (fds[i].revents || due_of(runs[i]) <= now)
                        reap(compiles, runs[i], !fds[i].revents);
}

bool phx_compiles_has_ended(const struct phx_compiles *compiles) {
        struct pollfd fds[PHX_COMPILES_LIMIT];
        struct run *runs[PHX_COMPILES_LIMIT];
        uint64_t now;
        nfds_t count = poll_runs(compiles, runs, fds, &now);

        if (count < compiles->count)
                return true;
        for (nfds_t i = 0; i < count; i++)
                if (fds[i].revents || due_of(runs[i]) <= now)
                        return true;
        return false;
}

const char *phx_compiles_name(const struct phx_compiles *compiles, size_t position) {
        return position < compiles->count ? compiles->runs[position].name : NULL;
}

const char *phx_compiles_key(const struct phx_compiles *compiles, const char *name) {
        const struct run *run = find_run(compiles, name);

        return run ? run->key : NULL;
}

bool phx_compiles_take(struct phx_compiles *compiles, struct phx_compile_job *job) {
        struct run *run = find_run(compiles, job->name);

        if (!run || run->process.pid > 0)
                return false;
        phx_compile_job_judge(&run->compiler, &run->end, job);
        drop_run(compiles, run);
        return true;
}
