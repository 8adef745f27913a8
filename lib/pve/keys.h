/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The lxc.* keys that Proxmox takes from a container's file (pve-container 6.1.10; 5.3.5 has the
 * same but for lxc.environment.*). It knows no case and no values: what is wrong with a value says
 * liblxc, at the start of the container. */

#define PHX_PVE_KEY_PROFILE "lxc.apparmor.profile"
#define PHX_PVE_KEY_OLD_PROFILE "lxc.aa_profile"
#define PHX_PVE_KEY_RAW "lxc.apparmor.raw"
#define PHX_PVE_KEY_ALLOW_NESTING "lxc.apparmor.allow_nesting"
#define PHX_PVE_KEY_INCLUDE "lxc.include"
#define PHX_PVE_KEY_RUNTIME "lxc.environment.runtime"
#define PHX_PVE_KEY_IDMAP "lxc.idmap"

enum phx_pve_lxc_key {
        PHX_PVE_LXC_UNKNOWN,   /* a line with it is dropped */
        PHX_PVE_LXC_TAKEN,     /* kept, and given to liblxc */
        PHX_PVE_LXC_GENERATED, /* dropped: Proxmox derives it from other keys */
        PHX_PVE_LXC_GONE,      /* kept, and given to a liblxc that refuses the whole config */
};

/* What Proxmox does with a line of this key. liblxc since 3.0 refuses the keys that are gone;
 * lxc.cgroup.* counts as taken, which liblxc 7 ignores. */
enum phx_pve_lxc_key phx_pve_lxc_key(const char *key, size_t size);

/* Whether the SIZE bytes at START are TEXT. */
bool phx_pve_is(const char *start, size_t size, const char *text);
