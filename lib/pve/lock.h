/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Proxmox's own lock of a container, DIRECTORY/pve-config-ID.lock: an flock(2) of the whole file,
 * which is never removed. It is of this host only, and orders only those who take it: Proxmox's
 * post-stop hook writes without it. Waits at most PATIENCE_USEC, never in flock(2) itself.
 *
 * 0, and the lock is held as long as *RET_FD is open; -EBUSY when another process held it all the
 * time; -EPERM, -ENOTDIR, -ELOOP for a directory or a file that others could have put there. */
int phx_pve_lock(
                const char *directory,
                uint32_t id,
                uint64_t patience_usec,
                int *ret_fd,
                struct phx_error *error);
