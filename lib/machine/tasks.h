/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What runs in the containers of one look, and under which labels. What cannot be read is unknown,
 * and says nothing about a container's config. */

#include "lxc/cgroups.h"
#include "lxc/containers.h"
#include "lxc/label_picture.h"
#include "state/desired.h"
#include "state/observed.h"

/* Borrowed. */
struct phx_machine_tasks {
        const struct phx_task_roots *roots;
        const struct phx_cgroups *cgroups; /* NULL when they cannot be read */
        const struct phx_strings *names;   /* of all containers */
        const char *lxc_path;
        struct phx_label_pictures *pictures; /* NULL: none are taken */
        bool is_silent; /* a monitor did not answer the last time it was asked */
};

/* The tasks in the usual control groups of a container. 0 or -ENOMEM. */
int phx_machine_tasks_look(
                const struct phx_machine_tasks *look,
                const struct phx_lxc_container *have,
                struct phx_observed_container *observed);

/* A monitor without any task in the usual places: its container starts or stops, or its cgroup is
 * elsewhere (lxc.cgroup.relative). It knows. OBSERVED has an item for each of LIST; all that do not
 * run are asked for together, and not as long while one of them is silent. 0 or -ENOMEM. */
int phx_machine_tasks_ask(
                struct phx_machine_tasks *look,
                const struct phx_lxc_containers *list,
                struct phx_observed_container *observed);
