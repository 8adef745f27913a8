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
