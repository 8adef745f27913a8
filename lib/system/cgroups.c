#include "system/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"

/* A host's whole process table fits. */
#define PROCS_LIMIT ((size_t) 16 * 1024 * 1024)
#define DEPTH_LIMIT 64

static const char payload[] = "lxc.payload.";

void phx_pids_done(struct phx_pids *pids) {
        free(pids->items);
        *pids = (struct phx_pids){ 0 };
}

static int compare_pids(const void *a, const void *b) {
        pid_t left = *(const pid_t *) a, right = *(const pid_t *) b;

        return left < right ? -1 : left > right;
}

bool phx_pids_has(const struct phx_pids *pids, pid_t pid) {
        return pids->count > 0 &&
               bsearch(&pid, pids->items, pids->count, sizeof(pid), compare_pids) != NULL;
}

/* A process that moved while the cgroups were read may be in two of them. */
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

/* A cgroup may vanish at any time, and reads then say so in three ways; a threaded one lists its
 * processes in the one above it only. */
static bool is_passed_over(int r) {
        return r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP;
}

static int read_procs(int dir_fd, struct phx_pids *pids) {
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_file_read_at(dir_fd, "cgroup.procs", PROCS_LIMIT, &text, &size);
        if (r < 0)
                return is_passed_over(r) ? 0 : r;

        for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                long pid = strtol(line, NULL, 10);
                pid_t *item;

                if (pid <= 0)
                        continue;
                item = phx_grow(&pids->items, &pids->count, sizeof(*item));
                if (!item)
                        return -ENOMEM;
                *item = (pid_t) pid;
        }
        return 0;
}

static void closedirp(DIR **directory) {
        if (*directory)
                (void) closedir(*directory);
}

static int open_directory(int parent_fd, const char *name, DIR **ret_directory) {
        phx_autoclose int fd = -1;
        DIR *directory;

        fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return phx_errno();
        directory = fdopendir(fd);
        if (!directory)
                return phx_errno();
        (void) PHX_TAKE_FD(fd);
        *ret_directory = directory;
        return 0;
}

static int read_tree(int parent_fd, const char *name, unsigned depth, struct phx_pids *pids) {
        phx_cleanup(closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int r;

        if (depth > DEPTH_LIMIT)
                return -ELOOP;
        r = open_directory(parent_fd, name, &directory);
        if (r < 0 || !directory)
                return is_passed_over(r) || r == -ENOTDIR ? 0 : r;
        r = read_procs(dirfd(directory), pids);
        while (r >= 0 && (entry = readdir(directory)))
                if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
                        r = read_tree(dirfd(directory), entry->d_name, depth + 1, pids);
        return r;
}

static bool is_number(const char *text) {
        return text[0] && strspn(text, "0123456789") == strlen(text);
}

static bool is_payload_of(const struct phx_task_query *query, const char *entry) {
        const char *name = entry + strlen(payload), *rest;

        if (!phx_has_prefix(entry, payload) || !phx_has_prefix(name, query->name))
                return false;
        rest = name + strlen(query->name);
        if (rest[0] == '\0')
                return true;
        return rest[0] == '-' && is_number(rest + 1) &&
               !(query->others && phx_strings_has(query->others, name));
}

static int read_payloads(
                int root_fd,
                const char *parent,
                const struct phx_task_query *query,
                struct phx_pids *pids) {
        phx_cleanup(closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int r;

        r = open_directory(root_fd, parent, &directory);
        if (r < 0 || !directory)
                return is_passed_over(r) || r == -ENOTDIR ? 0 : r;
        while (r >= 0 && (entry = readdir(directory)))
                if (is_payload_of(query, entry->d_name))
                        r = read_tree(dirfd(directory), entry->d_name, 0, pids);
        return r;
}

static const char *relative(const char *path) {
        return path + strspn(path, "/");
}

/* "0::/PATH" of init: up to the container's own cgroup, in which init may have made more. "" when
 * that is not to be told. */
static int find_cgroup_of(const struct phx_task_roots *roots, pid_t init, char **ret_path) {
        phx_autofree char *name = NULL;
        phx_autofree char *text = NULL;
        char *path, *end;
        size_t size = 0;
        int r;

        if (asprintf(&name, "%s/%d/cgroup", roots->proc, (int) init) < 0) {
                name = NULL;
                return -ENOMEM;
        }
        r = phx_file_read_at(AT_FDCWD, name, PROCS_LIMIT, &text, &size);
        if (r < 0)
                return is_passed_over(r) || r == -ESRCH ? phx_replace(ret_path, "") : r;

        path = strstr(text, "0::/");
        if (!path)
                return phx_replace(ret_path, "");
        path += strlen("0::/");
        path[strcspn(path, "\n")] = '\0';
        end = strstr(path, payload);
        if (end && (end = strchr(end, '/')))
                *end = '\0';
        return phx_replace(ret_path, path);
}

static int read_hierarchy(
                int root_fd,
                const struct phx_task_query *query,
                const char *init_path,
                struct phx_pids *pids) {
        const char *parent = query->cgroup_dir && query->cgroup_dir[0] ? query->cgroup_dir : ".";
        int r;

        if (query->cgroup_container && query->cgroup_container[0])
                r = read_tree(root_fd, relative(query->cgroup_container), 0, pids);
        else
                r = read_payloads(root_fd, relative(parent), query, pids);
        /* An empty path would be the whole host's. */
        if (r >= 0 && pids->count == 0 && init_path && init_path[0])
                r = read_tree(root_fd, relative(init_path), 0, pids);
        return r;
}

int phx_cgroups_pids(
                const struct phx_task_roots *roots,
                const struct phx_task_query *query,
                struct phx_pids *ret_pids,
                struct phx_error *error) {
        /* Version 2 alone; beside version 1; version 1 as systemd has it. */
        static const char *const hierarchies[] = { ".", "unified", "systemd" };
        phx_cleanup(phx_pids_done) struct phx_pids pids = { 0 };
        phx_autofree char *init_path = NULL;
        phx_autoclose int fd = open(roots->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = 0;

        if (fd < 0)
                return phx_error_errno(error, roots->cgroup);
        if (query->init > 0)
                r = find_cgroup_of(roots, query->init, &init_path);

        for (size_t i = 0; r >= 0 && pids.count == 0 && i < PHX_ELEMENTS(hierarchies); i++) {
                phx_autoclose int root_fd =
                                openat(fd, hierarchies[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                if (root_fd >= 0)
                        r = read_hierarchy(root_fd, query, init_path, &pids);
        }
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: its cgroup below %s: %s",
                                query->name,
                                roots->cgroup,
                                strerrordesc_np(-r));

        sort_pids(&pids);
        *ret_pids = pids;
        pids.items = NULL;
        return 0;
}
