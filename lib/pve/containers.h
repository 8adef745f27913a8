/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The containers of this Proxmox node, for the engine: what lxc/containers.h and lxc/replace.h are
 * for plain LXC. What is below /etc/pve is read and written by the worker alone (pve/worker.h). */

#include "base/error.h"
#include "lxc/containers.h"
#include "pve/leftovers.h"
#include "pve/worker.h"
#include "state/configuration.h"
#include "state/offer.h"
#include "state/world.h"

/* What is known of them; lives between looks. A config is read again only when Proxmox counts a
 * change of it, and liblxc is asked about it only when it, or what it includes, has changed. */
struct phx_pve_containers;

/* WORKER as for phx_pve_worker_new(); DEADLINE_USEC is for liblxc's answer about one container.
 * Nothing is started yet. 0 or -ENOMEM. */
int phx_pve_containers_new(
                const struct phx_pve_worker_options *worker,
                uint64_t deadline_usec,
                struct phx_pve_containers **ret_containers);
struct phx_pve_containers *phx_pve_containers_free(struct phx_pve_containers *containers);
PHX_DEFINE_FREEP(phx_pve_containers)

/* The worker itself, for other requests; it lives as long as CONTAINERS. */
struct phx_pve_worker *phx_pve_containers_worker(const struct phx_pve_containers *containers);

/* The worker's process, which outlives a look, as phx_pve_worker_process(). */
const struct phx_process *phx_pve_containers_process(const struct phx_pve_containers *containers);

/* The next look reads every file, and asks liblxc about every config. */
void phx_pve_containers_forget(struct phx_pve_containers *containers);

/* The containers of this node, by id. What liblxc is asked about is the config that Proxmox
 * generates, as far as it is known here (pve/effect.h), and the digest is that of the file. When
 * the cluster file system gives no answer, REFUSAL says why, and the containers are those of the
 * last look, each with that as its trouble: nothing is concluded from it. Fails only for want of
 * memory, or when liblxc cannot be asked at all. */
int phx_pve_containers_look(
                struct phx_pve_containers *containers,
                struct phx_lxc_containers *ret_containers,
                struct phx_error *error);

/* The config that Proxmox generates for the container ID, as at the last look; the caller's to
 * free. 0, -ENOENT or -ENOMEM. */
int phx_pve_containers_text(
                const struct phx_pve_containers *containers,
                const char *id,
                char **ret_text,
                size_t *ret_size);

/* Whether the container ID was on another node at the last look, or on its way there. */
bool phx_pve_containers_has_away(const struct phx_pve_containers *containers, const char *id);

/* Carries out EDIT on the file of the container ID, which must still have DIGEST: its profile's
 * line, or none where EDIT asks for "generated", which is Proxmox's default; and the other lines.
 * SETTINGS are as in struct phx_line_edit.
 * liblxc reads what Proxmox will generate before anything is written.
 *
 * 1 when the file was replaced, 0 when it was right already; -ESTALE when it changed meanwhile or
 * its container moved to another node, -EAGAIN when the cluster file system takes no change now,
 * -EBUSY while Proxmox has the container locked, -EPERM for a template, -EINVAL when liblxc would
 * refuse the config or see another profile. */
int phx_pve_containers_edit(
                struct phx_pve_containers *containers,
                const char *id,
                const char *digest,
                const struct phx_lxc_edit *edit,
                const struct phx_strings *settings,
                struct phx_error *error);

/* The file before and after EDIT, which is not carried out: 1, 0 when they are the same, or a
 * negative errno as above. */
int phx_pve_containers_preview(
                const struct phx_pve_containers *containers,
                const char *id,
                const char *digest,
                const struct phx_lxc_edit *edit,
                const struct phx_strings *settings,
                struct phx_preview *ret_preview);

/* What an operator may clear from the file, by the path under which the cluster file system really
 * has it: 1, 0 for nothing or where it is not known now, or -ENOMEM. The caller's. */
int phx_pve_containers_offer(
                const struct phx_pve_containers *containers,
                const char *id,
                const struct phx_pve_wanted *wanted,
                struct phx_offer *ret_offer);

/* Appends to SETTINGS, as "key=value", the ordinary keys of which the file of the container has
 * another value than its entry asks for: the features that pct_options name, and with
 * MANAGES_AUTOSTART when the container starts. 0, also when they are not known, or -ENOMEM. */
int phx_pve_containers_wish(
                const struct phx_pve_containers *containers,
                const char *id,
                const struct phx_container_config *config,
                bool manages_autostart,
                struct phx_strings *settings);
