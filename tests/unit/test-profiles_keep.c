/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What one look judged, and the next one need not. */

#include "profiles-fixture.h"

#define LOCAL \
        "profile lxc-web {\n  include <abstractions/base>\n  include if exists <abstractions/more>\n}\n"

#define SITE "profile lxc-web {\n  include <site/x>\n}\n"
#define SITE_DB "profile lxc-db {\n  include <site/x>\n}\n"

static struct phx_scope scope;

static int set_up_narrow(void **state) {
        scope = (struct phx_scope){ 0 };
        return set_up(state);
}

static int tear_down_narrow(void **state) {
        phx_scope_done(&scope);
        return tear_down(state);
}

/* One look of which PATH alone is known to have changed; NULL: nothing. */
static void update_narrow(const char *path, int result) {
        phx_scope_done(&scope);
        if (path)
                phx_scope_add(&scope, path);
        look.scope = &scope;
        update(result);
        look.scope = NULL;
}

static bool is_unchanged(const char *path) {
        phx_scope_done(&scope);
        if (path)
                phx_scope_add(&scope, path);
        return phx_profiles_is_unchanged(profiles, &settings, path ? &scope : NULL);
}

static void what_is_not_in_the_scope_is_kept(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web", "profile lxc-web {\n}\n");
        update_narrow("/profiles/lxc-db", 0);
        assert_compiled("");
        assert_good("lxc-web");
        assert_good("abstractions/web");
        update_narrow("/profiles/lxc-web", 1);
        assert_compiled("lxc-web\n");
}

/* Sources stay in place from look to look; what is said of one of them does not. */
static void one_that_changes_is_judged_and_no_other(void **state) {
        tree_write("profiles/lxc-db", DB);
        tree_write("profiles/lxc-db.test", "deny file w /x\n");
        update(1);
        compiled[0] = '\0';
        tree_write("profiles/lxc-db", "");
        update_narrow("/profiles/lxc-db", 0);
        assert_refused("lxc-db", "lxc-db: is empty, expected one profile", true);
        assert_good("lxc-web");
        update_narrow("/profiles/lxc-web", 0);
        assert_refused("lxc-db", "lxc-db: is empty, expected one profile", true);
        tree_write("profiles/lxc-db", DB);
        update_narrow("/profiles/lxc-db", 0);
        assert_good("lxc-db");
        assert_compiled("");

        assert_int_equal(chmod(tree_path("profiles/lxc-db.test"), 0666), 0);
        update_narrow("/profiles/lxc-db.test", 0);
        assert_int_equal(find("lxc-db")->state, PHX_SOURCE_REFUSED);
        tree_remove("profiles/lxc-db.test");
        update_narrow("/profiles/lxc-db.test", 1);
        assert_good("lxc-db");
        tree_remove("profiles/lxc-web");
        update_narrow("/profiles/lxc-web", 0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_WITHDRAWN);
        assert_good("lxc-db");
}

static void one_that_comes_is_judged_and_one_that_goes_withdrawn(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-db", DB);
        update_narrow("/profiles/lxc-db", 1);
        assert_compiled("lxc-db\n");
        assert_good("lxc-db");
        tree_remove("profiles/lxc-db");
        update_narrow("/profiles/lxc-db", 0);
        assert_int_equal(find("lxc-db")->state, PHX_SOURCE_WITHDRAWN);
        assert_good("lxc-web");
        assert_compiled("");
}

static void an_include_concerns_all_that_include_it(void **state) {
        tree_write("profiles/lxc-db", DB);
        tree_write("profiles/lxc-www", "profile lxc-www {\n  include <abstractions/web>\n}\n");
        update(1);
        assert_compiled("lxc-db\nlxc-web\nlxc-www\n");
        tree_write("profiles/abstractions/web", "network,\n");
        update_narrow("/profiles/abstractions/web", 1);
        assert_compiled("lxc-web\nlxc-www\n");
}

/* The first directory of the search had none until now. */
static void an_include_that_comes_before_another_is_taken(void **state) {
        tree_write("deployed/abstractions/base", "file,\n");
        tree_write("profiles/lxc-web", LOCAL);
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/abstractions/base", "network,\n");
        update_narrow("/profiles/abstractions/base", 1);
        assert_compiled("lxc-web\n");
        assert_good("abstractions/base");
        tree_remove("profiles/abstractions/base");
        update(1);
        assert_compiled("");
}

static void an_include_that_may_be_missing_comes(void **state) {
        tree_write("deployed/abstractions/base", "file,\n");
        tree_write("profiles/lxc-web", LOCAL);
        update(1);
        assert_compiled("lxc-web\n");
        update_narrow("/deployed/abstractions/more", 0);
        assert_compiled("");
        tree_write("deployed/abstractions/more", "network,\n");
        update_narrow("/deployed/abstractions/more", 1);
        assert_compiled("lxc-web\n");
}

static void the_directory_of_an_include_is_judged_in_a_whole_look(void **state) {
        tree_write("deployed/abstractions/base", "file,\n");
        tree_write("profiles/lxc-web", LOCAL);
        update(1);
        assert_int_equal(chmod(tree_path("deployed/abstractions"), 0777), 0);
        update(0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_REFUSED);
        assert_non_null(strstr(find("lxc-web")->refusal, "writable by group or others"));
        assert_int_equal(chmod(tree_path("deployed/abstractions"), 0755), 0);
        update(0);
        assert_good("lxc-web");
}

static void a_test_that_comes_is_asked(void **state) {
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web.test", "deny file r /y\n");
        update_narrow("/profiles/lxc-web.test", 1);
        assert_compiled("lxc-web\n");
        tree_remove("profiles/lxc-web.test");
        update_narrow("/profiles/lxc-web.test", 1);
        assert_compiled("");
}

static void a_name_that_others_define_meanwhile_is_refused(void **state) {
        static const char text[] = "profile lxc-web {\n}\n";

        update(1);
        assert_int_equal(phx_definitions_scan(text, sizeof(text) - 1, "somebody", &definitions), 0);
        update_narrow(NULL, 0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_REFUSED);
        assert_non_null(strstr(find("lxc-web")->refusal, "/deployed/somebody:1 already defines"));
        phx_definitions_done(&definitions);
        update_narrow(NULL, 0);
        assert_good("lxc-web");
}

static void another_setting_judges_all_again(void **state) {
        tree_write("profiles/lxc-web", "profile lxc-web flags=(complain) {\n}\n");
        settings.allow_complain = true;
        update(1);
        assert_good("lxc-web");
        settings.allow_complain = false;
        assert_false(is_unchanged("/nothing"));
        update_narrow(NULL, 0);
        assert_int_equal(find("lxc-web")->state, PHX_SOURCE_REFUSED);
}

static void what_is_refused_is_judged_each_time(void **state) {
        update(1);
        tree_write("profiles/lxc-web", "profile lxc-web {\n  bogus\n}\n");
        update_narrow("/profiles/lxc-web", 0);
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        compiled[0] = '\0';
        update_narrow(NULL, 0);
        assert_refused("lxc-web", "lxc-web: line 2: bogus", true);
        tree_write("profiles/lxc-web", WEB);
        update_narrow("/profiles/lxc-web", 0);
        assert_good("lxc-web");
        assert_compiled("");
}

static void a_lost_policy_is_not_kept(void **state) {
        phx_autofree char *blob = NULL;
        char path[PATH_MAX];
        size_t size = 0;

        update(1);
        assert_compiled("lxc-web\n");
        (void) snprintf(path, sizeof(path), "cache/%s.policy", find("lxc-web")->key);
        tree_remove(path);
        assert_int_equal(phx_profiles_blob(profiles, find("lxc-web")->key, &blob, &size), -ENOENT);
        update_narrow(NULL, 0);
        assert_compiled("lxc-web\n");
}

static bool is_watched(const char *end) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };

        assert_int_equal(phx_profiles_watches(profiles, &watches), 0);
        for (size_t i = 0; i < watches.count; i++)
                if (phx_has_suffix(watches.items[i], end))
                        return true;
        return false;
}

/* Nobody was there to hear of its change. */
static void what_is_included_again_is_read_again(void **state) {
        tree_write("deployed/site/x", "network,\n");
        assert_int_equal(chmod(tree_path("deployed/site"), 0755), 0);
        tree_write("profiles/lxc-web", SITE);
        update(1);
        assert_compiled("lxc-web\n");
        tree_write("profiles/lxc-web", "profile lxc-web {\n}\n");
        update_narrow("/profiles/lxc-web", 1);
        assert_compiled("lxc-web\n");
        assert_false(is_watched("/deployed/site//x"));
        tree_write("deployed/site/x", "deny network,\n");
        tree_write("profiles/lxc-web", SITE);
        update_narrow("/profiles/lxc-web", 1);
        assert_compiled("lxc-web\n");
        assert_true(is_watched("/deployed/site//x"));
        update(0);
        assert_compiled("");
}

static void what_stands_behind_a_refused_include_is_not_lost(void **state) {
        int fd;

        tree_write("deployed/abstractions/a", "network,\n");
        tree_write("deployed/site/x", "network,\n");
        assert_int_equal(chmod(tree_path("deployed/abstractions"), 0755), 0);
        assert_int_equal(chmod(tree_path("deployed/site"), 0755), 0);
        tree_write("profiles/lxc-web",
                   "profile lxc-web {\n  include <abstractions/a>\n  include <site/x>\n}\n");
        update(1);
        assert_compiled("lxc-web\n");
        fd = open(tree_path("deployed/abstractions/a"), O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, "n", 1, 0), 1);
        update_narrow("/deployed/abstractions/a", 0);
        assert_non_null(find("lxc-web")->refusal);
        assert_true(is_watched("/deployed/site//x"));
        tree_write("deployed/site/x", "deny network,\n");
        (void) close(fd);
        update_narrow("/deployed/abstractions/a", 1);
        assert_compiled("lxc-web\n");
        update(0);
        assert_compiled("");
}

/* What judging one has found concerns the other, whose event is still on its way. */
static void what_is_found_in_judging_is_not_taken_for_known(void **state) {
        tree_write("profiles/lxc-db", SITE_DB);
        tree_write("profiles/lxc-web", SITE);
        tree_write("deployed/site/x", "network,\n");
        assert_int_equal(chmod(tree_path("deployed/site"), 0755), 0);
        update(1);
        assert_compiled("lxc-db\nlxc-web\n");
        tree_write("deployed/site/x", "deny network,\n");
        tree_write("profiles/lxc-web", SITE "# another\n");
        update_narrow("/profiles/lxc-web", 1);
        assert_compiled("lxc-web\nlxc-db\n");
        assert_true(is_unchanged("/deployed/site/x"));
}

/* Many looks long: nothing that is still of use is forgotten. */
static void what_is_kept_stays_known(void **state) {
        tree_write("deployed/abstractions/base", "file,\n");
        tree_write("profiles/lxc-web", LOCAL);
        update(1);
        for (unsigned i = 0; i < 5; i++) {
                if (i % 2)
                        update(0);
                assert_true(is_unchanged(NULL));
                assert_true(is_unchanged("/deployed/abstractions/base"));
        }
        tree_write("deployed/abstractions/base", "network,\n");
        assert_false(is_unchanged("/deployed/abstractions/base"));
        update_narrow(NULL, 1);
}

static void what_was_written_again_is_unchanged(void **state) {
        assert_false(is_unchanged(NULL));
        update(1);
        assert_true(is_unchanged(NULL));
        assert_true(is_unchanged("/profiles/lxc-web"));
        tree_write("profiles/lxc-web", WEB);
        assert_true(is_unchanged("/profiles/lxc-web"));
        assert_true(is_unchanged(NULL));
        tree_write("profiles/lxc-db", DB);
        assert_true(is_unchanged("/profiles/lxc-web"));
        assert_false(is_unchanged("/profiles/lxc-db"));
        /* It was seen, and is not forgotten until it was judged. */
        assert_false(is_unchanged("/profiles/lxc-web"));
        update_narrow(NULL, 1);
        assert_compiled("lxc-web\nlxc-db\n");
        assert_true(is_unchanged(NULL));
        write_compiler("the second");
        assert_false(is_unchanged(NULL));
}

static void an_update_that_kept_all_is_never_unchanged(void **state) {
        update(1);
        assert_int_equal(chmod(tree_path("profiles"), 0777), 0);
        update(0);
        assert_int_equal(desired->refusal_count, 1);
        assert_false(is_unchanged(NULL));
        assert_false(is_unchanged("/nothing"));
        assert_int_equal(chmod(tree_path("profiles"), 0755), 0);
        update(0);
        assert_int_equal(desired->refusal_count, 0);
        assert_true(is_unchanged(NULL));
}

static void events_of_sources_are_covered(void **state) {
        assert_false(phx_profiles_covers(profiles, "/profiles/lxc-web"));
        update(1);
        assert_true(phx_profiles_covers(profiles, "/profiles/lxc-web"));
        assert_true(phx_profiles_covers(profiles, "/profiles/lxc-new"));
        assert_true(phx_profiles_covers(profiles, "/profiles/.lxc-web.swp"));
        assert_true(phx_profiles_covers(profiles, "/profiles/abstractions/web"));
        assert_false(phx_profiles_covers(profiles, "/elsewhere"));
}

#define NARROW(name) cmocka_unit_test_setup_teardown(name, set_up_narrow, tear_down_narrow)

int main(void) {
        const struct CMUnitTest tests[] = {
                NARROW(what_is_not_in_the_scope_is_kept),
                NARROW(one_that_changes_is_judged_and_no_other),
                NARROW(one_that_comes_is_judged_and_one_that_goes_withdrawn),
                NARROW(an_include_concerns_all_that_include_it),
                NARROW(an_include_that_comes_before_another_is_taken),
                NARROW(an_include_that_may_be_missing_comes),
                NARROW(the_directory_of_an_include_is_judged_in_a_whole_look),
                NARROW(a_test_that_comes_is_asked),
                NARROW(a_name_that_others_define_meanwhile_is_refused),
                NARROW(another_setting_judges_all_again),
                NARROW(what_is_refused_is_judged_each_time),
                NARROW(a_lost_policy_is_not_kept),
                NARROW(what_is_included_again_is_read_again),
                NARROW(what_stands_behind_a_refused_include_is_not_lost),
                NARROW(what_is_found_in_judging_is_not_taken_for_known),
                NARROW(what_is_kept_stays_known),
                NARROW(what_was_written_again_is_unchanged),
                NARROW(an_update_that_kept_all_is_never_unchanged),
                NARROW(events_of_sources_are_covered),
        };

        return cmocka_run_group_tests_name("profiles_keep", tests, NULL, NULL);
}
