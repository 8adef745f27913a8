/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/snapshot.h"

#include <errno.h>
#include <string.h>

static const char *snapshot_name_of(const char *const *names, size_t count, unsigned value) {
        return value < count ? names[value] : NULL;
}

const char *phx_profile_state_to_string(enum phx_profile_state state) {
        static const char *const names[] = {
                [PHX_PROFILE_IN_SYNC] = "in-sync",         [PHX_PROFILE_DRIFT] = "drift",
                [PHX_PROFILE_QUARANTINED] = "quarantined", [PHX_PROFILE_WITHDRAWN] = "withdrawn",
                [PHX_PROFILE_COMPILING] = "compiling",
        };

        return snapshot_name_of(names, PHX_ELEMENTS(names), state);
}

const char *phx_container_state_to_string(enum phx_container_state state) {
        static const char *const names[] = {
                [PHX_CONTAINER_IN_SYNC] = "in-sync",
                [PHX_CONTAINER_DRIFT] = "drift",
                [PHX_CONTAINER_REQUIRES_RESTART] = "requires-restart",
                [PHX_CONTAINER_MISSING] = "missing",
                [PHX_CONTAINER_UNKNOWN] = "unknown",
        };

        return snapshot_name_of(names, PHX_ELEMENTS(names), state);
}

const char *phx_deployment_to_string(enum phx_deployment state) {
        static const char *const names[] = {
                [PHX_DEPLOYMENT_CURRENT] = "current", [PHX_DEPLOYMENT_ABSENT] = "absent",
                [PHX_DEPLOYMENT_DIFFERS] = "differs", [PHX_DEPLOYMENT_FOREIGN] = "foreign",
                [PHX_DEPLOYMENT_UNKNOWN] = "unknown",
        };

        return snapshot_name_of(names, PHX_ELEMENTS(names), state);
}

struct phx_snapshot *phx_snapshot_new(void) {
        return calloc(1, sizeof(struct phx_snapshot));
}

void phx_snapshot_profile_done(struct phx_snapshot_profile *profile) {
        free(profile->name);
        free(profile->refusal);
        free(profile->digest);
        free(profile->hash);
        free(profile->loaded_hash);
        phx_strings_done(&profile->containers);
        phx_lints_done(&profile->lints);
        phx_suspension_done(&profile->suspended);
        *profile = (struct phx_snapshot_profile){ 0 };
}

static void decider_done(struct phx_snapshot_decider *decider) {
        free(decider->layer);
        free(decider->file);
        free(decider->key);
        free(decider->value);
        free(decider->why);
}

void phx_snapshot_deciders_done(struct phx_snapshot_container *container) {
        for (size_t i = 0; i < container->decided_by_count; i++)
                decider_done(&container->decided_by[i]);
        free(container->decided_by);
        container->decided_by = NULL;
        container->decided_by_count = 0;
}

void phx_snapshot_container_done(struct phx_snapshot_container *container) {
        free(container->id);
        free(container->config);
        free(container->name);
        free(container->directory);
        free(container->profile);
        free(container->namespace);
        free(container->assigned);
        free(container->label);
        free(container->decider);
        free(container->decider_why);
        free(container->suggestion);
        free(container->suggestion_why);
        free(container->lock);
        free(container->due_why);
        phx_strings_done(&container->namespace_profiles);
        phx_strings_done(&container->notes);
        phx_lints_done(&container->lints);
        phx_snapshot_deciders_done(container);
        phx_suspension_done(&container->suspended);
        *container = (struct phx_snapshot_container){ 0 };
}

static void snapshot_drift_done(struct phx_snapshot_drift *drift) {
        free(drift->later_kind);
        free(drift->object);
        free(drift->expected);
        free(drift->found);
        free(drift->why);
        free(drift->sentence);
        free(drift->failure);
        free(drift->old_digest);
        free(drift->new_digest);
        free(drift->file);
        free(drift->step);
        free(drift->before);
        free(drift->after);
}

static void offers_done(struct phx_offer *offers, size_t count) {
        for (size_t i = 0; i < count; i++)
                phx_offer_done(&offers[i]);
        free(offers);
}

static void lists_done(struct phx_snapshot *snapshot) {
        for (size_t i = 0; i < snapshot->profile_count; i++)
                phx_snapshot_profile_done(&snapshot->profiles[i]);
        free(snapshot->profiles);
        for (size_t i = 0; i < snapshot->container_count; i++)
                phx_snapshot_container_done(&snapshot->containers[i]);
        free(snapshot->containers);
        for (size_t i = 0; i < snapshot->unmanaged_count; i++) {
                free(snapshot->unmanaged[i].directory);
                free(snapshot->unmanaged[i].assigned);
                free(snapshot->unmanaged[i].label);
        }
        free(snapshot->unmanaged);
        for (size_t i = 0; i < snapshot->drift_count; i++)
                snapshot_drift_done(&snapshot->drifts[i]);
        free(snapshot->drifts);
        offers_done(snapshot->offers, snapshot->offer_count);
        for (size_t i = 0; i < snapshot->change_count; i++) {
                free(snapshot->changes[i].object);
                free(snapshot->changes[i].sentence);
        }
        free(snapshot->changes);
        phx_suspensions_done(&snapshot->suspensions);
        phx_strings_done(&snapshot->notes);
}

struct phx_snapshot *phx_snapshot_free(struct phx_snapshot *snapshot) {
        if (!snapshot)
                return NULL;

        lists_done(snapshot);
        free(snapshot->generation);
        free(snapshot->observed_generation);
        free(snapshot->paths.settings);
        free(snapshot->paths.configuration);
        free(snapshot->paths.profile_dir);
        free(snapshot->paths.site_configuration);
        free(snapshot->paths.site_profile_dir);
        free(snapshot->paths.deployed_dir);
        free(snapshot->paths.lxc_path);
        free(snapshot->cache.compiler);
        free(snapshot);

        return NULL;
}

const struct phx_snapshot_profile *phx_snapshot_find_profile(
                const struct phx_snapshot *snapshot,
                const char *name) {
        for (size_t i = 0; i < snapshot->profile_count; i++)
                if (strcmp(snapshot->profiles[i].name, name) == 0)
                        return &snapshot->profiles[i];
        return NULL;
}

const struct phx_snapshot_container *phx_snapshot_find_container(
                const struct phx_snapshot *snapshot,
                const char *id) {
        for (size_t i = 0; i < snapshot->container_count; i++)
                if (strcmp(snapshot->containers[i].id, id) == 0)
                        return &snapshot->containers[i];
        return NULL;
}

void phx_snapshot_cut_drifts(struct phx_snapshot *snapshot, size_t count) {
        while (snapshot->drift_count > count)
                snapshot_drift_done(&snapshot->drifts[--snapshot->drift_count]);
}

void phx_snapshot_plan_done(struct phx_snapshot_plan *plan) {
        for (size_t i = 0; i < plan->step_count; i++)
                snapshot_drift_done(&plan->steps[i]);
        free(plan->steps);
        offers_done(plan->offers, plan->offer_count);
        free(plan->generation);
        *plan = (struct phx_snapshot_plan){ 0 };
}
