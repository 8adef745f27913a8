/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What holds of every offer to clear a file of its leftovers (pve/leftovers.h), found by other ways
 * than the offer is made by: the config that Proxmox would generate, the findings, and the lines.
 */

#include "pve/leftovers.h"

/* The promise that the offer for these bytes breaks, or NULL. RET_COUNT gets the number of its
 * changes. */
const char *pve_leftovers_fault(
                const char *data,
                size_t size,
                const struct phx_pve_wanted *wanted,
                size_t *ret_count);
