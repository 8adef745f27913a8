/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The calls of the kernel, answered from the state. */

#include "state.h"

/* Mounts at MOUNTPOINT, calls READY and answers until pve_mount_end(). Returns 0, or -1 if it
 * cannot be mounted: then what fuse and this say is on standard error. */
int pve_mount_run(
                struct pve_state *state,
                const char *mountpoint,
                void (*ready)(void *),
                void *data);
/* From a signal handler, too. */
void pve_mount_end(void);
