/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A container may make cgroups of its own below the one that it got: as many as it likes, of any
 * name and depth, and while they are being read. So every directory is read, and what is not (too
 * many, too deep, refused, gone each time) is counted: something may run in it.
 *
 * A cgroup can be removed only when it is empty. Its processes have ended then, or were moved to
 * another one, which may have been read before: when one vanishes, the walk begins again.
 *
 * The walk through one container (struct walk) collects numbers of processes without order; they
 * are sorted and made unique at the end, as a process that moves is seen twice, and version 1
 * lists it in each hierarchy. A cgroup that vanishes sets `vanished`, and the whole walk is made
 * again, a few times; if the container is never at rest, that is counted as unread. `unread` says
 * for how many cgroups it is not known what runs in them: callers must then not say that all tasks
 * are confined.
 *
 * Each directory is opened by its name in the one above, never by a whole path: a container may
 * remove and make cgroups while they are read. */

#include "lxc/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/sorted.h"
#include "base/strings.h"
#include "lxc/hierarchies.h"

/* A host's whole process table fits. */
#define PROCS_LIMIT ((size_t) 16 * 1024 * 1024)
/* Each level holds a descriptor, of which a process has 1024 by default. */
#define DEPTH_LIMIT 128
/* Of one container. A host with a thousand services has two thousand. */
#define CGROUPS_LIMIT 16384
#define TRIES 5

/* One container's way through its cgroups. */
struct walk {
        enum phx_cgroups_list list;
        const struct phx_hierarchy *hierarchy;
        struct phx_pids *pids;
        unsigned left; /* cgroups that may still be read */
        bool vanished;
};

void phx_pids_done(struct phx_pids *pids) {
        free(pids->items);
        free(pids->unread_why);
        *pids = (struct phx_pids){ 0 };
}

static int compare_pids(const void *a, const void *b) {
        pid_t left = *(const pid_t *) a, right = *(const pid_t *) b;

        return left < right ? -1 : left > right;
}

bool phx_pids_has(const struct phx_pids *pids, pid_t pid) {
        return phx_find_sorted(&pid, pids->items, pids->count, sizeof(pid), compare_pids) != NULL;
}

/* A process that moved while the cgroups were read may be in two of them, and is in each of several
 * hierarchies. */
static void sort_pids(struct phx_pids *pids) {
        size_t kept = 0;

        if (pids->count < 2)
                return;
        qsort(pids->items, pids->count, sizeof(*pids->items), compare_pids);
        for (size_t i = 1; i < pids->count; i++)
                if (pids->items[i] != pids->items[kept])
                        pids->items[++kept] = pids->items[i];
        pids->count = kept + 1;
}

/* Names are the container's own to choose. */
static int note_unread(struct walk *walk, const char *name, const char *why) {
        struct phx_pids *pids = walk->pids;
        phx_autofree char *shown = NULL;
        int r;

        if (pids->unread++ > 0)
                return 0;
        r = phx_escape(name, &shown);
        if (r < 0)
                return r;
        return phx_printf(&pids->unread_why, "its cgroup '%.255s': %s", shown, why);
}

static int note_code(struct walk *walk, const char *name, int code) {
        return code == -ENOMEM ? code : note_unread(walk, name, strerrordesc_np(-code));
}

/* Reads and opens say in two ways that a cgroup is gone. */
static bool cgroups_is_gone(int code) {
        return code == -ENOENT || code == -ENODEV;
}

static int cgroups_read_file(struct walk *walk, int dir_fd, unsigned depth, char **ret_text) {
        static const char *const files[][2] = {
                [PHX_CGROUPS_PROCESSES] = { "cgroup.procs", "cgroup.threads" },
                [PHX_CGROUPS_THREADS] = { "cgroup.threads", "tasks" },
        };
        size_t size = 0;
        int r;

        r = phx_file_read_at(dir_fd, files[walk->list][0], PROCS_LIMIT, ret_text, &size);
        /* Below the top the process is listed where its threads are kept together. */
        if (r == -EOPNOTSUPP && depth == 0)
                walk->pids->is_threaded = true;
        if (r == -EOPNOTSUPP || (r == -ENOENT && walk->list == PHX_CGROUPS_THREADS))
                r = phx_file_read_at(dir_fd, files[walk->list][1], PROCS_LIMIT, ret_text, &size);
        return r;
}

static int read_members(struct walk *walk, int dir_fd, const char *name, unsigned depth) {
        phx_autofree char *text = NULL;
        int r;

        r = cgroups_read_file(walk, dir_fd, depth, &text);
        if (cgroups_is_gone(r)) {
                walk->vanished = true;
                return 0;
        }
        if (r < 0)
                return note_code(walk, name, r);

        for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                long pid = strtol(line, NULL, 10);
                pid_t *item;

                if (pid <= 0)
                        continue;
                item = phx_grow(&walk->pids->items, &walk->pids->count, sizeof(*item));
                if (!item)
                        return -ENOMEM;
                *item = (pid_t) pid;
        }
        return 0;
}

/* Whether something runs in it or below; in doubt it does. */
static bool is_populated(int parent_fd, const char *name) {
        phx_autofree char *text = NULL;
        phx_autoclose int fd = -1;
        size_t size = 0;

        fd = openat(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno != ENOENT && errno != ENOTDIR;
        if (phx_file_read_at(fd, "cgroup.events", PROCS_LIMIT, &text, &size) < 0)
                return true;
        return !strstr(text, "populated 0\n");
}

static int read_tree(struct walk *walk, int parent_fd, const char *name, unsigned depth);

static int read_opened(struct walk *walk, DIR *directory, const char *name, unsigned depth) {
        const char *child;
        int r, code = 0;

        r = read_members(walk, dirfd(directory), name, depth);
        while (r >= 0 && (child = phx_cgroup_next(directory, &code)))
                r = read_tree(walk, dirfd(directory), child, depth + 1);
        if (cgroups_is_gone(code))
                walk->vanished = true;
        else if (r >= 0 && code < 0)
                r = note_code(walk, name, code);
        return r;
}

static int read_tree(struct walk *walk, int parent_fd, const char *name, unsigned depth) {
        phx_cleanup(phx_cgroup_closep) DIR *directory = NULL;
        int r;

        if (depth > DEPTH_LIMIT || walk->left == 0) {
                if (!is_populated(parent_fd, name))
                        return 0;
                return note_unread(
                                walk,
                                name,
                                depth > DEPTH_LIMIT ? "is nested too deep to read"
                                                    : "found too many cgroups to read");
        }
        walk->left--;

        r = phx_cgroup_open(parent_fd, name, &directory);
        if (r == -ENOTDIR || r == -ELOOP)
                return 0;
        if (cgroups_is_gone(r)) {
                /* At the top: it does not run. */
                walk->vanished = walk->vanished || depth > 0;
                return 0;
        }
        return r < 0 ? note_code(walk, name, r) : read_opened(walk, directory, name, depth);
}

static bool is_number(const char *text) {
        return text[0] && strspn(text, "0123456789") == strlen(text);
}

static bool is_payload_of(const struct phx_task_query *query, const char *entry) {
        const char *name = entry + strlen(PHX_CGROUP_PAYLOAD), *rest;

        if (!phx_has_prefix(entry, PHX_CGROUP_PAYLOAD) || !phx_has_prefix(name, query->name))
                return false;
        rest = name + strlen(query->name);
        if (rest[0] == '\0')
                return true;
        return rest[0] == '-' && is_number(rest + 1) &&
               !(query->others && phx_strings_has_sorted(query->others, name));
}

static int cgroups_compare_payload(const void *name, const void *item) {
        const char *const *payload = item;

        return strcmp(name, *payload + strlen(PHX_CGROUP_PAYLOAD));
}

static int read_payloads(
                struct walk *walk,
                int parent_fd,
                const struct phx_strings *payloads,
                const struct phx_task_query *query) {
        size_t own = phx_lower_bound(
                        query->name,
                        payloads->items,
                        payloads->count,
                        sizeof(*payloads->items),
                        cgroups_compare_payload);
        int r = 0;

        for (size_t i = own; r >= 0 && i < payloads->count; i++) {
                const char *name = payloads->items[i];

                if (!phx_has_prefix(name + strlen(PHX_CGROUP_PAYLOAD), query->name))
                        break;
                if (is_payload_of(query, name))
                        r = read_tree(walk, parent_fd, name, 0);
        }
        return r;
}

static const char *cgroups_relative(const char *path) {
        return path + strspn(path, "/");
}

static int read_payloads_in(
                struct walk *walk,
                const char *parent,
                const struct phx_task_query *query) {
        phx_cleanup(phx_strings_done) struct phx_strings payloads = { 0 };
        phx_cleanup(phx_cgroup_closep) DIR *directory = NULL;
        int r;

        r = phx_cgroup_open(walk->hierarchy->fd, parent, &directory);
        if (cgroups_is_gone(r) || r == -ENOTDIR || r == -ELOOP)
                return 0;
        if (r >= 0)
                r = phx_cgroup_payloads(directory, &payloads);
        if (r < 0)
                return note_code(walk, parent, r);
        return read_payloads(walk, dirfd(directory), &payloads, query);
}

/* Of "NUMBER:CONTROLLERS:PATH": version 2 names none, a hierarchy of version 1 is mounted under
 * their name. */
static bool is_line_of(
                const struct phx_hierarchy *hierarchy,
                const char *line,
                const char **ret_path) {
        const char *controllers = strchr(line, ':'), *path;
        size_t size;

        path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
                return false;
        controllers++;
        size = (size_t) (path - controllers);
        *ret_path = path + 1;
        if (size == 0)
                return strcmp(hierarchy->name, ".") == 0 || strcmp(hierarchy->name, "unified") == 0;
        if (phx_has_prefix(controllers, "name=")) {
                controllers += strlen("name=");
                size -= strlen("name=");
        }
        return strlen(hierarchy->name) == size && memcmp(hierarchy->name, controllers, size) == 0;
}

/* Up to the container's own cgroup, in which init may have made more. NULL when that is not
 * known; else within TEXT. */
static char *cgroups_find_path(const struct phx_hierarchy *hierarchy, char *text) {
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                const char *path = NULL;
                char *end;

                if (!is_line_of(hierarchy, line, &path))
                        continue;
                line += path - line;
                end = strstr(line, PHX_CGROUP_PAYLOAD);
                if (end && (end = strchr(end, '/')))
                        *end = '\0';
                return line;
        }
        return NULL;
}

/* For a container whose cgroup is elsewhere. An empty path would be the whole host's. */
static int read_cgroup_of(struct walk *walk, const char *proc, pid_t init) {
        phx_autofree char *name = NULL;
        phx_autofree char *text = NULL;
        const char *path;
        size_t size = 0;
        int r;

        if (phx_printf(&name, "%s/%d/cgroup", proc, (int) init) < 0)
                return -ENOMEM;
        r = phx_file_read_at(AT_FDCWD, name, PROCS_LIMIT, &text, &size);
        if (cgroups_is_gone(r) || r == -ESRCH)
                return 0;
        if (r < 0)
                return note_code(walk, name, r);
        path = cgroups_find_path(walk->hierarchy, text);
        return path && cgroups_relative(path)[0]
                               ? read_tree(walk, walk->hierarchy->fd, cgroups_relative(path), 0)
                               : 0;
}

static int read_hierarchy(struct walk *walk, const char *proc, const struct phx_task_query *query) {
        size_t before = walk->pids->count;
        int r;

        if (query->cgroup_container && query->cgroup_container[0])
                r = read_tree(walk,
                              walk->hierarchy->fd,
                              cgroups_relative(query->cgroup_container),
                              0);
        else if (query->cgroup_dir && cgroups_relative(query->cgroup_dir)[0])
                r = read_payloads_in(walk, cgroups_relative(query->cgroup_dir), query);
        else
                r = read_payloads(walk, walk->hierarchy->fd, &walk->hierarchy->payloads, query);
        if (r >= 0 && walk->pids->count == before && query->init > 0)
                r = read_cgroup_of(walk, proc, query->init);
        return r;
}

static int cgroups_read_all(
                const struct phx_cgroups *cgroups,
                const char *proc,
                const struct phx_task_query *query,
                struct walk *walk) {
        for (size_t i = 0; i < cgroups->count; i++) {
                int r;

                walk->hierarchy = &cgroups->items[i];
                r = read_hierarchy(walk, proc, query);
                if (r < 0)
                        return r;
        }
        return 0;
}

int phx_cgroups_pids(
                const struct phx_cgroups *cgroups,
                const char *proc,
                const struct phx_task_query *query,
                enum phx_cgroups_list list,
                struct phx_pids *ret_pids) {
        phx_cleanup(phx_pids_done) struct phx_pids pids = { 0 };
        struct walk walk = { .list = list, .pids = &pids, .left = CGROUPS_LIMIT };
        int r = 0, tries = 0;

        /* What may be read is not more for those who make us begin again. */
        do {
                phx_pids_done(&pids);
                walk.vanished = false;
                r = cgroups_read_all(cgroups, proc, query, &walk);
        } while (r >= 0 && walk.vanished && walk.left > 0 && ++tries < TRIES);
        if (r >= 0 && walk.vanished)
                r = note_unread(&walk, query->name, "changes too often to read");
        if (r < 0)
                return r;

        sort_pids(&pids);
        *ret_pids = pids;
        pids = (struct phx_pids){ 0 };
        return 0;
}
