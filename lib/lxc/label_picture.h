/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which labels the tasks of each running container had when a look began, to be asked later whether
 * they still have them. A task may change its label without any event; to compare is a tenth of the
 * work of a look, and nothing has to be looked at while nothing differs. */

#include <stdbool.h>
#include <stddef.h>

#include "base/strings.h"
#include "lxc/tasks.h"

struct phx_label_picture {
        char *name;
        char *cgroup_dir;
        char *cgroup_container;
        pid_t init;
        struct phx_strings labels;
};

/* The zero value is empty. */
struct phx_label_pictures {
        struct phx_label_picture *items;
        size_t count;
        struct phx_strings others; /* the names of all containers, sorted */
};

void phx_label_pictures_done(struct phx_label_pictures *pictures);

/* Of the containers of QUERY->others, what QUERY names has these labels: to be called before its
 * tasks are looked at, so that what changes in between differs. A container that does not run is
 * left out. 0, or -ENOMEM; what cannot be read differs. */
int phx_label_pictures_take(
                struct phx_label_pictures *pictures,
                const struct phx_task_roots *roots,
                const struct phx_task_query *query);

/* Whether any of them has other labels now, or has ended; in doubt it has. */
bool phx_label_pictures_differ(
                const struct phx_label_pictures *pictures,
                const struct phx_task_roots *roots);
