/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A task is in the container when its process is in the container's cgroup. That is true before it
 * has joined anything else of it: lxc-start's child, and lxc-attach's, are there while they still
 * run LXC's own program under LXC's own label, which a look may well catch. They are known by two
 * signs that nothing inside can have: the parent is outside the cgroup, and the program is the
 * parent's, file by file.
 *
 * The list of processes is a moment that is over when it is used. Each process is read by its
 * number; one that is gone by then is left out, since a process that ends cannot leave the
 * container. One that is there and cannot be read is added as unknown, which the callers treat as
 * not confined. A zombie is left out, but not while other threads of it run. For a threaded cgroup
 * the list has threads; they are mapped to their processes, each once.
 *
 * A thread has a label of its own, so every thread is a task here. The signs of a starting task
 * are read before its label. */

#include "lxc/tasks.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/set.h"
#include "lxc/cgroups.h"
#include "lxc/process_text.h"

#define BOOT_LIMIT 64

/* One process, as /proc/PID/status tells it. */
struct process {
        pid_t pid;
        pid_t group; /* the process that it is a thread of; its own number for a process */
        pid_t parent;
        bool is_zombie;
        bool is_threaded;
        bool is_namespace_init; /* pid 1 of a pid namespace below ours */
        bool is_outside_child;  /* its parent is not in the container */
        bool is_starting;
};

struct scan {
        int proc_fd;
        const struct phx_pids *pids;
        struct phx_tasks tasks;
};

static void scan_done(struct scan *scan) {
        phx_closep(&scan->proc_fd);
        phx_tasks_done(&scan->tasks);
}

static bool tasks_is_gone(int r) {
        return r == -ENOENT || r == -ESRCH;
}

#define STATUS_LIMIT ((size_t) 4 * 1024 * 1024)

/* A process may be in 65,536 groups, and their numbers come before what is asked for here. */
static int read_status(int dir_fd, const char *path, char *text, size_t size, char **ret_whole) {
        size_t whole_size = 0;
        int r;

        r = phx_process_read(dir_fd, path, text, size);
        if (r < 0 || strlen(text) + 1 < size)
                return r;
        return phx_file_read_at(dir_fd, path, STATUS_LIMIT, ret_whole, &whole_size);
}

/* "NSpid: 4711 1": its number in each pid namespace, from ours inwards. */
static bool ends_with_one(const char *numbers) {
        size_t size = strcspn(numbers, "\n");

        return size > 2 && numbers[size - 1] == '1' && isblank((unsigned char) numbers[size - 2]);
}

/* From what the kernel knows already: a file system of the container's own (FUSE) would else be
 * asked, and need not answer. */
static bool find_program(const struct scan *scan, pid_t pid, struct statx *ret_file) {
        char path[64];

        (void) snprintf(path, sizeof(path), "%d/exe", (int) pid);
        return statx(scan->proc_fd, path, AT_STATX_DONT_SYNC, STATX_INO, ret_file) == 0;
}

static bool has_parents_program(const struct scan *scan, const struct process *process) {
        struct statx own, parents;

        return find_program(scan, process->pid, &own) &&
               find_program(scan, process->parent, &parents) &&
               own.stx_dev_major == parents.stx_dev_major &&
               own.stx_dev_minor == parents.stx_dev_minor && own.stx_ino == parents.stx_ino;
}

static int read_process(const struct scan *scan, pid_t pid, struct process *ret_process) {
        struct process process = { .pid = pid };
        phx_autofree char *whole = NULL;
        char path[64], text[16384];
        const char *status = text;
        char state;
        int r;

        (void) snprintf(path, sizeof(path), "%d/status", (int) pid);
        r = read_status(scan->proc_fd, path, text, sizeof(text), &whole);
        if (r < 0)
                return r;

        if (whole)
                status = whole;
        process.group = (pid_t) strtol(phx_process_field(status, "Tgid:"), NULL, 10);
        if (process.group <= 0)
                process.group = pid;
        process.parent = (pid_t) strtol(phx_process_field(status, "PPid:"), NULL, 10);
        state = phx_process_field(status, "State:")[0];
        process.is_zombie = state == 'Z' || state == 'X';
        process.is_threaded = process.group == pid &&
                              strtol(phx_process_field(status, "Threads:"), NULL, 10) > 1;
        process.is_namespace_init = ends_with_one(phx_process_field(status, "NSpid:"));
        process.is_outside_child = !phx_pids_has(scan->pids, process.parent);
        /* Of a threaded cgroup not every process is listed, so that no process is known to be
         * outside.
         */
        process.is_starting = process.is_outside_child && !scan->pids->is_threaded &&
                              has_parents_program(scan, &process);
        *ret_process = process;
        return 0;
}

/* The first is AppArmor's alone; kernels before 5.1 and other modules know only the second. */
static int read_label(const struct scan *scan, pid_t pid, pid_t tid, struct phx_label *ret_label) {
        static const char *const names[] = { "apparmor/current", "current" };
        int r = -ENOENT;

        for (size_t i = 0; r == -ENOENT && i < PHX_ELEMENTS(names); i++) {
                char path[96], text[4097];

                (void) snprintf(path,
                                sizeof(path),
                                "%d/task/%d/attr/%s",
                                (int) pid,
                                (int) tid,
                                names[i]);
                r = phx_process_read(scan->proc_fd, path, text, sizeof(text));
                if (r >= 0)
                        r = phx_label_parse(text, ret_label);
        }
        return r;
}

/* It is there, and that is all that is known. */
static int tasks_add_unknown(struct scan *scan, pid_t pid) {
        struct phx_task *task = phx_grow(&scan->tasks.items, &scan->tasks.count, sizeof(*task));

        if (!task)
                return -ENOMEM;
        task->pid = task->tid = pid;
        return 0;
}

static int add_task(struct scan *scan, const struct process *process, pid_t tid) {
        phx_cleanup(phx_label_done) struct phx_label label = { 0 };
        struct phx_task *task;
        int r;

        r = read_label(scan, process->group, tid, &label);
        if (r == -ENOMEM)
                return r;
        if (tasks_is_gone(r))
                return 0;

        task = phx_grow(&scan->tasks.items, &scan->tasks.count, sizeof(*task));
        if (!task)
                return -ENOMEM;
        task->pid = process->group;
        task->tid = tid;
        task->is_starting = process->is_starting;
        task->is_known = r >= 0;
        task->label = label;
        label = (struct phx_label){ 0 };
        return 0;
}

static int add_threads(struct scan *scan, const struct process *process) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        char path[64];
        int r;

        (void) snprintf(path, sizeof(path), "%d/task", (int) process->pid);
        r = phx_directory_open(scan->proc_fd, path, &directory);
        if (r < 0)
                return r;

        for (;;) {
                long tid;

                errno = 0;
                entry = readdir(directory);
                if (!entry)
                        return errno != 0 ? -errno : 0;
                tid = strtol(entry->d_name, NULL, 10);
                /* The first may have ended, and the others go on. */
                if (tid <= 0 || (tid == process->pid && process->is_zombie))
                        continue;
                r = add_task(scan, process, (pid_t) tid);
                if (r < 0)
                        return r;
        }
}

static int add_process(struct scan *scan, pid_t pid) {
        struct process process = { .pid = pid };
        int r;

        r = read_process(scan, pid, &process);
        if (tasks_is_gone(r))
                return 0;
        if (r < 0)
                return r == -ENOMEM ? r : tasks_add_unknown(scan, pid);
        /* What is dead runs nothing, whatever it was called. */
        if (process.is_zombie && !process.is_threaded)
                return 0;
        /* Of a threaded cgroup; the process brings all its threads along where it is listed. */
        if (process.group != pid && phx_pids_has(scan->pids, process.group))
                return 0;
        if (process.is_namespace_init && process.is_outside_child && scan->tasks.init == 0)
                scan->tasks.init = pid;

        r = process.is_threaded ? add_threads(scan, &process) : add_task(scan, &process, pid);
        if (tasks_is_gone(r))
                return 0;
        return r >= 0 || r == -ENOMEM ? r : tasks_add_unknown(scan, pid);
}

/* Opened for this one container when they are not open for all. */
static int list_pids(
                const struct phx_task_roots *roots,
                const struct phx_task_query *query,
                enum phx_cgroups_list list,
                struct phx_pids *ret_pids,
                struct phx_error *error) {
        phx_cleanup(phx_cgroups_closep) struct phx_cgroups *own = NULL;
        int r = 0;

        if (!query->cgroups)
                r = phx_cgroups_open(roots->cgroup, &own, error);
        if (r < 0)
                return r;
        return phx_cgroups_pids(
                        query->cgroups ? query->cgroups : own,
                        roots->proc,
                        query,
                        list,
                        ret_pids);
}

int phx_tasks_read(
                const struct phx_task_roots *roots,
                const struct phx_task_query *query,
                struct phx_tasks *ret_tasks,
                struct phx_error *error) {
        phx_cleanup(phx_pids_done) struct phx_pids pids = { 0 };
        phx_cleanup(scan_done) struct scan scan = { .proc_fd = -1, .pids = &pids };
        int r;

        assert(roots && query && query->name && ret_tasks);

        r = list_pids(roots, query, PHX_CGROUPS_PROCESSES, &pids, error);
        if (r < 0)
                return r;
        /* Of a stopped container there are none. */
        if (pids.count > 0)
                scan.proc_fd = open(roots->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (pids.count > 0 && scan.proc_fd < 0)
                return phx_error_errno(error, roots->proc);

        for (size_t i = 0; i < pids.count; i++) {
                r = add_process(&scan, pids.items[i]);
                if (r < 0)
                        return r;
        }
        if (scan.tasks.init == 0 && phx_pids_has(&pids, query->init))
                scan.tasks.init = query->init;
        scan.tasks.unread = pids.unread;
        scan.tasks.unread_why = PHX_TAKE(pids.unread_why);
        *ret_tasks = PHX_TAKE_STRUCT(scan.tasks);
        return 0;
}

/* --- labels alone --- */

/* As the kernel prints it. A thread is found by its own number, whatever process it belongs to; "?"
 * for one that is there and cannot be read. */
static int add_label(int proc_fd, pid_t tid, struct phx_set *known, struct phx_strings *labels) {
        static const char *const names[] = { "apparmor/current", "current" };
        char path[64], text[4097];
        const char *label = text;
        int r = -ENOENT;

        for (size_t i = 0; r == -ENOENT && i < PHX_ELEMENTS(names); i++) {
                (void) snprintf(path, sizeof(path), "%d/attr/%s", (int) tid, names[i]);
                r = phx_process_read(proc_fd, path, text, sizeof(text));
        }
        if (tasks_is_gone(r))
                return 0;
        if (r < 0)
                label = "?";
        r = phx_set_add(known, label);
        return r > 0 ? phx_strings_add(labels, label) : r;
}

int phx_tasks_labels(
                const struct phx_task_roots *roots,
                const struct phx_task_query *query,
                struct phx_strings *labels,
                struct phx_error *error) {
        phx_cleanup(phx_pids_done) struct phx_pids tids = { 0 };
        phx_cleanup(phx_set_done) struct phx_set known = { 0 };
        phx_autoclose int proc_fd = -1;
        int r;

        r = list_pids(roots, query, PHX_CGROUPS_THREADS, &tids, error);
        if (r < 0)
                return r;
        proc_fd = open(roots->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (proc_fd < 0)
                return phx_error_errno(error, roots->proc);

        for (size_t i = 0; r >= 0 && i < tids.count; i++)
                r = add_label(proc_fd, tids.items[i], &known, labels);
        if (r >= 0 && tids.unread > 0 && !phx_set_has(&known, "?"))
                r = phx_strings_add(labels, "?");
        phx_strings_sort(labels);
        return r < 0 ? r : 0;
}

int phx_tasks_boot(const struct phx_task_roots *roots, char **ret_boot) {
        phx_autofree char *path = NULL, *text = NULL;
        size_t size = 0;

        if (phx_printf(&path, "%s/sys/kernel/random/boot_id", roots->proc) < 0)
                return -ENOMEM;
        if (phx_file_read_at(AT_FDCWD, path, BOOT_LIMIT, &text, &size) == -ENOMEM)
                return -ENOMEM;
        if (text)
                text[strcspn(text, "\n")] = '\0';
        return phx_replace(ret_boot, text ? text : "");
}

/* Field 22 of proc_pid_stat(5). The second one, the name, may hold blanks and parentheses. */
int phx_tasks_started(const struct phx_task_roots *roots, pid_t pid, uint64_t *ret_ticks) {
        phx_autoclose int proc_fd = open(roots->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char path[64], text[4096], *at;
        unsigned long long ticks = 0;
        int r;

        if (proc_fd < 0)
                return phx_errno();
        (void) snprintf(path, sizeof(path), "%d/stat", (int) pid);
        r = phx_process_read(proc_fd, path, text, sizeof(text));
        if (r < 0)
                return r;
        at = strrchr(text, ')');
        for (unsigned field = 2; at && field < 22; field++)
                at = strchr(at + 1, ' ');
        if (!at || sscanf(at, " %llu", &ticks) != 1)
                return -EBADMSG;
        *ret_ticks = ticks;
        return 0;
}

bool phx_tasks_may_be_init(const struct phx_task_roots *roots, const char *name, pid_t pid) {
        phx_autoclose int proc_fd = open(roots->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char path[64], text[16384];

        if (proc_fd < 0 || pid <= 0)
                return false;
        (void) snprintf(path, sizeof(path), "%d/status", (int) pid);
        if (phx_process_read(proc_fd, path, text, sizeof(text)) < 0)
                return false;
        if (ends_with_one(phx_process_field(text, "NSpid:")))
                return true;
        (void) snprintf(path, sizeof(path), "%d/cgroup", (int) pid);
        return phx_process_read(proc_fd, path, text, sizeof(text)) >= 0 &&
               phx_process_is_below(text, "/lxc.payload.", name);
}
