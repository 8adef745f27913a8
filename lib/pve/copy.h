/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* phoenixd/ of the cluster file system, copied to a directory of this node, for the engine:
 * settings, configuration and profiles are read from the copy (base/trust.h), so that nothing waits
 * for the cluster, and what was there last is still there when the cluster is not.
 *
 * A file is read again when its size or time is another one, and once more when it was changed so
 * recently that a second change could bear the same time. Each file of the copy is the old one or
 * the new one. One that is missing is looked for again before its copy goes: while a file is being
 * replaced, it is absent for a moment. */

#include "pve/worker.h"

struct phx_pve_copy;

/* DIRECTORY will have phoenixd/ in it. WORKER is borrowed. 0 or -ENOMEM. */
int phx_pve_copy_new(
                struct phx_pve_worker *worker,
                const char *directory,
                struct phx_pve_copy **ret_copy);
struct phx_pve_copy *phx_pve_copy_free(struct phx_pve_copy *copy);
PHX_DEFINE_FREEP(phx_pve_copy)

/* Makes the copy what the cluster file system has. 1 when it has changed, 0 when not; -EAGAIN when
 * the cluster file system does not answer now, and others; the copy is then as it was, unless it
 * could not be written. */
int phx_pve_copy_refresh(struct phx_pve_copy *copy, struct phx_error *error);

/* The next refresh reads every file: on demand, and against clocks of nodes that differ so much
 * that a recent time does not look recent. */
void phx_pve_copy_forget(struct phx_pve_copy *copy);
