/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "codec/json.h"
#include "state/configuration.h"

/* The one of them whose members are read. */
#define PHX_CONFIGURATION_NETWORK "network_config"
#define PHX_CONFIGURATION_VOLUMES "volumes"
#define PHX_CONFIGURATION_ZFS_VOLUMES "zfs_volumes"

/* The keys of a container that are read for its creation alone. INDEX counts from 0, NULL behind
 * the last one. */
const char *phx_configuration_creation_key(size_t index);

/* Reads them, if the entry asks for its container to be created: else they are other programs'
 * alone, and may hold anything. */
int phx_configuration_read_creation(
                struct phx_container_config *container,
                const struct phx_json_place *entry,
                const json_t *object,
                struct phx_error *error);
