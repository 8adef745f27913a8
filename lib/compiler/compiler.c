/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Compiles several profiles at once, each in a child of its own, and believes the children as
 * little as their input. A job goes through:
 *
 *   stage    copies of the text and of all that it includes, in a directory that only the
 *            compiler's group can read: the compiler reads what was judged, whatever happens to
 *            the originals
 *   start    two memory files for policy and messages, then a fork with limits of processor time,
 *            memory and file size, under another user, without privilege (child.c)
 *   wait     one poll() over the pidfds, until a child has ended or is late; also woken for a sign
 *            of life, as the loop kills an engine that is silent
 *   finish   the child's whole group is killed and reaped first; only then are the memory files
 *            sealed and read, so that no process can change what was judged
 *   judge    late, out of memory, too much output, killed, refused, or a policy
 *
 * children[] has the running ones without gaps: one that is finished is replaced by the last. A
 * child owns its stage, process and descriptors until child_done(); the job owns what the caller
 * gets.
 *
 * Every job ends with a result, and every failure with a text. -EINVAL is the author's to fix and
 * stays until the input changes; -ETIMEDOUT, -ENOMEM and -EIO may be different another time, and
 * the quarantine tries them again. If phoenixd dies, its children get SIGKILL (set in child.c),
 * and the stages are removed at the next start. */

#include "compiler/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "compiler/child.h"
#include "compiler/message.h"
#include "compiler/output.h"
#include "compiler/stage.h"

#define USEC_PER_SEC 1000000ULL
#define OUTPUT_LIMIT PHX_COMPILER_OUTPUT_LIMIT
#define MESSAGES_LIMIT (64UL << 10)
/* What decides the bytes besides the text: see phx_compiler_identity(). */
#define FLAGS "--config-file=/dev/null -K -j0 -S"

/* A compile that runs. */
struct child {
        struct phx_compile_job *job;
        char *stage;
        struct phx_process process;
        int policy_fd;
        int messages_fd;
        uint64_t ends_usec;
};

static void child_done(struct child *child) {
        if (child->policy_fd >= 0)
                (void) close(child->policy_fd);
        if (child->messages_fd >= 0)
                (void) close(child->messages_fd);
        if (child->stage)
                (void) phx_stage_remove(child->stage);
        free(child->stage);
        *child = (struct child){ .policy_fd = -1, .messages_fd = -1 };
}

/* The group that may read the copies. */
static gid_t group_of(const struct phx_compiler *compiler) {
        return geteuid() == 0 ? compiler->account.gid : getegid();
}

static int compiler_prepare(
                const struct phx_compiler *compiler,
                struct child *child,
                struct phx_compile_job *job) {
        int r;

        child->job = job;
        if (phx_printf(&child->stage, "%s/%s", compiler->stage_dir, job->name) < 0)
                return -ENOMEM;
        r = phx_compiler_output_new("phoenixd-policy", &child->policy_fd);
        if (r >= 0)
                r = phx_compiler_output_new("phoenixd-messages", &child->messages_fd);
        if (r < 0)
                return r;
        return phx_stage_create(
                        child->stage,
                        group_of(compiler),
                        &(struct phx_stage_content){ job->name,
                                                     job->profile,
                                                     job->closure,
                                                     job->files },
                        &job->error);
}

static int compiler_start(
                const struct phx_compiler *compiler,
                struct child *child,
                struct phx_compile_job *job) {
        pid_t parent = getpid();
        int r;

        *child = (struct child){ .policy_fd = -1, .messages_fd = -1 };
        r = compiler_prepare(compiler, child, job);
        if (r < 0)
                return r;

        child->ends_usec = phx_now_usec() + compiler->deadline_usec;
        r = phx_process_fork(&child->process);
        if (r > 0)
                phx_compiler_become(
                                compiler,
                                &(struct phx_compiler_start){ job->name,
                                                              child->stage,
                                                              child->policy_fd,
                                                              child->messages_fd,
                                                              parent });
        return r;
}

static int late(const struct phx_compiler *compiler, struct phx_compile_job *job) {
        return phx_error_set_in(
                        &job->error,
                        -ETIMEDOUT,
                        job->name,
                        "compile took longer than %llu s (compile_deadline_s) and was stopped",
                        (unsigned long long) (compiler->deadline_usec / USEC_PER_SEC));
}

static int too_large(const struct phx_compiler *compiler, struct phx_compile_job *job) {
        return phx_error_set_in(
                        &job->error,
                        -ENOMEM,
                        job->name,
                        "compile needed more than %llu MiB (compile_memory_mb) and was stopped",
                        (unsigned long long) (compiler->memory >> 20));
}

static int too_much(struct phx_compile_job *job) {
        return phx_error_set_in(
                        &job->error,
                        -EINVAL,
                        job->name,
                        "the compiler wrote more than %lu MiB and was stopped",
                        OUTPUT_LIMIT >> 20);
}

/* By whom is not known: the administrator, or the kernel when the machine ran out of memory. */
static int killed(struct phx_compile_job *job, int signal_number) {
        return phx_error_set_in(
                        &job->error,
                        -EIO,
                        job->name,
                        "the compiler was killed by signal %d (SIG%s)",
                        signal_number,
                        sigabbrev_np(signal_number) ? sigabbrev_np(signal_number) : "RT");
}

static bool speaks_of_memory(const char *messages) {
        return strstr(messages, "bad_alloc") || strcasestr(messages, "memory allocation") ||
               strcasestr(messages, "out of memory") ||
               strcasestr(messages, "cannot allocate memory");
}

static int unreadable(struct phx_compile_job *job, int r) {
        if (job->error.text[0])
                phx_error_place(&job->error, job->name);
        return r;
}

static int compiler_take_policy(const struct child *child, char **messages) {
        struct phx_compile_job *job = child->job;
        int r;

        r = phx_compiler_output_read(
                        child->policy_fd,
                        OUTPUT_LIMIT,
                        &job->blob,
                        &job->size,
                        &job->error);
        if (r < 0)
                return unreadable(job, r);
        if (job->size == 0) {
                phx_compile_job_done(job);
                return phx_error_set_in(&job->error, -EINVAL, job->name, "defines no profile");
        }
        if ((*messages)[0])
                job->warnings = PHX_TAKE(*messages);
        return 0;
}

static int read_messages(const struct child *child, char **ret_messages) {
        size_t size = 0;
        int r;

        r = phx_compiler_output_read(
                        child->messages_fd,
                        OUTPUT_LIMIT,
                        ret_messages,
                        &size,
                        &child->job->error);
        if (r >= 0 && size > MESSAGES_LIMIT)
                (*ret_messages)[MESSAGES_LIMIT] = '\0';
        return r;
}

static int judge_signal(
                const struct phx_compiler *compiler,
                struct phx_compile_job *job,
                int signal_number) {
        if (signal_number == SIGXCPU)
                return late(compiler, job);
        if (signal_number == SIGXFSZ)
                return too_much(job);
        return killed(job, signal_number);
}

static int compiler_judge(
                const struct phx_compiler *compiler,
                const struct child *child,
                int status,
                bool was_late) {
        struct phx_compile_job *job = child->job;
        phx_autofree char *messages = NULL;
        int r;

        if (was_late)
                return late(compiler, job);
        r = read_messages(child, &messages);
        if (r < 0)
                return unreadable(job, r);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return compiler_take_policy(child, &messages);
        if (speaks_of_memory(messages))
                return too_large(compiler, job);
        if (WIFSIGNALED(status))
                return judge_signal(compiler, job, WTERMSIG(status));
        return phx_compiler_message(
                        &(struct phx_source_text){ job->name,
                                                   job->profile,
                                                   job->closure,
                                                   job->files },
                        &(struct phx_compiler_said){ compiler->parser, child->stage, messages },
                        WEXITSTATUS(status) == 127 ? -EIO : -EINVAL,
                        &job->error);
}

/* No failure is without a text. */
static void set_result(struct phx_compile_job *job, int r) {
        job->result = r;
        if (r < 0 && !job->error.text[0])
                (void) phx_error_set_in(
                                &job->error,
                                r,
                                job->name,
                                "cannot be compiled: %s",
                                strerrordesc_np(-r));
}

/* It cannot be killed: nothing that it might still write is believed. */
static int abandoned(struct phx_compile_job *job, pid_t pid) {
        return phx_error_set_in(
                        &job->error,
                        -ETIMEDOUT,
                        job->name,
                        "the compiler cannot be killed and keeps running (pid %d)",
                        (int) pid);
}

/* Whatever it started goes with it. */
static void compiler_finish(
                const struct phx_compiler *compiler,
                struct child *child,
                bool was_late) {
        pid_t pid = child->process.pid;
        int status = 0;

        if (phx_process_end(&child->process, &status) < 0)
                set_result(child->job, abandoned(child->job, pid));
        else
                set_result(child->job, compiler_judge(compiler, child, status, was_late));
        child_done(child);
}

static int milliseconds_left(
                const struct child *children,
                size_t running,
                const struct phx_compile_progress *progress) {
        uint64_t now = phx_now_usec(), first = UINT64_MAX;

        if (progress && progress->every_msec > 0)
                first = now + progress->every_msec * 1000ULL;
        for (size_t i = 0; i < running; i++)
                if (children[i].ends_usec < first)
                        first = children[i].ends_usec;
        return first <= now ? 0 : (int) ((first - now) / 1000 + 1);
}

/* Waits until at least one has ended or is late, and takes those out of CHILDREN. Returns how many;
 * 0 when it is time for a sign of life. */
static size_t reap(
                const struct phx_compiler *compiler,
                struct child *children,
                size_t running,
                const struct phx_compile_progress *progress) {
        struct pollfd fds[64];
        size_t ended = 0;
        uint64_t now;

        for (size_t i = 0; i < running; i++)
                fds[i] = (struct pollfd){ .fd = children[i].process.fd, .events = POLLIN };
        (void) poll(fds, running, milliseconds_left(children, running, progress));

        now = phx_now_usec();
        for (size_t i = running; i > 0; i--) {
                struct child *child = &children[i - 1];
                bool has_ended = fds[i - 1].revents != 0;

                if (!has_ended && child->ends_usec > now)
                        continue;
                compiler_finish(compiler, child, !has_ended);
                *child = children[running - 1 - ended];
                ended++;
        }
        return ended;
}

static void start_next(
                const struct phx_compiler *compiler,
                struct child *children,
                size_t *running,
                struct phx_compile_job *job) {
        struct child *child = &children[*running];
        int r = compiler_start(compiler, child, job);

        if (r >= 0) {
                (*running)++;
                return;
        }
        child_done(child);
        set_result(job, r);
}

/* For all of them: what the parser gets to know of the machine's features. */
static int stage_features(const struct phx_compiler *compiler, struct phx_error *error) {
        const struct phx_parser_options *options = compiler->options;
        int r = 0;

        if (options && options->policy.text)
                r = phx_stage_add(
                                compiler->stage_dir,
                                PHX_COMPILER_POLICY_FEATURES,
                                group_of(compiler),
                                options->policy.text,
                                error);
        if (r >= 0 && options && options->override.text)
                r = phx_stage_add(
                                compiler->stage_dir,
                                PHX_COMPILER_OVERRIDE_FEATURES,
                                group_of(compiler),
                                options->override.text,
                                error);
        return r;
}

static void unstage_features(const struct phx_compiler *compiler) {
        (void) phx_stage_subtract(compiler->stage_dir, PHX_COMPILER_POLICY_FEATURES);
        (void) phx_stage_subtract(compiler->stage_dir, PHX_COMPILER_OVERRIDE_FEATURES);
}

static void give_sign(
                const struct phx_compile_progress *progress,
                const struct phx_compile_job *job,
                size_t done,
                size_t count) {
        if (progress)
                progress->done(progress->data, job->name, done, count);
}

static void compile_all(
                const struct phx_compiler *compiler,
                struct phx_compile_job *jobs,
                size_t count,
                const struct phx_compile_progress *progress) {
        struct child children[64];
        size_t running = 0, started = 0, limit = compiler->jobs;

        if (limit == 0 || limit > PHX_ELEMENTS(children))
                limit = PHX_ELEMENTS(children);
        while (started < count || running > 0) {
                while (started < count && running < limit) {
                        give_sign(progress, &jobs[started], started, count);
                        start_next(compiler, children, &running, &jobs[started]);
                        started++;
                }
                if (running > 0) {
                        size_t ended = reap(compiler, children, running, progress);

                        if (ended == 0)
                                give_sign(progress, children[0].job, started - 1, count);
                        running -= ended;
                }
        }
}

int phx_compile(const struct phx_compiler *compiler,
                struct phx_compile_job *jobs,
                size_t count,
                const struct phx_compile_progress *progress) {
        uint64_t began_usec = phx_now_usec();
        struct phx_error error = { 0 };
        int r;

        r = stage_features(compiler, &error);
        if (r >= 0)
                compile_all(compiler, jobs, count, progress);
        for (size_t i = 0; r < 0 && i < count; i++) {
                jobs[i].error = error;
                if (error.text[0])
                        phx_error_place(&jobs[i].error, jobs[i].name);
                set_result(&jobs[i], r);
        }
        unstage_features(compiler);
        if (progress && progress->ended && count > 0)
                progress->ended(progress->data, count, phx_now_usec() - began_usec);
        return 0;
}

void phx_compile_job_done(struct phx_compile_job *job) {
        free(job->blob);
        free(job->warnings);
        job->blob = NULL;
        job->warnings = NULL;
        job->size = 0;
}

int phx_compiler_identity(
                const char *parser,
                const char *features,
                const struct phx_parser_options *options,
                char **ret_identity) {
        phx_autofree char *program = NULL, *more = phx_parser_options_identity(options);
        char digest[PHX_SHA256_HEX];
        size_t size = 0;
        int r;

        if (!more)
                return -ENOMEM;
        r = phx_file_read_at(AT_FDCWD, parser, OUTPUT_LIMIT, &program, &size);
        if (r < 0)
                return r;
        phx_sha256(program, size, digest);
        return phx_printf(ret_identity, "%s " FLAGS " %s %s", digest, features, more);
}
