/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/observed.h"

/* Leaves the options out of the planned lines of Proxmox's containers that Proxmox does not keep,
 * and tells them as refused. CONFIGURATION_FILE is for messages. 0 or -ENOMEM. */
int phx_machine_pve_skip_options(const char *configuration_file, struct phx_observed *observed);
