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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/digest.h"
#include "policy/cache.h"
#include "tree.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define KEY_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static const struct phx_policy_cache_limits nothing = { 0, 0 };
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

        assert_int_equal(phx_policy_cache_get(directory, key, &blob, &size, NULL), -ENOENT);
        assert_null(blob);
}

static void assert_kept(const char *key) {
        phx_autofree char *blob = NULL;
        size_t size = 0;

        assert_int_equal(phx_policy_cache_get(directory, key, &blob, &size, NULL), 0);
        assert_int_equal(size, sizeof(policy));
        assert_memory_equal(blob, policy, sizeof(policy));
}

static void put(const char *key) {
        assert_int_equal(phx_policy_cache_put(directory, key, policy, sizeof(policy), NULL), 1);
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
        assert_int_equal(phx_policy_cache_put(directory, KEY_A, policy, sizeof(policy), NULL), 0);
}

/* Every byte counts, and so does every missing one. What cannot be of any version goes, with what
 * is kept about it. */
static void any_damage_is_absence(void **state) {
        phx_autofree char *whole = NULL;
        struct stat st;

        put(KEY_A);
        assert_int_equal(stat(tree_path(KEY_A ".policy"), &st), 0);
        whole = tree_read(KEY_A ".policy");
        for (size_t i = 0; i < (size_t) st.st_size; i++) {
                whole[i] ^= 0x20;
                tree_write_bytes(KEY_A ".policy", whole, (size_t) st.st_size);
                whole[i] ^= 0x20;
                tree_write(KEY_A ".facts", "");
                assert_absent(KEY_A);
                assert_int_equal(
                                access(tree_path(KEY_A ".policy"), F_OK),
                                i < strlen("phoenixd-policy ") ? -1 : 0);
                assert_int_equal(
                                access(tree_path(KEY_A ".facts"), F_OK),
                                access(tree_path(KEY_A ".policy"), F_OK));
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

/* As an earlier version left it: it had a SHA-256 in its head. */
static size_t write_earlier(const char *path, char data[256]) {
        char digest[PHX_SHA256_HEX];
        size_t head;

        phx_sha256_two(KEY_A, strlen(KEY_A), policy, sizeof(policy), digest);
        head = (size_t) snprintf(data, 256, "phoenixd-policy 1 %s\n", digest);
        memcpy(data + head, policy, sizeof(policy));
        tree_write_bytes(path, data, head + sizeof(policy));
        return head + sizeof(policy);
}

static void a_policy_of_the_earlier_form_is_got(void **state) {
        char checksum[PHX_SEAL_HEX], same[PHX_SEAL_HEX], data[256];
        phx_autofree char *blob = NULL;
        size_t size = 0;

        (void) write_earlier(KEY_A ".policy", data);
        assert_kept(KEY_A);
        assert_int_equal(phx_policy_cache_get(directory, KEY_A, &blob, &size, checksum), 0);
        phx_seal_checksum(KEY_A, policy, sizeof(policy), same);
        assert_string_equal(checksum, same);
}

/* Of it, too, every byte counts. */
static void a_damaged_policy_of_the_earlier_form_is_absence(void **state) {
        char data[256];
        size_t size = write_earlier(KEY_A ".policy", data);

        for (size_t i = 0; i < size; i++) {
                data[i] ^= 0x20;
                tree_write_bytes(KEY_A ".policy", data, size);
                data[i] ^= 0x20;
                assert_absent(KEY_A);
                tree_write_bytes(KEY_A ".policy", data, i);
                assert_absent(KEY_A);
        }
        tree_write_bytes(KEY_B ".policy", data, size);
        assert_absent(KEY_B);
        assert_int_equal(access(tree_path(KEY_B ".policy"), F_OK), 0);
}

/* For who goes back to that version. */
static void a_policy_of_a_form_to_come_is_left_where_it_is(void **state) {
        tree_write(KEY_A ".policy", "phoenixd-policy 3 and more");
        assert_absent(KEY_A);
        assert_int_equal(access(tree_path(KEY_A ".policy"), F_OK), 0);
        put(KEY_A);
        assert_kept(KEY_A);
}

/* Other files say by it which policy they are about. */
static void the_checksum_is_that_of_the_policy(void **state) {
        char put_as[PHX_SEAL_HEX], got_as[PHX_SEAL_HEX], other[PHX_SEAL_HEX];
        phx_autofree char *blob = NULL;
        size_t size = 0;

        assert_int_equal(phx_policy_cache_put(directory, KEY_A, policy, sizeof(policy), put_as), 1);
        assert_int_equal(phx_policy_cache_get(directory, KEY_A, &blob, &size, got_as), 0);
        assert_string_equal(put_as, got_as);
        assert_int_equal(
                        phx_policy_cache_put(directory, KEY_A, policy, sizeof(policy) - 1, other),
                        1);
        assert_string_not_equal(put_as, other);
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
                assert_int_equal(
                                phx_policy_cache_get(directory, keys[i], &blob, &size, NULL),
                                -EINVAL);
                assert_int_equal(
                                phx_policy_cache_put(
                                                directory,
                                                keys[i],
                                                policy,
                                                sizeof(policy),
                                                NULL),
                                -EINVAL);
        }
}

static void only_what_is_listed_is_kept(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };

        put(KEY_A);
        put(KEY_B);
        tree_write("other", "somebody's\n");
        assert_int_equal(phx_strings_add(&keys, KEY_B), 0);
        assert_int_equal(phx_policy_cache_keep(directory, &keys, &nothing), 1);
        assert_int_equal(phx_policy_cache_keep(directory, &keys, &nothing), 0);
        assert_absent(KEY_A);
        assert_kept(KEY_B);
        assert_int_equal(access(tree_path("other"), F_OK), 0);
}

static void what_is_kept_about_no_policy_goes(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };

        put(KEY_A);
        put(KEY_C);
        tree_write(KEY_A ".facts", "");
        tree_write(KEY_A ".lints", "of an earlier version");
        tree_write(KEY_B ".facts", "");
        tree_write(KEY_C ".facts", "");
        assert_int_equal(phx_strings_add(&keys, KEY_A), 0);
        assert_int_equal(phx_policy_cache_keep(directory, &keys, &nothing), 1);
        assert_kept(KEY_A);
        assert_int_equal(access(tree_path(KEY_A ".facts"), F_OK), 0);
        assert_int_equal(access(tree_path(KEY_A ".lints"), F_OK), -1);
        assert_int_equal(access(tree_path(KEY_B ".facts"), F_OK), -1);
        assert_int_equal(access(tree_path(KEY_C ".facts"), F_OK), -1);
}

static uint64_t file_size(const char *key) {
        char name[128];
        struct stat st;

        (void) snprintf(name, sizeof(name), "%s.policy", key);
        assert_int_equal(stat(tree_path(name), &st), 0);
        return (uint64_t) st.st_size;
}

static void use_at(const char *key, time_t ago) {
        const struct timespec times[2] = { { 0, UTIME_OMIT }, { time(NULL) - ago, 0 } };
        char name[128];

        (void) snprintf(name, sizeof(name), "%s.policy", key);
        assert_int_equal(utimensat(AT_FDCWD, tree_path(name), times, 0), 0);
}

static int keep(uint64_t bytes, uint64_t age_sec) {
        const struct phx_policy_cache_limits limits = { bytes, age_sec };

        return phx_policy_cache_keep(directory, &(struct phx_strings){ 0 }, &limits);
}

static void what_was_used_last_stays_within_the_bytes(void **state) {
        put(KEY_A);
        put(KEY_B);
        put(KEY_C);
        use_at(KEY_A, 30);
        use_at(KEY_B, 10);
        use_at(KEY_C, 20);
        assert_int_equal(keep(3 * file_size(KEY_A), 100), 0);
        assert_int_equal(keep(2 * file_size(KEY_A), 100), 1);
        assert_absent(KEY_A);
        assert_int_equal(keep(2 * file_size(KEY_B) - 1, 100), 1);
        assert_absent(KEY_C);
        assert_kept(KEY_B);
}

static void what_was_not_used_for_long_goes(void **state) {
        put(KEY_A);
        put(KEY_B);
        use_at(KEY_A, 101);
        use_at(KEY_B, 90);
        assert_int_equal(keep(1 << 20, 100), 1);
        assert_absent(KEY_A);
        assert_kept(KEY_B);
}

static void a_touch_is_a_use(void **state) {
        put(KEY_A);
        use_at(KEY_A, 1000);
        phx_policy_cache_touch(directory, KEY_A);
        assert_int_equal(keep(1 << 20, 100), 0);
        phx_policy_cache_touch(directory, KEY_B);
        assert_absent(KEY_B);
}

/* However old, and however little may stay besides. */
static void what_is_in_use_stays_and_does_not_count(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings keys = { 0 };
        struct phx_policy_cache_limits limits = { 0, 100 };

        put(KEY_A);
        put(KEY_B);
        use_at(KEY_B, 1000);
        assert_int_equal(phx_strings_add(&keys, KEY_B), 0);
        limits.bytes = file_size(KEY_A);
        assert_int_equal(phx_policy_cache_keep(directory, &keys, &limits), 0);
        assert_kept(KEY_A);
        assert_kept(KEY_B);
}

static int get_shared(const char *key, struct phx_error *error) {
        const struct phx_trust trust = { .root = tree_path("."), .owner = geteuid() };
        phx_autofree char *blob = NULL;
        size_t size = 0;
        int r;

        *error = (struct phx_error){ 0 };
        r = phx_policy_cache_get_shared(&trust, "/shared", key, &blob, &size, error);
        if (r >= 0) {
                assert_int_equal(size, sizeof(policy));
                assert_memory_equal(blob, policy, sizeof(policy));
        } else
                assert_null(blob);
        return r;
}

static void share(const char *key) {
        phx_autofree char *whole = NULL;
        char name[128];

        put(key);
        (void) snprintf(name, sizeof(name), "%s.policy", key);
        whole = tree_read(name);
        tree_mkdir("shared");
        assert_int_equal(chmod(tree_path("shared"), 0755), 0);
        (void) snprintf(name, sizeof(name), "shared/%s.policy", key);
        tree_write_bytes(name, whole, file_size(key));
        assert_int_equal(chmod(tree_path(name), 0644), 0);
}

static void a_shared_policy_is_got_with_a_copy_of_the_file(void **state) {
        struct phx_error error;

        assert_int_equal(get_shared(KEY_A, &error), -ENOENT);
        share(KEY_A);
        assert_int_equal(get_shared(KEY_A, &error), 0);
        assert_int_equal(get_shared(KEY_B, &error), -ENOENT);
        assert_int_equal(get_shared("../x", &error), -EINVAL);
}

static void a_shared_policy_that_others_may_write_is_refused(void **state) {
        struct phx_error error;

        share(KEY_A);
        assert_int_equal(chmod(tree_path("shared/" KEY_A ".policy"), 0664), 0);
        assert_int_equal(get_shared(KEY_A, &error), -EPERM);
        assert_non_null(strstr(error.text, "writable by group or others"));
        assert_int_equal(chmod(tree_path("shared/" KEY_A ".policy"), 0644), 0);
        assert_int_equal(chmod(tree_path("shared"), 0777), 0);
        assert_int_equal(get_shared(KEY_A, &error), -EPERM);
        assert_int_equal(chmod(tree_path("shared"), 0755), 0);
        assert_int_equal(get_shared(KEY_A, &error), 0);
        if (geteuid() != 0)
                return;
        assert_int_equal(chown(tree_path("shared/" KEY_A ".policy"), 1000, 1000), 0);
        assert_int_equal(get_shared(KEY_A, &error), -EPERM);
}

/* And stays where it is: that directory is not ours. */
static void a_damaged_shared_policy_is_refused_and_left(void **state) {
        struct phx_error error;

        share(KEY_A);
        assert_int_equal(
                        rename(tree_path("shared/" KEY_A ".policy"),
                               tree_path("shared/" KEY_B ".policy")),
                        0);
        assert_int_equal(get_shared(KEY_B, &error), -EBADMSG);
        assert_non_null(strstr(error.text, "damaged"));
        assert_int_equal(access(tree_path("shared/" KEY_B ".policy"), F_OK), 0);
}

int main(void) {
#define with_tree(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                with_tree(what_was_put_is_got),
                with_tree(a_second_put_writes_nothing),
                with_tree(any_damage_is_absence),
                with_tree(a_policy_under_another_key_is_not_believed),
                with_tree(a_policy_of_the_earlier_form_is_got),
                with_tree(a_damaged_policy_of_the_earlier_form_is_absence),
                with_tree(a_policy_of_a_form_to_come_is_left_where_it_is),
                with_tree(what_is_kept_about_no_policy_goes),
                with_tree(the_checksum_is_that_of_the_policy),
                with_tree(what_is_no_file_is_absence),
                with_tree(what_is_no_key_is_no_file_name),
                with_tree(only_what_is_listed_is_kept),
                with_tree(what_was_used_last_stays_within_the_bytes),
                with_tree(what_was_not_used_for_long_goes),
                with_tree(a_touch_is_a_use),
                with_tree(what_is_in_use_stays_and_does_not_count),
                with_tree(a_shared_policy_is_got_with_a_copy_of_the_file),
                with_tree(a_shared_policy_that_others_may_write_is_refused),
                with_tree(a_damaged_shared_policy_is_refused_and_left),
        };

        return cmocka_run_group_tests_name("policy_cache", tests, NULL, NULL);
}
