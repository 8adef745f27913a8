/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ARRAY with room for one more than COUNT items, moved perhaps; NULL when memory is short, and then
 * it is as it was. What an allocation really has is used, so that no array needs a field for its
 * capacity, and a long one grows by half: one that grew item by item would be copied each time. */
static inline void *phx_make_room(void *array, size_t count, size_t item_size) {
        if (array && malloc_usable_size(array) / item_size > count)
                return array;
        return reallocarray(array, count < 8 ? count + 1 : count + count / 2, item_size);
}

/* Makes room for one more item in the array at *ARRAY_POINTER (a pointer to a pointer of any type)
 * and returns it, zeroed; NULL when memory is short, and then nothing has changed. The caller fills
 * the item with strings that its done function frees, so a half-filled item is fine. */
static inline void *phx_grow(void *array_pointer, size_t *count, size_t item_size) {
        void *array = NULL, *grown;
        char *item;

        memcpy(&array, array_pointer, sizeof(array));
        grown = phx_make_room(array, *count, item_size);
        if (!grown)
                return NULL;
        memcpy(array_pointer, &grown, sizeof(grown));

        item = (char *) grown + *count * item_size;
        memset(item, 0, item_size);
        (*count)++;
        return item;
}
