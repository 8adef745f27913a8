/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/index.h"

#define MOST 40

struct item {
        char *name;
        unsigned number;
};

struct items {
        struct item items[MOST];
        char names[MOST][4];
        size_t count;
        struct phx_index index;
};

/* Few different ones, so that some are there twice. */
static void items_fill(struct items *items, size_t count) {
        items->count = count;
        for (size_t i = 0; i < count; i++) {
                (void) snprintf(items->names[i], sizeof(items->names[i]), "%d", rand() % 30);
                items->items[i].name = items->names[i];
        }
}

static size_t walked(const struct items *items, const char *name, size_t size) {
        size_t at = 0;

        while (at < items->count && (strncmp(items->items[at].name, name, size) != 0 ||
                                     items->items[at].name[size] != '\0'))
                at++;
        return at;
}

static size_t found(const struct items *items, const char *name, size_t size) {
        return phx_index_find(
                        &items->index,
                        items->items,
                        items->count,
                        sizeof(struct item),
                        name,
                        size);
}

/* Whatever was asked before. */
static void the_first_of_a_name_is_found_as_by_a_walk(void **state) {
        for (unsigned round = 0; round < 500; round++) {
                struct items items = { 0 };

                items_fill(&items, (size_t) (rand() % MOST));
                /* Without an index, too. */
                if (round % 5 > 0)
                        assert_int_equal(
                                        phx_index_make(&items.index,
                                                       items.items,
                                                       items.count,
                                                       sizeof(struct item)),
                                        0);
                for (unsigned i = 0; i < 60; i++) {
                        char name[8];
                        int size = snprintf(name, sizeof(name), "%dx", (int) i % 33);

                        if (round % 2 == 0)
                                size = snprintf(name, sizeof(name), "%dx", rand() % 33);
                        assert_int_equal(
                                        found(&items, name, (size_t) size - 1),
                                        walked(&items, name, (size_t) size - 1));
                }
                phx_index_done(&items.index);
        }
}

static void an_index_of_fewer_items_counts_as_none(void **state) {
        struct items items = { 0 };

        items_fill(&items, 3);
        assert_int_equal(phx_index_make(&items.index, items.items, 3, sizeof(struct item)), 0);
        (void) snprintf(items.names[3], sizeof(items.names[3]), "99");
        items.items[3].name = items.names[3];
        items.count = 4;
        assert_int_equal(found(&items, "99", 2), 3);
        phx_index_done(&items.index);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_of_a_name_is_found_as_by_a_walk),
                cmocka_unit_test(an_index_of_fewer_items_counts_as_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
