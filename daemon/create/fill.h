/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "create/create.h"

/* The directory of a container that has its root file system. */
#define FILL_ROOTFS "rootfs"
/* As many users as an unprivileged container has. */
#define FILL_IDS 65536U

/* Where the new container is made. */
struct fill_place {
        const struct phx_trust *trust;
        int fd;      /* its root file system, which is empty */
        int kept_fd; /* the lock, see run.h */
};

/* The first of FILL_IDS users and groups that /etc/subuid and /etc/subgid give to root. -ENOENT
 * with what is missing. */
int fill_find_ids(unsigned *ret_first, struct phx_error *error);

/* Unpacks the archive. */
int fill_from_template(
                const struct fill_place *place,
                const struct create_order *order,
                unsigned first,
                struct phx_error *error);

/* Opens the root file system of another container. What lies above it is judged; it may itself
 * belong to a user of that container. */
int fill_open_rootfs(
                const struct phx_trust *trust,
                const char *path,
                int *ret_fd,
                struct phx_error *error);

/* Copies it. */
int fill_from_source(const struct fill_place *place, int rootfs_fd, struct phx_error *error);

/* Gives it the name in its file, if it has one: a clone would have the other's. 0, or a negative
 * errno with its text. */
int fill_hostname(int rootfs_fd, const char *hostname, struct phx_error *error);
