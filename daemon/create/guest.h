/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "create/create.h"
#include "pve/cluster.h"

/* A container of Proxmox, created by Proxmox's own command: complete, or absent after the next
 * run. Any call may wait for the cluster file system without end. */
struct guest_host {
        struct phx_pve_place place;
        const char *pct;     /* the command */
        const char *records; /* the directory of create/guest_record.h; made if it is missing */
        uint64_t wait_usec;  /* how long what passes is waited for */
        const struct phx_trust *trust; /* of an archive that is named by its path */
};

/* Waits for other creations to end. ORDER's LXC_PATH is not used, its NAME is a number, and its
 * LINES are "lxc.KEY=VALUE"; KEYS are "KEY=VALUE", see phx_creation_keys(). 0, also when the
 * container is there already; or a negative errno with its text, and then nothing of it is left, or
 * the record of it stays. */
int guest_create(
                const struct guest_host *host,
                const struct create_order *order,
                const struct phx_strings *keys,
                struct phx_error *error);

/* Completes or removes what earlier ones have left, as their records say. Removes no container but
 * one that is proved to be of such a creation, and was never unlocked: see guest.c. 0 or a negative
 * errno, with the text of the first that failed. */
int guest_clean(const struct guest_host *host, struct phx_error *error);
