/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The edit of a container's config on disk: the old file or the new one, nothing in between, and
 * only one that liblxc reads as it was meant. */

#include "base/error.h"
#include "lxc/containers.h"
#include "lxc/text.h"
#include "state/world.h"

/* Carries out EDIT on LXC_PATH/NAME/config, which must still have DIGEST (SHA-256, hexadecimal).
 * The new text is put next to the old one with its mode and owner, liblxc reads it there, and only
 * when the effective profile is the edit's does it take the old one's place, under liblxc's own
 * lock of the container.
 *
 * 1 when the file was replaced, 0 when it was right already; -ESTALE when it changed meanwhile,
 * -EINVAL when liblxc refuses the new text or another profile would be in effect, -EPERM and -ELOOP
 * for what others may write or link, -EBUSY when LXC's lock is not to be had within
 * two seconds, a process has the config open for writing, or the container is being created. CACHE
 * is given what liblxc has said of the text: the next look need not ask when that is what it reads.
 */
int phx_lxc_replace(
                const struct phx_lxc *lxc,
                struct phx_lxc_cache *cache,
                const char *name,
                const char *digest,
                const struct phx_lxc_edit *edit,
                struct phx_error *error);

/* The text before and after EDIT, which is not carried out: 1, 0 when they are the same, or a
 * negative errno as above. */
int phx_lxc_preview(
                const struct phx_lxc *lxc,
                const char *name,
                const char *digest,
                const struct phx_lxc_edit *edit,
                struct phx_preview *ret_preview);

/* liblxc's lock of a container: LOCK_ROOT/LXC_PATH/.NAME, held as long as *RET_FD is open. Waits at
 * most two seconds, then -EBUSY. Where the lock cannot exist (a read-only /run, say) liblxc takes
 * none either: 0, and *RET_FD is -1. Public for the tests, which hold it as another program does.
 */
int phx_lxc_lock(const struct phx_lxc *lxc, const char *name, int *ret_fd, struct phx_error *error);

/* How many files a crash had left in containers' directories and are gone now. CACHE may be one
 * that an earlier process has kept: a directory that was clean then, and has the same stamp, is not
 * opened. What could not be removed stays for the next process. -ENOENT and others when the path
 * cannot be listed. */
int phx_lxc_remove_leftovers(const struct phx_lxc *lxc, struct phx_lxc_cache *cache);
