/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files that Proxmox's cluster file system makes itself, which are JSON: .vmlist, .members and
 * .version. What they do not need to say for us is passed over, whatever it is. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* One guest of the cluster, as .vmlist has it. */
struct phx_pve_guest {
        uint32_t id;
        bool is_lxc;      /* otherwise a virtual machine, or what OpenVZ left */
        uint64_t version; /* another one after each change of its config; 0: not known */
        char *node;       /* owned */
};

/* By id, ascending. The zero value is an empty list. */
struct phx_pve_guests {
        struct phx_pve_guest *items;
        size_t count;
};
void phx_pve_guests_done(struct phx_pve_guests *guests);
/* NULL when it is not there. */
const struct phx_pve_guest *phx_pve_guests_find(const struct phx_pve_guests *guests, uint32_t id);

/* A guest's number as Proxmox writes it: 1 to 4294967295, no sign, no zero in front. False when the
 * SIZE bytes are anything else. */
bool phx_pve_parse_id(const char *text, size_t size, uint32_t *ret_id);

/* DATA has SIZE bytes; FILE is for messages. An entry that is no guest is passed over. 0, -EINVAL
 * when it is no such JSON, or -ENOMEM. */
int phx_pve_vmlist_parse(
                const char *file,
                const char *data,
                size_t size,
                struct phx_pve_guests *ret_guests,
                struct phx_error *error);

/* .members: whether there is a cluster, or this node alone. */
int phx_pve_members_parse(
                const char *file,
                const char *data,
                size_t size,
                bool *ret_is_cluster,
                struct phx_error *error);

/* .version: when the server was started, in seconds since 1970. */
int phx_pve_version_parse(
                const char *file,
                const char *data,
                size_t size,
                uint64_t *ret_start_time,
                struct phx_error *error);
