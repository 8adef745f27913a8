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
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "opened.h"
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

static struct phx_good *known(const char *name, int result) {
        struct phx_good *good = phx_goods_find(&goods, name);

        assert_non_null(good);
        assert_int_equal(phx_goods_know(&goods, good, PHX_HASH_SHA256), result);
        return good;
}

static void put_fixture(const char *key, const char *name) {
        phx_autofree char *blob = NULL;
        char path[512];
        size_t size = 0;

        (void) snprintf(path, sizeof(path), "%s/policy/%s", getenv("PHX_FIXTURES"), name);
        assert_int_equal(phx_file_read_at(AT_FDCWD, path, FIXTURE_LIMIT, &blob, &size), 0);
        assert_int_equal(phx_policy_cache_put(cache_fd, key, blob, size, NULL), 1);
}

static void put_policy(const char *key) {
        put_fixture(key, "plain-3.0.bin");
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
        assert_int_equal(phx_goods_text(&goods, phx_goods_find(&goods, PIECE)), 0);
        assert_string_equal(phx_goods_find(&goods, PIECE)->text, "file,\n");
        assert_string_equal(known(PIECE, -ENOENT)->key, "");
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
        struct phx_good *good;

        record(keep("lxc-plain", "\nprofile lxc-plain {\n}\n"), KEY);
        put_policy(KEY);
        restart();
        good = known("lxc-plain", 0);
        assert_string_equal(good->key, KEY);
        assert_int_equal(good->facts.policy.count, 1);
        assert_string_equal(good->facts.policy.entries[0].name, "lxc-plain");
        assert_int_equal(strlen(good->facts.policy.entries[0].hash), 64);
        assert_int_equal(good->facts.line, 2);
        assert_int_equal(phx_goods_text(&goods, good), 0);
        assert_string_equal(good->text, "\nprofile lxc-plain {\n}\n");
}

/* As after a start with this policy and this text: all that is known of them is on disk. */
static void keep_with_facts(void) {
        struct phx_good *good;

        record(keep("lxc-plain", "\nprofile lxc-plain {\n}\n"), KEY);
        put_policy(KEY);
        restart();
        good = known("lxc-plain", 0);
        assert_true(good->is_unsaved);
        phx_goods_keep_facts(&goods, good);
        assert_false(good->is_unsaved);
        assert_int_equal(access(tree_path("cache/" KEY ".facts"), F_OK), 0);
        restart();
}

/* Of the right size, but not what was there. */
static void damage(const char *path) {
        phx_autofree char *text = NULL;
        struct stat st;

        assert_int_equal(stat(tree_path(path), &st), 0);
        text = calloc(1, (size_t) st.st_size);
        assert_non_null(text);
        tree_write_bytes(path, text, (size_t) st.st_size);
}

static int read_blob(const struct phx_good *good) {
        phx_autofree char *blob = NULL;
        size_t size = 0;

        return phx_goods_blob(&goods, good, &blob, &size);
}

/* Which say that these are the files that were compared. */
static void with_facts_neither_text_nor_policy_is_read(void **state) {
        const struct phx_good *good;
        phx_autoclose int texts = -1, policies = -1;

        keep_with_facts();
        texts = opened_watch("good");
        policies = opened_watch("cache");
        good = known("lxc-plain", 0);
        assert_int_equal(opened_count(texts, ""), 0);
        assert_int_equal(opened_count(policies, ".policy"), 0);
        assert_string_equal(good->key, KEY);
        assert_string_equal(good->facts.policy.entries[0].name, "lxc-plain");
        assert_int_equal(good->facts.line, 2);
        assert_false(good->is_unsaved);
        assert_null(good->text);
}

static void a_policy_that_is_damaged_behind_its_facts_is_found_out(void **state) {
        keep_with_facts();
        damage("cache/" KEY ".policy");
        assert_string_equal(known("lxc-plain", -ENOENT)->key, "");
        assert_true(phx_goods_find(&goods, "lxc-plain")->has_text);
}

static void a_policy_that_is_damaged_later_is_found_out_when_it_is_needed(void **state) {
        const struct phx_good *good;

        keep_with_facts();
        good = known("lxc-plain", 0);
        damage("cache/" KEY ".policy");
        assert_ptr_equal(known("lxc-plain", 0), good);
        assert_int_equal(read_blob(good), -ENOENT);
}

/* What is another file is compared, and from then on known to be the same. */
static void assert_compared_once(const char *directory, const char *end) {
        phx_autoclose int texts = -1, policies = -1, watch = opened_watch(directory);
        struct phx_good *good = known("lxc-plain", 0);

        assert_int_equal(opened_count(watch, end), 1);
        assert_true(good->is_unsaved);
        phx_goods_keep_facts(&goods, good);
        restart();
        texts = opened_watch("good");
        policies = opened_watch("cache");
        assert_false(known("lxc-plain", 0)->is_unsaved);
        assert_int_equal(opened_count(texts, ""), 0);
        assert_int_equal(opened_count(policies, ".policy"), 0);
}

static void another_file_of_the_same_text_is_as_good(void **state) {
        keep_with_facts();
        tree_remove("good/lxc-plain");
        tree_write("good/lxc-plain", "\nprofile lxc-plain {\n}\n");
        restart();
        assert_compared_once("good", "lxc-plain");
}

static void a_policy_that_was_touched_is_as_good(void **state) {
        keep_with_facts();
        phx_policy_cache_touch(cache_fd, KEY);
        assert_compared_once("cache", KEY ".policy");
}

/* Of the same size, as a crash left it that came before the record was saved. */
static void a_text_behind_its_facts_is_compared_with_the_record(void **state) {
        keep_with_facts();
        damage("good/lxc-plain");
        restart();
        assert_false(known("lxc-plain", -ENOENT)->has_text);
        assert_string_equal(phx_goods_find(&goods, "lxc-plain")->digest, "");
}

static void a_text_of_a_piece_is_compared_with_the_record(void **state) {
        record(keep(PIECE, "file,\n"), "");
        restart();
        assert_int_equal(phx_goods_check_text(&goods, phx_goods_find(&goods, PIECE)), 0);
        damage("good/abstractions:phoenix:life");
        assert_int_equal(phx_goods_check_text(&goods, phx_goods_find(&goods, PIECE)), 0);
        restart();
        assert_int_equal(phx_goods_check_text(&goods, phx_goods_find(&goods, PIECE)), -ENOENT);
        assert_false(phx_goods_find(&goods, PIECE)->has_text);
}

/* As where too many files are open. */
static void what_cannot_be_read_now_is_not_lost(void **state) {
        struct rlimit before, none;
        struct phx_good *good;

        record(keep("lxc-plain", "\nprofile lxc-plain {\n}\n"), KEY);
        put_policy(KEY);
        restart();
        good = phx_goods_find(&goods, "lxc-plain");
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit){ 0, before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        (void) known("lxc-plain", -EMFILE);
        assert_int_equal(phx_goods_text(&goods, good), -EMFILE);
        assert_int_equal(read_blob(good), -EMFILE);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_true(good->has_text);
        assert_string_equal(known("lxc-plain", 0)->key, KEY);
        assert_int_equal(phx_goods_text(&goods, good), 0);
}

static void facts_without_their_policy_are_of_no_use(void **state) {
        keep_with_facts();
        tree_remove("cache/" KEY ".policy");
        assert_string_equal(known("lxc-plain", -ENOENT)->key, "");
}

static void damaged_facts_are_found_out_again(void **state) {
        struct phx_good *good;
        phx_autoclose int texts = -1;

        keep_with_facts();
        damage("cache/" KEY ".facts");
        good = known("lxc-plain", 0);
        assert_true(good->is_unsaved);
        assert_int_equal(good->facts.line, 2);
        phx_goods_keep_facts(&goods, good);
        restart();
        texts = opened_watch("good");
        assert_int_equal(known("lxc-plain", 0)->facts.line, 2);
        assert_int_equal(opened_count(texts, ""), 0);
}

/* A crash came between the second and its facts, and the first was lost. */
static void facts_of_another_policy_of_the_same_key_are_not_believed(void **state) {
        const struct phx_good *good;

        keep_with_facts();
        put_fixture(KEY, "caps-3.0.bin");
        good = known("lxc-plain", 0);
        assert_string_not_equal(good->facts.policy.entries[0].name, "lxc-plain");
        assert_true(good->is_unsaved);
        assert_int_equal(read_blob(good), 0);
        assert_int_equal(access(tree_path("cache/" KEY ".facts"), F_OK), -1);
}

/* What the rules have found is not asked again for it. */
static void another_kind_of_hash_is_read_from_the_policy(void **state) {
        struct phx_good *good;

        keep_with_facts();
        good = known("lxc-plain", 0);
        good->facts.is_linted = true;
        assert_int_equal(phx_goods_know(&goods, good, PHX_HASH_NONE), 0);
        assert_false(good->is_unsaved);
        assert_int_equal(phx_goods_know(&goods, good, PHX_HASH_SHA1), 0);
        assert_int_equal(strlen(good->facts.policy.entries[0].hash), 40);
        assert_true(good->is_unsaved && good->facts.is_linted);
        tree_remove("cache/" KEY ".policy");
        assert_int_equal(phx_goods_know(&goods, good, PHX_HASH_SHA256), -ENOENT);
        assert_string_equal(good->key, "");
        assert_int_equal(good->facts.policy.count, 1);
}

static void a_text_that_was_altered_on_disk_is_found_out_when_it_is_needed(void **state) {
        struct phx_good *good;

        record(keep("lxc-plain", "profile lxc-plain {\n}\n"), KEY);
        put_policy(KEY);
        tree_write("good/lxc-plain", "profile lxc-plain flags=(complain) {\n}\n");
        restart();
        good = phx_goods_find(&goods, "lxc-plain");
        assert_true(good->has_text);
        assert_int_equal(phx_goods_text(&goods, good), -ENOENT);
        assert_false(good->has_text);
        assert_string_equal(good->digest, "");
        assert_string_equal(good->key, "");
        assert_int_equal(good->facts.policy.count, 0);
        assert_int_equal(phx_goods_text(&goods, good), -ENOENT);
}

/* The same for one that its facts were to be read from. */
static void facts_are_not_made_of_a_text_that_was_altered(void **state) {
        record(keep("lxc-plain", "profile lxc-plain {\n}\n"), KEY);
        put_policy(KEY);
        tree_write("good/lxc-plain", "\nprofile lxc-plain {\n}\n");
        restart();
        assert_false(known("lxc-plain", -ENOENT)->has_text);
}

static void a_text_that_is_lost_is_not_recalled(void **state) {
        record(keep("lxc-plain", "profile lxc-plain {\n}\n"), KEY);
        put_policy(KEY);
        tree_remove("good/lxc-plain");
        restart();
        assert_false(phx_goods_find(&goods, "lxc-plain")->has_text);
        assert_string_equal(phx_goods_find(&goods, "lxc-plain")->digest, "");
        assert_string_equal(phx_goods_find(&goods, "lxc-plain")->key, "");
}

static void a_text_leaves_memory_and_can_be_had_again(void **state) {
        struct phx_good *good = keep("lxc-a", "text");

        assert_int_equal(phx_goods_tidy(&goods), 0);
        assert_non_null(good->text); /* it is about to be installed */
        assert_int_equal(phx_goods_tidy(&goods), 0);
        assert_null(good->text);
        assert_int_equal(phx_goods_text(&goods, good), 0);
        assert_string_equal(good->text, "text");
        assert_int_equal(good->size, 4);
}

static void a_text_without_its_policy_has_no_key(void **state) {
        record(keep("lxc-plain", "profile lxc-plain {\n}\n"), KEY);
        restart();
        assert_string_equal(known("lxc-plain", -ENOENT)->key, "");
        assert_int_equal(phx_goods_find(&goods, "lxc-plain")->facts.policy.count, 0);
        assert_true(phx_goods_find(&goods, "lxc-plain")->has_text);
}

static void a_policy_that_is_none_is_not_recalled(void **state) {
        record(keep("lxc-plain", "profile lxc-plain {\n}\n"), KEY);
        assert_int_equal(phx_policy_cache_put(cache_fd, KEY, "junk", 4, NULL), 1);
        restart();
        assert_string_equal(known("lxc-plain", -ENOENT)->key, "");
        assert_true(phx_goods_find(&goods, "lxc-plain")->has_text);
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
        char checksum[PHX_SEAL_HEX];
        size_t size = 0;

        return phx_goods_find_policy(&goods, key, &blob, &size, checksum);
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
                TEST(with_facts_neither_text_nor_policy_is_read),
                TEST(a_policy_that_is_damaged_behind_its_facts_is_found_out),
                TEST(a_policy_that_is_damaged_later_is_found_out_when_it_is_needed),
                TEST(another_file_of_the_same_text_is_as_good),
                TEST(a_policy_that_was_touched_is_as_good),
                TEST(a_text_behind_its_facts_is_compared_with_the_record),
                TEST(a_text_of_a_piece_is_compared_with_the_record),
                TEST(what_cannot_be_read_now_is_not_lost),
                TEST(facts_without_their_policy_are_of_no_use),
                TEST(damaged_facts_are_found_out_again),
                TEST(facts_of_another_policy_of_the_same_key_are_not_believed),
                TEST(another_kind_of_hash_is_read_from_the_policy),
                TEST(a_text_that_was_altered_on_disk_is_found_out_when_it_is_needed),
                TEST(facts_are_not_made_of_a_text_that_was_altered),
                TEST(a_text_that_is_lost_is_not_recalled),
                TEST(a_text_leaves_memory_and_can_be_had_again),
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
