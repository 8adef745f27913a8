/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Trees that look like proc and the control groups of a host. */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buffer.h"
#include "container-tree.h"
#include "lxc/cgroups.h"
#include "lxc/label_picture.h"
#include "lxc/tasks.h"

struct machine {
        char cgroup[512];
        char proc[512];
        struct phx_task_roots roots;
        struct phx_tasks tasks;
};

static inline void machine_init(struct machine *machine, const char *name) {
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/cgroup", name);
        tree_mkdir(path);
        (void) snprintf(machine->cgroup, sizeof(machine->cgroup), "%s", tree_path(path));
        (void) snprintf(path, sizeof(path), "%s/proc", name);
        tree_mkdir(path);
        (void) snprintf(machine->proc, sizeof(machine->proc), "%s", tree_path(path));
        machine->roots = (struct phx_task_roots){ machine->cgroup, machine->proc };
}

static inline void machine_done(struct machine *machine) {
        phx_tasks_done(&machine->tasks);
}

static inline const char *below_tree(const char *path) {
        return path + strlen(tree) + 1;
}

static inline void write_cgroup(
                const struct machine *machine,
                const char *path,
                const char *file,
                const char *text) {
        char full[1100];

        (void) snprintf(full,
                        sizeof(full),
                        "%.64s/%.900s/%.64s",
                        below_tree(machine->cgroup),
                        path,
                        file);
        tree_write(full, text);
}

/* With all above it, as on a real machine: empty. */
static inline void add_cgroup(const struct machine *machine, const char *path, const char *pids) {
        char above[4096];

        (void) snprintf(above, sizeof(above), "%s", path);
        for (char *slash = strchr(above, '/'); slash; slash = strchr(slash + 1, '/')) {
                char full[8192];

                *slash = '\0';
                (void) snprintf(full, sizeof(full), "%s/%s/cgroup.procs", machine->cgroup, above);
                if (access(full, F_OK) < 0) {
                        write_cgroup(machine, above, "cgroup.procs", "");
                        write_cgroup(machine, above, "cgroup.threads", "");
                }
                *slash = '/';
        }
        write_cgroup(machine, path, "cgroup.procs", pids);
        write_cgroup(machine, path, "cgroup.threads", pids);
}

static inline void write_proc(const struct machine *machine, const char *path, const char *text) {
        char full[1024];

        (void) snprintf(full, sizeof(full), "%s/%s", below_tree(machine->proc), path);
        tree_write(full, text);
}

static inline void add_label(
                const struct machine *machine,
                pid_t pid,
                pid_t tid,
                const char *label) {
        char path[128];

        (void) snprintf(path,
                        sizeof(path),
                        "%d/task/%d/attr/apparmor/current",
                        (int) pid,
                        (int) tid);
        write_proc(machine, path, label);
}

struct process {
        pid_t pid;
        pid_t parent;
        const char *namespaces; /* NSpid */
        const char *program;
        const char *label;
        const char *state;
        int threads;
        pid_t group;
};

static inline void add_process(const struct machine *machine, struct process process) {
        char path[64], text[512], program[128];

        (void) snprintf(path, sizeof(path), "%d/status", (int) process.pid);
        (void) snprintf(text,
                        sizeof(text),
                        "Name:\tx\nState:\t%s\nTgid:\t%d\nPPid:\t%d\nNSpid:\t%s\nThreads:\t%d\n",
                        process.state ? process.state : "S (sleeping)",
                        (int) (process.group ? process.group : process.pid),
                        (int) process.parent,
                        process.namespaces ? process.namespaces : "1",
                        process.threads ? process.threads : 1);
        write_proc(machine, path, text);

        (void) snprintf(program, sizeof(program), "programs/%s", process.program);
        tree_write(program, "");
        (void) snprintf(text,
                        sizeof(text),
                        "%s/%d/exe",
                        below_tree(machine->proc),
                        (int) process.pid);
        tree_link(tree_path(program), text);
        if (process.label)
                add_label(machine, process.pid, process.pid, process.label);
}

static inline void read_tasks(struct machine *machine, const struct phx_task_query *query) {
        struct phx_error error = { 0 };

        phx_tasks_done(&machine->tasks);
        assert_int_equal(phx_tasks_read(&machine->roots, query, &machine->tasks, &error), 0);
        assert_string_equal(error.text, "");
}
