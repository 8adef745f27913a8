/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The configuration of the site, where the host has none. */

#include "input-fixture.h"

#define SITE_FILE PHX_DATADIR "/site/phoenix_lxc_configs.json"
#define IN_TREE (&SITE_FILE[1])
#define SITE_PROFILE "lxc-site"
#define SITE_CONFIGURATION \
        "{ \"lxc_configs\": { \"910\": { \"apparmor_profile\": \"" SITE_PROFILE "\" } } }\n"

static void without_its_own_the_host_has_the_sites_configuration(void **state) {
        tree_write(IN_TREE, SITE_CONFIGURATION);
        read_good();
        assert_null(input_site_file(input));
        assert_string_equal(profile_of_the_container(), "unconfined");

        tree_remove("etc/lxc.json");
        assert_false(input_is_unchanged(input, NULL));
        read_good();
        assert_string_equal(input_site_file(input), SITE_FILE);
        assert_string_equal(profile_of_the_container(), SITE_PROFILE);
        assert_true(input_is_unchanged(input, NULL));
        assert_true(input_covers(input, SITE_FILE));

        tree_write("etc/lxc.json", GOOD_CONFIGURATION);
        assert_false(input_is_unchanged(input, NULL));
        read_good();
        assert_null(input_site_file(input));
        assert_string_equal(profile_of_the_container(), "unconfined");
}

static void a_broken_one_of_the_host_does_not_let_the_sites_through(void **state) {
        read_good();
        tree_write(IN_TREE, SITE_CONFIGURATION);
        tree_write("etc/lxc.json", "");
        read_refused("configuration", CONFIGURATION);
        assert_string_equal(profile_of_the_container(), "unconfined");
        tree_remove("etc/lxc.json");
        tree_link("etc/lxc.json", "/dev/null");
        read_refused("configuration", CONFIGURATION ": is a link to /dev/null");
        assert_string_equal(profile_of_the_container(), "unconfined");
}

/* What it leads to may not be mounted yet. */
static void a_link_that_leads_nowhere_does_not_let_the_sites_through(void **state) {
        read_good();
        tree_write(IN_TREE, SITE_CONFIGURATION);
        tree_remove("etc/lxc.json");
        tree_link("etc/lxc.json", "/nowhere/lxc.json");
        read_refused("configuration", CONFIGURATION ": No such file or directory");
        assert_string_equal(profile_of_the_container(), "unconfined");

        tree_remove("etc/lxc.json");
        read_good();
        assert_string_equal(profile_of_the_container(), SITE_PROFILE);
        tree_link("etc/lxc.json", "/nowhere/lxc.json");
        assert_false(input_is_unchanged(input, NULL));
        read_refused("configuration", CONFIGURATION ": No such file or directory");
        assert_string_equal(profile_of_the_container(), SITE_PROFILE);
}

static void a_broken_one_of_the_site_is_refused_by_its_name(void **state) {
        read_good();
        tree_remove("etc/lxc.json");
        tree_write(IN_TREE, "{");
        read_refused("configuration", SITE_FILE);
        assert_string_equal(profile_of_the_container(), "unconfined");
        tree_remove(IN_TREE);
        read_refused("configuration", CONFIGURATION ": No such file or directory");
        assert_null(input_site_file(input));
        assert_string_equal(profile_of_the_container(), "unconfined");
}

static void one_of_the_site_whose_place_is_taken_is_known(void **state) {
        phx_cleanup(phx_scope_done) struct phx_scope scope = { 0 };

        read_good();
        assert_null(input_hidden_file(input));
        tree_write(IN_TREE, SITE_CONFIGURATION);
        assert_true(input_is_unchanged(input, &scope));
        phx_scope_add(&scope, SITE_FILE);
        assert_false(input_is_unchanged(input, &scope));
        read_good();
        assert_string_equal(input_hidden_file(input), SITE_FILE);
        assert_string_equal(profile_of_the_container(), "unconfined");
        assert_true(input_is_unchanged(input, NULL));

        tree_write("etc/lxc.json", "");
        read_refused("configuration", CONFIGURATION);
        assert_string_equal(input_hidden_file(input), SITE_FILE);
        tree_remove("etc/lxc.json");
        read_good();
        assert_null(input_hidden_file(input));

        tree_write("etc/lxc.json", GOOD_CONFIGURATION);
        read_good();
        tree_remove(IN_TREE);
        assert_false(input_is_unchanged(input, NULL));
        read_good();
        assert_null(input_hidden_file(input));
}

int main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(without_its_own_the_host_has_the_sites_configuration),
                TEST(a_broken_one_of_the_host_does_not_let_the_sites_through),
                TEST(a_link_that_leads_nowhere_does_not_let_the_sites_through),
                TEST(a_broken_one_of_the_site_is_refused_by_its_name),
                TEST(one_of_the_site_whose_place_is_taken_is_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
