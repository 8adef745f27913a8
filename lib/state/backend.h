/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a container's config is kept by: who reads it, where it is edited, and with which command
 * the container is restarted. */
enum phx_backend {
        PHX_BACKEND_LXC, /* LXC itself: LXC_PATH/NAME/config */
        PHX_BACKEND_PVE, /* Proxmox VE: /etc/pve/nodes/NODE/lxc/ID.conf, from which it generates the
                            config for LXC at each start */
};
#define PHX_BACKENDS (PHX_BACKEND_PVE + 1)

/* Which backends the settings ask for. */
enum phx_backends {
        PHX_BACKENDS_AUTO, /* LXC, and Proxmox where it is installed */
        PHX_BACKENDS_LXC,
        PHX_BACKENDS_PVE,
};

/* "lxc", "pve"; NULL for a number that is none. */
const char *phx_backend_to_string(enum phx_backend backend);
/* "auto", "lxc", "pve". */
const char *phx_backends_to_string(enum phx_backends backends);
