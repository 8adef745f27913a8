/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/restart.h"

#include <stddef.h>

#include "base/macros.h"

const char *phx_restart_to_string(enum phx_restart restart) {
        static const char *const names[] = {
                [PHX_RESTART_UNKNOWN] = "unknown", [PHX_RESTART_PLAIN] = "plain",
                [PHX_RESTART_HA] = "ha",           [PHX_RESTART_NO_QUORUM] = "no-quorum",
                [PHX_RESTART_LOCKED] = "locked",
        };

        return (unsigned) restart < PHX_ELEMENTS(names) ? names[restart] : NULL;
}
