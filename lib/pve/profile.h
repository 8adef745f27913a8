/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the lxc lines of one section say about the profile: of the main section what is, of pending
 * changes and of snapshots what will be. Includes are liblxc's to judge: pve/effect.h. */

#include "pve/text.h"

/* How much a profile confines, the weakest first. */
enum phx_pve_strength {
        PHX_PVE_UNCONFINED,
        PHX_PVE_UNCHANGED, /* that of lxc-start */
        PHX_PVE_DEFAULT,   /* generated, by Proxmox or written out; '' is LXC's own default */
        PHX_PVE_NAMED,
};

/* Borrowed from the text. */
struct phx_pve_profile {
        /* The last line that names a profile, or clears it: then Proxmox adds none of its own
         * rules. NULL: it generates the profile. */
        const struct phx_pve_line *decider;
        /* Of the decider as liblxc reads it: without quotes, up to a carriage return or NUL. ""
         * when there is none. */
        const char *value;
        size_t value_size;
        enum phx_pve_strength strength;
        size_t n_lines;                     /* that set the profile */
        const struct phx_pve_line *include; /* the first one behind the decider, or NULL */
};

/* SECTION is an index of the text's sections. */
struct phx_pve_profile phx_pve_profile_of(const struct phx_pve_text *text, size_t section);

/* Of a value, without quotes, and of a line that sets the profile, as liblxc reads it. */
enum phx_pve_strength phx_pve_strength_of_value(const char *value, size_t size);
enum phx_pve_strength phx_pve_strength_of(const struct phx_pve_line *line);

/* Whether B is weaker than A. Two names are equally strong, whatever they are. */
bool phx_pve_is_weaker(const struct phx_pve_profile *a, const struct phx_pve_profile *b);
