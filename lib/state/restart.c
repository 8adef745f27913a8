/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/restart.h"

#include <stddef.h>

#include "base/macros.h"

const char *phx_run_state_to_string(enum phx_run_state state) {
        static const char *const names[] = {
                [PHX_RUN_RUNNING] = "running",
                [PHX_RUN_STOPPED] = "stopped",
        };

        return (unsigned) state < PHX_ELEMENTS(names) ? names[state] : NULL;
}

const char *phx_restart_to_string(enum phx_restart restart) {
        static const char *const names[] = {
                [PHX_RESTART_UNKNOWN] = "unknown", [PHX_RESTART_PLAIN] = "plain",
                [PHX_RESTART_HA] = "ha",           [PHX_RESTART_NO_QUORUM] = "no-quorum",
                [PHX_RESTART_LOCKED] = "locked",
        };

        return (unsigned) restart < PHX_ELEMENTS(names) ? names[restart] : NULL;
}

const char *phx_restart_policy_to_string(enum phx_restart_policy policy) {
        static const char *const names[] = {
                [PHX_RESTART_NEVER] = "never",
                [PHX_RESTART_WINDOW] = "window",
                [PHX_RESTART_IMMEDIATE] = "immediate",
        };

        return (unsigned) policy < PHX_ELEMENTS(names) ? names[policy] : NULL;
}

const char *phx_restart_due_to_string(enum phx_restart_due due) {
        static const char *const names[] = {
                [PHX_RESTART_DUE_NOW] = "now",
                [PHX_RESTART_DUE_UNDER_WAY] = "under-way",
                [PHX_RESTART_DUE_POLICY] = "policy",
                [PHX_RESTART_DUE_WINDOW] = "window",
                [PHX_RESTART_DUE_TURN] = "turn",
                [PHX_RESTART_DUE_INTERVAL] = "interval",
                [PHX_RESTART_DUE_CHAIN] = "chain",
                [PHX_RESTART_DUE_SUSPENDED] = "suspended",
                [PHX_RESTART_DUE_NOT_READY] = "not-ready",
                [PHX_RESTART_DUE_BACKEND] = "backend",
                [PHX_RESTART_DUE_FAILED] = "failed",
                [PHX_RESTART_DUE_ROLLED_BACK] = "rolled-back",
        };

        return (unsigned) due < PHX_ELEMENTS(names) ? names[due] : NULL;
}
