/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "bus/board.h"
#include "shared/errands.h"
#include "shared/journal.h"

/* org.phoenixd1 on the message bus: see org.phoenixd1(5). Nothing here can block, and nothing fails
 * for want of a bus: it is taken up when it comes, and again when it was lost. */
struct bus;

/* What a client may have done, and who else uses the connection. */
struct bus_handler {
        /* A look at everything, as soon as it can be, for an errand that was added. */
        void (*look)(void *data);
        struct errands *errands; /* borrowed: to which they are added */
        /* The bus has answered, and may be asked over CONNECTION until this is called with NULL,
         * as it is lost. May be NULL. */
        void (*connected)(void *data, sd_bus *connection);
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

/* The board was changed: tells who listens what of it has changed, much of it not at once. */
void bus_announce(struct bus *bus);
