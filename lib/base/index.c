/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Most who search walk another list in the order of names: behind the positions is the place after
 * the one that was found last, which is looked at first. */

#include "base/index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct named {
        const char *items;
        size_t item_size;
};

static const char *index_name(const struct named *named, size_t position) {
        return *(char *const *) (const void *) (named->items + position * named->item_size);
}

/* Of two with one name, the first one comes first. */
static int index_compare(const void *a, const void *b, void *data) {
        size_t left = *(const size_t *) a, right = *(const size_t *) b;
        int order = strcmp(index_name(data, left), index_name(data, right));

        return order != 0 ? order : (left > right) - (left < right);
}

static bool index_is_sorted(const struct named *named, size_t count) {
        for (size_t i = 1; i < count; i++)
                if (strcmp(index_name(named, i - 1), index_name(named, i)) > 0)
                        return false;
        return true;
}

int phx_index_make(struct phx_index *index, const void *items, size_t count, size_t item_size) {
        struct named named = { items, item_size };
        size_t *positions = calloc(count + 1, sizeof(*positions));

        if (!positions)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                positions[i] = i;
        if (!index_is_sorted(&named, count))
                qsort_r(positions, count, sizeof(*positions), index_compare, &named);
        phx_index_done(index);
        *index = (struct phx_index){ positions, count };
        return 0;
}

void phx_index_done(struct phx_index *index) {
        free(index->positions);
        *index = (struct phx_index){ 0 };
}

/* As strcmp(3) of ITEM and the first SIZE bytes of NAME. */
static int index_compare_with(const char *item, const char *name, size_t size) {
        int order = strncmp(item, name, size);

        return order != 0 ? order : item[size] != '\0';
}

static size_t index_lower_bound(
                const struct phx_index *index,
                const struct named *named,
                const char *name,
                size_t size) {
        size_t low = 0, high = index->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const char *item = index_name(named, index->positions[middle]);

                if (index_compare_with(item, name, size) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Whether the one that comes AT in the order has the name, and none before it. */
static bool index_is_first(
                const struct phx_index *index,
                const struct named *named,
                size_t at,
                const char *name,
                size_t size) {
        const size_t *positions = index->positions;

        return at < index->count &&
               index_compare_with(index_name(named, positions[at]), name, size) == 0 &&
               (at == 0 ||
                index_compare_with(index_name(named, positions[at - 1]), name, size) < 0);
}

size_t phx_index_before(
                const struct phx_index *index,
                const void *items,
                size_t item_size,
                const char *name) {
        return index_lower_bound(index, &(struct named){ items, item_size }, name, strlen(name));
}

size_t phx_index_find(
                const struct phx_index *index,
                const void *items,
                size_t count,
                size_t item_size,
                const char *name,
                size_t size) {
        const struct named named = { items, item_size };
        size_t at = 0, position;

        if (index->count != count || count == 0) {
                while (at < count && index_compare_with(index_name(&named, at), name, size) != 0)
                        at++;
                return at;
        }
        at = index->positions[count];
        if (!index_is_first(index, &named, at, name, size))
                at = index_lower_bound(index, &named, name, size);
        if (at == count)
                return count;
        index->positions[count] = at + 1;
        position = index->positions[at];
        return index_compare_with(index_name(&named, position), name, size) == 0 ? position : count;
}
