/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/macros.h"
#include "phoenixctl/table.h"

/* Three columns of CELLS, which end with NULL, look like EXPECTED. */
static void expect(const struct ctl *ctl, const char *const *cells, const char *expected) {
        phx_cleanup(table_done) struct table table = { .columns = 3 };
        phx_autofree char *text = NULL;
        size_t size = 0;
        FILE *file;

        for (size_t i = 0; cells[i]; i++)
                assert_int_equal(table_add(&table, cells[i]), 0);
        file = open_memstream(&text, &size);
        assert_non_null(file);
        table_print(&table, ctl, file);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(text, expected);
}

static const char *const plain[] = { "ID", "STATE", "PROFILE",          "910", "drift", "lxc-a",
                                     "9",  "",      "lxc-gpu-workload", NULL };

static void columns_are_aligned_and_lines_end_without_blanks(void **state) {
        static const struct ctl ctl = { 0 };

        expect(&ctl,
               plain,
               "ID   STATE  PROFILE\n"
               "910  drift  lxc-a\n"
               "9    -      lxc-gpu-workload\n");
}

static void only_a_terminal_that_is_too_narrow_shortens(void **state) {
        static const struct ctl narrow = { .width = 22 }, full = { .width = 22, .full = true };
        static const struct ctl bare = { .width = 28, .no_legend = true };

        expect(&narrow,
               plain,
               "ID   STATE  PROFILE\n"
               "910  drift  lxc-a\n"
               "9    -      lxc-gpu...\n");
        expect(&full,
               plain,
               "ID   STATE  PROFILE\n"
               "910  drift  lxc-a\n"
               "9    -      lxc-gpu-workload\n");
        expect(&bare, plain, "910  drift  lxc-a\n9    -      lxc-gpu-workload\n");
}

static void a_width_is_that_of_characters(void **state) {
        static const char *const cells[] = { "a", "b", "c", "\303\274", "bb", "\xff", NULL };
        static const char *const wide[] = { "a", "b", "c", "\346\274\242", "bb", "c", NULL };
        static const struct ctl ctl = { 0 };

        if (!setlocale(LC_CTYPE, "C.UTF-8"))
                skip();
        expect(&ctl, cells, "a  b   c\n\303\274  bb  \xff\n");
        expect(&ctl, wide, "a   b   c\n\346\274\242  bb  c\n");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(columns_are_aligned_and_lines_end_without_blanks),
                cmocka_unit_test(only_a_terminal_that_is_too_narrow_shortens),
                cmocka_unit_test(a_width_is_that_of_characters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
