/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How a container can be restarted now. The words are part of the interface. */
enum phx_restart {
        PHX_RESTART_UNKNOWN,   /* it is not on this host, or its backend does not answer */
        PHX_RESTART_PLAIN,     /* by its backend's own command */
        PHX_RESTART_HA,        /* by Proxmox's HA manager, which starts and stops it */
        PHX_RESTART_NO_QUORUM, /* not now: Proxmox would stop it, and not start it again */
        PHX_RESTART_LOCKED,    /* likewise: Proxmox is at work on it; the last */
};
#define PHX_RESTARTS (PHX_RESTART_LOCKED + 1)

/* Whether a container is to run, as its entry says. */
enum phx_run_state {
        PHX_RUN_UNMANAGED, /* its entry says nothing */
        PHX_RUN_RUNNING,
        PHX_RUN_STOPPED, /* the last */
};
#define PHX_RUN_STATES (PHX_RUN_STOPPED + 1)

/* When phoenixd may restart a container that requires it. */
enum phx_restart_policy {
        PHX_RESTART_NEVER,     /* only when an operator asks */
        PHX_RESTART_WINDOW,    /* while one of the settings' windows is open */
        PHX_RESTART_IMMEDIATE, /* as soon as it is its turn; the last */
};
#define PHX_RESTART_POLICIES (PHX_RESTART_IMMEDIATE + 1)

/* What is to be said of a container that requires a restart, a start or a stop. The words are part
 * of the interface. */
enum phx_restart_due {
        PHX_RESTART_DUE_NONE,      /* it requires none */
        PHX_RESTART_DUE_NOW,       /* it is restarted now */
        PHX_RESTART_DUE_UNDER_WAY, /* it is being restarted */
        PHX_RESTART_DUE_POLICY,    /* not by phoenixd: its policy is never */
        PHX_RESTART_DUE_WINDOW,    /* when a window opens */
        PHX_RESTART_DUE_TURN,      /* when another restart has ended */
        PHX_RESTART_DUE_INTERVAL,  /* when enough time has passed since the last one */
        PHX_RESTART_DUE_CHAIN,     /* when one that it depends on, or that depends on it, is done */
        PHX_RESTART_DUE_SUSPENDED, /* when it is resumed */
        PHX_RESTART_DUE_NOT_READY, /* when its profile and its config are right */
        PHX_RESTART_DUE_BACKEND,   /* when its backend can restart it; see enum phx_restart */
        PHX_RESTART_DUE_FAILED,    /* it was in vain: when something changes, or an operator asks */
        PHX_RESTART_DUE_ROLLED_BACK, /* the same, and its profile before is in force; the last */
};
#define PHX_RESTART_DUES (PHX_RESTART_DUE_ROLLED_BACK + 1)

/* "running", "stopped"; NULL for PHX_RUN_UNMANAGED, and for a number that is none. */
const char *phx_run_state_to_string(enum phx_run_state state);
/* "unknown", "plain", "ha", "no-quorum", "locked"; NULL for a number that is none. */
const char *phx_restart_to_string(enum phx_restart restart);
/* "never", "window", "immediate"; NULL for a number that is none. */
const char *phx_restart_policy_to_string(enum phx_restart_policy policy);
/* "now", "under-way", …; NULL for PHX_RESTART_DUE_NONE, and for a number that is none. */
const char *phx_restart_due_to_string(enum phx_restart_due due);
