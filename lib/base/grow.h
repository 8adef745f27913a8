/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one more item in the array at *ARRAY_POINTER (a pointer to a pointer of any type)
 * and returns it, zeroed; NULL when memory is short, and then nothing has changed. The caller fills
 * the item with strings that its done function frees, so a half-filled item is fine. */
static inline void *phx_grow(void *array_pointer, size_t *count, size_t item_size) {
        void *array = NULL, *grown;
        char *item;

        memcpy(&array, array_pointer, sizeof(array));
        grown = reallocarray(array, *count + 1, item_size);
        if (!grown)
                return NULL;
        memcpy(array_pointer, &grown, sizeof(grown));

        item = (char *) grown + *count * item_size;
        memset(item, 0, item_size);
        (*count)++;
        return item;
}
