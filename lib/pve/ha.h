/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which containers Proxmox's HA manager starts and stops: ROOT/ha/resources.cfg. Such a container
 * is not to be restarted behind its back. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "pve/cluster.h"

#define PHX_PVE_HA_DIRECTORY "ha"
#define PHX_PVE_HA_FILE "resources.cfg"

/* The zero value has none, and was read from no file. */
struct phx_pve_ha {
        uint32_t *ids; /* ascending */
        size_t count;
        /* The file that they were read from, as it was then. */
        struct {
                bool is_there;
                bool is_young; /* so young that a later change may not show in SIZE and TIME */
                int64_t size;
                time_t time;
        } file;
};

/* Any bytes are a file: 0 or -ENOMEM. Virtual machines, and containers whose state is "ignored",
 * are left out. */
int phx_pve_ha_parse(const char *data, size_t size, struct phx_pve_ha *ret_ha);
bool phx_pve_ha_has(const struct phx_pve_ha *ha, uint32_t id);
void phx_pve_ha_done(struct phx_pve_ha *ha);

/* For the worker's process alone, as pve/cluster.h. Reads the file again if it is not the one that
 * HA was read from; no file has no containers. On any outcome but PHX_PVE_OUTCOME_DONE, HA is as it
 * was. */
enum phx_pve_outcome phx_pve_ha_read(
                const struct phx_pve_place *place,
                struct phx_pve_ha *ha,
                struct phx_error *error);
