/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/stamp.h"
#include "base/strings.h"
#include "base/trust.h"
#include "state/observed.h"

/* The file that brings the boot gate's hooks to all containers which include LXC's common.conf. The
 * zero value is a start. */
struct phx_machine_gate_hooks {
        struct phx_stamp stamp; /* of the file, when it was read last */
        bool is_settled;
        struct phx_strings programs; /* that its hooks run */
        struct phx_stamp *found; /* of each of them, when they were judged; NULL: they were not */
        char *trouble;           /* why it brings none, or they do nothing; else NULL */
};

void phx_machine_gate_hooks_done(struct phx_machine_gate_hooks *hooks);

/* Says in OBSERVED whether FILE has the hooks, and TRUST their program: where it cannot be executed
 * the shipped lines do nothing. Both are looked at again when their stamps are other ones. A change
 * of FILE has an event wherever a container includes it. 0 or -ENOMEM. */
int phx_machine_gate_hooks_look(
                struct phx_machine_gate_hooks *hooks,
                const char *file,
                const struct phx_trust *trust,
                struct phx_observed *observed);
