/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/hierarchies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"
#include "lxc/cgroups.h"

void phx_cgroup_closep(DIR **directory) {
        if (*directory)
                (void) closedir(*directory);
}

int phx_cgroup_open(int parent_fd, const char *name, DIR **ret_directory) {
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

const char *phx_cgroup_next(DIR *directory, int *ret_code) {
        const struct dirent *entry;

        do {
                errno = 0;
                entry = readdir(directory);
        } while (entry && ((entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) ||
                           strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
        *ret_code = entry || errno == 0 ? 0 : -errno;
        return entry ? entry->d_name : NULL;
}

static void hierarchy_done(struct phx_hierarchy *hierarchy) {
        free(hierarchy->name);
        phx_closep(&hierarchy->fd);
        phx_strings_done(&hierarchy->payloads);
        *hierarchy = (struct phx_hierarchy){ .fd = -1 };
}

struct phx_cgroups *phx_cgroups_close(struct phx_cgroups *cgroups) {
        if (!cgroups)
                return NULL;

        for (size_t i = 0; i < cgroups->count; i++)
                hierarchy_done(&cgroups->items[i]);
        free(cgroups->items);
        free(cgroups);

        return NULL;
}

/* Its own, or as liblxc makes it when that one is taken. */
static bool payload_is_of(const struct phx_strings *names, const char *payload) {
        const char *name = payload + strlen(PHX_CGROUP_PAYLOAD), *dash = strrchr(name, '-');
        phx_autofree char *own = NULL;

        if (phx_strings_has_sorted(names, name))
                return true;
        if (!dash || !dash[1] || dash[1 + strspn(dash + 1, "0123456789")])
                return false;
        own = strndup(name, (size_t) (dash - name));
        return own && phx_strings_has_sorted(names, own);
}

bool phx_cgroups_have_others(const struct phx_cgroups *cgroups, const struct phx_strings *names) {
        for (size_t i = 0; i < cgroups->count; i++) {
                const struct phx_strings *payloads = &cgroups->items[i].payloads;

                for (size_t j = 0; j < payloads->count; j++)
                        if (!payload_is_of(names, payloads->items[j]))
                                return true;
        }
        return false;
}

int phx_cgroup_payloads(DIR *directory, struct phx_strings *payloads) {
        const char *name;
        int r = 0, code = 0;

        while (r >= 0 && (name = phx_cgroup_next(directory, &code)))
                if (phx_has_prefix(name, PHX_CGROUP_PAYLOAD))
                        r = phx_strings_add(payloads, name);
        phx_strings_sort(payloads);
        return r < 0 ? r : code;
}

static int add_hierarchy(struct phx_cgroups *cgroups, int root_fd, const char *name) {
        phx_cleanup(hierarchy_done) struct phx_hierarchy new = { .fd = -1 };
        phx_cleanup(phx_cgroup_closep) DIR *directory = NULL;
        struct phx_hierarchy *hierarchy;
        int r;

        r = phx_cgroup_open(root_fd, name, &directory);
        if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
                return 0;
        if (r >= 0)
                r = phx_replace(&new.name, name);
        if (r >= 0)
                r = phx_cgroup_payloads(directory, &new.payloads);
        if (r < 0)
                return r;
        new.fd = fcntl(dirfd(directory), F_DUPFD_CLOEXEC, 0);
        if (new.fd < 0)
                return phx_errno();

        hierarchy = phx_grow(&cgroups->items, &cgroups->count, sizeof(*hierarchy));
        if (!hierarchy)
                return -ENOMEM;
        *hierarchy = PHX_TAKE_STRUCT(new);
        new.fd = -1;
        return 0;
}

/* Links are second names of hierarchies of several controllers. */
static int add_version_1(struct phx_cgroups *cgroups, int root_fd) {
        phx_cleanup(phx_cgroup_closep) DIR *directory = NULL;
        const char *name;
        int r, code = 0;

        r = phx_cgroup_open(root_fd, ".", &directory);
        while (r >= 0 && (name = phx_cgroup_next(directory, &code)))
                r = phx_has_prefix(name, "lxc.") ? 0 : add_hierarchy(cgroups, root_fd, name);
        return r < 0 ? r : code;
}

int phx_cgroups_open(const char *path, struct phx_cgroups **ret_cgroups, struct phx_error *error) {
        phx_cleanup(phx_cgroups_closep) struct phx_cgroups *cgroups = calloc(1, sizeof(*cgroups));
        phx_autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (!cgroups)
                return -ENOMEM;
        if (fd < 0)
                return phx_error_errno(error, path);
        r = add_hierarchy(cgroups, fd, ".");
        if (r >= 0 && faccessat(fd, "cgroup.controllers", F_OK, 0) < 0)
                r = add_version_1(cgroups, fd);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));
        *ret_cgroups = PHX_TAKE(cgroups);
        return 0;
}
