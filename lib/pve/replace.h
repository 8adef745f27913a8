/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The edit of a container's config in the cluster file system. For the worker's process alone, as
 * pve/cluster.h. */

#include "pve/cluster.h"

/* Borrowed. */
struct phx_pve_replacement {
        uint32_t id;
        const char *digest; /* SHA-256 of the config that the edit was made for */
        const char *data;   /* the whole new config */
        size_t size;
        uint64_t patience_usec; /* how long Proxmox's lock is waited for */
        /* Called when the new bytes are written and not yet read again; NULL: not. */
        void (*written)(void *context, uint32_t id);
        void *context;
        const char *lock; /* a value of "lock:" that is no obstacle; NULL: any is */
};

/* Puts the new bytes in the config's place: the old config or the new one is there at any time, and
 * what another program writes meanwhile, with Proxmox's lock or without it, is never lost; ours may
 * be, and is then PHX_PVE_OUTCOME_CHANGED. Every other outcome but PHX_PVE_OUTCOME_DONE has changed
 * nothing, or nothing that Proxmox reads, or was refused when all but the empty lines at the end
 * was as wanted. Leaves no other file behind, whatever happens. */
enum phx_pve_outcome phx_pve_replace(
                const struct phx_pve_place *place,
                const struct phx_pve_replacement *edit,
                struct phx_error *error);
