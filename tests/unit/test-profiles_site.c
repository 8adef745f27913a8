/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The site's package has profiles, too: below the host's own, by the names of the files. */

#include "profiles-fixture.h"

static char site_dir[] = "/site";

#define OTHER_WEB "profile lxc-web {\n  include <abstractions/web>\n  deny /x w,\n}\n"

static int set_up_site(void **state) {
        int r = set_up(state);

        settings.site_profile_dir = site_dir;
        return r;
}

static void assert_tier(const char *name, enum phx_tier tier) {
        assert_string_equal(phx_tier_to_string(find(name)->tier), phx_tier_to_string(tier));
}

/* The text that is in force. */
static void assert_text(const char *name, const char *text) {
        char digest[PHX_SHA256_HEX];

        phx_sha256(text, strlen(text), digest);
        assert_string_equal(find(name)->digest, digest);
}

static void the_sites_profiles_are_in_force_beside_the_hosts(void **state) {
        tree_write("site/lxc-db", DB);
        update(1);
        assert_good("lxc-db");
        assert_tier("lxc-db", PHX_TIER_SITE);
        assert_good("lxc-web");
        assert_tier("lxc-web", PHX_TIER_LOCAL);
        assert_compiled("lxc-db\nlxc-web\n");
        update(0);
        assert_compiled("");
}

static void a_host_without_profiles_has_the_sites(void **state) {
        tree_write("site/lxc-web", WEB);
        tree_write("site/abstractions/web", "file,\n");
        tree_remove("profiles");
        update(1);
        assert_int_equal(desired->refusal_count, 0);
        assert_good("lxc-web");
        assert_tier("lxc-web", PHX_TIER_SITE);
        /* What it includes is deployed for the boot. */
        assert_good("abstractions/web");
}

/* What it leads to may not be mounted yet. */
static void a_directory_behind_a_link_that_leads_nowhere_withdraws_nothing(void **state) {
        tree_write("site/lxc-web", OTHER_WEB);
        update(1);
        tree_remove("profiles");
        tree_link("profiles", "/nowhere");
        update(0);
        assert_int_equal(desired->refusal_count, 1);
        assert_string_equal(desired->refusals[0].text, "/profiles: No such file or directory");
        assert_text("lxc-web", WEB);
}

static void a_site_without_profiles_does_not_excuse_a_missing_directory(void **state) {
        tree_mkdir("site/abstractions");
        tree_remove("profiles");
        update(0);
        assert_int_equal(desired->refusal_count, 1);
        assert_string_equal(desired->refusals[0].text, "/profiles: No such file or directory");
}

static void a_file_of_the_host_takes_the_place_of_the_sites(void **state) {
        tree_write("site/lxc-web", OTHER_WEB);
        update(1);
        assert_tier("lxc-web", PHX_TIER_OVERRIDE);
        assert_text("lxc-web", WEB);
        assert_compiled("lxc-web\n");

        /* What is hidden matters to nothing. */
        tree_write("site/lxc-web", "nonsense");
        update(0);
        assert_good("lxc-web");
        tree_write("site/lxc-web", OTHER_WEB);
        tree_remove("profiles/lxc-web");
        update(1);
        assert_tier("lxc-web", PHX_TIER_SITE);
        assert_text("lxc-web", OTHER_WEB);
}

static void a_broken_file_of_the_host_does_not_let_the_sites_through(void **state) {
        tree_write("site/lxc-web", OTHER_WEB);
        update(1);
        tree_write("profiles/lxc-web", "");
        update(0);
        assert_refused("lxc-web", "lxc-web: is empty, expected one profile", true);
        assert_text("lxc-web", WEB);
}

static void a_file_of_the_host_that_is_not_trusted_masks_nothing(void **state) {
        tree_write("site/lxc-web", OTHER_WEB);
        update(1);
        assert_int_equal(chmod(tree_path("profiles/lxc-web"), 0666), 0);
        update(0);
        assert_refused("lxc-web",
                       "lxc-web: /profiles/lxc-web: 'lxc-web' is writable by group or others (mode "
                       "0666), expected by its owner alone",
                       true);
        assert_tier("lxc-web", PHX_TIER_OVERRIDE);
        assert_text("lxc-web", WEB);
}

static void a_masked_profile_is_withdrawn(void **state) {
        tree_remove("profiles/lxc-web");
        tree_write("profiles/lxc-db", DB);
        tree_write("site/lxc-web", WEB);
        tree_write("site/lxc-web.test", "deny file w /x\n");
        update(1);
        assert_tier("lxc-web", PHX_TIER_SITE);

        tree_link("profiles/lxc-web", "/dev/null");
        update(0);
        assert_int_equal(desired->refusal_count, 0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_WITHDRAWN);
        assert_true(find("lxc-web")->has_good);
        assert_tier("lxc-web", PHX_TIER_MASKED);

        tree_remove("profiles/lxc-web");
        update(0);
        assert_good("lxc-web");
        assert_tier("lxc-web", PHX_TIER_SITE);
}

/* Where there is nothing to mask, it may be meant for a profile of another name. */
static void a_link_to_dev_null_that_masks_nothing_is_refused(void **state) {
        update(1);
        tree_link("profiles/lxc-gone", "/dev/null");
        update(0);
        assert_refused("lxc-gone",
                       "lxc-gone: /profiles/lxc-gone: is a link to /dev/null, expected a regular file",
                       false);
}

static void all_that_is_masked_withdraws_nothing(void **state) {
        tree_remove("profiles/lxc-web");
        tree_write("site/lxc-web", WEB);
        update(1);
        tree_link("profiles/lxc-web", "/dev/null");
        update(0);
        assert_int_equal(desired->refusal_count, 1);
        assert_good("lxc-web");
}

static void an_include_is_the_hosts_before_the_sites(void **state) {
        tree_write("site/lxc-db", "profile lxc-db {\n  include <abstractions/web>\n}\n");
        tree_write("site/abstractions/web", "deny /x w,\n");
        update(1);
        assert_text("abstractions/web", "file,\n");
        assert_compiled("lxc-db\nlxc-web\n");
        tree_remove("profiles/abstractions/web");
        update(1);
        assert_text("abstractions/web", "deny /x w,\n");
        assert_compiled("lxc-db\nlxc-web\n");
}

static void a_piece_has_the_tier_of_its_file(void **state) {
        tree_write("site/lxc-db",
                   "profile lxc-db {\n  include <abstractions/web>\n  include <abstractions/site>\n}\n");
        tree_write("site/abstractions/site", "deny /x w,\n");
        update(1);
        assert_tier("abstractions/web", PHX_TIER_LOCAL);
        assert_tier("abstractions/site", PHX_TIER_SITE);
        tree_write("site/abstractions/web", "deny /x w,\n");
        tree_write("profiles/abstractions/site", "deny /y w,\n");
        update(1);
        assert_tier("abstractions/web", PHX_TIER_OVERRIDE);
        assert_tier("abstractions/site", PHX_TIER_OVERRIDE);
        update(0);
        tree_remove("profiles/abstractions/site");
        update(1);
        assert_tier("abstractions/site", PHX_TIER_SITE);
}

/* What it leads to may not be mounted yet, and the site's may allow more. */
static void an_include_behind_a_link_that_leads_nowhere_is_not_the_sites(void **state) {
        static const char *const links[] = { "profiles/abstractions/web", "profiles/abstractions" };

        tree_write("site/abstractions/web", "deny /x w,\n");
        for (size_t i = 0; i < PHX_ELEMENTS(links); i++) {
                tree_write("profiles/abstractions/web", "file,\n");
                update(i == 0);
                assert_good("lxc-web");
                tree_remove(links[i]);
                tree_link(links[i], "/nowhere");
                update(0);
                assert_refused("lxc-web",
                               "lxc-web: line 2: include of 'abstractions/web': "
                               "/profiles/abstractions/web: No such file or directory",
                               true);
                assert_text("abstractions/web", "file,\n");
                tree_remove(links[i]);
        }
}

static void an_include_that_is_not_behind_a_link_is_the_sites(void **state) {
        tree_write("site/abstractions/web", "deny /x w,\n");
        tree_remove("profiles");
        tree_write("elsewhere/lxc-web", WEB);
        tree_link("profiles", "/elsewhere");
        update(1);
        assert_text("abstractions/web", "deny /x w,\n");
        tree_mkdir("elsewhere/abstractions");
        update(0);
        assert_text("abstractions/web", "deny /x w,\n");
        tree_write("elsewhere/abstractions/web", "file,\n");
        update(1);
        assert_text("abstractions/web", "file,\n");
}

static void a_package_that_arrives_is_seen(void **state) {
        update(1);
        tree_mkdir("site");
        assert_true(phx_profiles_is_unchanged(profiles, &settings, NULL) || update_once() == 0);
        tree_write("site/lxc-db", DB);
        assert_false(phx_profiles_is_unchanged(profiles, &settings, NULL));
        update(1);
        assert_tier("lxc-db", PHX_TIER_SITE);
        tree_write("site/lxc-db", "profile lxc-db {\n  deny /x w,\n}\n");
        assert_false(phx_profiles_is_unchanged(profiles, &settings, NULL));
}

/* dpkg unpacks a file beside the one before, links that to another name, renames over it, and
 * removes both names when all of the package is there. */
static void a_package_that_is_being_unpacked_is_not_read(void **state) {
        tree_write("site/lxc-db", DB);
        tree_write("site/lxc-db.test", "deny file w /x\n");
        update(1);
        tree_write("site/lxc-db.dpkg-tmp", DB);
        tree_write("site/lxc-db.test.dpkg-tmp", "deny file w /x\n");
        tree_write("site/lxc-new.dpkg-new", "profile lxc-new {\n}\n");
        update(0);
        assert_int_equal(desired->refusal_count, 0);
        assert_int_equal(desired->profile_count, 3);
        assert_good("lxc-db");
}

static void a_site_that_others_can_write_changes_nothing(void **state) {
        tree_write("site/lxc-db", DB);
        update(1);
        assert_int_equal(chmod(tree_path("site"), 0777), 0);
        update(0);
        assert_int_equal(desired->refusal_count, 1);
        assert_string_equal(
                        desired->refusals[0].text,
                        "/site: 'site' is writable by group or others (mode 0777), expected by its "
                        "owner alone");
        assert_good("lxc-db");
        assert_good("lxc-web");
}

static void the_sites_test_judges_the_file_of_the_host(void **state) {
        tree_write("site/lxc-web", OTHER_WEB);
        tree_write("site/lxc-web.test", "deny file w /x\n");
        trials = 0;
        update(1);
        assert_int_equal(trials, 1);
        tree_link("profiles/lxc-web.test", "/dev/null");
        update(1);
        assert_int_equal(trials, 1);
        assert_good("lxc-web");
}

int main(void) {
#define SITE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_site, tear_down)
        const struct CMUnitTest tests[] = {
                SITE_TEST(the_sites_profiles_are_in_force_beside_the_hosts),
                SITE_TEST(a_host_without_profiles_has_the_sites),
                SITE_TEST(a_directory_behind_a_link_that_leads_nowhere_withdraws_nothing),
                SITE_TEST(a_site_without_profiles_does_not_excuse_a_missing_directory),
                SITE_TEST(a_file_of_the_host_takes_the_place_of_the_sites),
                SITE_TEST(a_broken_file_of_the_host_does_not_let_the_sites_through),
                SITE_TEST(a_file_of_the_host_that_is_not_trusted_masks_nothing),
                SITE_TEST(a_masked_profile_is_withdrawn),
                SITE_TEST(a_link_to_dev_null_that_masks_nothing_is_refused),
                SITE_TEST(all_that_is_masked_withdraws_nothing),
                SITE_TEST(an_include_is_the_hosts_before_the_sites),
                SITE_TEST(a_piece_has_the_tier_of_its_file),
                SITE_TEST(an_include_behind_a_link_that_leads_nowhere_is_not_the_sites),
                SITE_TEST(an_include_that_is_not_behind_a_link_is_the_sites),
                SITE_TEST(a_package_that_arrives_is_seen),
                SITE_TEST(a_package_that_is_being_unpacked_is_not_read),
                SITE_TEST(a_site_that_others_can_write_changes_nothing),
                SITE_TEST(the_sites_test_judges_the_file_of_the_host),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
