/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "gate/gate.h"

/* Where it is said. Borrowed. */
struct report_place {
        const char *journal; /* the socket of systemd-journald */
        pid_t monitor;       /* LXC's process that waits for the hook; 0: is not written to */
};

#define REPORT_JOURNAL "/run/systemd/journal/socket"

/* Says why NAME does not start, or is let through with a warning: in the journal, under phoenixd's
 * unit and the container's, on our standard error, which LXC logs, and on LXC's own where a person
 * reads it. Waits for nothing; where it cannot be said it is not. */
void report_send(
                const struct report_place *place,
                const char *name,
                const struct gate_answer *answer);

/* The sentence; the caller's to free, NULL when memory is short. */
char *report_text(const char *name, const struct gate_answer *answer);
