/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The config that Proxmox will generate for liblxc, /var/lib/lxc/ID/config, as far as it decides
 * the profile: known without calling Proxmox. Which profile is in effect says liblxc, which reads
 * the includes: it is asked about phx_pve_effect_text(), see lxc/ask.h. Pure, but for the one
 * question that the host has to answer. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "pve/text.h"

#define PHX_PVE_LXC_CONFIG_DIR "/usr/share/lxc/config"

/* What differs between hosts; borrowed. */
struct phx_pve_host {
        unsigned release; /* of Proxmox VE: 8, 9 */
        /* Whether there is the file of this name in PHX_PVE_LXC_CONFIG_DIR. NULL: all are. */
        bool (*has_config)(void *data, const char *name);
        void *data;
};

/* Whether Proxmox generates the config. */
enum phx_pve_generation {
        PHX_PVE_GENERATES,
        PHX_PVE_TEMPLATE, /* removes it: a template does not start */
        PHX_PVE_NO_ARCH,  /* fails, as for all that follows but one: the last config stays */
        PHX_PVE_NO_OSTYPE,
        PHX_PVE_BAD_FEATURES,
        PHX_PVE_NO_ROOTFS,
        PHX_PVE_CONTROL,    /* generates it, but a NUL or a carriage return in an ordinary key
                               makes liblxc read other lines: cannot be determined */
        PHX_PVE_UNREADABLE, /* the file has a reserved key, see pve/text.h */
};

/* A line of the config. */
struct phx_pve_effect_line {
        char *key;
        char *value; /* VALUE_SIZE bytes, maybe a NUL among them, and a NUL behind */
        size_t value_size;
        unsigned number; /* of the line that it comes from; 0: Proxmox's own */
};

/* Proxmox's own lines that include or that concern AppArmor, and all of the section's lxc lines, in
 * their order. Owned. */
struct phx_pve_effect {
        enum phx_pve_generation generation;
        unsigned cause; /* number of the line that prevents it; 0 for none */
        struct phx_pve_effect_line *items;
        size_t count;
};

/* Of the main section what is generated now; of pending changes, what the next start generates; of
 * a snapshot, what is generated after a rollback. SECTION is an index of the text's sections. 0 or
 * -ENOMEM. */
int phx_pve_effect_of(
                const struct phx_pve_text *text,
                size_t section,
                const struct phx_pve_host *host,
                struct phx_pve_effect *ret_effect);
void phx_pve_effect_done(struct phx_pve_effect *effect);

/* The last line that sets the profile, and whether an include comes behind it. NULL when there is
 * no config. */
const struct phx_pve_effect_line *phx_pve_effect_decider(
                const struct phx_pve_effect *effect,
                bool *ret_has_include);

/* The lines as liblxc reads them: what is to be tried. 0 or -ENOMEM. */
int phx_pve_effect_text(const struct phx_pve_effect *effect, struct phx_buffer *text);
