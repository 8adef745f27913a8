#include "system/labels.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sys/apparmor.h>

#include "base/file.h"
#include "base/grow.h"

/* Kernel files that are read here have a page at most; cgroup.procs of a busy container may have
 * more. */
#define SMALL_LIMIT 65536
#define PROCS_LIMIT (4UL << 20)
/* systemd inside a container nests some six deep. */
#define DEPTH_LIMIT 64
#define PAYLOAD "lxc.payload."

struct list {
        const struct phx_task_roots *roots;
        struct phx_strings pids; /* all of the container */
        struct phx_tasks tasks;
};

static void closedirp(DIR **directory) {
        if (*directory)
                (void) closedir(*directory);
}

static void task_done(struct phx_task *task) {
        free(task->label);
        free(task->mode);
}

void phx_tasks_done(struct phx_tasks *tasks) {
        for (size_t i = 0; i < tasks->count; i++)
                task_done(&tasks->items[i]);
        free(tasks->items);
        *tasks = (struct phx_tasks){ 0 };
}

/* --- which processes --- */

static int add_pids(struct list *list, const char *directory) {
        phx_autofree char *path = NULL;
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        if (asprintf(&path, "%s/cgroup.procs", directory) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = phx_file_read_at(AT_FDCWD, path, PROCS_LIMIT, &text, &size);
        if (r < 0)
                /* A cgroup that goes away, or a threaded one, has no list; its tasks are in the
                 * parent's. */
                return r == -ENOMEM ? r : 0;

        for (char *at = text, *line; (line = strsep(&at, "\n"));) {
                /* "0" is a task of another pid namespace's view: not one that we could look at. */
                if (!line[0] || strcmp(line, "0") == 0)
                        continue;
                r = phx_strings_add(&list->pids, line);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int walk(struct list *list, const char *directory, unsigned depth) {
        phx_cleanup(closedirp) DIR *opened = opendir(directory);
        const struct dirent *entry;
        int r;

        if (!opened || depth > DEPTH_LIMIT)
                return 0;
        r = add_pids(list, directory);
        while (r >= 0 && (entry = readdir(opened))) {
                phx_autofree char *inner = NULL;

                if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
                        continue;
                if (asprintf(&inner, "%s/%s", directory, entry->d_name) < 0) {
                        inner = NULL;
                        return -ENOMEM;
                }
                r = walk(list, inner, depth + 1);
        }
        return r;
}

/* NAME itself, or NAME-N where that is no other container's own. */
static bool is_payload_of(
                const char *directory,
                const char *name,
                const struct phx_strings *others) {
        const char *rest;

        if (!phx_has_prefix(directory, PAYLOAD))
                return false;
        directory += strlen(PAYLOAD);
        if (strcmp(directory, name) == 0)
                return true;
        if (!phx_has_prefix(directory, name) || phx_strings_has(others, directory))
                return false;
        rest = directory + strlen(name);
        return rest[0] == '-' && rest[1] && strspn(rest + 1, "0123456789") == strlen(rest + 1);
}

static int walk_payloads(struct list *list, const char *name, const struct phx_strings *others) {
        phx_cleanup(closedirp) DIR *root = opendir(list->roots->cgroup);
        const struct dirent *entry;
        int r = 0;

        if (!root)
                return errno == ENOENT ? 0 : phx_errno();
        while (r >= 0 && (entry = readdir(root))) {
                phx_autofree char *path = NULL;

                if (!is_payload_of(entry->d_name, name, others))
                        continue;
                if (asprintf(&path, "%s/%s", list->roots->cgroup, entry->d_name) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = walk(list, path, 0);
        }
        return r;
}

static int walk_named(struct list *list, const char *cgroup) {
        phx_autofree char *path = NULL;

        if (asprintf(&path, "%s/%s", list->roots->cgroup, cgroup) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        return walk(list, path, 0);
}

/* --- what they are --- */

/* The number behind FIELD in /proc/PID/status; LAST takes the last of several. -1 without it. */
static long status_field(const char *status, const char *field, bool last) {
        const char *at = strstr(status, field), *end;
        long value = -1;

        if (!at)
                return -1;
        at += strlen(field);
        for (end = at + strcspn(at, "\n"); at < end; at += strspn(at, "0123456789")) {
                at += strspn(at, " \t");
                if (at >= end || !isdigit((unsigned char) *at))
                        break;
                value = strtol(at, NULL, 10);
                if (!last)
                        break;
        }
        return value;
}

static bool same_program(const struct list *list, const char *pid, long parent) {
        struct stat own, of_parent;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/%s/exe", list->roots->proc, pid);
        if (stat(path, &own) < 0)
                return false;
        (void) snprintf(path, sizeof(path), "%s/%ld/exe", list->roots->proc, parent);
        if (stat(path, &of_parent) < 0)
                return false;
        return own.st_dev == of_parent.st_dev && own.st_ino == of_parent.st_ino;
}

/* A task comes in as a child of lxc-start or lxc-attach, in whose program it is until it executes
 * the container's. */
static void judge_entry(const struct list *list, const char *pid, struct phx_task *task) {
        phx_autofree char *status = NULL;
        char path[128], parent_text[32];
        size_t size = 0;
        long parent;

        (void) snprintf(path, sizeof(path), "%s/%s/status", list->roots->proc, pid);
        if (phx_file_read_at(AT_FDCWD, path, SMALL_LIMIT, &status, &size) < 0)
                return;
        parent = status_field(status, "\nPPid:", false);
        (void) snprintf(parent_text, sizeof(parent_text), "%ld", parent);
        if (parent <= 0 || phx_strings_has(&list->pids, parent_text))
                return;
        task->is_init = status_field(status, "\nNSpid:", true) == 1;
        task->is_starting = same_program(list, pid, parent);
}

/* 0 with a label, or with none when it cannot be told; -ENOENT when the task is gone. */
static int read_label(const char *directory, struct phx_task *task) {
        phx_autofree char *text = NULL;
        char path[352], *mode = NULL, *label;
        size_t size = 0;
        int r;

        (void) snprintf(path, sizeof(path), "%s/attr/apparmor/current", directory);
        r = phx_file_read_at(AT_FDCWD, path, SMALL_LIMIT, &text, &size);
        if (r == -ENOENT) {
                (void) snprintf(path, sizeof(path), "%s/attr/current", directory);
                r = phx_file_read_at(AT_FDCWD, path, SMALL_LIMIT, &text, &size);
        }
        if (r == -ENOENT || r == -ESRCH)
                return -ENOENT;
        if (r < 0)
                return r == -ENOMEM ? r : 0;

        label = aa_splitcon(text, &mode);
        if (phx_replace(&task->label, label) < 0 || phx_replace(&task->mode, mode) < 0)
                return -ENOMEM;
        return 0;
}

static int add_thread(struct list *list, const char *pid, const char *directory, bool is_leader) {
        struct phx_task task = { .pid = (pid_t) strtol(pid, NULL, 10) }, *added;
        int r;

        r = read_label(directory, &task);
        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                task_done(&task);
                return r;
        }
        if (is_leader)
                judge_entry(list, pid, &task);

        added = phx_grow(&list->tasks.items, &list->tasks.count, sizeof(*added));
        if (!added) {
                task_done(&task);
                return -ENOMEM;
        }
        *added = task;
        return 0;
}

static int add_process(struct list *list, const char *pid) {
        phx_cleanup(closedirp) DIR *threads = NULL;
        const struct dirent *entry;
        char path[256];
        int r = 0;

        (void) snprintf(path, sizeof(path), "%s/%s/task", list->roots->proc, pid);
        threads = opendir(path);
        if (!threads)
                return 0;
        while (r >= 0 && (entry = readdir(threads))) {
                char thread[300];

                if (!isdigit((unsigned char) entry->d_name[0]))
                        continue;
                (void) snprintf(thread, sizeof(thread), "%.200s/%.64s", path, entry->d_name);
                r = add_thread(list, pid, thread, strcmp(entry->d_name, pid) == 0);
        }
        return r;
}

int phx_tasks_list(
                const struct phx_task_roots *roots,
                const char *name,
                const char *cgroup,
                const struct phx_strings *others,
                struct phx_tasks *ret_tasks,
                struct phx_error *error) {
        struct list list = { .roots = roots };
        int r;

        r = cgroup && cgroup[0] ? walk_named(&list, cgroup) : walk_payloads(&list, name, others);
        for (size_t i = 0; r >= 0 && i < list.pids.count; i++)
                r = add_process(&list, list.pids.items[i]);
        phx_strings_done(&list.pids);
        if (r < 0) {
                phx_tasks_done(&list.tasks);
                return phx_error_set(
                                error,
                                r,
                                "%s: its tasks cannot be listed: %s",
                                name,
                                strerrordesc_np(-r));
        }
        *ret_tasks = list.tasks;
        return 0;
}

/* --- judging --- */

/* The part of a stack that is the host's own. */
static size_t host_length(const char *label) {
        const char *stacked = strstr(label, "//&");

        return stacked ? (size_t) (stacked - label) : strlen(label);
}

static bool is_right(const struct phx_task *task, const char *profile) {
        size_t length = host_length(task->label), wanted = strlen(profile);

        if (strcmp(profile, "unconfined") == 0)
                return !task->is_init ||
                       (length == wanted && strncmp(task->label, profile, length) == 0);
        if (!phx_equal(task->mode, "enforce") && !phx_equal(task->mode, "kill"))
                return false;
        if (length < wanted || strncmp(task->label, profile, wanted) != 0)
                return false;
        return length == wanted || (strncmp(task->label + wanted, "//", 2) == 0 &&
                                    strncmp(task->label + wanted, "//null-", 7) != 0);
}

struct phx_confinement phx_confinement_judge(const struct phx_tasks *tasks, const char *profile) {
        struct phx_confinement judged = { .is_running = tasks->count > 0 };

        for (size_t i = 0; i < tasks->count; i++) {
                const struct phx_task *task = &tasks->items[i];

                judged.tasks++;
                if (task->is_init) {
                        judged.init = task->pid;
                        if (!judged.example)
                                judged.example = task;
                }
                if (!task->label)
                        judged.unknown++;
                else if (is_right(task, profile))
                        continue;
                else if (task->is_starting)
                        judged.starting++;
                else if (judged.wrong++ == 0)
                        judged.example = task;
        }
        return judged;
}
