#pragma once

/* The processes of a container, by its cgroups. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "system/tasks.h"

/* Sorted, each once. */
struct phx_pids {
        pid_t *items;
        size_t count;
};

void phx_pids_done(struct phx_pids *pids);
bool phx_pids_has(const struct phx_pids *pids, pid_t pid);

/* Those in lxc.payload.NAME and, as liblxc makes them when that one is taken, lxc.payload.NAME-N;
 * or in the place that the query names. In all cgroups below, too. None when there is no such
 * cgroup. Of several hierarchies (version 1, hybrid) the first in which something runs. */
int phx_cgroups_pids(
                const struct phx_task_roots *roots,
                const struct phx_task_query *query,
                struct phx_pids *ret_pids,
                struct phx_error *error);
