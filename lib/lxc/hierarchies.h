/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The trees of cgroups that a machine has, and how a directory of one is read. */

#include <dirent.h>
#include <stddef.h>

#include "base/strings.h"

#define PHX_CGROUP_PAYLOAD "lxc.payload."

/* "." is version 2; else each directory is a hierarchy of version 1, or, beside those, of version
 * 2: "unified". */
struct phx_hierarchy {
        char *name;
        int fd;
        struct phx_strings payloads; /* the names of containers' cgroups at its top, sorted */
};

struct phx_cgroups {
        struct phx_hierarchy *items;
        size_t count;
};

/* 0 or a negative errno; symbolic links are not followed. */
int phx_cgroup_open(int parent_fd, const char *name, DIR **ret_directory);
void phx_cgroup_closep(DIR **directory);

/* The next directory, whatever its name; NULL behind the last one, or with a negative errno when
 * the rest is not to be had. File systems that do not tell what an entry is leave it to who opens
 * it. Borrowed until the next. */
const char *phx_cgroup_next(DIR *directory, int *ret_code);

/* The names in it that are containers' cgroups, sorted. */
int phx_cgroup_payloads(DIR *directory, struct phx_strings *payloads);
