/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/configuration.h"
#include "state/desired.h"

/* Gives DESIRED, a container of plain LXC, the options that start it at boot as CONFIG says: one
 * for each of the three keys that the entry has. An item of lxc_options with such a key is left
 * out, and noted where it says something else. 0 or -ENOMEM. */
int phx_desire_autostart(
                const struct phx_container_config *config,
                struct phx_desired_container *desired);
