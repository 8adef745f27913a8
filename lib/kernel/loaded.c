/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "kernel/loaded.h"

#include <errno.h>
#include <string.h>

#include "base/sorted.h"

int phx_loaded_list_add(struct phx_loaded_list *list, struct phx_loaded *loaded) {
        struct phx_loaded *items;

        items = reallocarray(list->items, list->count + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;

        list->items = items;
        list->items[list->count++] = PHX_TAKE_STRUCT(*loaded);
        return 0;
}

static int compare_loaded(const void *a, const void *b) {
        return strcmp(((const struct phx_loaded *) a)->name, ((const struct phx_loaded *) b)->name);
}

void phx_loaded_list_sort(struct phx_loaded_list *list) {
        if (list->count > 1)
                qsort(list->items, list->count, sizeof(*list->items), compare_loaded);
}

static int loaded_compare_name(const void *name, const void *loaded) {
        return strcmp(name, ((const struct phx_loaded *) loaded)->name);
}

const struct phx_loaded *phx_loaded_find(const struct phx_loaded_list *list, const char *name) {
        return phx_find_sorted(
                        name,
                        list->items,
                        list->count,
                        sizeof(*list->items),
                        loaded_compare_name);
}

void phx_loaded_done(struct phx_loaded *loaded) {
        free(loaded->name);
        free(loaded->entry);
        *loaded = (struct phx_loaded){ 0 };
}

void phx_loaded_list_done(struct phx_loaded_list *list) {
        for (size_t i = 0; i < list->count; i++)
                phx_loaded_done(&list->items[i]);
        free(list->items);
        *list = (struct phx_loaded_list){ 0 };
}
