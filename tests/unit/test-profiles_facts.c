/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is known of policies over a restart, and what becomes of it when the files are not what they
 * were. */

#include "opened.h"
#include "profiles-fixture.h"

#define PLAIN "profile lxc-web {\n}\n"
#define BROKEN "profile lxc-web {\n  bogus\n}\n"

static void path_of(const char *suffix, char path[PATH_MAX]) {
        (void) snprintf(path,
                        PATH_MAX,
                        "cache/%s%s",
                        phx_inventory_profile(&inventory, "lxc-web")->key,
                        suffix);
}

/* Of the same size, but not what was there. */
static void damage(const char *path) {
        phx_autofree char *text = NULL;
        struct stat st;

        assert_int_equal(stat(tree_path(path), &st), 0);
        text = calloc(1, (size_t) st.st_size);
        assert_non_null(text);
        tree_write_bytes(path, text, (size_t) st.st_size);
}

static void damage_beside(const char *suffix) {
        char path[PATH_MAX];

        path_of(suffix, path);
        damage(path);
}

static int read_blob(void) {
        phx_autofree char *blob = NULL;
        size_t size = 0;

        return phx_profiles_blob(profiles, find("lxc-web")->key, &blob, &size);
}

/* A judgement of WEB, then a restart. */
static void set_up_known(void) {
        update(1);
        assert_compiled("lxc-web\n");
        start(true);
}

static void assert_hash_is(const char *hash) {
        assert_good("lxc-web");
        assert_int_equal(find("lxc-web")->policy.count, 1);
        assert_string_equal(find("lxc-web")->policy.items[0].hash, hash);
}

/* That are the files that were compared before; but for those of pieces. */
static void a_start_reads_neither_texts_nor_policies(void **state) {
        phx_autoclose int texts = -1, policies = -1;
        char hash[PHX_SHA256_HEX];

        update(1);
        (void) snprintf(hash, sizeof(hash), "%s", find("lxc-web")->policy.items[0].hash);
        assert_int_equal(strlen(hash), 64);
        assert_compiled("lxc-web\n");
        texts = opened_watch("good");
        policies = opened_watch("cache");
        start(true);
        update(0);
        assert_int_equal(opened_count(texts, "lxc-web"), 0);
        assert_int_equal(opened_count(policies, ".policy"), 0);
        assert_compiled("");
        assert_hash_is(hash);
        assert_int_equal(find("lxc-web")->line, 1);
        assert_good("abstractions/web");
}

static void a_policy_that_is_damaged_behind_its_facts_is_compiled_again(void **state) {
        set_up_known();
        damage_beside(".policy");
        update(0);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
        assert_int_equal(read_blob(), 0);
        damage_beside(".policy"); /* and when it is needed */
        assert_int_equal(read_blob(), -ENOENT);
        update(0);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
        assert_int_equal(read_blob(), 0);
        update(0);
        assert_compiled("");
}

/* The start is what finds the damage: later nothing could restore what was there. */
static void what_was_damaged_before_a_start_outlives_its_source(void **state) {
        size_t size = 0;

        update(1);
        damage("good/lxc-web");
        damage("good/abstractions:web");
        damage_beside(".policy");
        start(true);
        update(0);
        assert_good("lxc-web");
        assert_good("abstractions/web");
        tree_write("profiles/lxc-web", BROKEN);
        tree_write("profiles/abstractions/web", "mount,\n");
        update(0);
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        assert_int_equal(read_blob(), 0);
        assert_non_null(text_of(WEB, &size));
        assert_non_null(text_of("file,\n", &size));
}

/* The text was written, and the record of it was not. */
static void a_text_that_a_crash_left_is_replaced(void **state) {
        const struct phx_inventory_profile *record;
        char digest[PHX_SHA256_HEX], key[PHX_SHA256_HEX];
        size_t size = 0;

        update(1);
        record = phx_inventory_profile(&inventory, "lxc-web");
        memcpy(digest, record->source, sizeof(digest));
        memcpy(key, record->key, sizeof(key));
        tree_write("profiles/lxc-web", PLAIN);
        update(1);
        assert_int_equal(phx_inventory_set_profile(&inventory, "lxc-web", digest, key), 1);
        tree_write("profiles/lxc-web", WEB);
        start(true);
        update(0);
        assert_good("lxc-web");
        tree_write("profiles/lxc-web", BROKEN);
        start(true);
        update(0);
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        assert_non_null(text_of(WEB, &size));
        assert_int_equal(read_blob(), 0);
}

/* As the version before left it: a policy with a SHA-256 in its head, and no facts. */
static void a_refused_source_keeps_its_policy_of_the_version_before(void **state) {
        char path[PATH_MAX], digest[PHX_SHA256_HEX];
        phx_autofree char *blob = NULL, *file = NULL;
        const char *key;
        size_t size = 0;
        int head;

        update(1);
        key = phx_inventory_profile(&inventory, "lxc-web")->key;
        assert_int_equal(phx_profiles_blob(profiles, key, &blob, &size), 0);
        phx_sha256_two(key, strlen(key), blob, size, digest);
        file = malloc(size + 100);
        assert_non_null(file);
        head = snprintf(file, 100, "phoenixd-policy 1 %s\n", digest);
        memcpy(file + head, blob, size);
        path_of(".facts", path);
        tree_remove(path);
        path_of(".policy", path);
        tree_write_bytes(path, file, (size_t) head + size);
        tree_write("profiles/lxc-web", BROKEN);
        start(true);
        update(0);
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        assert_int_equal(read_blob(), 0);
}

/* The same for one that a text returns to. */
static void a_damaged_policy_of_an_earlier_text_is_compiled_again(void **state) {
        char path[PATH_MAX];

        update(1);
        path_of(".policy", path);
        tree_write("profiles/lxc-web", PLAIN);
        update(1);
        assert_compiled("lxc-web\nlxc-web\n");
        damage(path);
        tree_write("profiles/lxc-web", WEB);
        update(1);
        assert_compiled("lxc-web\n");
        assert_int_equal(read_blob(), 0);
}

static void damaged_facts_are_found_out_again(void **state) {
        phx_autoclose int policies = -1;
        char hash[PHX_SHA256_HEX];

        update(1);
        assert_compiled("lxc-web\n");
        (void) snprintf(hash, sizeof(hash), "%s", find("lxc-web")->policy.items[0].hash);
        damage_beside(".facts");
        start(true);
        update(0);
        assert_compiled("");
        assert_hash_is(hash);
        policies = opened_watch("cache");
        start(true);
        update(0);
        assert_int_equal(opened_count(policies, ".policy"), 0);
        assert_hash_is(hash);
}

static void facts_with_hashes_of_another_kind_are_found_out_again(void **state) {
        set_up_known();
        look.hash_kind = PHX_HASH_SHA1;
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
        assert_int_equal(strlen(find("lxc-web")->policy.items[0].hash), 40);
}

/* As after a boot, when nothing is loaded yet that the kernel could show a hash of. */
static void hashes_come_when_the_kernel_shows_some(void **state) {
        look.hash_kind = PHX_HASH_NONE;
        update(1);
        assert_compiled("lxc-web\n");
        assert_null(find("lxc-web")->policy.items[0].hash);
        look.hash_kind = PHX_HASH_SHA256;
        update(0);
        assert_compiled("");
        assert_int_equal(strlen(find("lxc-web")->policy.items[0].hash), 64);
}

/* Not even then does anything stand in force that cannot be compared. */
static void a_lost_policy_whose_hash_is_asked_for_is_compiled_again(void **state) {
        char path[PATH_MAX];

        look.hash_kind = PHX_HASH_NONE;
        update(1);
        assert_compiled("lxc-web\n");
        path_of(".policy", path);
        tree_remove(path);
        look.hash_kind = PHX_HASH_SHA256;
        update(0);
        assert_compiled("lxc-web\n");
        assert_int_equal(strlen(find("lxc-web")->policy.items[0].hash), 64);
}

/* The name of the file is not believed, nor is it needed: the source has the same text. */
static void a_damaged_text_is_restored_from_its_source(void **state) {
        phx_autofree char *text = NULL;
        size_t size = 0;

        set_up_known();
        damage("good/lxc-web");
        damage("good/abstractions:web");
        update(0);
        assert_string_equal(text_of(WEB, &size), WEB);
        assert_int_equal(size, strlen(WEB));
        text = tree_read("good/lxc-web");
        assert_string_equal(text, WEB);
        assert_string_equal(text_of("file,\n", &size), "file,\n");
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
        assert_int_equal(read_blob(), 0);
}

/* What cannot be restored is not in force from here, and never installed. */
static void a_damaged_text_behind_a_refused_source_is_no_good_any_more(void **state) {
        size_t size = 0;

        update(1);
        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus\n}\n");
        start(true);
        damage("good/lxc-web");
        update(0);
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        assert_null(text_of(WEB, &size));
        update_once();
        assert_refused("lxc-web", "lxc-web: line 2: bogus", false);
        tree_write("profiles/lxc-web", WEB);
        update(0);
        assert_good("lxc-web");
        assert_string_equal(text_of(WEB, &size), WEB);
}

static void a_lost_text_is_written_again(void **state) {
        phx_autofree char *text = NULL;

        update(1);
        assert_compiled("lxc-web\n");
        tree_remove("good/lxc-web");
        start(true);
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
        text = tree_read("good/lxc-web");
        assert_string_equal(text, WEB);
}

/* It is asked, and so its bytes are needed, but nothing else of them. */
static void a_policy_with_a_test_is_read_and_tried(void **state) {
        tree_write("profiles/lxc-web.test", "deny file r /x\n");
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web", PLAIN);
        update(1);
        assert_compiled("lxc-web\n");
        trials = 0;
        tree_write("profiles/lxc-web", WEB);
        update(1);
        assert_compiled("");
        assert_good("lxc-web");
        assert_int_equal(trials, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_start_reads_neither_texts_nor_policies),
                TEST(a_policy_that_is_damaged_behind_its_facts_is_compiled_again),
                TEST(what_was_damaged_before_a_start_outlives_its_source),
                TEST(a_text_that_a_crash_left_is_replaced),
                TEST(a_refused_source_keeps_its_policy_of_the_version_before),
                TEST(a_damaged_policy_of_an_earlier_text_is_compiled_again),
                TEST(damaged_facts_are_found_out_again),
                TEST(facts_with_hashes_of_another_kind_are_found_out_again),
                TEST(hashes_come_when_the_kernel_shows_some),
                TEST(a_lost_policy_whose_hash_is_asked_for_is_compiled_again),
                TEST(a_damaged_text_is_restored_from_its_source),
                TEST(a_damaged_text_behind_a_refused_source_is_no_good_any_more),
                TEST(a_lost_text_is_written_again),
                TEST(a_policy_with_a_test_is_read_and_tried),
        };

        return cmocka_run_group_tests_name("profiles_facts", tests, NULL, NULL);
}
