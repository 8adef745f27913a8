/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "state/snapshot.h"

/* The line of systemctl status, without control characters: "In sync: …" only when something was
 * accepted and nothing but what is tolerable is left, "Observing…" where nothing may be repaired,
 * else "Degraded: …" with the first trouble and how many more there are. All of it is in the
 * snapshot, whose own status is not read. RET_STATUS is the caller's. 0 or -ENOMEM. */
int phx_status_render(const struct phx_snapshot *snapshot, char **ret_status, bool *ret_degraded);
