/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "codec/json.h"
#include "state/configuration.h"

/* What an id looks like: see phx_is_container_id(). */
#define PHX_ID_EXPECTED "1 to 64 letters, digits, '.', '_' and '-', the first a letter or a digit"

/* The keys of a container that phoenixd reads. INDEX counts from 0, NULL behind the last one. */
const char *phx_configuration_key(size_t index);

/* Reads all of them from OBJECT, which is at ENTRY. CONTAINER has its id and the default profile.
 */
int phx_configuration_read_fields(
                struct phx_container_config *container,
                const struct phx_json_place *entry,
                const json_t *object,
                struct phx_error *error);
