/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which containers this node has. For the worker's process alone, as pve/cluster.h. */

#include "pve/cluster.h"

/* The config of a container need not be opened while START_TIME of its list, the node and VERSION
 * are what they were; a version is compared for being another, not for being higher. */
struct phx_pve_listed {
        uint32_t id;
        uint32_t is_in_ha; /* 1: Proxmox's HA manager has it, see pve/ha.h; else 0 */
        uint64_t version;  /* 0: not known, and its config is to be read each time */
};

/* By id, ascending. The zero value is an empty list. */
struct phx_pve_list {
        uint64_t start_time;
        char node[PHX_PVE_NODE_SIZE];
        bool is_quorate; /* as in struct phx_pve_state */
        struct phx_pve_listed *items;
        size_t count;
        uint32_t *away; /* the containers of other nodes, ascending */
        size_t away_count;
};
void phx_pve_list_done(struct phx_pve_list *list);
/* NULL when it is not there. */
const struct phx_pve_listed *phx_pve_list_find(const struct phx_pve_list *list, uint32_t id);

/* The ids of a list, borrowed. */
struct phx_pve_ids {
        const uint32_t *here;
        size_t here_count;
        const uint32_t *away;
        size_t away_count;
};

/* What .vmlist or the directory of this node's containers has. KNOWN is of the last list: one of
 * them is left out only when it was absent from both four times, with 100 ms in between; one that
 * is said to be on another node is away. KNOWN is NULL when there was no list before: then it looks
 * twice. None of them is in HA yet. */
enum phx_pve_outcome phx_pve_list_guests(
                const struct phx_pve_place *place,
                const struct phx_pve_ids *known,
                struct phx_pve_list *ret_list,
                struct phx_error *error);
