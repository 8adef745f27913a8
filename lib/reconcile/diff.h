/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/desired.h"
#include "state/drift.h"
#include "state/observed.h"

/* Every difference between what is desired and what was observed, sorted; pure. RET_DRIFTS is
 * replaced on success (0) and untouched on -ENOMEM. Causal order is kept: a container is given a
 * profile only in a picture in which the kernel has that profile already. */
int phx_diff(const struct phx_desired *desired,
             const struct phx_observed *observed,
             struct phx_drifts *ret_drifts);
