/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The lxc.* keys that Proxmox takes from a container's file (measured with pve-container 6.1.10).
 * It compares them with their case, and does not look at values: what is wrong with one liblxc
 * says, at the start of the container. */

#define PHX_PVE_KEY_PROFILE "lxc.apparmor.profile"
#define PHX_PVE_KEY_OLD_PROFILE "lxc.aa_profile"
#define PHX_PVE_KEY_RAW "lxc.apparmor.raw"
#define PHX_PVE_KEY_ALLOW_NESTING "lxc.apparmor.allow_nesting"
#define PHX_PVE_KEY_INCLUDE "lxc.include"
#define PHX_PVE_KEY_RUNTIME "lxc.environment.runtime"
#define PHX_PVE_KEY_IDMAP "lxc.idmap"

/* Whether the key is one of the lines for liblxc, and not an ordinary one. */
bool phx_pve_is_lxc_key(const char *key);

enum phx_pve_lxc_key {
        PHX_PVE_LXC_UNKNOWN,   /* a line with it is dropped */
        PHX_PVE_LXC_TAKEN,     /* kept, and given to liblxc */
        PHX_PVE_LXC_GENERATED, /* dropped: Proxmox derives it from other keys */
        PHX_PVE_LXC_GONE,      /* kept, and given to a liblxc that refuses the whole config */
};

/* What Proxmox does with a line of this key. liblxc since 3.0 refuses the keys that are gone;
 * lxc.cgroup.* counts as taken, which liblxc 7 ignores. */
enum phx_pve_lxc_key phx_pve_lxc_key(const char *key, size_t size);

/* How Proxmox keeps the value of an ordinary key: it writes a boolean as 1 or 0, and an integer
 * without zeros in front. Its own keys it sets and removes as it likes. */
enum phx_pve_type {
        PHX_PVE_TYPE_STRING, /* and any key that is not known */
        PHX_PVE_TYPE_BOOLEAN,
        PHX_PVE_TYPE_INTEGER,
        PHX_PVE_TYPE_OWN,
};

enum phx_pve_type phx_pve_type(const char *key);

/* Whether the SIZE bytes at START are TEXT; START may be NULL when there are none. */
bool phx_pve_is(const char *start, size_t size, const char *text);
