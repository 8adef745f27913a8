/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

/* When systemd learns that the daemon has started: after the first pass, and what that pass found
 * to compile, so that containers which start after it find their profiles in the kernel. But no
 * start waits for the compiler for longer than a while: the status says what is still compiled. */
struct start {
        sd_event_source *timer; /* while the first pass is over, and its compiles are not */
        bool is_over;
};

/* The start is over, if it was not before. */
void start_end(struct start *start);
/* It is over after PATIENCE_USEC from the first call at the latest. */
void start_wait(struct start *start, sd_event *event, uint64_t patience_usec);
void start_done(struct start *start);
