/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the worker's process does, from its fork to its end; see pve/worker.h. */

#include "pve/message.h"

struct phx_pve_serving {
        const struct phx_pve_place *place;
        uint64_t patience_usec; /* for Proxmox's lock of a container */
        int socket_fd;
        int claim_fd;              /* kept open; -1 for none */
        int changed_fd;            /* an eventfd(2); -1 for none */
        struct phx_pve_task *task; /* shared with others, who read it */
};

/* Never returns, and ends when the socket does. */
_Noreturn void phx_pve_serve(const struct phx_pve_serving *serving);
