/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What runs in the containers of one look, and under which labels. What cannot be read is unknown,
 * and says nothing about a container's config. */

#include "base/scope.h"
#include "lxc/cgroups.h"
#include "lxc/containers.h"
#include "lxc/label_picture.h"
#include "state/desired.h"
#include "state/observed.h"

/* What the last look at tasks has seen, of the containers that ran: for looks at other parts. The
 * zero value has seen nothing. */
struct phx_machine_tasks_memory {
        struct phx_machine_tasks_seen *items; /* sorted by name */
        size_t count;
        bool is_complete;
        bool is_elsewhere; /* some container has a place of its own choice for its tasks */
        uint64_t places;   /* of all containers, and where their tasks are looked for */
};

void phx_machine_tasks_memory_done(struct phx_machine_tasks_memory *memory);
/* Whether a look at SCOPE has to look at tasks again: they may have changed, or the policy may, of
 * which their labels tell the mode; or LIST is not the one that MEMORY is of. */
bool phx_machine_tasks_are_due(
                const struct phx_machine_tasks_memory *memory,
                const struct phx_lxc_containers *list,
                const char *cgroup,
                const struct phx_scope *scope);
/* Takes over what was observed; without memory, nothing, and the next look is at tasks. OBSERVED
 * has an item for each of LIST. */
void phx_machine_tasks_remember(
                struct phx_machine_tasks_memory *memory,
                const struct phx_lxc_containers *list,
                const struct phx_observed_container *observed);
/* The other way round. 0 or -ENOMEM. */
int phx_machine_tasks_recall(
                const struct phx_machine_tasks_memory *memory,
                const struct phx_lxc_container *have,
                struct phx_observed_container *observed);
/* Borrowed. */
struct phx_machine_tasks {
        const struct phx_task_roots *roots;
        const struct phx_cgroups *cgroups; /* NULL when they cannot be read */
        const struct phx_strings *names;   /* of all containers */
        const char *lxc_path;
        struct phx_label_pictures *pictures; /* NULL: none are taken */
        bool is_silent; /* a monitor did not answer the last time it was asked */
        const struct phx_machine_tasks_memory *memory; /* of the look before */
};

/* The tasks in the usual control groups of a container. 0 or -ENOMEM. */
int phx_machine_tasks_look(
                const struct phx_machine_tasks *look,
                const struct phx_lxc_container *have,
                struct phx_observed_container *observed);

/* The same tasks run as at the last look, under the same labels, as far as SCOPE says that they may
 * not; in doubt false. Each is read again, as no event tells of another label. NAMES are not
 * needed.
 */
bool phx_machine_tasks_are_unchanged(
                const struct phx_machine_tasks *look,
                const struct phx_scope *scope);

/* A monitor without any task in the usual places: its container starts or stops, or its cgroup is
 * elsewhere (lxc.cgroup.relative). It knows. OBSERVED has an item for each of LIST; all that do not
 * run are asked for together, and not as long while one of them is silent. 0 or -ENOMEM. */
int phx_machine_tasks_ask(
                struct phx_machine_tasks *look,
                const struct phx_lxc_containers *list,
                struct phx_observed_container *observed);
