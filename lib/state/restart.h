/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How a container can be restarted now, by the operator: phoenixd restarts none. The words are part
 * of the interface. */
enum phx_restart {
        PHX_RESTART_UNKNOWN,   /* it is not on this host, or its backend does not answer */
        PHX_RESTART_PLAIN,     /* by its backend's own command */
        PHX_RESTART_HA,        /* by Proxmox's HA manager, which starts and stops it */
        PHX_RESTART_NO_QUORUM, /* not now: Proxmox would stop it, and not start it again */
        PHX_RESTART_LOCKED,    /* likewise: Proxmox is at work on it; the last */
};
#define PHX_RESTARTS (PHX_RESTART_LOCKED + 1)

/* "unknown", "plain", "ha", "no-quorum", "locked"; NULL for a number that is none. */
const char *phx_restart_to_string(enum phx_restart restart);
