/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/snapshot.h"

/* How many there are of what in a snapshot. Every count that anybody is shown (the status line, the
 * tables of phoenixctl, the bus, the metrics) is one of these, so that they cannot differ.
 *
 * A piece, which profiles include, is no profile. A container is counted once in each of its
 * arrays: how it is confined, and whether it is as configured. */
struct phx_tally {
        unsigned profiles;
        unsigned profiles_in_force; /* with a good version that is kept up */
        unsigned profile_states[PHX_PROFILE_STATES];
        unsigned profile_tiers[PHX_TIERS]; /* of the profiles' sources */
        unsigned containers;               /* configured */
        unsigned container_states[PHX_CONTAINER_STATES];
        unsigned postures[PHX_POSTURES];
        unsigned gates[PHX_GATEDS];
        unsigned exposed; /* see phx_posture_is_exposed() */
        unsigned unmanaged;
        unsigned suspended;
        unsigned drifts; /* but those that are tolerable */
        unsigned drift_layers[PHX_LAYERS];
        unsigned attention; /* drifts, with those that are tolerable, but no unmanaged container */
        unsigned warnings;  /* rules that are broken, in profiles and entries */
        unsigned accepted;  /* likewise, where the source or the entry accepts it */
};

/* Containers that would start without the boot gate. */
unsigned phx_tally_ungated(const struct phx_tally *tally);

void phx_tally_count(const struct phx_snapshot *snapshot, struct phx_tally *ret_tally);
