/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "state/record.h"
#include "state/suspensions.h"

/* The engine's list of what is suspended: kept over restarts, and recorded when it changes. */
struct suspend {
        int state_fd; /* borrowed */
        const struct phx_audit *audit;
        struct phx_suspensions list;
};

/* Reads what was kept. When that cannot be understood, this is recorded, and nothing is suspended.
 */
int suspend_init(
                struct suspend *suspend,
                int state_fd,
                const struct phx_audit *audit,
                struct phx_error *error);
void suspend_done(struct suspend *suspend);

/* From now on exactly what TEXT, in JSON, says is suspended. Kept before it holds. */
int suspend_replace(struct suspend *suspend, const char *text, struct phx_error *error);
/* Ends those whose time is over: 1 when there were any. */
int suspend_expire(struct suspend *suspend, uint64_t wall_usec, struct phx_error *error);
