/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Input that is kept in Proxmox's cluster file system, below PHX_REMOTE_OURS: it is read from a
 * copy on this node (pve/copy.h), which is refreshed before the input is read.
 *
 * Whether any of the input is there, the walk of its paths says (base/trust.h): as long as none is,
 * the cluster file system is not asked. The first pass asks where Proxmox is installed; when the
 * way of a later one comes there for the first time, it ends there as if the file were being
 * written, and another pass follows at once: a copy that was not refreshed may be old, and is not
 * read. */

#include <stdbool.h>

#include "machine/machine.h"

struct remote {
        struct phx_trust *trust; /* of the input's walks */
        const char *copy;        /* the directory of the copy */
        bool is_met;             /* a way of this pass came there: set by the walks */
        bool is_fresh;           /* this pass has refreshed the copy, or has tried to */
};

/* TRUST and COPY are borrowed. PLACE is where Proxmox would be. */
void remote_init(
                struct remote *remote,
                struct phx_trust *trust,
                const char *copy,
                const struct phx_pve_place *place);

/* Before the input is read. That the copy cannot be refreshed is a refusal in JUDGED: what it has
 * stays in force. 0 or -ENOMEM. */
int remote_refresh(
                struct remote *remote,
                struct phx_machine *machine,
                struct phx_desired *judged,
                uint64_t *ret_retry_usec);

/* Whether the last pass came there. */
bool remote_is_used(const struct remote *remote);

/* After it was read: whether it has to be read once more. */
bool remote_is_unread(const struct remote *remote);
