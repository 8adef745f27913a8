/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codec/answers_json.h"

/* Proxmox's task log, which says who has started, stopped, rebooted, … a container of this host
 * through Proxmox. It is no part of the cluster file system, and Proxmox's own processes write it:
 * what it says is as true as they are. */

#define TASKS_DIRECTORY "/var/log/pve/tasks"

/* Borrowed strings. */
struct tasks_query {
        const char *directory;
        const char *node;   /* this host: the tasks of another one name it */
        const char *object; /* a container's id; NULL for all containers. Of anything else there
                               are none. */
        uint64_t since_usec;
};

/* One event of the kind "task" for each, by the time at which it began. A host without such a log
 * has none. 0; or a negative errno with a text that names what could not be read, and then
 * RET_HISTORY has what could. -ENOMEM: nothing. */
int tasks_read(const struct tasks_query *query,
               struct phx_answer_history *ret_history,
               struct phx_error *error);
