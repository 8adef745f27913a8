/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/grow.h"
#include "reconcile/sentence.h"
#include "state/configuration.h"

/* True when the object has a drift that is no mere state of affairs. */
static bool is_drifted(
                const struct phx_drifts *drifts,
                const char *object,
                enum phx_layer first,
                enum phx_layer last) {
        for (unsigned layer = first; layer <= (unsigned) last; layer++) {
                const struct phx_drift *drift;
                size_t at = 0;

                while ((drift = phx_drifts_next(drifts, (enum phx_layer) layer, object, &at)))
                        if (!phx_drift_is_tolerable(drift))
                                return true;
        }
        return false;
}

static const struct phx_drift *snapshot_find(
                const struct phx_drifts *drifts,
                enum phx_layer layer,
                enum phx_drift_kind kind,
                const char *object) {
        return phx_drifts_find(
                        drifts,
                        &(struct phx_drift){ .layer = layer, .kind = kind, .object = object });
}

static int fill_suspended(
                const struct phx_snapshot_view *view,
                const char *object,
                struct phx_suspension *suspended) {
        const struct phx_suspension *suspension = phx_suspensions_find(
                        &view->desired->suspensions,
                        object);

        return suspension ? phx_suspension_copy(suspended, suspension) : 0;
}

/* --- profiles --- */

static enum phx_deployment deployment_of(
                const struct phx_observed *observed,
                const struct phx_desired_profile *want) {
        const struct phx_observed_file *file = phx_observed_find_file(observed, want->name);

        if (!file)
                return PHX_DEPLOYMENT_UNKNOWN;
        if (file->trouble)
                return PHX_DEPLOYMENT_FOREIGN;
        if (!file->content)
                return PHX_DEPLOYMENT_ABSENT;
        if (!file->is_owned)
                return PHX_DEPLOYMENT_FOREIGN;
        return want->has_good && strcmp(file->content, want->digest) == 0 ? PHX_DEPLOYMENT_CURRENT
                                                                          : PHX_DEPLOYMENT_DIFFERS;
}

static enum phx_profile_state profile_state_of(
                const struct phx_drifts *drifts,
                const struct phx_desired_profile *want) {
        if (want->state == PHX_SOURCE_REFUSED)
                return PHX_PROFILE_QUARANTINED;
        if (want->state == PHX_SOURCE_WITHDRAWN)
                return PHX_PROFILE_WITHDRAWN;
        if (want->state == PHX_SOURCE_COMPILING)
                return PHX_PROFILE_COMPILING;
        return is_drifted(drifts, want->name, PHX_LAYER_SOURCE, PHX_LAYER_KERNEL)
                               ? PHX_PROFILE_DRIFT
                               : PHX_PROFILE_IN_SYNC;
}

static int fill_kernel(
                const struct phx_observed *observed,
                const struct phx_desired_profile *want,
                struct phx_snapshot_profile *profile) {
        const struct phx_kernel_entry *loaded = phx_kernel_entries_find(
                                                      &observed->loaded,
                                                      want->name),
                                      *good = phx_kernel_entries_find(&want->policy, want->name);

        profile->is_loaded = loaded != NULL;
        profile->mode = loaded ? loaded->mode : PHX_POLICY_ABSENT;
        if (phx_replace(&profile->hash, good ? good->hash : NULL) < 0 ||
            phx_replace(&profile->loaded_hash, loaded ? loaded->hash : NULL) < 0)
                return -ENOMEM;
        return 0;
}

static int fill_profile(
                const struct phx_snapshot_view *view,
                const struct phx_desired_profile *want,
                struct phx_snapshot_profile *profile) {
        if (phx_replace(&profile->name, want->name) < 0 ||
            phx_replace(&profile->refusal, want->refusal) < 0 ||
            phx_replace(&profile->digest, want->has_good ? want->digest : NULL) < 0)
                return -ENOMEM;
        profile->is_piece = phx_is_piece_name(want->name);
        profile->source = want->state;
        profile->tier = want->tier;
        profile->compiling_since = want->compiling_since_usec == 0
                                                   ? PHX_NEVER
                                                   : want->compiling_since_usec +
                                                                     view->clock_offset_usec;
        profile->line = want->line;
        profile->state = profile_state_of(view->drifts, want);
        if (fill_suspended(view, want->name, &profile->suspended) < 0)
                return -ENOMEM;
        profile->deployed = deployment_of(view->observed, want);
        if (phx_lints_copy(&profile->lints, &want->lints) < 0)
                return -ENOMEM;
        return fill_kernel(view->observed, want, profile);
}

/* --- containers --- */

static enum phx_container_state container_state_of(
                const struct phx_drifts *drifts,
                const struct phx_observed_container *have,
                const char *id) {
        const struct phx_drift *running =
                        snapshot_find(drifts, PHX_LAYER_RUNNING, PHX_DRIFT_RUNNING, id);

        if (!have)
                return PHX_CONTAINER_MISSING;
        if (snapshot_find(drifts, PHX_LAYER_CONFIG, PHX_DRIFT_UNKNOWN, id) ||
            snapshot_find(drifts, PHX_LAYER_RUNNING, PHX_DRIFT_UNKNOWN, id))
                return PHX_CONTAINER_UNKNOWN;
        if (is_drifted(drifts, id, PHX_LAYER_CONFIG, PHX_LAYER_RUNNING))
                return PHX_CONTAINER_DRIFT;
        return running && phx_drift_requires_restart(running) ? PHX_CONTAINER_REQUIRES_RESTART
                                                              : PHX_CONTAINER_IN_SYNC;
}

/* Which task it is belongs to no state. */
static int fill_label(const struct phx_observed_container *have, char **label) {
        return have->is_running && have->example.text ? phx_label_render(&have->example, label) : 0;
}

static int fill_observed(
                const struct phx_observed *observed,
                const struct phx_observed_container *have,
                struct phx_snapshot_container *container) {
        if (phx_replace(&container->assigned, have->effective) < 0 ||
            phx_replace(&container->config, have->config) < 0 ||
            phx_replace(&container->decider, have->decider) < 0 ||
            phx_replace(&container->decider_why, have->decider_why) < 0 ||
            phx_replace(&container->lock, have->lock) < 0 ||
            phx_strings_copy(&container->namespace_profiles, &have->inner) < 0 ||
            fill_label(have, &container->label) < 0)
                return -ENOMEM;
        container->backend = have->backend;
        container->restart = have->restart;
        container->decider_line = have->decider_line;
        container->is_running = have->is_running;
        container->init = have->init > 0 ? (unsigned) have->init : 0;
        container->tasks = have->tasks;
        container->tasks_wrong = have->wrong;
        container->tasks_unknown = have->unknown;
        return 0;
}

static enum phx_escape snapshot_escape_of(
                const struct phx_desired *desired,
                const struct phx_desired_container *want) {
        const struct phx_desired_profile *profile = phx_desired_find_profile(
                        desired,
                        want->profile);

        return profile ? phx_lints_escape(&profile->lints) : PHX_ESCAPE_NONE;
}

static int fill_due(
                const struct phx_snapshot_view *view,
                const struct phx_desired_container *want,
                struct phx_snapshot_container *container) {
        const struct phx_restart_wait *wait =
                        view->waits ? phx_restart_waits_find(view->waits, want->id) : NULL;

        container->restart_policy = want->restart;
        container->wanted_state = want->state;
        container->due = wait ? wait->due : PHX_RESTART_DUE_NONE;
        container->due_action = wait ? wait->action : PHX_ACTION_NONE;
        container->due_at = wait ? wait->at : PHX_NEVER;
        return wait ? phx_replace(&container->due_why, wait->why) : 0;
}

static int fill_container(
                const struct phx_snapshot_view *view,
                const struct phx_desired_container *want,
                struct phx_snapshot_container *container) {
        const struct phx_observed_container *have = NULL;

        if (want->directory)
                have = phx_observed_find_container(view->observed, want->directory);
        if (phx_replace(&container->id, want->id) < 0 ||
            phx_replace(&container->name, want->name) < 0 ||
            phx_replace(&container->directory, want->directory) < 0 ||
            phx_replace(&container->profile, want->profile) < 0 ||
            phx_replace(&container->namespace, want->namespace) < 0 ||
            phx_replace(&container->suggestion, want->suggestion) < 0 ||
            phx_replace(&container->suggestion_why, want->suggestion_why) < 0 ||
            phx_strings_copy(&container->notes, &want->notes) < 0 ||
            phx_lints_copy(&container->lints, &want->lints) < 0)
                return -ENOMEM;
        if (fill_suspended(view, want->id, &container->suspended) < 0 ||
            fill_due(view, want, container) < 0)
                return -ENOMEM;
        container->profile_is_default = want->profile_is_default;
        container->line = want->line;
        container->state = container_state_of(view->drifts, have, want->id);
        container->posture = phx_posture_of(view->desired, view->observed, have);
        container->gated = phx_gated_of(view->desired, view->observed, want, have);
        container->escape = snapshot_escape_of(view->desired, want);
        return have ? fill_observed(view->observed, have, container) : 0;
}

static int fill_unmanaged(const struct phx_snapshot_view *view, struct phx_snapshot *snapshot) {
        for (size_t i = 0; i < view->observed->container_count; i++) {
                const struct phx_observed_container *have = &view->observed->containers[i];
                struct phx_snapshot_unmanaged *unmanaged;

                if (phx_desired_find_directory(view->desired, have->directory))
                        continue;
                unmanaged = phx_grow(
                                &snapshot->unmanaged,
                                &snapshot->unmanaged_count,
                                sizeof(*unmanaged));
                if (!unmanaged || phx_replace(&unmanaged->directory, have->directory) < 0 ||
                    phx_replace(&unmanaged->assigned, have->effective) < 0 ||
                    fill_label(have, &unmanaged->label) < 0)
                        return -ENOMEM;
                unmanaged->posture = phx_posture_of(view->desired, view->observed, have);
                unmanaged->is_running = have->is_running;
        }
        return 0;
}

/* --- drifts --- */

static int fill_drift(
                const struct phx_snapshot_view *view,
                const struct phx_drift *from,
                struct phx_snapshot_drift *to) {
        uint64_t due = phx_backoff_due(view->backoff, from);

        to->layer = from->layer;
        to->kind = from->kind;
        to->action = from->action;
        to->is_suspended = from->is_suspended;
        to->is_tolerable = phx_drift_is_tolerable(from);
        to->retry_at = due == PHX_NEVER ? PHX_NEVER : due + view->clock_offset_usec;
        to->sentence = phx_drift_sentence(from);
        to->cause = from->cause;
        to->why = from->cause != PHX_CAUSE_NONE ? phx_drift_why(from) : NULL;
        if (from->cause != PHX_CAUSE_NONE && !to->why)
                return -ENOMEM;
        if (!to->sentence || phx_replace(&to->object, from->object) < 0 ||
            phx_replace(&to->expected, from->expected) < 0 ||
            phx_replace(&to->found, from->found) < 0 ||
            phx_replace(&to->failure, phx_backoff_text(view->backoff, from)) < 0 ||
            phx_replace(&to->old_digest, from->old_digest) < 0 ||
            phx_replace(&to->new_digest, from->new_digest) < 0)
                return -ENOMEM;
        return 0;
}

static int by_name(const void *a, const void *b) {
        const struct phx_snapshot_profile *left = a, *right = b;

        return strcmp(left->name, right->name);
}

static int by_id(const void *a, const void *b) {
        const struct phx_snapshot_container *left = a, *right = b;

        return strcmp(left->id, right->id);
}

static bool snapshot_is_sorted(
                const void *items,
                size_t count,
                size_t size,
                int (*compare)(const void *a, const void *b)) {
        for (size_t i = 1; i < count; i++)
                if (compare((const char *) items + (i - 1) * size,
                            (const char *) items + i * size) > 0)
                        return false;
        return true;
}

/* The profiles are sorted. */
static int fill_assigned(const struct phx_desired *desired, struct phx_snapshot *snapshot) {
        for (size_t i = 0; i < desired->container_count; i++) {
                struct phx_snapshot_profile *profile = NULL;

                if (snapshot->profile_count > 0)
                        profile = bsearch(
                                        &(const struct phx_snapshot_profile){
                                                        .name = desired->containers[i].profile },
                                        snapshot->profiles,
                                        snapshot->profile_count,
                                        sizeof(*snapshot->profiles),
                                        by_name);
                if (profile && phx_strings_add(&profile->containers, desired->containers[i].id) < 0)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < snapshot->profile_count; i++)
                phx_strings_sort(&snapshot->profiles[i].containers);
        return 0;
}

static int fill_profiles(const struct phx_snapshot_view *view, struct phx_snapshot *snapshot) {
        const size_t count = view->desired->profile_count;

        snapshot->profiles = calloc(count + 1, sizeof(*snapshot->profiles));
        if (!snapshot->profiles)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                if (fill_profile(view,
                                 &view->desired->profiles[i],
                                 &snapshot->profiles[snapshot->profile_count++]) < 0)
                        return -ENOMEM;
        if (!snapshot_is_sorted(snapshot->profiles, count, sizeof(*snapshot->profiles), by_name))
                qsort(snapshot->profiles, count, sizeof(*snapshot->profiles), by_name);
        return fill_assigned(view->desired, snapshot);
}

static int fill_containers(const struct phx_snapshot_view *view, struct phx_snapshot *snapshot) {
        const size_t count = view->desired->container_count;

        snapshot->containers = calloc(count + 1, sizeof(*snapshot->containers));
        if (!snapshot->containers)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                if (fill_container(view,
                                   &view->desired->containers[i],
                                   &snapshot->containers[snapshot->container_count++]) < 0)
                        return -ENOMEM;
        if (!snapshot_is_sorted(snapshot->containers, count, sizeof(*snapshot->containers), by_id))
                qsort(snapshot->containers, count, sizeof(*snapshot->containers), by_id);
        return 0;
}

static int fill_drifts(const struct phx_snapshot_view *view, struct phx_snapshot *snapshot) {
        const size_t count = view->drifts->count;

        snapshot->drifts = calloc(count + 1, sizeof(*snapshot->drifts));
        if (!snapshot->drifts)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                if (fill_drift(view,
                               &view->drifts->items[i],
                               &snapshot->drifts[snapshot->drift_count++]) < 0)
                        return -ENOMEM;
        return 0;
}

int phx_snapshot_fill(const struct phx_snapshot_view *view, struct phx_snapshot *snapshot) {
        const struct phx_desired *desired = view->desired;
        const char *generation = desired->has_configuration ? desired->generation : NULL;

        snapshot->is_observing = desired->mode == PHX_MODE_OBSERVE;
        snapshot->boot_gate = desired->boot_gate;
        if (phx_replace(&snapshot->generation, generation) < 0 ||
            phx_replace(&snapshot->observed_generation, generation) < 0 ||
            phx_suspensions_copy(&snapshot->suspensions, &desired->suspensions) < 0 ||
            phx_strings_copy(&snapshot->notes, &desired->notes) < 0 ||
            fill_profiles(view, snapshot) < 0 || fill_containers(view, snapshot) < 0 ||
            fill_unmanaged(view, snapshot) < 0 || fill_drifts(view, snapshot) < 0)
                return -ENOMEM;
        return 0;
}
