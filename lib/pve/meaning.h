/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a Proxmox container's file means: the keys of its main section that count here, and all that
 * its author may not know of it. Data only: sentences are made elsewhere. */

#include "pve/features.h"
#include "pve/profile.h"
#include "pve/startup.h"
#include "pve/text.h"

#define PHX_PVE_KEY_OSTYPE "ostype"
#define PHX_PVE_KEY_TEMPLATE "template"
#define PHX_PVE_KEY_UNPRIVILEGED "unprivileged"

enum phx_pve_finding_kind {
        /* Of the main section. */
        PHX_PVE_PROFILE_NOT_READ,   /* a line names a profile, and Proxmox drops it */
        PHX_PVE_PROFILE_OVERRULED,  /* another line behind it names one, too */
        PHX_PVE_PROFILE_OLD_KEY,    /* lxc.aa_profile: liblxc refuses the config */
        PHX_PVE_PROFILE_GENERATED,  /* written out, and without Proxmox's rules */
        PHX_PVE_PROFILE_EMPTY,      /* LXC's default, and without Proxmox's rules */
        PHX_PVE_PROFILE_COMMENT,    /* '#' and what comes behind it belong to the name */
        PHX_PVE_INCLUDE_BEHIND,     /* an include behind the profile, Proxmox's own or the last line
                                       that names one, may overrule it */
        PHX_PVE_ALLOW_NESTING,      /* set by hand, and not by the features */
        PHX_PVE_FEATURES_BAD,       /* Proxmox cannot generate the config */
        PHX_PVE_FEATURES_OVERRULED, /* the profile is named: nesting, fuse and mount do nothing */
        PHX_PVE_LXC_NOT_READ,       /* a line for liblxc that Proxmox drops */
        PHX_PVE_LXC_KEY_GONE,       /* a key that liblxc refuses the config for */
        PHX_PVE_HEADER_NOT_READ,    /* looks like a header, and opens no section */
        PHX_PVE_CARRIAGE_RETURN,    /* liblxc reads two lines */
        PHX_PVE_NUL,                /* liblxc stops reading the config here */
        /* Of pending changes and snapshots that count. */
        PHX_PVE_PENDING_REPLACES, /* lxc lines: they replace all of the main section's */
        PHX_PVE_PENDING_DELETES,  /* all lxc lines of the main section */
        PHX_PVE_PENDING_WEAKER,   /* and then the profile is a weaker one */
        PHX_PVE_SNAPSHOT_WEAKER,  /* a rollback brings a weaker profile */
        PHX_PVE_PROFILE_APPENDED, /* the last section, a snapshot, names a profile, and the main
                                     section does not: lines that are appended to the file land
                                     there */
        /* Of all sections. */
        PHX_PVE_RESERVED, /* Proxmox cannot read or write the file */
};

struct phx_pve_finding {
        enum phx_pve_finding_kind kind;
        const struct phx_pve_line *line; /* a header where the section has no better one */
};

/* Borrowed from the text, but for FINDINGS. Lines are NULL where there is none. */
struct phx_pve_meaning {
        const struct phx_pve_line *lock; /* any value but "0": nothing may be changed meanwhile */
        bool is_template;
        bool is_unprivileged; /* or has an id map of its own */
        bool starts_at_boot;
        struct phx_pve_startup startup;
        const struct phx_pve_line *ostype;
        const struct phx_pve_line *features_line;
        struct phx_pve_features features;
        struct phx_pve_profile profile;
        const struct phx_pve_section *pending; /* that counts, with lxc lines or without */
        bool pending_replaces_lxc;
        struct phx_pve_finding *findings; /* by line, and by kind */
        size_t n_findings;
};

/* Whether the line sets lxc.apparmor.allow_nesting, and not to 0. */
bool phx_pve_allows_nesting(const struct phx_pve_line *line);

/* 0 or -ENOMEM. */
int phx_pve_meaning_of(const struct phx_pve_text *text, struct phx_pve_meaning *ret_meaning);
void phx_pve_meaning_done(struct phx_pve_meaning *meaning);
