/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Why a container has the profile that it has, in Proxmox's terms. */

#include "pve/meaning.h"

/* Owned; the zero value is empty. */
struct phx_pve_reason {
        char *own;     /* where a line of the file decides, or Proxmox generates the profile */
        char *include; /* where an include does */
};

/* Both, as which of them holds says liblxc. No value is quoted but features. 0 or -ENOMEM. */
int phx_pve_reason_of(const struct phx_pve_meaning *meaning, struct phx_pve_reason *ret_reason);
void phx_pve_reason_done(struct phx_pve_reason *reason);
