/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "codec/json_refuse.h"
#include "state/configuration.h"

/* What no container can be asked alone: dependencies on itself or round in a circle, which are
 * refused, and on what is not in the file, which is a warning. CONFIGURATION is sorted by id;
 * ENTRIES is the place of lxc_configs. */
int phx_configuration_check(
                const struct phx_json_place *entries,
                const struct phx_configuration *configuration,
                struct phx_error *error);
