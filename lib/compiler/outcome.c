/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What became of a compile that is over: late, out of memory, too much output, killed, refused, or
 * a policy. Only here is read what the compiler has written, and only after it is sealed. */

#include "compiler/outcome.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "compiler/child.h"
#include "compiler/message.h"
#include "compiler/output.h"

#define USEC_PER_SEC 1000000ULL
#define OUTPUT_LIMIT PHX_COMPILER_OUTPUT_LIMIT
#define MESSAGES_LIMIT (64UL << 10)

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

static int outcome_take_policy(
                const struct phx_compile_end *end,
                struct phx_compile_job *job,
                char **messages) {
        int r;

        r = phx_compiler_output_read(
                        end->policy_fd,
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

static int read_messages(
                const struct phx_compile_end *end,
                struct phx_compile_job *job,
                char **ret_messages) {
        size_t size = 0;
        int r;

        r = phx_compiler_output_read(
                        end->messages_fd,
                        OUTPUT_LIMIT,
                        ret_messages,
                        &size,
                        &job->error);
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

/* It cannot be killed: nothing that it might still write is believed. */
static int abandoned(struct phx_compile_job *job, pid_t pid) {
        return phx_error_set_in(
                        &job->error,
                        -ETIMEDOUT,
                        job->name,
                        "the compiler cannot be killed and keeps running (pid %d)",
                        (int) pid);
}

static int outcome_judge(
                const struct phx_compiler *compiler,
                const struct phx_compile_end *end,
                struct phx_compile_job *job) {
        phx_autofree char *messages = NULL;
        int status = end->status, r;

        if (end->is_abandoned)
                return abandoned(job, end->pid);
        if (end->was_late)
                return late(compiler, job);
        r = read_messages(end, job, &messages);
        if (r < 0)
                return unreadable(job, r);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return outcome_take_policy(end, job, &messages);
        if (speaks_of_memory(messages))
                return too_large(compiler, job);
        if (WIFSIGNALED(status))
                return judge_signal(compiler, job, WTERMSIG(status));
        return phx_compiler_message(
                        &(struct phx_source_text){ job->name,
                                                   job->profile,
                                                   job->closure,
                                                   job->files },
                        &(struct phx_compiler_said){ compiler->parser, end->stage, messages },
                        WEXITSTATUS(status) == 127 ? -EIO : -EINVAL,
                        &job->error);
}

void phx_compile_job_end(struct phx_compile_job *job, int r) {
        job->is_ended = true;
        job->result = r;
        if (r < 0 && !job->error.text[0])
                (void) phx_error_set_in(
                                &job->error,
                                r,
                                job->name,
                                "cannot be compiled: %s",
                                strerrordesc_np(-r));
}

void phx_compile_job_judge(
                const struct phx_compiler *compiler,
                const struct phx_compile_end *end,
                struct phx_compile_job *job) {
        phx_compile_job_end(job, outcome_judge(compiler, end, job));
}

void phx_compile_job_done(struct phx_compile_job *job) {
        free(job->blob);
        free(job->warnings);
        job->blob = NULL;
        job->warnings = NULL;
        job->size = 0;
}
