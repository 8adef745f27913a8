/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdlib.h>

/* Of COUNT sorted ITEMS, which have ITEM_SIZE bytes each, the first that does not come before KEY;
 * COUNT when all do. COMPARE gets KEY and an item, as for bsearch(3). */
static inline size_t phx_lower_bound(
                const void *key,
                const void *items,
                size_t count,
                size_t item_size,
                int (*compare)(const void *key, const void *item)) {
        size_t low = 0, high = count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare(key, (const char *) items + middle * item_size) > 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* The one that is as KEY, or NULL. ITEMS may be NULL where there are none, as bsearch(3) does not
 * have it. */
static inline void *phx_find_sorted(
                const void *key,
                const void *items,
                size_t count,
                size_t item_size,
                int (*compare)(const void *key, const void *item)) {
        return count > 0 ? bsearch(key, items, count, item_size, compare) : NULL;
}
