/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "state/configuration.h"
#include "state/settings.h"

/* What a container needs of its profile, as far as its configuration says, and which of the shipped
 * profiles has it: the rules are those of phoenixd-profiles(7).
 *
 * Words are read as people write them: case, blanks and quotes do not count, and a list may be one
 * string. Of lxc_options those count that LXC would: an empty one clears what stands before it. */

/* Whether LINE, an item of pct_options, has Proxmox's nesting=1, however it is written. */
bool phx_needs_has_nesting(const char *line);

/* For the profile, and what is to be said of it. */
struct phx_fit {
        /* The shipped profile that has all of it, and the least besides; never "unconfined". NULL:
         * none has, or that must not be given to such a container. */
        const char *profile;
        bool wants_key; /* only together with apparmor_manages_nesting, which is not set yet */
        /* "gpu_assignment 0,1; features docker", or "no special features configured"; without a
         * profile why there is none: "no shipped profile allows /dev/kvm (lxc_options)". Owned. */
        char *why;
};

/* POLICY is the setting policy_namespace. 0 or -ENOMEM. */
int phx_fit_of(const struct phx_container_config *container,
               enum phx_namespace_policy policy,
               struct phx_fit *ret_fit);
void phx_fit_done(struct phx_fit *fit);
