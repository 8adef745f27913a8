/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/stamp.h"
#include "state/observed.h"

/* The file that brings the boot gate's hooks to all containers which include LXC's common.conf. The
 * zero value is a start. */
struct phx_machine_gate_hooks {
        struct phx_stamp stamp; /* of the file, when it was read last */
        bool is_settled;
        char *trouble; /* why it brings none; else NULL */
};

void phx_machine_gate_hooks_done(struct phx_machine_gate_hooks *hooks);

/* Says in OBSERVED whether FILE has the hooks. It is read again when its stamp is another one. A
 * change of it has an event wherever a container includes it. 0 or -ENOMEM. */
int phx_machine_gate_hooks_look(
                struct phx_machine_gate_hooks *hooks,
                const char *file,
                struct phx_observed *observed);
