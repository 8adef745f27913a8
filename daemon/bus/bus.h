/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "bus/board.h"
#include "shared/journal.h"

/* org.phoenixd1 on the message bus: see org.phoenixd1(5). Nothing here can block, and nothing fails
 * for want of a bus: it is taken up when it comes, and again when it was lost. */
struct bus;

/* What a client may have done. */
struct bus_handler {
        /* A look at everything, as soon as it can be; it is announced with bus_begin(). */
        void (*look)(void *data);
        /* In JSON, all that is to be suspended from the next look on. 0 or -ENOMEM. */
        int (*suspend)(void *data, const char *suspensions);
        void *data;
};

/* ADDRESS NULL: there is no bus, and none is waited for. JOURNAL and BOARD are borrowed, HANDLER is
 * copied. */
int bus_new(sd_event *event,
            const char *address,
            const struct journal *journal,
            struct board *board,
            const struct bus_handler *handler,
            struct bus **ret_bus);
struct bus *bus_free(struct bus *bus);
PHX_DEFINE_FREEP(bus)

/* A look has begun: whoever waits for one gets this one. */
void bus_begin(struct bus *bus);
/* It is over, and the board has it. ERROR NULL: it was made. */
void bus_end(struct bus *bus, const char *error);
/* It came to nothing, and another one follows: who waited for it waits for that. */
void bus_again(struct bus *bus);
/* The board was changed: tells who listens what of it has changed. BEFORE is what it had on it
 * before a new snapshot; NULL when only what is not in lists has changed. */
void bus_announce(struct bus *bus, const struct phx_snapshot *before);
