/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/desired.h"
#include "state/drift.h"
#include "state/observed.h"

/* The parts of phx_diff(), for the files that make it up. All return 0 or -ENOMEM. */
struct phx_differ {
        const struct phx_desired *desired;
        const struct phx_observed *observed;
        struct phx_drifts drifts;
        struct phx_strings outdated; /* for the containers: profiles of which the kernel lacks the
                                        desired version; sorted */
};

/* Adds a copy. Nothing is changed on behalf of input that was not accepted yet, so the action is
 * taken out then. */
int phx_differ_add(struct phx_differ *differ, struct phx_drift drift);

/* Source, disk and kernel. */
int phx_differ_profiles(struct phx_differ *differ);
/* Whether it runs, of one that is on this host. */
int phx_differ_state(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have);
/* It runs and is not to, or the other way round. */
bool phx_differ_is_off_state(
                const struct phx_desired_container *want,
                const struct phx_observed_container *have);
/* A restart has left it stopped, it is to be started for that, and its entry says nothing of its
 * state. */
int phx_differ_left_stopped(
                struct phx_differ *differ,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have);
/* Config and running; after the profiles, as it looks at what they lack. */
int phx_differ_containers(struct phx_differ *differ);
