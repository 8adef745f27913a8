/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/loaded.h"

#define A1 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void add(struct phx_loaded_list *list,
                const char *name,
                enum phx_policy_mode mode,
                enum phx_hash_kind kind,
                const char *hash) {
        struct phx_loaded loaded = { .name = strdup(name), .mode = mode, .hash_kind = kind };

        (void) snprintf(loaded.hash, sizeof(loaded.hash), "%s", hash);
        assert_int_equal(phx_loaded_list_add(list, &loaded), 0);
        assert_null(loaded.name);
        phx_loaded_list_sort(list);
}

static void every_name_in_a_list_is_found(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };
        char name[32];

        assert_null(phx_loaded_find(&list, "lxc-1"));
        for (int i = 0; i < 100; i++) {
                (void) snprintf(name, sizeof(name), "lxc-%d", (i * 37) % 100);
                add(&list, name, PHX_POLICY_ENFORCE, PHX_HASH_SHA1, A1);
        }
        for (int i = 0; i < 100; i++) {
                (void) snprintf(name, sizeof(name), "lxc-%d", i);
                assert_string_equal(phx_loaded_find(&list, name)->name, name);
        }
        assert_null(phx_loaded_find(&list, "lxc-100"));
        assert_null(phx_loaded_find(&list, ""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_name_in_a_list_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
