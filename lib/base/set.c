/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/set.h"

#include <errno.h>
#include <search.h>
#include <string.h>

static int set_compare_texts(const void *a, const void *b) {
        return strcmp(a, b);
}

int phx_set_add(struct phx_set *set, const char *text) {
        phx_autofree char *copy = NULL;

        if (phx_set_has(set, text))
                return 0;
        copy = strdup(text);
        if (!copy || !tsearch(copy, &set->root, set_compare_texts))
                return -ENOMEM;
        (void) PHX_TAKE(copy);
        set->count++;
        return 1;
}

int phx_set_remove(struct phx_set *set, const char *text) {
        void *const *node = tfind(text, &set->root, set_compare_texts);
        char *found;

        if (!node)
                return 0;
        found = *node;
        (void) tdelete(text, &set->root, set_compare_texts);
        free(found);
        set->count--;
        return 1;
}

bool phx_set_has(const struct phx_set *set, const char *text) {
        return tfind(text, &set->root, set_compare_texts) != NULL;
}

void phx_set_done(struct phx_set *set) {
        tdestroy(set->root, free);
        *set = (struct phx_set){ 0 };
}
