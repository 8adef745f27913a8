/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "codec/json.h"
#include "state/configuration.h"

/* Reads lxc_options into CONTAINER's options and notes. Its profile and manages_nesting must have
 * been read before: an option that contradicts them is left out, and a note says so. */
int phx_configuration_read_options(
                struct phx_container_config *container,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error);

/* Whether TEXT, an item of lxc_options, would be passed over or left out by one of them: it names a
 * profile, or a nesting that the profile does already. */
bool phx_configuration_leaves_out(const char *text, bool manages_nesting);
