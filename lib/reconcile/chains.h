/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/index.h"
#include "state/desired.h"

/* Which container depends on which, over any number of others. A container is its position among
 * the desired ones; ids that are not there count for nothing. */

#define PHX_CHAINS_NONE ((size_t) -1)

struct phx_chains {
        const struct phx_desired *desired; /* borrowed */
        struct phx_index by_id;
        size_t *order; /* each behind all that it depends on; those of a circle are missing, which
                          no accepted configuration has */
        size_t order_count;
        size_t *starts; /* the dependencies of I are EDGES from STARTS[I] to before STARTS[I + 1] */
        size_t *edges;
};

/* 0 or -ENOMEM. DESIRED must outlive it. */
int phx_chains_make(const struct phx_desired *desired, struct phx_chains *ret_chains);
void phx_chains_done(struct phx_chains *chains);

/* PHX_CHAINS_NONE when there is none. */
size_t phx_chains_find(const struct phx_chains *chains, const char *id);

/* For each container one that is marked and that it depends on; PHX_CHAINS_NONE without. All arrays
 * have an item for each desired container. */
void phx_chains_below(const struct phx_chains *chains, const bool *marked, size_t *ret_below);
/* For each container one that is marked and depends on it. */
void phx_chains_above(const struct phx_chains *chains, const bool *marked, size_t *ret_above);
