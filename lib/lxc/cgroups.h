/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The processes of a container, by its cgroups. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/macros.h"
#include "lxc/tasks.h"

/* Sorted, each once. */
struct phx_pids {
        pid_t *items;
        size_t count;
        bool is_threaded; /* threads are listed, of processes that need not be listed themselves */
        unsigned unread;  /* cgroups of which it is not known what runs in them */
        char *unread_why; /* the first of them and why, for the operator; NULL for none */
};

void phx_pids_done(struct phx_pids *pids);
bool phx_pids_has(const struct phx_pids *pids, pid_t pid);

/* The hierarchies below PATH, with the containers' cgroups at the top of each: for one look at all
 * containers, no longer. */
struct phx_cgroups;

int phx_cgroups_open(const char *path, struct phx_cgroups **ret_cgroups, struct phx_error *error);
/* Whether there is the cgroup of another container than NAMES, which are sorted, at the top of one;
 * in doubt there is. */
bool phx_cgroups_have_others(const struct phx_cgroups *cgroups, const struct phx_strings *names);
struct phx_cgroups *phx_cgroups_close(struct phx_cgroups *cgroups);
static inline void phx_cgroups_closep(struct phx_cgroups **cgroups) {
        *cgroups = phx_cgroups_close(*cgroups);
}

/* Processes, by the number of their first thread; or all threads, each by its own. */
enum phx_cgroups_list {
        PHX_CGROUPS_PROCESSES,
        PHX_CGROUPS_THREADS,
};

/* Those in lxc.payload.NAME and, as liblxc makes them when that one is taken, lxc.payload.NAME-N;
 * or in the place that the query names. In all cgroups below, too, whatever they are called. None
 * when there is no such cgroup. Of several hierarchies (version 1, hybrid) in any.
 *
 * In a threaded cgroup the kernel names no processes: its threads are listed instead.
 *
 * What cannot be read is counted, and hides nothing else. Fails only for want of memory. */
int phx_cgroups_pids(
                const struct phx_cgroups *cgroups,
                const char *proc,
                const struct phx_task_query *query,
                enum phx_cgroups_list list,
                struct phx_pids *ret_pids);
