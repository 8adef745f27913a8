/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "policy/cache.h"
#include "profiles/last_good.h"
#include "tree.h"

#define KEY "00000000000000000000000000000000000000000000000000000000000000aa"
#define OTHER_KEY "00000000000000000000000000000000000000000000000000000000000000bb"
#define PIECE "abstractions/phoenix/life"
#define FIXTURE_LIMIT (1UL << 20)

static struct phx_goods goods;
static struct phx_inventory inventory;
static int text_fd, cache_fd;

static int open_directory(const char *path) {
        int fd;

        tree_mkdir(path);
        fd = open(tree_path(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static int set_up(void **state) {
        tree_new();
        text_fd = open_directory("good");
        cache_fd = open_directory("cache");
        goods = (struct phx_goods){ .text_fd = text_fd, .cache_fd = cache_fd };
        return 0;
}

static int tear_down(void **state) {
        phx_goods_done(&goods);
        assert_int_equal(goods.count, 0);
        assert_int_equal(goods.text_fd, -1);
        phx_inventory_done(&inventory);
        (void) close(text_fd);
        (void) close(cache_fd);
        tree_done();
        return 0;
}

static struct phx_good *keep(const char *name, const char *text) {
        struct phx_good *good = phx_goods_add(&goods, name);
        char copy[256];
        struct phx_file_seen seen = { .text = copy, .size = strlen(text) };

        assert_non_null(good);
        memcpy(copy, text, seen.size + 1);
        assert_int_equal(phx_goods_keep_text(&goods, good, &seen), 0);
        return good;
}

static void record(const struct phx_good *good, const char *key) {
        assert_int_equal(phx_inventory_set_profile(&inventory, good->name, good->digest, key), 1);
}

/* As after a restart of the daemon. */
static void restart(void) {
        phx_goods_done(&goods);
        goods = (struct phx_goods){ .text_fd = text_fd, .cache_fd = cache_fd };
        assert_int_equal(phx_goods_recall(&goods, &inventory), 0);
}

static void put_policy(const char *key) {
        phx_autofree char *blob = NULL;
        char path[512];
        size_t size = 0;

        (void) snprintf(path, sizeof(path), "%s/policy/plain-3.0.bin", getenv("PHX_FIXTURES"));
        assert_int_equal(phx_file_read_at(AT_FDCWD, path, FIXTURE_LIMIT, &blob, &size), 0);
        assert_int_equal(phx_policy_cache_put(cache_fd, key, blob, size, NULL), 1);
}

static void one_of_a_name_is_made_once(void **state) {
        struct phx_good *good = phx_goods_add(&goods, "lxc-a");

        assert_ptr_equal(phx_goods_add(&goods, "lxc-a"), good);
        assert_int_equal(goods.count, 1);
        assert_null(phx_goods_find(&goods, "lxc-b"));
        assert_false(phx_good_is_piece(good));
        assert_true(phx_good_is_piece(phx_goods_add(&goods, PIECE)));
}

static void a_text_is_kept_on_disk_for_nobody_else_to_read(void **state) {
        struct phx_good *good = keep("lxc-a", "profile lxc-a {\n}\n");
        phx_autofree char *text = tree_read("good/lxc-a");
        struct stat st;

        assert_string_equal(text, "profile lxc-a {\n}\n");
        assert_string_equal(good->text, text);
        assert_int_equal(good->size, strlen(text));
        assert_int_equal(strlen(good->digest), 64);
        assert_int_equal(stat(tree_path("good/lxc-a"), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_piece_is_kept_under_a_name_without_slashes(void **state) {
        phx_autofree char *text = NULL;

        record(keep(PIECE, "file,\n"), "");
        text = tree_read("good/abstractions:phoenix:life");
        assert_string_equal(text, "file,\n");
        restart();
        assert_string_equal(phx_goods_find(&goods, PIECE)->text, "file,\n");
        assert_string_equal(phx_goods_find(&goods, PIECE)->key, "");
}

static void a_text_that_cannot_be_kept_is_not_taken(void **state) {
        char old[] = "old", new[] = "new";
        struct phx_file_seen seen = { .text = new, .size = 3 };
        struct phx_good *good = keep("lxc-a", old);

        tree_remove("good");
        assert_int_equal(phx_goods_keep_text(&goods, good, &seen), -ENOENT);
        assert_string_equal(good->text, old);
}

static void a_restart_recalls_text_and_policy(void **state) {
        const struct phx_good *good;

        record(keep("lxc-plain", "profile lxc-plain {\n}\n"), KEY);
        put_policy(KEY);
        restart();
        good = phx_goods_find(&goods, "lxc-plain");
        assert_string_equal(good->text, "profile lxc-plain {\n}\n");
        assert_string_equal(good->key, KEY);
        assert_int_equal(good->policy.count, 1);
        assert_string_equal(good->policy.entries[0].name, "lxc-plain");
}

static void a_text_that_was_altered_on_disk_is_not_recalled(void **state) {
        record(keep("lxc-plain", "profile lxc-plain {\n}\n"), KEY);
        put_policy(KEY);
        tree_write("good/lxc-plain", "profile lxc-plain flags=(complain) {\n}\n");
        restart();
        assert_null(phx_goods_find(&goods, "lxc-plain")->text);
        assert_string_equal(phx_goods_find(&goods, "lxc-plain")->digest, "");
        assert_string_equal(phx_goods_find(&goods, "lxc-plain")->key, "");
}

static void a_text_without_its_policy_has_no_key(void **state) {
        record(keep("lxc-plain", "profile lxc-plain {\n}\n"), KEY);
        restart();
        assert_non_null(phx_goods_find(&goods, "lxc-plain")->text);
        assert_string_equal(phx_goods_find(&goods, "lxc-plain")->key, "");
        assert_int_equal(phx_goods_find(&goods, "lxc-plain")->policy.count, 0);
}

static void a_policy_that_is_none_is_not_recalled(void **state) {
        record(keep("lxc-plain", "profile lxc-plain {\n}\n"), KEY);
        assert_int_equal(phx_policy_cache_put(cache_fd, KEY, "junk", 4, NULL), 1);
        restart();
        assert_non_null(phx_goods_find(&goods, "lxc-plain")->text);
        assert_string_equal(phx_goods_find(&goods, "lxc-plain")->key, "");
}

static void what_is_forgotten_leaves_nothing_on_disk(void **state) {
        (void) keep("lxc-a", "a");
        (void) keep(PIECE, "piece");
        (void) keep("lxc-c", "c");
        phx_goods_forget(&goods, PIECE);
        phx_goods_forget(&goods, "lxc-never-there");
        assert_int_equal(goods.count, 2);
        assert_null(phx_goods_find(&goods, PIECE));
        assert_string_equal(phx_goods_find(&goods, "lxc-a")->text, "a");
        assert_string_equal(phx_goods_find(&goods, "lxc-c")->text, "c");
        assert_int_equal(phx_goods_tidy(&goods), 1);
        assert_int_equal(access(tree_path("good/abstractions:phoenix:life"), F_OK), -1);
}

static void use_long_ago(const char *key) {
        const struct timespec times[2] = { { 0, UTIME_OMIT },
                                           { time(NULL) - (time_t) PHX_GOODS_CACHE_SEC - 1, 0 } };
        char name[128];

        (void) snprintf(name, sizeof(name), "cache/%s.policy", key);
        assert_int_equal(utimensat(AT_FDCWD, tree_path(name), times, 0), 0);
}

static int find_policy(const char *key) {
        phx_autofree char *blob = NULL;
        size_t size = 0;

        return phx_goods_find_policy(&goods, key, &blob, &size);
}

static void the_cache_keeps_what_is_good_however_old(void **state) {
        put_policy(KEY);
        put_policy(OTHER_KEY);
        use_long_ago(KEY);
        use_long_ago(OTHER_KEY);
        memcpy(keep("lxc-plain", "text")->key, KEY, sizeof(KEY));
        (void) keep(PIECE, "piece");
        goods.unswept = UINT64_MAX; /* as after a start */
        assert_int_equal(phx_goods_tidy(&goods), 1);
        assert_int_equal(phx_goods_tidy(&goods), 0);
        assert_int_equal(find_policy(OTHER_KEY), -ENOENT);
        assert_int_equal(find_policy(KEY), 0);
        assert_true(goods.counts.hits == 1 && goods.counts.misses == 1);
}

/* It counts from the end of its use, and not from when it was compiled. */
static void what_was_in_force_until_now_stays_for_a_while(void **state) {
        struct phx_good *good = keep("lxc-plain", "text");

        put_policy(KEY);
        put_policy(OTHER_KEY);
        phx_goods_set_key(&goods, good, KEY);
        use_long_ago(KEY);
        phx_goods_set_key(&goods, good, OTHER_KEY);
        goods.unswept = UINT64_MAX;
        assert_int_equal(phx_goods_tidy(&goods), 0);
        assert_int_equal(find_policy(KEY), 0);

        use_long_ago(OTHER_KEY);
        phx_goods_forget(&goods, "lxc-plain");
        goods.unswept = UINT64_MAX;
        assert_int_equal(phx_goods_tidy(&goods), 1); /* the text */
        assert_int_equal(find_policy(OTHER_KEY), 0);
}

static void a_policy_that_is_found_is_used(void **state) {
        put_policy(KEY);
        use_long_ago(KEY);
        assert_int_equal(find_policy(KEY), 0);
        goods.unswept = UINT64_MAX;
        assert_int_equal(phx_goods_tidy(&goods), 0);
}

static void what_could_not_be_removed_is_tried_again(void **state) {
        (void) keep("lxc-a", "text");
        tree_mkdir("good/lxc-stray"); /* no file: unlink fails */
        assert_true(phx_goods_tidy(&goods) < 0);
        assert_true(phx_goods_tidy(&goods) < 0);
        tree_remove("good/lxc-stray");
        tree_write("good/lxc-stray", "left by a crash");
        assert_int_equal(phx_goods_tidy(&goods), 1);
        /* And now nothing is looked for any more, until something changes. */
        tree_write("good/lxc-stray", "nobody's");
        assert_int_equal(phx_goods_tidy(&goods), 0);
        restart();
        assert_int_equal(phx_goods_tidy(&goods), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(one_of_a_name_is_made_once),
                TEST(a_text_is_kept_on_disk_for_nobody_else_to_read),
                TEST(a_piece_is_kept_under_a_name_without_slashes),
                TEST(a_text_that_cannot_be_kept_is_not_taken),
                TEST(a_restart_recalls_text_and_policy),
                TEST(a_text_that_was_altered_on_disk_is_not_recalled),
                TEST(a_text_without_its_policy_has_no_key),
                TEST(a_policy_that_is_none_is_not_recalled),
                TEST(what_is_forgotten_leaves_nothing_on_disk),
                TEST(the_cache_keeps_what_is_good_however_old),
                TEST(what_was_in_force_until_now_stays_for_a_while),
                TEST(a_policy_that_is_found_is_used),
                TEST(what_could_not_be_removed_is_tried_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
