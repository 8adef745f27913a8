/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/strings.h"
#include "phoenixctl/ctl.h"
#include "state/snapshot.h"

/* What phoenixd offers to clear from the containers' own files, for phoenixctl advise. */

/* Applies such a patch: to what phoenixd saw, or not at all, and never backwards; and leaves no
 * file beside it in Proxmox's directory. */
#define LEFTOVERS_PATCH "patch -p1 -d / --forward --fuzz=0 --no-backup-if-mismatch --reject-file=-"

/* Of the plan's offers keeps those for ONLY, unless that is empty. */
void leftovers_select(struct phx_snapshot_plan *plan, const struct phx_strings *only);

/* Each with its changes, a patch, and how to apply it. Negative errno when diff(1) fails. */
int leftovers_print(const struct ctl *ctl, const struct phx_snapshot_plan *plan);

/* phoenixctl advise --patch: the exit status. */
int leftovers_print_patch(const struct ctl *ctl, const struct phx_strings *only);
