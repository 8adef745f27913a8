#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/macros.h"
#include "system/compiler_known.h"
#include "tree.h"

static struct phx_compiler_known known;
static struct phx_error error;
static char parser[PATH_MAX];

static int set_up(void **state) {
        tree_new();
        tree_write("parser", "one");
        (void) snprintf(parser, sizeof(parser), "%s", tree_path("parser"));
        error = (struct phx_error){ 0 };
        return 0;
}

static int tear_down(void **state) {
        phx_compiler_known_done(&known);
        assert_null(known.identity);
        tree_done();
        return 0;
}

static void know(const char *features) {
        assert_int_equal(phx_compiler_know(&known, parser, features, &error), 0);
}

static void what_is_the_same_is_not_read_again(void **state) {
        const char *identity;

        know("f");
        identity = known.identity;
        know("f");
        assert_ptr_equal(known.identity, identity);
}

static void an_upgrade_under_way_is_noticed(void **state) {
        phx_autofree char *before = NULL;

        know("f");
        before = strdup(known.identity);
        /* As a package manager does it: another file in its place, of the same size. */
        tree_write("new", "two");
        assert_int_equal(rename(tree_path("new"), parser), 0);
        know("f");
        assert_string_not_equal(known.identity, before);

        tree_write("parser", "one");
        know("f");
        assert_string_equal(known.identity, before);
}

static void a_file_that_was_only_touched_is_the_same_compiler(void **state) {
        const struct timespec times[] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
        phx_autofree char *before = NULL;

        know("f");
        before = strdup(known.identity);
        assert_int_equal(utimensat(AT_FDCWD, parser, times, 0), 0);
        know("f");
        assert_string_equal(known.identity, before);
}

static void another_kernel_is_another_compiler(void **state) {
        phx_autofree char *before = NULL;

        know("f");
        before = strdup(known.identity);
        know("g");
        assert_string_not_equal(known.identity, before);
        know("f");
        assert_string_equal(known.identity, before);
}

static void one_that_is_gone_is_named_and_the_last_one_remembered(void **state) {
        char text[PATH_MAX + 64];

        know("f");
        tree_remove("parser");
        assert_int_equal(phx_compiler_know(&known, parser, "f", &error), -ENOENT);
        (void) snprintf(text, sizeof(text), "%s: No such file or directory", parser);
        assert_string_equal(error.text, text);
        assert_non_null(known.identity);
}

static void what_is_no_program_is_named(void **state) {
        char text[PATH_MAX + 64];

        tree_remove("parser");
        tree_mkdir("parser");
        assert_int_equal(phx_compiler_know(&known, parser, "f", &error), -EINVAL);
        (void) snprintf(text,
                        sizeof(text),
                        "%s: Invalid argument; nothing can be compiled",
                        parser);
        assert_string_equal(error.text, text);
        assert_null(known.identity);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(what_is_the_same_is_not_read_again),
                TEST(an_upgrade_under_way_is_noticed),
                TEST(a_file_that_was_only_touched_is_the_same_compiler),
                TEST(another_kernel_is_another_compiler),
                TEST(one_that_is_gone_is_named_and_the_last_one_remembered),
                TEST(what_is_no_program_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
