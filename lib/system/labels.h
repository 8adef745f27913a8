#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/strings.h"

/* Where tasks are found; temporary trees in tests. */
struct phx_task_roots {
        const char *cgroup; /* /sys/fs/cgroup */
        const char *proc;   /* /proc */
};

/* One thread of a container. */
struct phx_task {
        pid_t pid;        /* of its process */
        char *label;      /* as the kernel says it, without the mode; NULL when it cannot be read */
        char *mode;       /* "enforce", "complain", …; NULL when the label has none */
        bool is_init;     /* pid 1 of the container */
        bool is_starting; /* still the program that put it there: nothing of the container has run
                           */
};

struct phx_tasks {
        struct phx_task *items;
        size_t count;
};

/* All tasks in the cgroups that LXC gives container NAME: lxc.payload.NAME, and lxc.payload.NAME-N
 * where a leftover was in the way (unless OTHERS has a container of that name); or in CGROUP,
 * relative to the root, when its config names one (not NULL, not ""). A task that ends meanwhile is
 * left out; one whose label cannot be read is in, without one. -ENOMEM, or an error of the root. */
int phx_tasks_list(
                const struct phx_task_roots *roots,
                const char *name,
                const char *cgroup,
                const struct phx_strings *others,
                struct phx_tasks *ret_tasks,
                struct phx_error *error);
void phx_tasks_done(struct phx_tasks *tasks);

/* How the tasks stand to the profile that they should be in. */
struct phx_confinement {
        bool is_running;
        unsigned tasks;
        unsigned starting;
        unsigned wrong;
        unsigned unknown;
        pid_t init;                     /* 0 when it was not seen */
        const struct phx_task *example; /* borrowed: a wrong one, or init */
};

/* Pure. A label is right when the host's part of it (before "//&") is PROFILE or a child of it, in
 * enforce or kill mode. With "unconfined" only init counts, and must be unconfined: what confines
 * itself further inside is no drift. Tasks that are starting are neither right nor wrong. */
struct phx_confinement phx_confinement_judge(const struct phx_tasks *tasks, const char *profile);
