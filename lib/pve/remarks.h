/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a container's file says and its author may not know, in words. */

#include "base/strings.h"
#include "pve/meaning.h"

/* Appends a sentence for each of the findings, "PATH:LINE: …": to PENDING what the next start
 * brings, to REMARKS the others. No value is quoted. 0 or -ENOMEM. */
int phx_pve_remark(
                const struct phx_pve_meaning *meaning,
                const char *path,
                struct phx_strings *pending,
                struct phx_strings *remarks);

/* Why Proxmox does not read a line, and what to do about it: the end of a sentence. */
const char *phx_pve_remark_on_drop(enum phx_pve_drop drop);
