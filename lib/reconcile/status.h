/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "reconcile/backoff.h"
#include "state/desired.h"
#include "state/drift.h"
#include "state/observed.h"

/* What is wrong, in words, without the object's name and the remedy: "not loaded in the kernel".
 * The caller frees it; NULL when memory is short. */
char *phx_drift_clause(const struct phx_drift *drift);

/* One drift in a sentence for the journal: "lxc-web: not loaded in the kernel; why nothing is
 * done". The caller frees it; NULL when memory is short. */
char *phx_drift_sentence(const struct phx_drift *drift);

/* The line of systemctl status, without control characters: "In sync: …" only when something was
 * accepted and nothing but what is tolerable is left, "Observing…" where nothing may be repaired,
 * else "Degraded: …" with the first trouble and how many more there are. RET_STATUS is the
 * caller's. 0 or -ENOMEM. */
int phx_status_render(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_drifts *drifts,
                const struct phx_backoff *backoff,
                char **ret_status,
                bool *ret_degraded);
