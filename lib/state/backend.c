/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/backend.h"

#include <stddef.h>

#include "base/macros.h"

const char *phx_backend_to_string(enum phx_backend backend) {
        static const char *const names[] = {
                [PHX_BACKEND_LXC] = "lxc",
                [PHX_BACKEND_PVE] = "pve",
        };

        return (unsigned) backend < PHX_ELEMENTS(names) ? names[backend] : NULL;
}

const char *phx_backends_to_string(enum phx_backends backends) {
        static const char *const names[] = {
                [PHX_BACKENDS_AUTO] = "auto",
                [PHX_BACKENDS_LXC] = "lxc",
                [PHX_BACKENDS_PVE] = "pve",
        };

        return (unsigned) backends < PHX_ELEMENTS(names) ? names[backends] : NULL;
}
