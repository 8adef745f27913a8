/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What one run leaves of the goods to the next. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "opened.h"
#include "policy/cache.h"
#include "profiles/last_good.h"
#include "tree.h"

#define KEY "00000000000000000000000000000000000000000000000000000000000000aa"
#define TEXT "\nprofile lxc-plain {\n}\n"
/* What is accepted later. */
#define NEW_KEY "00000000000000000000000000000000000000000000000000000000000000bb"
#define NEW_TEXT "\n\nprofile lxc-plain {\n  file,\n}\n"
#define FIXTURE_LIMIT (1UL << 20)

static struct phx_goods goods;
static struct phx_inventory inventory;
static struct phx_buffer left;
static int text_fd, cache_fd;

static int open_directory(const char *path) {
        tree_mkdir(path);
        return open(tree_path(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* RET_FACTS may be NULL. */
static void put_policy(const char *key, const char *fixture, struct phx_facts *ret_facts) {
        phx_autofree char *blob = NULL;
        char path[512];
        size_t size = 0;

        (void) snprintf(path, sizeof(path), "%s/policy/%s", getenv("PHX_FIXTURES"), fixture);
        assert_int_equal(phx_file_read_at(AT_FDCWD, path, FIXTURE_LIMIT, &blob, &size), 0);
        assert_int_equal(
                        phx_policy_cache_put(
                                        cache_fd,
                                        key,
                                        blob,
                                        size,
                                        ret_facts ? ret_facts->checksum : NULL),
                        1);
        if (!ret_facts)
                return;
        ret_facts->size = size;
        assert_int_equal(
                        phx_policy_parse(blob, size, PHX_HASH_SHA256, &ret_facts->policy, NULL),
                        0);
}

/* Until a change is sure to give the directory another stamp. */
static void settle(int fd) {
        struct phx_stamp stamp;
        struct stat st;

        assert_int_equal(fstat(fd, &st), 0);
        for (stamp = phx_stamp_of(&st); !phx_stamp_is_settled(&stamp);)
                (void) nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

static struct phx_good *begin(const struct phx_buffer *texts) {
        phx_goods_done(&goods);
        goods = (struct phx_goods){ .text_fd = text_fd, .cache_fd = cache_fd };
        if (texts) {
                struct phx_texts reader = phx_texts_of(texts->data, texts->size);

                assert_int_equal(phx_goods_take(&goods, &reader), 0);
                assert_true(phx_texts_are_read(&reader));
        }
        assert_int_equal(phx_goods_recall(&goods, &inventory), 0);
        return phx_goods_find(&goods, "lxc-plain");
}

/* All that is known of one is on disk, and left. */
static int set_up(void **state) {
        char copy[] = TEXT;
        const struct phx_file_seen seen = { .text = copy, .size = strlen(copy) };
        struct phx_good *good;

        tree_new();
        text_fd = open_directory("good");
        cache_fd = open_directory("cache");
        goods = (struct phx_goods){ .text_fd = text_fd, .cache_fd = cache_fd };
        good = phx_goods_add(&goods, "lxc-plain");
        assert_int_equal(phx_goods_keep_text(&goods, good, &seen), 0);
        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-plain", good->digest, KEY), 1);
        put_policy(KEY, "plain-3.0.bin", NULL);
        good = begin(NULL);
        assert_int_equal(phx_goods_know(&goods, good, PHX_HASH_SHA256), 0);
        phx_goods_keep_facts(&goods, good);
        settle(text_fd);
        settle(cache_fd);
        return phx_goods_leave(&goods, &left);
}

static int tear_down(void **state) {
        phx_goods_done(&goods);
        phx_inventory_done(&inventory);
        phx_buffer_done(&left);
        (void) close(text_fd);
        (void) close(cache_fd);
        tree_done();
        return 0;
}

static void assert_known(struct phx_good *good) {
        assert_non_null(good);
        assert_int_equal(phx_goods_know(&goods, good, PHX_HASH_SHA256), 0);
        assert_string_equal(good->key, KEY);
        assert_string_equal(good->facts.policy.entries[0].name, "lxc-plain");
        assert_int_equal(good->facts.line, 2);
}

static void no_file_is_opened(void **state) {
        phx_autoclose int texts = opened_watch("good"), policies = opened_watch("cache");
        struct phx_good *good = begin(&left);

        assert_known(good);
        assert_int_equal(opened_count(texts, ""), 0);
        assert_int_equal(opened_count(policies, ""), 0);
        assert_false(good->is_unsaved);
        assert_int_equal(phx_goods_text(&goods, good), 0);
        assert_string_equal(good->text, TEXT);
}

/* Of the same size, by a rename, as phoenixd itself writes it. */
static void another_text_is_compared(void **state) {
        assert_int_equal(
                        phx_file_replace_at(
                                        text_fd,
                                        "lxc-plain",
                                        "\nprofile lxc-other {\n}\n",
                                        24,
                                        0600),
                        0);
        assert_int_equal(phx_goods_know(&goods, begin(&left), PHX_HASH_SHA256), -ENOENT);
}

static void a_policy_that_is_gone_is_missed(void **state) {
        assert_int_equal(unlinkat(cache_fd, KEY ".policy", 0), 0);
        assert_int_equal(phx_goods_know(&goods, begin(&left), PHX_HASH_SHA256), -ENOENT);
}

static void a_text_that_is_gone_is_missed(void **state) {
        assert_int_equal(unlinkat(text_fd, "lxc-plain", 0), 0);
        assert_false(begin(&left)->has_text);
}

static void leave_later(void) {
        settle(text_fd);
        settle(cache_fd);
        phx_buffer_done(&left);
        assert_int_equal(phx_goods_leave(&goods, &left), 0);
}

static void keep_another(void) {
        char copy[] = NEW_TEXT;
        const struct phx_file_seen seen = { .text = copy, .size = strlen(copy) };
        struct phx_good *good = phx_goods_add(&goods, "lxc-other");
        char checksum[PHX_SEAL_HEX];

        assert_non_null(good);
        assert_int_equal(phx_goods_keep_text(&goods, good, &seen), 0);
        assert_int_equal(phx_goods_store_policy(&goods, NEW_KEY, copy, strlen(copy), checksum), 1);
}

/* Since what was looked at last, but before the stop. */
static void what_went_before_the_stop_is_missed(void **state) {
        assert_int_equal(unlinkat(cache_fd, KEY ".policy", 0), 0);
        leave_later();
        assert_int_equal(phx_goods_know(&goods, begin(&left), PHX_HASH_SHA256), -ENOENT);
        assert_int_equal(unlinkat(text_fd, "lxc-plain", 0), 0);
        leave_later();
        assert_false(begin(&left)->has_text);
}

/* The stamps of after that have what was changed before it. */
static void also_when_something_was_kept_since(void **state) {
        assert_int_equal(unlinkat(cache_fd, KEY ".policy", 0), 0);
        keep_another();
        leave_later();
        assert_int_equal(phx_goods_know(&goods, begin(&left), PHX_HASH_SHA256), -ENOENT);
}

static void what_was_kept_here_is_nothing_strange(void **state) {
        keep_another();
        assert_true(phx_goods_tidy(&goods) >= 0);
        leave_later();
        assert_true(begin(&left)->is_left_whole);
}

/* Something else has come to the directories: the files are asked for, and are the same. */
static void beside_what_is_new_the_same_is_known(void **state) {
        tree_write("good/lxc-new", "text");
        tree_write("cache/new", "text");
        assert_known(begin(&left));
}

/* What is left is about the text and the key of just then. */
static void of_another_record_nothing_is_believed(void **state) {
        char other[] = "11111111111111111111111111111111111111111111111111111111111111aa";

        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-plain", other, KEY), 1);
        (void) begin(&left);
        assert_int_equal(phx_goods_find(&goods, "lxc-plain")->left.policy.count, 0);
}

/* A new version was accepted, and its text is damaged and restored from the source. */
static void of_an_earlier_version_nothing_is_believed(void **state) {
        char copy[] = NEW_TEXT;
        const struct phx_file_seen seen = { .text = copy, .size = strlen(copy) };
        struct phx_good *good = begin(&left);
        struct phx_facts facts = { 0 };

        put_policy(NEW_KEY, "caps-3.0.bin", &facts);
        assert_int_equal(phx_goods_keep_text(&goods, good, &seen), 0);
        assert_int_equal(phx_goods_set_policy(&goods, good, NEW_KEY, &facts), 0);
        assert_true(phx_goods_tidy(&goods) >= 0);
        assert_true(phx_goods_tidy(&goods) >= 0);
        tree_write("good/lxc-plain", "damaged");
        assert_int_equal(phx_goods_text(&goods, good), -ENOENT);

        assert_int_equal(phx_goods_keep_text(&goods, good, &seen), 0);
        phx_goods_set_key(&goods, good, NEW_KEY);
        assert_int_equal(phx_goods_know(&goods, good, PHX_HASH_SHA256), 0);
        assert_string_equal(good->key, NEW_KEY);
        assert_string_equal(good->facts.policy.entries[0].name, "lxc-caps");
        assert_int_equal(good->facts.line, 3);
}

/* A directory that is left in the tick of its last change may change once more with that stamp. */
static void in_the_tick_of_a_change_the_files_are_asked_for(void **state) {
        struct phx_stamp stamp;
        struct stat st;

        assert_true(goods.count > 0);
        do {
                phx_buffer_done(&left);
                tree_write("cache/new", "text");
                tree_remove("cache/new");
                assert_int_equal(phx_goods_leave(&goods, &left), 0);
                assert_int_equal(fstat(cache_fd, &st), 0);
                stamp = phx_stamp_of(&st);
        } while (phx_stamp_is_settled(&stamp));
        settle(cache_fd);
        assert_false(begin(&left)->is_left_whole);

        assert_known(phx_goods_find(&goods, "lxc-plain"));
        phx_buffer_done(&left);
        assert_int_equal(phx_goods_leave(&goods, &left), 0);
        assert_true(begin(&left)->is_left_whole);
}

static void another_kind_of_hash_is_read(void **state) {
        struct phx_good *good = begin(&left);

        assert_int_equal(phx_goods_know(&goods, good, PHX_HASH_SHA1), 0);
        assert_int_equal(good->facts.policy.hash_kind, PHX_HASH_SHA1);
        assert_int_equal(strlen(good->facts.policy.entries[0].hash), 40);
}

static void of_a_part_nothing_is_left_behind(void **state) {
        for (size_t size = 0; size < left.size; size++) {
                struct phx_texts reader = phx_texts_of(left.data, size);

                phx_goods_done(&goods);
                goods = (struct phx_goods){ .text_fd = text_fd, .cache_fd = cache_fd };
                if (phx_goods_take(&goods, &reader) < 0)
                        assert_int_equal(goods.left_count, 0);
                else
                        assert_true(reader.is_short);
                assert_int_equal(phx_goods_recall(&goods, &inventory), 0);
                assert_known(phx_goods_find(&goods, "lxc-plain"));
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(no_file_is_opened),
                TEST(another_text_is_compared),
                TEST(a_policy_that_is_gone_is_missed),
                TEST(what_went_before_the_stop_is_missed),
                TEST(also_when_something_was_kept_since),
                TEST(what_was_kept_here_is_nothing_strange),
                TEST(a_text_that_is_gone_is_missed),
                TEST(beside_what_is_new_the_same_is_known),
                TEST(of_another_record_nothing_is_believed),
                TEST(of_an_earlier_version_nothing_is_believed),
                TEST(in_the_tick_of_a_change_the_files_are_asked_for),
                TEST(another_kind_of_hash_is_read),
                TEST(of_a_part_nothing_is_left_behind),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
