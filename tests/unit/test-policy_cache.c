/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/cache.h"
#include "tree.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char policy[] = "\x04\x08\0version\0\x02 and the rest";
static int directory = -1;

static int set_up(void **state) {
        directory = open(tree_new(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        return directory < 0 ? -1 : 0;
}

static int tear_down(void **state) {
        (void) close(directory);
        tree_done();
        return 0;
}

static void assert_absent(const char *key) {
        char *blob = NULL;
        size_t size = 0;

        assert_int_equal(phx_policy_cache_get(directory, key, &blob, &size), -ENOENT);
        assert_null(blob);
}

static void assert_kept(const char *key) {
        phx_autofree char *blob = NULL;
        size_t size = 0;

        assert_int_equal(phx_policy_cache_get(directory, key, &blob, &size), 0);
        assert_int_equal(size, sizeof(policy));
        assert_memory_equal(blob, policy, sizeof(policy));
}

static void put(const char *key) {
        assert_int_equal(phx_policy_cache_put(directory, key, policy, sizeof(policy)), 1);
}

static void what_was_put_is_got(void **state) {
        struct stat st;

        assert_absent(KEY_A);
        put(KEY_A);
        assert_kept(KEY_A);
        assert_absent(KEY_B);
        assert_int_equal(stat(tree_path(KEY_A ".policy"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_second_put_writes_nothing(void **state) {
        put(KEY_A);
        assert_int_equal(phx_policy_cache_put(directory, KEY_A, policy, sizeof(policy)), 0);
}

/* Every byte counts, and so does every missing one. */
static void any_damage_is_absence_and_is_removed(void **state) {
        phx_autofree char *whole = NULL;
        struct stat st;

        put(KEY_A);
        assert_int_equal(stat(tree_path(KEY_A ".policy"), &st), 0);
        whole = tree_read(KEY_A ".policy");
        for (size_t i = 0; i < (size_t) st.st_size; i++) {
                whole[i] ^= 0x20;
                tree_write_bytes(KEY_A ".policy", whole, (size_t) st.st_size);
                whole[i] ^= 0x20;
                assert_absent(KEY_A);
                assert_int_equal(access(tree_path(KEY_A ".policy"), F_OK), -1);

                tree_write_bytes(KEY_A ".policy", whole, i);
                assert_absent(KEY_A);
        }
        tree_write_bytes(KEY_A ".policy", whole, (size_t) st.st_size);
        assert_kept(KEY_A);
}

static void a_policy_under_another_key_is_not_believed(void **state) {
        put(KEY_A);
        assert_int_equal(rename(tree_path(KEY_A ".policy"), tree_path(KEY_B ".policy")), 0);
        assert_absent(KEY_B);
        assert_absent(KEY_A);
}

static void what_is_no_file_is_absence(void **state) {
        assert_int_equal(mkfifo(tree_path(KEY_A ".policy"), 0600), 0);
        assert_absent(KEY_A);
        put(KEY_A);
        assert_kept(KEY_A);
}

static void what_is_no_key_is_no_file_name(void **state) {
        static const char *const keys[] = {
                "",
                "a",
                "../../../../../../../../../../../../../../../../../../../../../a",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        };
        char *blob = NULL;
        size_t size = 0;

        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++) {
                assert_int_equal(phx_policy_cache_get(directory, keys[i], &blob, &size), -EINVAL);
                assert_int_equal(
                                phx_policy_cache_put(directory, keys[i], policy, sizeof(policy)),
                                -EINVAL);
        }
}

static void only_what_is_listed_is_kept(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };

        put(KEY_A);
        put(KEY_B);
        tree_write("other", "somebody's\n");
        assert_int_equal(phx_strings_add(&keys, KEY_B), 0);
        assert_int_equal(phx_policy_cache_keep(directory, &keys), 1);
        assert_int_equal(phx_policy_cache_keep(directory, &keys), 0);
        assert_absent(KEY_A);
        assert_kept(KEY_B);
        assert_int_equal(access(tree_path("other"), F_OK), 0);
}

int main(void) {
#define with_tree(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                with_tree(what_was_put_is_got),
                with_tree(a_second_put_writes_nothing),
                with_tree(any_damage_is_absence_and_is_removed),
                with_tree(a_policy_under_another_key_is_not_believed),
                with_tree(what_is_no_file_is_absence),
                with_tree(what_is_no_key_is_no_file_name),
                with_tree(only_what_is_listed_is_kept),
        };

        return cmocka_run_group_tests_name("policy_cache", tests, NULL, NULL);
}
