/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* An edit that phoenixd does not make, since the lines are not its own, and that an operator may
 * take: the file of a container as it is and as it would be, with the reason for each change. Owned
 * strings. */

/* What is left over in the file of a Proxmox container, mostly by scripts, and what becomes of it.
 * See pve/leftovers.h. */
enum phx_leftover {
        PHX_LEFTOVER_OVERRULED,     /* the profile is named again below: removed */
        PHX_LEFTOVER_NOT_READ,      /* Proxmox drops it: removed */
        PHX_LEFTOVER_CORRECTED,     /* Proxmox drops it: written as it was meant */
        PHX_LEFTOVER_OLD_KEY,       /* lxc.aa_profile: removed */
        PHX_LEFTOVER_RENAMED,       /* lxc.aa_profile: written with the key of today */
        PHX_LEFTOVER_ALLOW_NESTING, /* removed */
        PHX_LEFTOVER_INCLUDE,       /* of nesting.conf: removed */
        PHX_LEFTOVER_UNCOVERED,     /* a weak profile, which that include overrules: removed */
        PHX_LEFTOVER_PENDING,       /* a line of [pve:pending]: removed */
        PHX_LEFTOVER_MOVED,         /* a profile of [pve:pending]: moved to the main section */
        PHX_LEFTOVER_WEAKER,        /* a profile that moves there takes its place: removed */
        PHX_LEFTOVER_SNAPSHOT,      /* a weaker profile in a snapshot: removed */
        PHX_LEFTOVER_ROLLBACK,      /* a snapshot gets the container's profile */
};

#define PHX_LEFTOVERS (PHX_LEFTOVER_ROLLBACK + 1)

/* "overruled", "not-read", … NULL for a number that is none. */
const char *phx_leftover_to_string(enum phx_leftover leftover);

struct phx_offer_change {
        enum phx_leftover kind;
        unsigned line; /* of the file as it is */
        char *sentence;
};

struct phx_offer {
        char *object; /* the container's id */
        char *file;
        char *before; /* the bytes of the file, and after the changes; both NULL where they are too
                         many to be shown */
        char *after;
        struct phx_offer_change *changes; /* in the order of the lines */
        size_t count;
};

void phx_offer_done(struct phx_offer *offer);
