/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/drift.h"

/* Drifts in words, for people: made here alone, and never compared by a program. Each string is the
 * caller's to free, and NULL when memory is short. */

/* What is wrong, without the object's name and the cause: "not loaded in the kernel". */
char *phx_drift_clause(const struct phx_drift *drift);
/* The same of a drift that is gone: "was not loaded in the kernel". */
char *phx_drift_past_clause(const struct phx_drift *drift);
/* Why nothing is done, or who must do something: "requires restart"; empty for none. */
char *phx_drift_why(const struct phx_drift *drift);
/* All of it: "lxc-web: not loaded in the kernel; why nothing is done". */
char *phx_drift_sentence(const struct phx_drift *drift);
