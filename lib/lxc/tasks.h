/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/* Which tasks run in a container, from its cgroup, and under which labels, from /proc. */

#include "base/error.h"
#include "base/strings.h"
#include "state/labels.h"

struct phx_task_roots {
        const char *cgroup; /* /sys/fs/cgroup */
        const char *proc;   /* /proc */
};

struct phx_cgroups;

/* Where to look; borrowed strings. NULL and 0 for what is not known. */
struct phx_task_query {
        const char *name;
        const char *cgroup_dir;       /* lxc.cgroup.dir: above lxc.payload.NAME */
        const char *cgroup_container; /* lxc.cgroup.dir.container: instead of it */
        const struct phx_strings
                        *others; /* sorted; the names of all containers: lxc.payload.web-1 is web's
                                    second cgroup only when there is no container web-1 */
        const struct phx_cgroups *cgroups; /* opened for all containers; NULL: only for this one */
        pid_t init; /* from the monitor, for a container whose cgroup is elsewhere: its is taken */
};

/* All tasks of all processes, threads too. What ends meanwhile is left out; a container that does
 * not run has none. What cannot be read is there, and unknown. Fails when the cgroup file system or
 * /proc as a whole cannot be read. */
int phx_tasks_read(
                const struct phx_task_roots *roots,
                const struct phx_task_query *query,
                struct phx_tasks *ret_tasks,
                struct phx_error *error);

/* The labels of all its tasks as the kernel prints them, each once, sorted, and nothing else of
 * them: to see, at a tenth of the cost, whether there is anything new to be seen. "?" stands for
 * what cannot be read; a container that does not run has none. */
int phx_tasks_labels(
                const struct phx_task_roots *roots,
                const struct phx_task_query *query,
                struct phx_strings *labels,
                struct phx_error *error);

/* When PID was started, in clock ticks since the boot: with its number, that names a process for as
 * long as the host runs. 0 or a negative errno. */
int phx_tasks_started(const struct phx_task_roots *roots, pid_t pid, uint64_t *ret_ticks);

/* The kernel's id of this boot, "" where it has none. 0 or -ENOMEM; the caller frees it. */
int phx_tasks_boot(const struct phx_task_roots *roots, char **ret_boot);

/* Whether a process can be the first one of the container NAME: it is the first of a pid namespace
 * below ours, or in a cgroup that liblxc makes for NAME. A number that came from elsewhere
 * may be another process's by now. */
bool phx_tasks_may_be_init(const struct phx_task_roots *roots, const char *name, pid_t pid);
