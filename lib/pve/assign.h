/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The edit of one container's file, which was read before: see pve/containers.h. */

#include "lxc/text.h"
#include "pve/known.h"
#include "pve/worker.h"
#include "state/world.h"

/* Carries EDIT out on the file that is KNOWN, and only while it is that file. SETTINGS are as in
 * struct phx_line_edit. Codes as of phx_pve_containers_edit(). */
int phx_pve_assign(
                struct phx_pve_worker *worker,
                const struct phx_pve_known *known,
                const struct phx_lxc_edit *edit,
                const struct phx_strings *settings,
                uint64_t deadline_usec,
                struct phx_error *error);

/* What that would write: 1, 0 when nothing, or a negative errno. */
int phx_pve_assign_preview(
                const struct phx_pve_known *known,
                const struct phx_lxc_edit *edit,
                const struct phx_strings *settings,
                struct phx_preview *ret_preview);
