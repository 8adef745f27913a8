/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* When an entry starts its container at boot, in LXC's terms. */

#include "state/configuration.h"

#define PHX_AUTOSTART_KEYS 3
/* Room for a long, or a word. */
#define PHX_AUTOSTART_SIZE 24

struct phx_autostart_key {
        const char *key;                  /* LXC's */
        const char *name;                 /* in the entry */
        bool is_managed;                  /* the entry has it; else LXC's is the operator's */
        char value[PHX_AUTOSTART_SIZE];   /* LXC's */
        char entered[PHX_AUTOSTART_SIZE]; /* the entry's, for people */
};

void phx_autostart_of(
                const struct phx_container_config *config,
                struct phx_autostart_key ret_keys[PHX_AUTOSTART_KEYS]);

/* Which of the keys is in force in place of an item of lxc_options; NULL for none. */
const struct phx_autostart_key *phx_autostart_overruling(
                const struct phx_autostart_key keys[PHX_AUTOSTART_KEYS],
                const struct phx_lxc_option *option);
