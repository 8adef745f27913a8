/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/job.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/grow.h"
#include "base/macros.h"

/* A unit's name has 255 characters at most (systemd.unit(5)); the rest is for "phoenixd-" and
 * ".service". */
#define NAME_LIMIT 230
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

const char *phx_job_verb_to_string(enum phx_job_verb verb) {
        static const char *const names[] = {
                [PHX_JOB_RESTART] = "restart",
                [PHX_JOB_START] = "start",
                [PHX_JOB_STOP] = "stop",
                [PHX_JOB_RUN] = "run",
        };

        return (unsigned) verb < PHX_ELEMENTS(names) ? names[verb] : NULL;
}

const char *phx_job_outcome_to_string(enum phx_job_outcome outcome) {
        static const char *const names[] = {
                [PHX_JOB_DONE] = "done",
                [PHX_JOB_FAILED] = "failed",
                [PHX_JOB_GONE] = "gone",
                [PHX_JOB_REFUSED] = "refused",
        };

        return (unsigned) outcome < PHX_ELEMENTS(names) ? names[outcome] : NULL;
}

bool phx_job_is_valid(const struct phx_job *job) {
        size_t length = job->name ? strlen(job->name) : 0;

        if (length == 0 || length > NAME_LIMIT || strspn(job->name, NAME_CHARACTERS) != length)
                return false;
        for (size_t i = 0; i < job->command_count; i++) {
                const struct phx_strings *arguments = &job->commands[i].arguments;

                if (arguments->count == 0 || arguments->items[0][0] != '/')
                        return false;
        }
        return job->service || job->command_count > 0 || job->is_resumed;
}

struct phx_job *phx_jobs_add(struct phx_jobs *jobs, const char *name) {
        phx_autofree char *copy = strdup(name);
        struct phx_job *job;

        job = copy ? phx_grow(&jobs->items, &jobs->count, sizeof(*job)) : NULL;
        if (job)
                job->name = PHX_TAKE(copy);
        return job;
}

const struct phx_job *phx_jobs_find(const struct phx_jobs *jobs, const char *name) {
        for (size_t i = 0; i < jobs->count; i++)
                if (strcmp(jobs->items[i].name, name) == 0)
                        return &jobs->items[i];
        return NULL;
}

int phx_job_add_command(struct phx_job *job, const char *program, ...) {
        struct phx_job_command *command =
                        phx_grow(&job->commands, &job->command_count, sizeof(*command));
        va_list arguments;
        int r = 0;

        if (!command)
                return -ENOMEM;
        va_start(arguments, program);
        for (const char *next = program; r >= 0 && next; next = va_arg(arguments, const char *))
                r = phx_strings_add(&command->arguments, next);
        va_end(arguments);
        return r;
}

int phx_job_copy(struct phx_job *copy, const struct phx_job *job) {
        phx_cleanup(phx_job_done) struct phx_job fresh = {
                .verb = job->verb,
                .limit_usec = job->limit_usec,
                .is_resumed = job->is_resumed,
        };
        int r;

        r = phx_replace(&fresh.name, job->name);
        if (r >= 0)
                r = phx_replace(&fresh.description, job->description);
        if (r >= 0)
                r = phx_replace(&fresh.service, job->service);
        for (size_t i = 0; r >= 0 && i < job->command_count; i++) {
                struct phx_job_command *command =
                                phx_grow(&fresh.commands, &fresh.command_count, sizeof(*command));

                r = command ? phx_strings_copy(&command->arguments, &job->commands[i].arguments)
                            : -ENOMEM;
        }
        if (r < 0)
                return r;

        phx_job_done(copy);
        *copy = PHX_TAKE_STRUCT(fresh);
        return 0;
}

void phx_job_done(struct phx_job *job) {
        free(job->name);
        free(job->description);
        free(job->service);
        for (size_t i = 0; i < job->command_count; i++)
                phx_strings_done(&job->commands[i].arguments);
        free(job->commands);
        *job = (struct phx_job){ 0 };
}

void phx_jobs_done(struct phx_jobs *jobs) {
        for (size_t i = 0; i < jobs->count; i++)
                phx_job_done(&jobs->items[i]);
        free(jobs->items);
        *jobs = (struct phx_jobs){ 0 };
}

static void job_result_done(struct phx_job_result *result) {
        free(result->name);
        free(result->text);
        *result = (struct phx_job_result){ 0 };
}

int phx_job_results_add(
                struct phx_job_results *results,
                const char *name,
                enum phx_job_outcome outcome,
                const char *text) {
        phx_cleanup(job_result_done) struct phx_job_result fresh = { .outcome = outcome };
        struct phx_job_result *result;
        int r;

        r = phx_replace(&fresh.name, name);
        if (r >= 0)
                r = phx_replace(&fresh.text, text);
        if (r < 0)
                return r;
        result = phx_grow(&results->items, &results->count, sizeof(*result));
        if (!result)
                return -ENOMEM;
        *result = PHX_TAKE_STRUCT(fresh);
        return 0;
}

const struct phx_job_result *phx_job_results_find(
                const struct phx_job_results *results,
                const char *name) {
        for (size_t i = 0; i < results->count; i++)
                if (strcmp(results->items[i].name, name) == 0)
                        return &results->items[i];
        return NULL;
}

void phx_job_results_done(struct phx_job_results *results) {
        for (size_t i = 0; i < results->count; i++)
                job_result_done(&results->items[i]);
        free(results->items);
        *results = (struct phx_job_results){ 0 };
}
