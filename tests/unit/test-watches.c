/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/trust.h"
#include "base/watches.h"
#include "tree.h"

static int setup(void **state) {
        (void) tree_new();
        return 0;
}

static int teardown(void **state) {
        tree_done();
        return 0;
}

static bool is_watched(const struct phx_strings *watches, const char *path) {
        return tree_is_watched(watches, tree_path(path));
}

static bool is_name_watched(
                const struct phx_strings *watches,
                const char *directory,
                const char *name) {
        phx_autofree char *watch = NULL;

        assert_int_equal(phx_printf(&watch, "%s//%s", tree_path(directory), name), 0);
        return phx_strings_has(watches, watch);
}

static void every_directory_on_the_way_is_watched(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        tree_mkdir("a/b/c");
        assert_int_equal(phx_watches_add_directory(&watches, tree_path("a/b/c")), 0);
        assert_true(tree_is_watched(&watches, ""));
        assert_true(is_watched(&watches, "a"));
        assert_true(is_watched(&watches, "a/b"));
        assert_true(is_watched(&watches, "a/b/c"));
}

static void directories_below_one_are_watched_as_each_by_itself(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 }, names = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings each = { 0 };
        static const char *const below[] = { "b", "b/c", "missing", "link", "up", "missing/more" };

        tree_mkdir("a/b/c");
        tree_mkdir("else/d");
        assert_int_equal(symlink(tree_path("else/d"), tree_path("a/link")), 0);
        assert_int_equal(symlink("../else", tree_path("a/up")), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(below); i++) {
                phx_autofree char *path = NULL;

                assert_int_equal(phx_strings_add(&names, below[i]), 0);
                assert_int_equal(phx_printf(&path, "%s/%s", tree_path("a"), below[i]), 0);
                assert_int_equal(phx_watches_add_directory(&each, path), 0);
        }
        assert_int_equal(phx_watches_add_directories(&watches, tree_path("a"), &names), 0);
        phx_strings_sort(&watches);
        phx_strings_sort(&each);
        assert_true(phx_strings_equal(&watches, &each));
}

static void below_what_is_missing_the_way_ends_there(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 }, names = { 0 };

        tree_mkdir("a");
        assert_int_equal(phx_strings_add(&names, "c"), 0);
        assert_int_equal(phx_watches_add_directories(&watches, tree_path("a/b"), &names), 0);
        assert_true(is_name_watched(&watches, "a", "b"));
        assert_false(phx_strings_has(&watches, tree_path("a/b/c")));
}

static void on_the_way_only_the_next_name_matters(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        tree_mkdir("a/b/c");
        assert_int_equal(phx_watches_add_directory(&watches, tree_path("a/b/c")), 0);
        assert_true(is_name_watched(&watches, "a", "b"));
        assert_true(is_name_watched(&watches, "a/b", "c"));
        assert_false(phx_strings_has(&watches, tree_path("a")));
        assert_false(phx_strings_has(&watches, tree_path("a/b")));
        assert_true(phx_strings_has(&watches, tree_path("a/b/c")));
}

static void of_what_does_not_exist_only_the_name_matters(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        tree_mkdir("a");
        assert_int_equal(phx_watches_add_file(&watches, tree_path("a/b/c")), 0);
        assert_true(is_name_watched(&watches, "a", "b"));
        assert_false(phx_strings_has(&watches, tree_path("a")));
        assert_int_equal(phx_watches_add_directory(&watches, tree_path("a/d")), 0);
        assert_true(is_name_watched(&watches, "a", "d"));
        assert_false(phx_strings_has(&watches, tree_path("a")));
}

static void beside_a_file_others_may_come_and_go(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        tree_write("a/file", "");
        tree_link("a/link", "../b/real");
        tree_write("b/real", "");
        assert_int_equal(phx_watches_add_file(&watches, tree_path("a/file")), 0);
        assert_true(is_name_watched(&watches, "a", "file"));
        assert_int_equal(phx_watches_add_file(&watches, tree_path("a/link")), 0);
        assert_true(is_name_watched(&watches, "a", "link"));
        assert_true(is_name_watched(&watches, "b", "real"));
        assert_false(phx_strings_has(&watches, tree_path("a")));
        assert_false(phx_strings_has(&watches, tree_path("b")));
}

static void of_a_file_the_directory_is_watched(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        tree_write("a/file", "");
        assert_int_equal(phx_watches_add_file(&watches, tree_path("a/file")), 0);
        assert_true(is_watched(&watches, "a"));
        assert_false(is_watched(&watches, "a/file"));
}

static void what_does_not_exist_is_awaited_where_it_must_begin(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        tree_mkdir("a");
        assert_int_equal(phx_watches_add_directory(&watches, tree_path("a/b/c")), 0);
        assert_true(is_watched(&watches, "a"));
        assert_false(is_watched(&watches, "a/b"));
}

static void both_ends_of_a_link_are_watched(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        tree_mkdir("links");
        tree_mkdir("releases/one/profiles");
        assert_int_equal(symlink("../releases/one", tree_path("links/current")), 0);
        assert_int_equal(symlink(tree_path("links/current/profiles"), tree_path("sources")), 0);
        assert_int_equal(phx_watches_add_directory(&watches, tree_path("sources")), 0);
        assert_true(is_watched(&watches, "links"));
        assert_true(is_watched(&watches, "releases"));
        assert_true(is_watched(&watches, "releases/one"));
        assert_true(is_watched(&watches, "releases/one/profiles"));
        assert_false(is_watched(&watches, "sources"));
        assert_false(is_watched(&watches, "links/current"));
}

static void a_file_behind_a_link_is_watched_where_it_is(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        tree_mkdir("etc");
        tree_write("srv/file", "");
        assert_int_equal(symlink(tree_path("srv/file"), tree_path("etc/file")), 0);
        assert_int_equal(phx_watches_add_file(&watches, tree_path("etc/file")), 0);
        assert_true(is_watched(&watches, "etc"));
        assert_true(is_watched(&watches, "srv"));
}

static void a_link_to_itself_ends(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        tree_mkdir("a");
        assert_int_equal(symlink("loop/x", tree_path("a/loop")), 0);
        assert_int_equal(phx_watches_add_directory(&watches, tree_path("a/loop")), 0);
        assert_true(is_watched(&watches, "a"));
}

static void what_others_may_write_is_watched_only_at_the_end(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 }, end = { 0 };

        tree_mkdir("all/mine");
        assert_int_equal(chmod(tree_path("all"), 01777), 0);
        assert_int_equal(phx_watches_add_directory(&watches, tree_path("all/mine")), 0);
        assert_false(is_watched(&watches, "all"));
        assert_true(is_watched(&watches, "all/mine"));
        assert_int_equal(phx_watches_add_directory(&end, tree_path("all")), 0);
        assert_true(is_watched(&end, "all"));
}

static void no_way_into_the_cluster_file_system_is_watched(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        tree_mkdir("etc");
        assert_int_equal(symlink("/etc/pve/phoenixd", tree_path("etc/link")), 0);
        assert_int_equal(phx_watches_add_directory(&watches, tree_path("etc/link")), 0);
        assert_int_equal(phx_watches_add_file(&watches, "/etc/pve/phoenixd/file"), 0);
        assert_true(is_watched(&watches, "etc"));
        assert_true(phx_strings_has(&watches, "/etc//pve"));
        for (size_t i = 0; i < watches.count; i++)
                assert_false(phx_is_remote(watches.items[i]));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(every_directory_on_the_way_is_watched),
                TEST(directories_below_one_are_watched_as_each_by_itself),
                TEST(below_what_is_missing_the_way_ends_there),
                TEST(on_the_way_only_the_next_name_matters),
                TEST(of_what_does_not_exist_only_the_name_matters),
                TEST(beside_a_file_others_may_come_and_go),
                TEST(of_a_file_the_directory_is_watched),
                TEST(what_does_not_exist_is_awaited_where_it_must_begin),
                TEST(both_ends_of_a_link_are_watched),
                TEST(a_file_behind_a_link_is_watched_where_it_is),
                TEST(a_link_to_itself_ends),
                TEST(no_way_into_the_cluster_file_system_is_watched),
                TEST(what_others_may_write_is_watched_only_at_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
