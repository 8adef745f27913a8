/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "lxc/containers.h"
#include "lxc/tasks.h"
#include "pve/worker.h"
#include "state/configuration.h"
#include "state/desired.h"
#include "state/input.h"
#include "state/inventory.h"
#include "state/observed.h"
#include "state/settings.h"
#include "state/world.h"

/* The config and running layers of the machine: containers of plain LXC and of Proxmox. */
struct phx_machine_containers;

/* ROOTS, TRUST and what PVE points to are borrowed; PVE is for the worker, which starts with the
 * first look at a host that has Proxmox. NULL: Proxmox is not looked for. */
int phx_machine_containers_new(
                const struct phx_task_roots *roots,
                const struct phx_trust *trust,
                const struct phx_pve_worker_options *pve,
                struct phx_machine_containers **ret_containers);
/* From now on what liblxc has answered is kept in STATE_DIR, and PROGRESS (borrowed; NULL: none)
 * is called while many questions are asked. What an earlier process has kept there is remembered,
 * if it was the same program with the same LIBRARIES: what phx_program_add_libraries() has found
 * when those were loaded. NULL: they are not known, and nothing is kept. 0, or a negative errno
 * when the directory cannot be opened. */
int phx_machine_containers_keep(
                struct phx_machine_containers *containers,
                const char *state_dir,
                const char *libraries,
                const struct phx_lxc_progress *progress);
/* See phx_machine_started_keep(). */
int phx_machine_containers_keep_started(
                struct phx_machine_containers *containers,
                const char *runtime_dir);
struct phx_machine_containers *phx_machine_containers_free(
                struct phx_machine_containers *containers);

/* NULL where Proxmox cannot be. */
struct phx_pve_worker *phx_machine_containers_worker(
                const struct phx_machine_containers *containers);
/* The process that outlives a look; NULL when there is none. Borrowed until the next look. */
const struct phx_process *phx_machine_containers_process(
                const struct phx_machine_containers *containers);

/* Removes what a crash left in the containers' directories. */
void phx_machine_containers_clean(
                const struct phx_machine_containers *containers,
                const char *lxc_path);

/* Appends the containers on this host to OBSERVED, sorted by their directories, with its watches;
 * nothing is changed. One whose name no id can have is there under its name as phx_escape() gives
 * it. For an LXC_PATH that is not trusted, OBSERVED says why, and all that is said is what the
 * tasks of the configured containers show. */
int phx_machine_containers_observe(
                struct phx_machine_containers *containers,
                const struct phx_input *input,
                struct phx_observed *observed,
                struct phx_error *error);

/* Asks liblxc about the desired containers' options, where that was not done yet, and says in
 * OBSERVED how their lines are to become right, and which of them a running container was started
 * without; and when to look again while a container starts.
 * Lines that are recorded as ours and are gone from a config
 * are forgotten: 1 when INVENTORY changed. */
int phx_machine_containers_review(
                struct phx_machine_containers *containers,
                const struct phx_input *input,
                struct phx_inventory *inventory,
                const struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error);

/* Keeps the answers, if there are enough new ones. To be called when INVENTORY as the review left
 * it is on disk: what came of a review follows from it. Where nothing is kept, and where it cannot
 * be, the answers are asked for again by the next engine: that costs time, and nothing else. */
void phx_machine_answers_save(struct phx_machine_containers *containers);

/* Which containers that are missing here another node of the cluster has. */
void phx_machine_containers_find_elsewhere(
                const struct phx_machine_containers *containers,
                struct phx_desired *desired);

/* Which containers of Proxmox are to get other features, or to start at another time, as their
 * entries of the configuration ask: says so in OBSERVED. 0 or -ENOMEM. */
int phx_machine_containers_wish(
                const struct phx_machine_containers *containers,
                const struct phx_input *input,
                const struct phx_desired *desired,
                struct phx_observed *observed);

/* Forgets the lines of containers that are gone: those of another container of the same name would
 * be taken for ours. A container that Proxmox has moved to another node may come back with them,
 * and is gone when no node has it. Where there is no container at all, perhaps only their file
 * system is missing. One that is to be created is recorded before it exists. 1 when INVENTORY
 * changed. */
int phx_machine_containers_forget_gone(
                const struct phx_machine_containers *containers,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_inventory *inventory);

/* Whether a task of a container that ran at the last look has another label by now, or in doubt;
 * and whether there is any such container, with label_resync_s set. */
bool phx_machine_containers_labels_differ(const struct phx_machine_containers *containers);
bool phx_machine_containers_has_labels(const struct phx_machine_containers *containers);

/* Whether an event at PATH can concern nothing but what a look at it reads again; and whether all
 * that the last look has read is as it was, where SCOPE says that it may not be. In doubt false. */
bool phx_machine_containers_covers(
                const struct phx_machine_containers *containers,
                const char *path);
bool phx_machine_containers_is_unchanged(
                struct phx_machine_containers *containers,
                const struct phx_settings *settings,
                const struct phx_scope *scope);

/* The next look asks liblxc about every config. */
void phx_machine_containers_forget(struct phx_machine_containers *containers);

/* Its config as it is and as the step leaves it: 1, 0 when that is the same, or a negative errno.
 */
int phx_machine_containers_preview(
                const struct phx_machine_containers *containers,
                const struct phx_step_edit *step,
                struct phx_preview *ret_preview);

/* For world.h's offer. */
int phx_machine_containers_offer(
                const struct phx_machine_containers *containers,
                const struct phx_observed_container *have,
                const char *label,
                bool is_edited,
                struct phx_offer *ret_offer);

/* Gives a container its managed lines, with the codes of phx_lxc_replace() or
 * phx_pve_containers_edit(). */
int phx_machine_containers_assign(
                const struct phx_machine_containers *containers,
                const struct phx_step_edit *step,
                struct phx_error *error);
