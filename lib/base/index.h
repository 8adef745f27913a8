/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/macros.h"

/* The order by name of an array whose items begin with a pointer to their name, so that one is
 * found without a walk. The array itself stays in the order that it has, and must not change but at
 * its end: an index of fewer items than there are counts as none. The zero value is none. */
struct phx_index {
        size_t *positions; /* and one place more, of index.c */
        size_t count;
};

/* 0 or -ENOMEM; INDEX is then as before. */
int phx_index_make(struct phx_index *index, const void *items, size_t count, size_t item_size);
void phx_index_done(struct phx_index *index);

/* The position of the first item that has the first SIZE bytes of NAME for a name; COUNT for none.
 * Without an index all are walked. */
size_t phx_index_find(
                const struct phx_index *index,
                const void *items,
                size_t count,
                size_t item_size,
                const char *name,
                size_t size);

/* How many of the items of INDEX come before NAME. */
size_t phx_index_before(
                const struct phx_index *index,
                const void *items,
                size_t item_size,
                const char *name);
