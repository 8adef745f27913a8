/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each missing container whose entry has `create` is judged by itself first (creation_wait): it
 * cannot be created here, its creation has failed, or the container that it is cloned from is not
 * ready. Of the others the first by boot_order gets the action, unless one is under way. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "reconcile/creations_private.h"
#include "reconcile/restarts_private.h"

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
        creations->cleans++;
        creations->cleaned_usec = 0;
}

void phx_creations_done(struct phx_creations *creations) {
        creations_clear(creations);
        phx_creations_forget_failures(creations);
        *creations = (struct phx_creations){ 0 };
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

static bool creation_is_vmid(const char *id) {
        size_t length = strlen(id);

        return length >= 3 && length <= 9 && id[0] != '0' && strspn(id, "0123456789") == length;
}

/* Why it cannot be created here, whatever comes; NULL when it can. */
static const char *creation_refusal(
                const struct creation_decider *decider,
                const struct phx_desired_container *want,
                char **ret_text) {
        const struct phx_creation *how = want->creation;
        const char *text = NULL;

        if (decider->observed->has_proxmox && !creation_is_vmid(want->id))
                text = "Proxmox VE has only ids from 100 to 999999999";
        else if (decider->observed->has_proxmox && how->source && how->volumes.count > 0)
                text = "a clone gets no other volumes; remove volumes and zfs_volumes from the "
                       "entry";
        if (decider->observed->has_proxmox)
                return text;
        if (how->proxmox_key)
                (void) phx_printf(
                                ret_text,
                                "only Proxmox VE knows %s; remove it from the entry",
                                how->proxmox_key);
        else if (how->template && phx_creation_is_volume(how->template))
                return "only Proxmox VE knows templates by the name of a storage; enter the path "
                       "of the archive";
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
        if (phx_creation_make_job(decider->creations, &step, &job, input) < 0)
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
        else if (source->lock)
                state = "is locked";
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
        r = decider->observed->has_proxmox
                            ? phx_printf(&text,
                                         "this node had containers and has none now; run "
                                         "\"phoenixctl reconcile\" to create them again")
                            : phx_printf(&text,
                                         "%s had containers and is empty now; mount its file "
                                         "system, or run \"phoenixctl reconcile\" to create them "
                                         "again",
                                         decider->observed->lxc_path);
        if (r >= 0)
                r = creation_say(drift, PHX_CAUSE_CREATE_WAITS, text);
        return r < 0 ? r : 1;
}

static int creation_await_quorum(const struct creation_decider *decider, struct phx_drift *drift) {
        if (!decider->observed->has_no_quorum)
                return 0;
        return creation_say(drift, PHX_CAUSE_CREATE_WAITS, "Proxmox's cluster has no quorum") < 0
                               ? -ENOMEM
                               : 1;
}

/* 1 when it is not to be begun now, and why is said in DRIFT. */
static int creation_wait(
                const struct creation_decider *decider,
                const struct phx_desired_container *want,
                struct phx_drift *drift) {
        const struct phx_creation_failure *failure = NULL;
        phx_autofree char *text = NULL;
        const char *refusal;
        int r;

        if (phx_equal(decider->creations->id, want->id))
                return creation_say(drift, PHX_CAUSE_CREATING, NULL) < 0 ? -ENOMEM : 1;
        r = creation_suspend(decider, want, drift);
        if (r != 0)
                return r;
        refusal = creation_refusal(decider, want, &text);
        if (refusal)
                return creation_say(drift, PHX_CAUSE_CREATE_REFUSED, refusal) < 0 ? -ENOMEM : 1;
        r = creation_await_path(decider, drift);
        if (r != 0)
                return r;
        r = creation_await_quorum(decider, drift);
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
            decider->observed->lxc_refusal || decider->observed->pve_refusal)
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
        struct phx_step_create step = { .want = want };
        const struct phx_observed_container *source = NULL;

        if (!want->creation)
                return -EINVAL;
        if (!observed->has_proxmox)
                step.lxc_path = observed->lxc_path;
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

        if (!id || !profile || phx_creation_make_job(creations, step, &job, input) < 0)
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
        if (phx_creation_make_job(creations, &step, &job, input) < 0)
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

/* Proxmox has a container from the first moment of its creation. */
static bool creation_is_half(
                const struct phx_creations *creations,
                const struct phx_observed *observed,
                const struct phx_desired_container *want) {
        const struct phx_observed_container *have = phx_observed_find_container(
                        observed,
                        want->directory);

        return have && have->backend == PHX_BACKEND_PVE &&
               (phx_strings_has(&observed->begun, creations->id) ||
                phx_equal(have->lock, PHX_CREATION_LOCK));
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
        if (want->directory && !creation_is_half(creations, observed, want))
                return PHX_CREATION_DONE;
        result = phx_job_results_find(results, creations->job.name);
        /* Seen before that was over. */
        if (want->directory && result && result->outcome == PHX_JOB_DONE)
                return PHX_CREATION_UNDER_WAY;
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
