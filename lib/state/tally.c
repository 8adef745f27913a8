/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/tally.h"

#include "base/strings.h"

/* A withdrawn profile is kept up as long as a container uses it. */
static bool is_kept(const struct phx_snapshot *snapshot, const char *name) {
        for (size_t i = 0; i < snapshot->drift_count; i++) {
                const struct phx_snapshot_drift *drift = &snapshot->drifts[i];

                if (drift->kind == PHX_DRIFT_WITHDRAWN && drift->action == PHX_ACTION_NONE &&
                    phx_equal(drift->object, name))
                        return true;
        }
        return false;
}

static bool is_in_force(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_profile *profile) {
        if (!profile->digest)
                return false;
        return profile->state != PHX_PROFILE_WITHDRAWN || is_kept(snapshot, profile->name);
}

static void count_lints(const struct phx_lints *lints, struct phx_tally *tally) {
        const unsigned warnings = (unsigned) phx_lints_warnings(lints);

        tally->warnings += warnings;
        tally->accepted += (unsigned) lints->count - warnings;
}

/* A masked one is withdrawn, too, but the host has something of its name. */
static bool has_source(const struct phx_snapshot_profile *profile) {
        return profile->state != PHX_PROFILE_WITHDRAWN || profile->tier == PHX_TIER_MASKED;
}

static void count_profiles(const struct phx_snapshot *snapshot, struct phx_tally *tally) {
        for (size_t i = 0; i < snapshot->profile_count; i++) {
                const struct phx_snapshot_profile *profile = &snapshot->profiles[i];

                count_lints(&profile->lints, tally);
                if (profile->is_piece)
                        continue;
                tally->profiles++;
                tally->profiles_in_force += is_in_force(snapshot, profile);
                tally->profile_states[profile->state]++;
                tally->profile_tiers[profile->tier] += has_source(profile);
        }
}

static void count_containers(const struct phx_snapshot *snapshot, struct phx_tally *tally) {
        for (size_t i = 0; i < snapshot->container_count; i++) {
                const struct phx_snapshot_container *container = &snapshot->containers[i];

                count_lints(&container->lints, tally);
                tally->containers++;
                tally->container_states[container->state]++;
                tally->postures[container->posture]++;
                tally->gates[container->gated]++;
                tally->exposed += phx_posture_is_exposed(
                                container->posture,
                                container->assigned,
                                container->escape);
        }
        /* Before anything was accepted, nothing says what is managed. */
        if (snapshot->generation)
                tally->unmanaged = (unsigned) snapshot->unmanaged_count;
}

static void count_drifts(const struct phx_snapshot *snapshot, struct phx_tally *tally) {
        for (size_t i = 0; i < snapshot->drift_count; i++) {
                tally->attention += snapshot->drifts[i].kind != PHX_DRIFT_UNMANAGED;
                if (!snapshot->drifts[i].is_tolerable) {
                        tally->drifts++;
                        tally->drift_layers[snapshot->drifts[i].layer]++;
                }
        }
}

void phx_tally_count(const struct phx_snapshot *snapshot, struct phx_tally *ret_tally) {
        struct phx_tally tally = { .suspended = (unsigned) snapshot->suspensions.count };

        count_profiles(snapshot, &tally);
        count_containers(snapshot, &tally);
        count_drifts(snapshot, &tally);
        *ret_tally = tally;
}

unsigned phx_tally_ungated(const struct phx_tally *tally) {
        unsigned ungated = 0;

        for (unsigned i = 0; i < PHX_GATEDS; i++)
                if (phx_gated_is_missing((enum phx_gated) i))
                        ungated += tally->gates[i];
        return ungated;
}
