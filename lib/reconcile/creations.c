/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each missing container whose entry has `create` is judged by itself first (creation_wait): it
 * cannot be created here, its creation has failed, or the container that it is cloned from is not
 * ready. Of the others the first by boot_order gets the action, unless one is under way. */

#include "reconcile/creations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "base/strings.h"
#include "config.h"
#include "reconcile/restarts_private.h"

/* Longer than any copy that gets on at all; the program then ends, and is cleaned up after. */
#define LIMIT_USEC (6ULL * 3600 * 1000000)

static void creation_failure_done(struct phx_creation_failure *failure) {
        free(failure->id);
        free(failure->text);
}

static void creations_clear(struct phx_creations *creations) {
        free(creations->id);
        free(creations->profile);
        phx_job_done(&creations->job);
        creations->id = creations->profile = NULL;
}

void phx_creations_forget_failures(struct phx_creations *creations) {
        for (size_t i = 0; i < creations->failure_count; i++)
                creation_failure_done(&creations->failures[i]);
        free(creations->failures);
        creations->failures = NULL;
        creations->failure_count = 0;
        creations->accepts_empty = true;
}

void phx_creations_done(struct phx_creations *creations) {
        creations_clear(creations);
        phx_creations_forget_failures(creations);
        *creations = (struct phx_creations){ 0 };
}

/* --- the job --- */

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

static int creation_command(const struct phx_step_create *step, struct phx_job *job) {
        const struct phx_desired_container *want = step->want;
        const struct phx_creation *how = want->creation;
        struct phx_strings *arguments;
        int r;

        r = phx_job_add_command(job, PHX_CREATE, NULL);
        if (r < 0)
                return r;
        arguments = &job->commands[0].arguments;
        r = phx_strings_addf(arguments, "--path=%s", step->lxc_path);
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
        return r < 0 ? r : creation_add_lines(want, arguments);
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

static int creation_make_job(
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

/* --- which one --- */

struct creation_decider {
        const struct phx_creations *creations;
        const struct phx_desired *desired;
        const struct phx_observed *observed;
        struct phx_drift *chosen;
        const struct phx_desired_container *chosen_want;
        struct phx_index by_id; /* of the desired containers */
        const struct phx_drifts *drifts;
};

static void creation_decider_done(struct creation_decider *decider) {
        phx_index_done(&decider->by_id);
}

/* A configured container is meant by its id, whatever its directory is called; one that is not
 * configured has nothing but that. NULL when it is not on this host. */
static const struct phx_observed_container *creation_find_source(
                const struct phx_desired *desired,
                const struct phx_index *by_id,
                const struct phx_observed *observed,
                const char *id) {
        const struct phx_desired_container *want = phx_restarts_want(desired, by_id, id);

        if (want && !want->directory)
                return NULL;
        return phx_observed_find_container(observed, want ? want->directory : id);
}

/* Why it cannot be created here, whatever comes; NULL when it can. */
static const char *creation_refusal(
                const struct creation_decider *decider,
                const struct phx_desired_container *want,
                char **ret_text) {
        const struct phx_creation *how = want->creation;

        if (decider->observed->has_proxmox)
                (void) phx_printf(ret_text, "%s", "create it with Proxmox's own tools");
        else if (how->proxmox_key)
                (void) phx_printf(
                                ret_text,
                                "only Proxmox VE knows %s; remove it from the entry",
                                how->proxmox_key);
        return *ret_text;
}

static const struct phx_creation_failure *creation_find_failure(
                const struct phx_creations *creations,
                const char *id) {
        for (size_t i = 0; i < creations->failure_count; i++)
                if (strcmp(creations->failures[i].id, id) == 0)
                        return &creations->failures[i];
        return NULL;
}

/* The failure of this very entry. RET_FAILURE is NULL when there is none. 0 or -ENOMEM. */
static int creation_last_failure(
                const struct creation_decider *decider,
                const struct phx_desired_container *want,
                const struct phx_creation_failure **ret_failure) {
        const struct phx_creation_failure *failure = creation_find_failure(
                        decider->creations,
                        want->id);
        phx_cleanup(phx_job_done) struct phx_job job = { 0 };
        struct phx_step_create step = { 0 };
        char input[PHX_SHA256_HEX];

        *ret_failure = NULL;
        if (!failure ||
            phx_creation_fill_step(decider->desired, decider->observed, want, &step) < 0)
                return 0;
        if (creation_make_job(decider->creations, &step, &job, input) < 0)
                return -ENOMEM;
        if (strcmp(failure->input, input) == 0)
                *ret_failure = failure;
        return 0;
}

static int creation_say(struct phx_drift *drift, enum phx_cause cause, const char *detail) {
        drift->cause = cause;
        return phx_drift_set_detail(drift, detail);
}

/* A job of this or of an earlier pass starts, stops or restarts it. */
static bool creation_source_is_busy(const struct creation_decider *decider, const char *id) {
        const struct phx_desired_container *want =
                        phx_restarts_want(decider->desired, &decider->by_id, id);
        const struct phx_drift *drift;
        size_t at = 0;

        if (!want)
                return false;
        while ((drift = phx_drifts_next(decider->drifts, PHX_LAYER_RUNNING, id, &at)))
                if (drift->action == PHX_ACTION_START || drift->action == PHX_ACTION_STOP ||
                    drift->action == PHX_ACTION_RESTART)
                        return true;
        return want->mark.has_job;
}

/* What the container that it is cloned from lacks. 1 when it lacks something, and that is said. */
static int creation_await_source(
                const struct creation_decider *decider,
                const struct phx_desired_container *want,
                struct phx_drift *drift) {
        const char *id = want->creation->source;
        const struct phx_observed_container *source = NULL;
        phx_autofree char *text = NULL;
        const char *state;
        int r;

        if (!id)
                return 0;
        source = creation_find_source(decider->desired, &decider->by_id, decider->observed, id);
        if (!source)
                state = "is not on this host";
        else if (creation_source_is_busy(decider, id))
                state = "is being started or stopped";
        else if (source->is_running)
                state = "is running";
        else
                return 0;
        r = phx_printf(&text, "container %s, which it is cloned from, %s", id, state);
        if (r >= 0)
                r = creation_say(drift, PHX_CAUSE_CREATE_WAITS, text);
        return r < 0 ? r : 1;
}

static int creation_suspend(
                const struct creation_decider *decider,
                const struct phx_desired_container *want,
                struct phx_drift *drift) {
        const struct phx_suspension *suspension = phx_suspensions_find(
                        &decider->desired->suspensions,
                        want->id);
        phx_autofree char *words = NULL;
        int r;

        if (!suspension)
                return 0;
        words = phx_suspension_words(suspension);
        if (!words)
                return -ENOMEM;
        drift->is_suspended = true;
        r = creation_say(drift, PHX_CAUSE_SUSPENDED, words);
        return r < 0 ? r : 1;
}

/* Containers were there, and are not: probably the file system of LXC_PATH is not mounted. */
static bool creation_is_in_doubt(
                const struct phx_creations *creations,
                const struct phx_observed *observed) {
        return observed->is_emptied && !creations->accepts_empty;
}

static int creation_await_path(const struct creation_decider *decider, struct phx_drift *drift) {
        phx_autofree char *text = NULL;
        int r;

        if (!creation_is_in_doubt(decider->creations, decider->observed))
                return 0;
        r = phx_printf(&text,
                       "%s had containers and is empty now; mount its file system, or run "
                       "\"phoenixctl reconcile\" to create them again",
                       decider->observed->lxc_path);
        if (r >= 0)
                r = creation_say(drift, PHX_CAUSE_CREATE_WAITS, text);
        return r < 0 ? r : 1;
}

/* 1 when it is not to be begun now, and why is said in DRIFT. */
static int creation_wait(
                const struct creation_decider *decider,
                const struct phx_desired_container *want,
                struct phx_drift *drift) {
        const struct phx_creation_failure *failure = NULL;
        phx_autofree char *refusal = NULL;
        int r;

        if (phx_equal(decider->creations->id, want->id))
                return creation_say(drift, PHX_CAUSE_CREATING, NULL) < 0 ? -ENOMEM : 1;
        r = creation_suspend(decider, want, drift);
        if (r != 0)
                return r;
        if (creation_refusal(decider, want, &refusal))
                return creation_say(drift, PHX_CAUSE_CREATE_REFUSED, refusal) < 0 ? -ENOMEM : 1;
        r = creation_await_path(decider, drift);
        if (r != 0)
                return r;
        r = creation_last_failure(decider, want, &failure);
        if (r < 0)
                return r;
        if (failure)
                return creation_say(drift, PHX_CAUSE_CREATE_FAILED, failure->text) < 0 ? -ENOMEM
                                                                                       : 1;
        return creation_await_source(decider, want, drift);
}

static bool creation_is_before(
                const struct phx_desired_container *a,
                const struct phx_desired_container *b) {
        return a->boot_order != b->boot_order ? a->boot_order < b->boot_order
                                              : strcmp(a->id, b->id) < 0;
}

/* It is missing, its entry asks for it, and nothing else keeps it from being there. */
static const struct phx_desired_container *creation_wanted(
                const struct creation_decider *decider,
                const struct phx_drift *drift) {
        const struct phx_desired_container *want;

        if (drift->kind != PHX_DRIFT_MISSING || drift->cause != PHX_CAUSE_NOT_CREATED ||
            decider->observed->lxc_refusal)
                return NULL;
        want = phx_restarts_want(decider->desired, &decider->by_id, drift->object);
        return want && want->creation ? want : NULL;
}

static int creation_await_turn(struct phx_drift *drift, const char *other) {
        phx_autofree char *text = NULL;

        if (phx_printf(&text, "container %s is created first", other) < 0)
                return -ENOMEM;
        return creation_say(drift, PHX_CAUSE_CREATE_WAITS, text);
}

static int creation_decide_one(struct creation_decider *decider, struct phx_drift *drift) {
        const struct phx_desired_container *want = creation_wanted(decider, drift);
        int r;

        if (!want)
                return 0;
        r = creation_wait(decider, want, drift);
        if (r != 0)
                return r < 0 ? r : 0;
        if (decider->creations->id)
                return creation_await_turn(drift, decider->creations->id);
        if (decider->chosen && creation_is_before(decider->chosen_want, want))
                return creation_await_turn(drift, decider->chosen_want->id);
        if (decider->chosen)
                r = creation_await_turn(decider->chosen, want->id);
        decider->chosen = drift;
        decider->chosen_want = want;
        return r;
}

static bool creation_is_asked_for(const struct phx_desired *desired) {
        for (size_t i = 0; i < desired->container_count; i++)
                if (desired->containers[i].creation && !desired->containers[i].directory)
                        return true;
        return false;
}

int phx_creations_decide(
                const struct phx_creations *creations,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_drifts *drifts) {
        phx_cleanup(creation_decider_done) struct creation_decider decider = { creations,
                                                                               desired,
                                                                               observed };
        int r;

        if (!desired->has_configuration || !creation_is_asked_for(desired))
                return 0;
        decider.drifts = drifts;
        r = phx_index_make(
                        &decider.by_id,
                        desired->containers,
                        desired->container_count,
                        sizeof(*desired->containers));
        for (size_t i = 0; r >= 0 && i < drifts->count; i++)
                r = creation_decide_one(&decider, &drifts->items[i]);
        if (r >= 0 && decider.chosen) {
                decider.chosen->action = PHX_ACTION_CREATE;
                decider.chosen->cause = PHX_CAUSE_NONE;
        }
        return r;
}

int phx_creation_fill_step(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_desired_container *want,
                struct phx_step_create *ret_step) {
        static const struct phx_index none;
        struct phx_step_create step = { .lxc_path = observed->lxc_path, .want = want };
        const struct phx_observed_container *source = NULL;

        if (!want->creation)
                return -EINVAL;
        if (want->creation->source) {
                source = creation_find_source(desired, &none, observed, want->creation->source);
                step.source = source ? source->directory : want->creation->source;
        }
        *ret_step = step;
        return 0;
}

/* --- the one that is under way --- */

int phx_creations_begin(struct phx_creations *creations, const struct phx_step_create *step) {
        phx_cleanup(phx_job_done) struct phx_job job = { 0 };
        phx_autofree char *id = strdup(step->want->id), *profile = strdup(step->want->profile);
        char input[PHX_SHA256_HEX];

        if (!id || !profile || creation_make_job(creations, step, &job, input) < 0)
                return -ENOMEM;
        creations_clear(creations);
        creations->id = PHX_TAKE(id);
        creations->profile = PHX_TAKE(profile);
        creations->job = PHX_TAKE_STRUCT(job);
        memcpy(creations->input, input, sizeof(input));
        return 0;
}

/* Whether it would be begun now, if it was not. 1, 0 or -ENOMEM. */
static int creation_is_permitted(
                const struct phx_creations *creations,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_desired_container *want) {
        phx_cleanup(phx_job_done) struct phx_job job = { 0 };
        struct phx_step_create step = { 0 };
        char input[PHX_SHA256_HEX];

        if (desired->mode == PHX_MODE_OBSERVE || creation_is_in_doubt(creations, observed) ||
            phx_suspensions_find(&desired->suspensions, creations->id) ||
            phx_creation_fill_step(desired, observed, want, &step) < 0)
                return 0;
        if (creation_make_job(creations, &step, &job, input) < 0)
                return -ENOMEM;
        return strcmp(input, creations->input) == 0;
}

int phx_creations_withdraw(
                struct phx_creations *creations,
                const struct phx_desired *desired,
                const struct phx_observed *observed) {
        static const struct phx_index none;
        const struct phx_desired_container *want;
        int r;

        if (observed->container_count > 0)
                creations->accepts_empty = false;
        if (!creations->id || creations->job.is_resumed || observed->lxc_refusal)
                return 0;
        want = phx_restarts_want(desired, &none, creations->id);
        if (!want || want->directory)
                return 0;
        r = creation_is_permitted(creations, desired, observed, want);
        creations->job.is_resumed = r == 0;
        return r < 0 ? r : 0;
}

/* Whether it was not begun before it was withdrawn, as far as systemd knows. */
static bool creation_is_withdrawn(
                const struct phx_creations *creations,
                const struct phx_job_result *result) {
        return creations->job.is_resumed &&
               (result->outcome == PHX_JOB_GONE || result->outcome == PHX_JOB_REFUSED);
}

enum phx_creation_outcome phx_creations_outcome(
                const struct phx_creations *creations,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_job_results *results,
                const char **ret_text) {
        static const struct phx_index none;
        const struct phx_desired_container *want;
        const struct phx_job_result *result;

        *ret_text = NULL;
        if (!creations->id)
                return PHX_CREATION_UNDER_WAY;
        want = phx_restarts_want(desired, &none, creations->id);
        if (!want)
                return PHX_CREATION_DROPPED;
        if (want->directory)
                return PHX_CREATION_DONE;
        result = phx_job_results_find(results, creations->job.name);
        if (!result || observed->lxc_refusal)
                return PHX_CREATION_UNDER_WAY;
        if (creation_is_withdrawn(creations, result))
                return PHX_CREATION_DROPPED;
        *ret_text = result->text;
        return result->outcome == PHX_JOB_REFUSED ? PHX_CREATION_REFUSED : PHX_CREATION_FAILED;
}

struct phx_drift phx_creations_drift(const struct phx_creations *creations) {
        return (struct phx_drift){
                .layer = PHX_LAYER_CONFIG,
                .kind = PHX_DRIFT_MISSING,
                .action = PHX_ACTION_CREATE,
                .object = creations->id,
                .profile = creations->profile,
                .expected = creations->profile,
                .found = "not on this host",
        };
}

static int creation_note_failure(struct phx_creations *creations, const char *text) {
        struct phx_creation_failure *failure = NULL;

        for (size_t i = 0; i < creations->failure_count; i++)
                if (strcmp(creations->failures[i].id, creations->id) == 0)
                        failure = &creations->failures[i];
        if (!failure) {
                failure = phx_grow(
                                &creations->failures,
                                &creations->failure_count,
                                sizeof(*failure));
                if (!failure)
                        return -ENOMEM;
                failure->id = strdup(creations->id);
                if (!failure->id) {
                        creations->failure_count--;
                        return -ENOMEM;
                }
        }
        memcpy(failure->input, creations->input, sizeof(failure->input));
        return phx_replace(&failure->text, text);
}

int phx_creations_end(struct phx_creations *creations, const char *text) {
        int r = text ? creation_note_failure(creations, text) : 0;

        creations->tries++;
        creations_clear(creations);
        return r;
}

int phx_creations_jobs(
                const struct phx_creations *creations,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_jobs *jobs) {
        phx_autofree char *path = NULL;
        struct phx_job *job;

        if (jobs->count >= PHX_JOBS_LIMIT)
                return 0;
        if (creations->id) {
                job = phx_jobs_add(jobs, creations->job.name);
                return job ? phx_job_copy(job, &creations->job) : -ENOMEM;
        }
        if (!observed->has_creation_left || desired->mode == PHX_MODE_OBSERVE)
                return 0;
        job = phx_jobs_add(jobs, "create-clean");
        if (!job || phx_printf(&path, "--path=%s", observed->lxc_path) < 0)
                return -ENOMEM;
        job->verb = PHX_JOB_RUN;
        job->limit_usec = LIMIT_USEC;
        if (phx_replace(&job->description, "phoenixd: cleanup after a creation") < 0)
                return -ENOMEM;
        return phx_job_add_command(job, PHX_CREATE, "--clean", path, NULL);
}
