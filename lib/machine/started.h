/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which running containers were started with other managed lines than their configs have now. What
 * was found of one is remembered until its init, its config or its options are others. */

#include <stdbool.h>

#include "lxc/containers.h"
#include "lxc/tasks.h"
#include "state/desired.h"
#include "state/observed.h"

/* Lives between looks. */
struct phx_machine_started;

int phx_machine_started_new(struct phx_machine_started **ret_started);
struct phx_machine_started *phx_machine_started_free(struct phx_machine_started *started);
PHX_DEFINE_FREEP(phx_machine_started)

/* From now on lines that were taken out of the configs of running containers are kept in
 * RUNTIME_DIR, so that the next engine knows them; those that an earlier one has kept there are
 * taken. 0 or -ENOMEM. */
int phx_machine_started_keep(struct phx_machine_started *started, const char *runtime_dir);

/* The next look asks about every container again. */
void phx_machine_started_forget(struct phx_machine_started *started);

/* One look. Borrowed. */
struct phx_machine_started_view {
        const struct phx_lxc *lxc; /* with the scope of the look */
        const struct phx_task_roots *roots;
        const struct phx_desired *desired;
        struct phx_observed *observed;
        /* As in lxc/option_reviews.h. */
        int (*read)(void *data, const char *id, char **ret_text, size_t *ret_size);
        void *data;
};

/* To be called when the lines were reviewed. Says so in the observed containers; a look at
 * everything asks again about those of which it is not known. 0, -ENOMEM, or another negative errno
 * when nothing can be asked at all. */
int phx_machine_started_review(
                struct phx_machine_started *started,
                const struct phx_machine_started_view *view,
                struct phx_error *error);
