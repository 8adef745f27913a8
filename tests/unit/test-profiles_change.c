/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "profiles-fixture.h"

static char texts_dir[] = "/texts", etc_dir[] = "/etc";

static void assert_directory_refused(const char *text) {
        assert_int_equal(desired->refusal_count, 1);
        assert_string_equal(desired->refusals[0].object, "profiles");
        assert_string_equal(desired->refusals[0].text, text);
}

static size_t count_cached(void) {
        DIR *directory = opendir(tree_path("cache"));
        const struct dirent *entry;
        size_t count = 0;

        assert_non_null(directory);
        while ((entry = readdir(directory)))
                count += phx_has_suffix(entry->d_name, ".policy");
        (void) closedir(directory);
        return count;
}

static void a_source_that_is_being_written_waits(void **state) {
        int fd;

        update(1);
        fd = open(tree_path("profiles/lxc-web"), O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, WEB, 1), 1);
        update(0);
        (void) close(fd);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_WRITING);
        assert_true(find("lxc-web")->has_good);
        assert_good("abstractions/web");
        update(0);
        assert_good("lxc-web");
}

static void a_piece_that_would_not_be_there_at_boot_is_refused(void **state) {
        tree_write("profiles/lxc-web", "profile lxc-web {\n  include <local/web>\n}\n");
        tree_write("profiles/local/web", "file,\n");
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: line 2: include of 'local/web': phoenixd does not deploy this "
                       "file; expected a name in abstractions/ or tunables/",
                       false);
        /* Elsewhere it is the machine's own, and there at boot. */
        tree_remove("profiles/local");
        tree_write("deployed/local/web", "file,\n");
        update(1);
        assert_good("lxc-web");
}

/* --- what is gone --- */

static void a_source_that_is_gone_is_withdrawn_and_may_be_forgotten(void **state) {
        size_t size = 0;

        tree_write("profiles/lxc-db", DB);
        update(1);
        tree_remove("profiles/lxc-web");
        update(0);
        assert_good("lxc-db");
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_WITHDRAWN);
        assert_int_equal(find("abstractions/web")->state, PHX_SOURCE_WITHDRAWN);
        assert_true(find("lxc-web")->has_good);

        phx_profiles_forget(profiles, "lxc-web");
        phx_profiles_forget(profiles, "abstractions/web");
        update(0);
        assert_int_equal(desired->profile_count, 1);
        assert_null(text_of(WEB, &size));
}

static void an_empty_directory_withdraws_nothing(void **state) {
        update(1);
        tree_remove("profiles/lxc-web");
        update(0);
        assert_directory_refused(
                        "/profiles: is empty, expected profiles; phoenixd does not take an empty "
                        "directory as an order to remove them");
        assert_good("lxc-web");
        assert_good("abstractions/web");
}

static void a_directory_that_was_always_empty_is_nothing_to_refuse(void **state) {
        tree_remove("profiles/lxc-web");
        update(0);
        assert_int_equal(desired->refusal_count, 0);
        assert_int_equal(desired->profile_count, 0);
}

static void a_missing_directory_withdraws_nothing(void **state) {
        update(1);
        tree_remove("profiles");
        update(0);
        assert_directory_refused("/profiles: No such file or directory");
        assert_good("lxc-web");
        assert_good("abstractions/web");
        tree_write("profiles/abstractions/web", "file,\n");
        tree_write("profiles/lxc-web", WEB);
        update(0);
        assert_int_equal(desired->refusal_count, 0);
        assert_compiled("lxc-web\n");
}

static void a_directory_that_others_can_write_changes_nothing(void **state) {
        update(1);
        tree_write("profiles/lxc-evil", "profile lxc-evil {\n}\n");
        assert_int_equal(chmod(tree_path("profiles"), 0777), 0);
        update(0);
        assert_directory_refused(
                        "/profiles: 'profiles' is writable by group or others (mode 0777), expected "
                        "by its owner alone");
        assert_good("lxc-web");
        assert_null(phx_desired_find_profile(desired, "lxc-evil"));
}

static void without_apparmor_all_stays_as_it_is(void **state) {
        update(1);
        tree_write("profiles/lxc-db", DB);
        look.features = NULL;
        update(0);
        assert_directory_refused("cannot be compiled without AppArmor in the kernel");
        assert_good("lxc-web");
        assert_null(phx_desired_find_profile(desired, "lxc-db"));
}

static void without_a_compiler_all_stays_as_it_is(void **state) {
        char text[PATH_MAX + 64];

        update(1);
        tree_remove("parser");
        update(0);
        (void) snprintf(text, sizeof(text), "%s: No such file or directory", parser);
        assert_directory_refused(text);
        assert_good("lxc-web");
}

static void other_features_compile_all_again(void **state) {
        options.parser_config = "/parser.conf";
        start(false);
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("features", "one");
        tree_write("parser.conf", "policy-features=/features\n");
        update(1);
        assert_compiled("lxc-web\n");
        update(0);
        assert_compiled("");
}

static void while_the_loaders_settings_are_written_nothing_is_said(void **state) {
        phx_autoclose int fd = -1;

        options.parser_config = "/parser.conf";
        tree_write("parser.conf", "");
        start(false);
        update(1);
        fd = open(tree_path("parser.conf"), O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "#", 1), 1);
        update(0);
        assert_directory_refused("/parser.conf: is still being written");
        assert_true(desired->refusals[0].is_transient);
        assert_good("lxc-web");
}

/* --- what is kept --- */

static void another_compiler_makes_all_anew(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        write_compiler("the second");
        update(1);
        assert_compiled("lxc-web\n");
        assert_int_equal(count_cached(), 2);
        write_compiler("the first");
        update(1);
        assert_compiled("");
}

static void what_is_cached_is_not_compiled(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        start(false);
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
}

static void a_restart_recalls_what_was_good(void **state) {
        phx_autofree char *blob = NULL;
        size_t size = 0;

        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus\n}\n");
        start(true);
        update(0);
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        assert_good("abstractions/web");
        assert_string_equal(text_of(WEB, &size), WEB);
        assert_int_equal(phx_profiles_blob(profiles, find("lxc-web")->key, &blob, &size), 0);
        assert_true(size > 0);
}

static void a_lost_policy_is_compiled_once_more(void **state) {
        phx_autofree char *blob = NULL;
        char path[PATH_MAX];
        size_t size = 0;

        update(1);
        assert_compiled("lxc-web\n");
        (void) snprintf(path,
                        sizeof(path),
                        "cache/%s.policy",
                        phx_inventory_profile(&inventory, "lxc-web")->key);
        tree_remove(path);
        assert_int_equal(count_cached(), 0);
        assert_int_equal(phx_profiles_blob(profiles, find("lxc-web")->key, &blob, &size), -ENOENT);
        update(0);
        assert_compiled("lxc-web\n");
        assert_int_equal(phx_profiles_blob(profiles, find("lxc-web")->key, &blob, &size), 0);
        update(0);
        assert_compiled("");
        assert_int_equal(phx_profiles_blob(profiles, NONE, &blob, &size), -ENOENT);
}

static void a_return_to_an_earlier_text_compiles_nothing(void **state) {
        tree_write("profiles/lxc-db", DB);
        update(1);
        assert_compiled("lxc-db\nlxc-web\n");
        tree_write("profiles/lxc-web", "profile lxc-web {\n}\n");
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web", WEB);
        update(1);
        assert_compiled("");
        assert_good("lxc-web");
        assert_int_equal(count_cached(), 3);
}

/* Nothing of where things are is in a key. */
static void a_policy_of_another_host_is_taken(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();

        tree_write("profiles/lxc-web.test", "deny file w /x\n");
        update(1);
        assert_compiled("lxc-web\n");
        assert_int_equal(chmod(tree_path("cache"), 0755), 0);
        assert_int_equal(rename(tree_path("cache"), tree_path("shared")), 0);
        assert_int_equal(rename(tree_path("profiles"), tree_path("texts")), 0);
        assert_int_equal(rename(tree_path("deployed"), tree_path("etc")), 0);
        assert_int_equal(rename(tree_path("stage"), tree_path("elsewhere")), 0);
        assert_int_equal(rename(tree_path("parser"), tree_path("other-parser")), 0);
        (void) snprintf(parser, sizeof(parser), "%s", tree_path("other-parser"));
        (void) snprintf(stage_dir, sizeof(stage_dir), "%s", tree_path("elsewhere"));
        settings.profile_dir = texts_dir;
        settings.deployed_dir = etc_dir;
        (void) close(options.cache_fd);
        options.cache_fd = open_directory("own");
        options.shared_cache = "/shared";
        start(false);
        update(0);
        assert_compiled("");
        assert_good("lxc-web");
        assert_non_null(snapshot);
        assert_int_equal(phx_profiles_cache(profiles, &snapshot->cache), 0);
        assert_int_equal(strlen(snapshot->cache.compiler), 64);
        assert_true(snapshot->cache.counts.hits == 0 && snapshot->cache.counts.shared_hits == 1 &&
                    snapshot->cache.counts.misses == 0);

        /* It is ours from now on. */
        options.shared_cache = NULL;
        start(false);
        update(0);
        assert_compiled("");
}

static void a_shared_policy_that_is_not_trusted_is_compiled_and_reported(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        assert_int_equal(rename(tree_path("cache"), tree_path("shared")), 0);
        assert_int_equal(chmod(tree_path("shared"), 0777), 0);
        (void) close(options.cache_fd);
        options.cache_fd = open_directory("own");
        options.shared_cache = "/shared";
        start(false);
        update(0);
        assert_compiled("lxc-web\n");
        assert_good("lxc-web");
        assert_int_equal(desired->notes.count, 1);
        assert_non_null(strstr(desired->notes.items[0], "'shared' is writable by group or others"));
}

/* --- what is watched --- */

static bool is_watched(const char *path) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        assert_int_equal(phx_profiles_watches(profiles, &watches), 0);
        return tree_is_watched(&watches, tree_path(path));
}

static void the_place_of_an_include_is_watched(void **state) {
        update(1);
        assert_true(is_watched("profiles/abstractions"));
        assert_true(is_watched("profiles"));
        assert_false(is_watched("profiles/abstractions/web"));
}

/* Its mending must be seen. */
static void the_place_of_an_include_that_is_refused_is_watched(void **state) {
        assert_int_equal(chmod(tree_path("profiles/abstractions/web"), 0666), 0);
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: line 2: include of 'abstractions/web': "
                       "/profiles/abstractions/web: 'web' is writable by group or others (mode "
                       "0666), expected by its owner alone",
                       false);
        assert_true(is_watched("profiles/abstractions"));
}

static void the_place_behind_a_link_to_it_is_watched_too(void **state) {
        tree_write("profiles/lxc-web",
                   "profile lxc-web {\n  include <abstractions/web>\n  include "
                   "<abstractions/link>\n}\n");
        tree_write("profiles/abstractions/far/real", "file,\n");
        tree_link("profiles/abstractions/link", "far/real");
        assert_int_equal(chmod(tree_path("profiles/abstractions/far/real"), 0666), 0);
        update(0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_REFUSED);
        assert_true(is_watched("profiles/abstractions/far"));
        assert_int_equal(chmod(tree_path("profiles/abstractions/far/real"), 0644), 0);
        update(1);
        assert_good("lxc-web");
        assert_true(is_watched("profiles/abstractions/far"));
}

static void the_place_of_a_source_behind_a_link_is_watched(void **state) {
        tree_remove("profiles/lxc-web");
        tree_write("profiles/hidden/lxc-web", WEB);
        tree_link("profiles/lxc-web", "hidden/lxc-web");
        update(1);
        assert_good("lxc-web");
        assert_true(is_watched("profiles/hidden"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_source_that_is_being_written_waits),
                TEST(a_piece_that_would_not_be_there_at_boot_is_refused),
                TEST(a_source_that_is_gone_is_withdrawn_and_may_be_forgotten),
                TEST(an_empty_directory_withdraws_nothing),
                TEST(a_directory_that_was_always_empty_is_nothing_to_refuse),
                TEST(a_missing_directory_withdraws_nothing),
                TEST(a_directory_that_others_can_write_changes_nothing),
                TEST(without_apparmor_all_stays_as_it_is),
                TEST(without_a_compiler_all_stays_as_it_is),
                TEST(other_features_compile_all_again),
                TEST(while_the_loaders_settings_are_written_nothing_is_said),
                TEST(another_compiler_makes_all_anew),
                TEST(what_is_cached_is_not_compiled),
                TEST(a_restart_recalls_what_was_good),
                TEST(a_lost_policy_is_compiled_once_more),
                TEST(a_return_to_an_earlier_text_compiles_nothing),
                TEST(a_policy_of_another_host_is_taken),
                TEST(a_shared_policy_that_is_not_trusted_is_compiled_and_reported),
                TEST(the_place_of_an_include_is_watched),
                TEST(the_place_of_an_include_that_is_refused_is_watched),
                TEST(the_place_behind_a_link_to_it_is_watched_too),
                TEST(the_place_of_a_source_behind_a_link_is_watched),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
