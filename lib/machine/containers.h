/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "lxc/containers.h"
#include "lxc/tasks.h"
#include "state/configuration.h"
#include "state/desired.h"
#include "state/inventory.h"
#include "state/observed.h"
#include "state/settings.h"
#include "state/world.h"

/* The config and running layers of the machine: plain LXC containers. */
struct phx_machine_containers;

/* ROOTS and TRUST are borrowed. */
int phx_machine_containers_new(
                const struct phx_task_roots *roots,
                const struct phx_trust *trust,
                struct phx_machine_containers **ret_containers);
struct phx_machine_containers *phx_machine_containers_free(
                struct phx_machine_containers *containers);

/* Removes what a crash left in the containers' directories. */
void phx_machine_containers_clean(
                const struct phx_machine_containers *containers,
                const char *lxc_path);

/* Appends the configured containers to DESIRED, in which the profiles are already, and those on
 * this host to OBSERVED, with its watches and, while a container is starting, its retry. A
 * container is the directory named as its id, or else as its name, when no other entry has that as
 * its id or name. A container whose name no id can have is among the observed ones under its name
 * as phx_escape() gives it. An LXC_PATH that is not trusted is a refusal, and all that is said of
 * the configured containers then is what their tasks show. Lines that are recorded as ours and are
 * gone, alone or with their container, are forgotten: 1 when INVENTORY changed. */
int phx_machine_containers_look(
                struct phx_machine_containers *containers,
                const struct phx_settings *settings,
                const struct phx_configuration *configuration,
                struct phx_inventory *inventory,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error);

/* Whether a task of a container that ran at the last look has another label by now, or in doubt;
 * and whether there is any such container, with label_resync_s set. */
bool phx_machine_containers_labels_differ(const struct phx_machine_containers *containers);
bool phx_machine_containers_has_labels(const struct phx_machine_containers *containers);

/* The next look asks liblxc about every config. */
void phx_machine_containers_forget(struct phx_machine_containers *containers);

/* Its config as it is and as the step leaves it: 1, 0 when that is the same, or a negative errno.
 */
int phx_machine_containers_preview(
                const struct phx_machine_containers *containers,
                const struct phx_step_edit *step,
                struct phx_preview *ret_preview);

/* Gives a container its managed lines, with the codes of phx_lxc_replace(). */
int phx_machine_containers_assign(
                const struct phx_machine_containers *containers,
                const struct phx_step_edit *step,
                struct phx_error *error);
