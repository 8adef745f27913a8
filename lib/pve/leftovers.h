/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The edit that clears a Proxmox container's file of what is left over in it: lines that mean
 * nothing, or that will mean less than what the container has. phoenixd never makes it, since most
 * of these lines are not its own; it offers it. Pure: bytes in, bytes out. */

#include "base/buffer.h"
#include "pve/meaning.h"
#include "state/offer.h"

/* What else is known of the container. The zero value: nothing. */
struct phx_pve_wanted {
        const char *label; /* the profile that it is to have by the configuration; NULL: unknown */
        bool is_edited;    /* phoenixd is about to write that profile's line: the main section will
                              have no other, and snapshots are compared with LABEL */
};

struct phx_pve_change {
        enum phx_leftover kind;
        const struct phx_pve_line *line; /* that is changed, or behind which the section ends that
                                            gets a line: its header */
};

struct phx_pve_leftovers {
        struct phx_pve_change *changes; /* by line */
        size_t count;
        struct phx_buffer text; /* the file after all of them */
};

/* Changes for TEXT, which has the meaning MEANING, as it is now: before an edit of phoenixd's. All
 * other lines stay byte by byte. After the changes the file has none of these:
 *
 *   - in the main section a profile's line that another one overrules (unless IS_EDITED, as the
 *     edit removes it), lxc.aa_profile, lxc.apparmor.allow_nesting that is not 0, an include of
 *     LXC's nesting.conf, an lxc line that Proxmox drops
 *   - an lxc line in the pending changes
 *   - a profile in a snapshot that is weaker than the main section's
 *
 * and what is in effect now, what the next start brings, and what a rollback brings is nowhere less
 * confined than before; unless LABEL is "unconfined", which allows pending lines to go that are
 * not. A change that cannot promise it is not made, and its line stays: where another include or a
 * carriage return makes liblxc read what is not known here.
 *
 * 1, 0 when there is nothing to change, or -ENOMEM. Also 0 for a file that Proxmox cannot read, one
 * with a NUL byte in a line that liblxc gets, and a result that Proxmox's file system would refuse.
 */
int phx_pve_leftovers_of(
                const struct phx_pve_text *text,
                const struct phx_pve_meaning *meaning,
                const struct phx_pve_wanted *wanted,
                struct phx_pve_leftovers *ret_leftovers);
void phx_pve_leftovers_done(struct phx_pve_leftovers *leftovers);

/* Whether the line includes LXC's nesting.conf. */
bool phx_pve_includes_nesting(const struct phx_pve_line *line);
