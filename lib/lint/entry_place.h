/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/configuration.h"
#include "state/lint.h"

/* Where an entry stands in the configuration, and what of it the rules look at. */

#define PHX_ENTRY_PROFILE "apparmor_profile"
#define PHX_ENTRY_OPTIONS "lxc_options"
#define PHX_ENTRY_GPU "gpu_assignment"

/* The options that a rule looks at: no other may decide anything, see phx_lint_entry_text(). */
#define PHX_ENTRY_DROP "lxc.cap.drop"
#define PHX_ENTRY_DEVICES "lxc.cgroup2.devices.allow"
#define PHX_ENTRY_OLD_DEVICES "lxc.cgroup.devices.allow"
#define PHX_ENTRY_AUTO "lxc.mount.auto"
#define PHX_ENTRY_MOUNT "lxc.mount.entry"

/* Says of LINT that it is about KEY of CONFIG, and where that is. OPTION is the item of lxc_options
 * that it is about; NULL: none. 0 or -ENOMEM. */
int phx_entry_place(
                struct phx_lint *lint,
                const struct phx_container_config *config,
                const char *key,
                const struct phx_lxc_option *option);
