/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/strings.h"
#include "tracer.h"

/* The order in which a change must reach the disk, so that a power failure leaves the old file or
 * the new one: the new file's bytes are synced before its rename, and the directory is synced
 * before anything is begun that relies on the rename. Judged from the calls themselves. */
struct order {
        struct phx_strings dirty;   /* files with bytes that were not synced */
        struct phx_strings renamed; /* directories with a rename that was not synced */
        char violation[1024];       /* the first one; or "" */
};

void order_take(struct order *order, const struct call *call);
void order_done(struct order *order);
