/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "profiles-fixture.h"

static void a_source_is_compiled_and_desired_with_its_piece(void **state) {
        char digest[PHX_SHA256_HEX];
        size_t size = 0;

        update(1);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
        phx_sha256(WEB, strlen(WEB), digest);
        assert_string_equal(find("lxc-web")->digest, digest);
        assert_int_equal(find("lxc-web")->policy.count, 1);
        assert_string_equal(find("lxc-web")->policy.items[0].name, "lxc-web");
        assert_int_equal(find("lxc-web")->policy.items[0].mode, PHX_POLICY_ENFORCE);
        assert_int_equal(strlen(find("lxc-web")->policy.items[0].hash), 64);
        assert_good("abstractions/web");
        assert_int_equal(find("abstractions/web")->policy.count, 0);
        assert_int_equal(desired->profile_count, 2);
        assert_string_equal(phx_inventory_profile(&inventory, "lxc-web")->source, digest);
        assert_string_equal(phx_inventory_profile(&inventory, "abstractions/web")->key, "");
        assert_string_equal(text_of(WEB, &size), WEB);
        assert_int_equal(size, strlen(WEB));
        assert_null(phx_profiles_text(profiles, NONE, &size));
        assert_int_equal(retry_usec, PHX_NEVER);
}

static void a_second_look_changes_and_compiles_nothing(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
}

static void assert_new(const char *name, bool is_new, const char *old_text) {
        char digest[PHX_SHA256_HEX] = "";

        assert_int_equal(find(name)->is_new, is_new);
        if (old_text)
                phx_sha256(old_text, strlen(old_text), digest);
        if (is_new)
                assert_string_equal(find(name)->old_digest, digest);
}

static void a_version_is_news_once_when_it_was_judged_good(void **state) {
        static const char broken[] = "profile lxc-web {\n  bogus\n}\n";

        update(1);
        assert_new("lxc-web", true, NULL);
        assert_new("abstractions/web", true, NULL);
        update(0);
        assert_new("lxc-web", false, NULL);
        assert_new("abstractions/web", false, NULL);
        /* Neither by a restart nor by what is refused. */
        start(true);
        update(0);
        assert_new("lxc-web", false, NULL);
        tree_write("profiles/lxc-web", broken);
        update(0);
        assert_new("lxc-web", false, NULL);
        tree_write("profiles/lxc-web", "# another\n" WEB);
        update(1);
        assert_new("lxc-web", true, WEB);
        assert_new("abstractions/web", false, NULL);
        /* The same text, compiled from something else. */
        tree_write("profiles/abstractions/web", "/x r,\n");
        update(1);
        assert_new("lxc-web", true, "# another\n" WEB);
        assert_new("abstractions/web", true, "file,\n");
        update(0);
        assert_new("lxc-web", false, NULL);
}

static void hashes_are_those_of_the_kernel(void **state) {
        update(1);
        look.hash_kind = PHX_HASH_SHA1;
        update(0);
        assert_int_equal(strlen(find("lxc-web")->policy.items[0].hash), 40);
        look.hash_kind = PHX_HASH_NONE;
        update(0);
        assert_null(find("lxc-web")->policy.items[0].hash);
}

static void an_include_that_changes_recompiles_its_users_alone(void **state) {
        tree_write("profiles/lxc-db", DB);
        tree_write("deployed/abstractions/other", "");
        update(1);
        compiled[0] = '\0';
        tree_write("profiles/abstractions/web", "/x r,\n");
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("deployed/abstractions/other", "# nobody's\n");
        update(0);
        assert_compiled("");
        /* One that hides the machine's own, or comes to be there at all, is a change too. */
        tree_remove("profiles/abstractions/web");
        tree_write("deployed/abstractions/web", "/y r,\n");
        update(1);
        assert_compiled("lxc-web\n");
}

/* --- what is bad --- */

static void a_broken_source_is_not_tried_again_until_it_is_another(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus\n}\n");
        update(0);
        assert_compiled("lxc-web\n");
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        update(0);
        assert_compiled("");
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        assert_int_equal(retry_usec, PHX_NEVER);

        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus,\n}\n");
        update(0);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web", WEB);
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
}

static void a_broken_source_that_was_never_good_has_nothing_in_force(void **state) {
        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus\n}\n");
        update(0);
        assert_refused("lxc-web", "lxc-web: line 2: bogus", false);
        assert_int_equal(inventory.profile_count, 0);
}

static void a_refused_source_keeps_the_pieces_of_its_last_good_one(void **state) {
        update(1);
        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus\n}\n");
        tree_remove("profiles/abstractions");
        update(0);
        assert_good("abstractions/web");
        tree_write("profiles/lxc-web", "profile lxc-web {\n}\n");
        update(1);
        assert_good("lxc-web");
        assert_int_equal(find("abstractions/web")->state, PHX_SOURCE_WITHDRAWN);
}

static void what_ran_out_of_time_is_tried_again_after_a_while(void **state) {
        static const char text[] =
                        "lxc-web: compile took longer than 0 s (compile_deadline_s) and was "
                        "stopped";

        tree_write("is-slow", "");
        settings.compile_deadline_usec = SECONDS / 2;
        update(0);
        assert_compiled("lxc-web\n");
        assert_refused("lxc-web", text, false);
        assert_int_equal(retry_usec, 60 * SECONDS);

        look.now_usec += 59 * SECONDS;
        update(0);
        assert_compiled("");
        assert_refused("lxc-web", text, false);
        assert_int_equal(retry_usec, 1 * SECONDS);

        look.now_usec += 1 * SECONDS;
        update(0);
        assert_compiled("lxc-web\n");
        assert_int_equal(retry_usec, 120 * SECONDS);

        tree_remove("is-slow");
        look.now_usec += 120 * SECONDS;
        update(1);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
        assert_int_equal(retry_usec, PHX_NEVER);
}

static void what_ran_out_of_memory_is_tried_again_too(void **state) {
        tree_write("is-short", "");
        settings.compile_memory = 64UL << 20;
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: compile needed more than 64 MiB (compile_memory_mb) and was "
                       "stopped",
                       false);
        assert_int_equal(retry_usec, 60 * SECONDS);
        tree_remove("is-short");
        look.now_usec += 60 * SECONDS;
        update(1);
        assert_good("lxc-web");
}

static void a_limit_that_was_raised_is_tried_at_once(void **state) {
        tree_write("is-short", "");
        settings.compile_memory = 64UL << 20;
        update(0);
        assert_compiled("lxc-web\n");
        tree_remove("is-short");
        settings.compile_memory = 128UL << 20;
        update(1);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
}

static void what_a_setting_forbids_now_was_good_only_before(void **state) {
        static const char text[] =
                        "lxc-web: 'lxc-web' is in mode complain, expected enforce or kill";

        tree_write("profiles/abstractions/web", "# complain\n");
        settings.allow_complain = true;
        update(1);
        assert_good("lxc-web");
        assert_int_equal(find("lxc-web")->policy.items[0].mode, PHX_POLICY_COMPLAIN);
        settings.allow_complain = false;
        update(0);
        assert_refused("lxc-web", text, true);
}

static void what_a_setting_allows_now_was_refused_only_before(void **state) {
        tree_write("profiles/abstractions/web", "# complain\n");
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: 'lxc-web' is in mode complain, expected enforce or kill",
                       false);
        assert_compiled("lxc-web\n");
        update(0);
        assert_compiled("");
        settings.allow_complain = true;
        update(1);
        assert_good("lxc-web");
}

static void assert_trials(unsigned count) {
        assert_int_equal(trials, count);
        trials = 0;
}

static void a_test_is_asked_when_it_or_the_policy_is_another(void **state) {
        update(1);
        assert_trials(0);
        tree_write("profiles/lxc-web.test", "deny file w /x\n");
        update(1);
        assert_good("lxc-web");
        assert_trials(1);
        update(0);
        assert_trials(0);
        start(true);
        update(0);
        assert_good("lxc-web");
        assert_trials(0);
        tree_write("profiles/lxc-web", "profile lxc-web { } # another\n");
        update(1);
        assert_trials(1);
        tree_remove("profiles/lxc-web.test");
        update(1);
        assert_good("lxc-web");
        assert_trials(0);
}

static void a_test_that_fails_keeps_the_last_good_one(void **state) {
        char key[PHX_SHA256_HEX];

        update(1);
        memcpy(key, phx_inventory_profile(&inventory, "lxc-web")->key, sizeof(key));
        tree_write("profiles/lxc-web.test", "deny file w /x\nallow file r /y\n");
        for (int i = 0; i < 2; i++) {
                update(0);
                assert_refused("lxc-web",
                               "lxc-web.test: line 2: expected 'allow file r /y', but for 'r /y' the "
                               "policy denies it",
                               true);
        }
        assert_trials(1);
        assert_string_equal(phx_inventory_profile(&inventory, "lxc-web")->key, key);
        tree_write("profiles/lxc-web.test", "deny file r /y\n");
        update(1);
        assert_good("lxc-web");
}

static void a_test_without_a_profile_is_told(void **state) {
        tree_write("profiles/lxc-none.test", "deny file w /x\n");
        update(1);
        assert_good("lxc-web");
        assert_int_equal(desired->refusal_count, 1);
        assert_string_equal(desired->refusals[0].object, "lxc-none.test");
}

static void a_name_that_another_file_defines_is_refused(void **state) {
        update(1);
        assert_int_equal(
                        phx_definitions_scan(
                                        "\nprofile lxc-web {\n}\n",
                                        20,
                                        "somebody",
                                        &definitions),
                        0);
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: line 1: /deployed/somebody:2 already defines a profile of this "
                       "name; rename one of the two",
                       true);
        assert_compiled("lxc-web\n");

        /* In the file that is ours it is no other's. */
        phx_definitions_done(&definitions);
        assert_int_equal(
                        phx_definitions_scan("profile lxc-web {\n}\n", 19, "lxc-web", &definitions),
                        0);
        update(0);
        assert_good("lxc-web");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_source_is_compiled_and_desired_with_its_piece),
                TEST(a_second_look_changes_and_compiles_nothing),
                TEST(a_version_is_news_once_when_it_was_judged_good),
                TEST(hashes_are_those_of_the_kernel),
                TEST(an_include_that_changes_recompiles_its_users_alone),
                TEST(a_broken_source_is_not_tried_again_until_it_is_another),
                TEST(a_broken_source_that_was_never_good_has_nothing_in_force),
                TEST(a_refused_source_keeps_the_pieces_of_its_last_good_one),
                TEST(what_ran_out_of_time_is_tried_again_after_a_while),
                TEST(what_ran_out_of_memory_is_tried_again_too),
                TEST(a_limit_that_was_raised_is_tried_at_once),
                TEST(what_a_setting_forbids_now_was_good_only_before),
                TEST(what_a_setting_allows_now_was_refused_only_before),
                TEST(a_test_is_asked_when_it_or_the_policy_is_another),
                TEST(a_test_that_fails_keeps_the_last_good_one),
                TEST(a_test_without_a_profile_is_told),
                TEST(a_name_that_another_file_defines_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
