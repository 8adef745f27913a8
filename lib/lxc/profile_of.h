/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "lxc/decider.h"

/* The value of lxc.apparmor.profile that the config at PATH gives, with all that it includes: "" is
 * none. Without liblxc: for who cannot wait for it. RET_DECIDER: the file and line that say so, as
 * phx_lxc_decide(). Both are the caller's. A negative errno when the config, or what it includes,
 * cannot be read whole. */
int phx_lxc_profile_of(
                const char *path,
                char **ret_profile,
                struct phx_lxc_decider *ret_decider,
                struct phx_error *error);
