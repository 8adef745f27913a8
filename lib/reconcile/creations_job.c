/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What systemd is to be at: the program that creates a container, with all that it needs as its
 * arguments, or that removes what is left of a creation that was interrupted. */

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/strings.h"
#include "config.h"
#include "reconcile/creations_private.h"

/* Longer than any copy that gets on at all; the program then ends, and is cleaned up after. */
#define LIMIT_USEC (6ULL * 3600 * 1000000)

/* The options come last and read as an edit of the config writes them: a later pass finds the lines
 * that it would have written itself, and the inventory has them as such (phx_machine_claim). */
static int creation_add_lines(
                const struct phx_desired_container *want,
                struct phx_strings *arguments) {
        int r = phx_strings_add(arguments, "--");

        if (r >= 0)
                r = phx_creation_lines(want->creation, arguments);
        return r < 0 ? r : phx_creation_options(&want->options, " = ", arguments);
}

/* Proxmox has keys of its own for what LXC has lines for. */
static int creation_add_keys(
                const struct phx_desired_container *want,
                struct phx_strings *arguments) {
        int r = phx_strings_add(arguments, "--");

        if (r >= 0)
                r = phx_creation_keys(want->creation, arguments);
        return r < 0 ? r : phx_creation_options(&want->options, "=", arguments);
}

static int creation_command(const struct phx_step_create *step, struct phx_job *job) {
        const struct phx_desired_container *want = step->want;
        const struct phx_creation *how = want->creation;
        struct phx_strings *arguments;
        int r;

        r = phx_job_add_command(job, PHX_CREATE, NULL);
        if (r < 0)
                return r;
        arguments = &job->commands[0].arguments;
        r = step->lxc_path ? phx_strings_addf(arguments, "--path=%s", step->lxc_path)
                           : phx_strings_add(arguments, "--proxmox");
        if (r >= 0)
                r = phx_strings_addf(arguments, "--name=%s", want->id);
        if (r >= 0)
                r = phx_strings_addf(arguments, "--report=" PHX_CREATION_REPORT "%s", want->id);
        if (r >= 0)
                r = phx_strings_addf(
                                arguments,
                                "--hostname=%s",
                                phx_creation_hostname(want->id, want->name));
        if (r >= 0)
                r = phx_strings_addf(arguments, "--label=%s", want->label);
        if (r >= 0 && how->template)
                r = phx_strings_addf(arguments, "--template=%s", how->template);
        if (r >= 0 && step->source)
                r = phx_strings_addf(arguments, "--clone=%s", step->source);
        if (r >= 0 && how->is_unprivileged)
                r = phx_strings_add(arguments, "--unprivileged");
        if (r < 0)
                return r;
        return step->lxc_path ? creation_add_lines(want, arguments)
                              : creation_add_keys(want, arguments);
}

/* Of all that a creation is made of: another entry is another try. 0 or -ENOMEM. */
static int creation_input(const struct phx_job *job, char hex[PHX_SHA256_HEX]) {
        const struct phx_strings *arguments = &job->commands[0].arguments;
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < arguments->count; i++)
                r = phx_buffer_addf(&text, "%s\n", arguments->items[i]);
        if (r < 0)
                return r;
        phx_sha256(text.data, text.size, hex);
        return 0;
}

int phx_creation_make_job(
                const struct phx_creations *creations,
                const struct phx_step_create *step,
                struct phx_job *job,
                char input[PHX_SHA256_HEX]) {
        int r;

        job->verb = PHX_JOB_RUN;
        job->limit_usec = LIMIT_USEC;
        r = creation_command(step, job);
        if (r >= 0)
                r = creation_input(job, input);
        if (r >= 0)
                r = phx_printf(&job->name,
                               "create-%s.%.12s.%u",
                               step->want->id,
                               input,
                               creations->tries);
        return r < 0 ? r
                     : phx_printf(&job->description,
                                  "phoenixd: creation of container %s",
                                  step->want->id);
}

#define CLEAN_LXC "create-clean"
#define CLEAN_PROXMOX "create-clean-proxmox"

static int creation_add_clean(
                const struct phx_creations *creations,
                struct phx_jobs *jobs,
                const char *kind,
                const char *where) {
        phx_autofree char *name = NULL;
        struct phx_job *job;

        if (jobs->count >= PHX_JOBS_LIMIT)
                return 0;
        if (phx_printf(&name, "%s.%u", kind, creations->cleans) < 0)
                return -ENOMEM;
        job = phx_jobs_add(jobs, name);
        if (!job)
                return -ENOMEM;
        job->verb = PHX_JOB_RUN;
        job->limit_usec = LIMIT_USEC;
        if (phx_replace(&job->description, "phoenixd: cleanup after a creation") < 0)
                return -ENOMEM;
        return phx_job_add_command(job, PHX_CREATE, "--clean", where, NULL);
}

int phx_creations_jobs(
                const struct phx_creations *creations,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_jobs *jobs) {
        phx_autofree char *where = NULL;
        struct phx_job *job;
        int r = 0;

        if (jobs->count >= PHX_JOBS_LIMIT)
                return 0;
        if (creations->id) {
                job = phx_jobs_add(jobs, creations->job.name);
                return job ? phx_job_copy(job, &creations->job) : -ENOMEM;
        }
        if (desired->mode == PHX_MODE_OBSERVE)
                return 0;
        if (observed->has_creation_left)
                r = phx_printf(&where, "--path=%s", observed->lxc_path);
        if (r >= 0 && where)
                r = creation_add_clean(creations, jobs, CLEAN_LXC, where);
        if (r >= 0 && observed->begun.count > 0)
                r = creation_add_clean(creations, jobs, CLEAN_PROXMOX, "--proxmox");
        return r;
}

void phx_creations_clean_again(
                struct phx_creations *creations,
                const struct phx_job_results *results,
                uint64_t now_usec) {
        static const char *const kinds[] = { CLEAN_LXC, CLEAN_PROXMOX };
        bool has_ended = false;

        for (size_t i = 0; i < PHX_ELEMENTS(kinds); i++) {
                char name[sizeof(CLEAN_PROXMOX) + 16];

                (void) snprintf(name, sizeof(name), "%s.%u", kinds[i], creations->cleans);
                has_ended |= phx_job_results_find(results, name) != NULL;
        }
        if (creations->cleaned_usec == 0)
                creations->cleaned_usec = has_ended ? now_usec : 0;
        else if (now_usec - creations->cleaned_usec >= PHX_CREATION_CLEAN_USEC) {
                creations->cleans++;
                creations->cleaned_usec = 0;
        }
}
