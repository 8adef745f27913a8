/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/observed.h"

/* Leaves the options out of the planned lines of Proxmox's containers that Proxmox does not keep,
 * and tells them as refused. CONFIGURATION_FILE is for messages. 0 or -ENOMEM. */
int phx_machine_pve_skip_options(const char *configuration_file, struct phx_observed *observed);

/* The profile's line in the file of HAVE, a container of Proxmox: a remark on one that stays though
 * WANT names no profile, and "generated" written out is a line too many, as it is less than
 * Proxmox's own default. 0 or -ENOMEM. */
int phx_machine_pve_review_profile(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                struct phx_observed_container *have);

/* The creations by Proxmox that have begun and are not known to be over, as their records below
 * STATE_DIR say. What is there of such a container has trouble: an edit now would be lost, or be
 * the wrong one. 0 or a negative errno. */
int phx_machine_pve_observe_begun(const char *state_dir, struct phx_observed *observed);
