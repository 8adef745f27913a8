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

#include <cmocka.h>

#include "machine/places.h"
#include "tree.h"

static struct phx_trust trust;
static struct phx_places *places;
static const struct phx_scope nothing;

static int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        tree_write("etc/lxc-a", "one");
        tree_mkdir("etc/disable");
        assert_int_equal(chmod(tree_path("etc"), 0755), 0);
        assert_int_equal(chmod(tree_path("etc/lxc-a"), 0644), 0);
        return phx_places_new(&trust, NULL, &places);
}

static int tear_down(void **state) {
        places = phx_places_free(places);
        tree_done();
        return 0;
}

static int refresh(const struct phx_scope *scope) {
        return phx_places_refresh(places, "/etc", scope);
}

static int refresh_at(const char *path) {
        phx_cleanup(phx_scope_done) struct phx_scope scope = { 0 };

        phx_scope_add(&scope, path);
        return refresh(&scope);
}

static const struct phx_deployed *get(const char *path) {
        const struct phx_place_seen *seen = phx_places_get(places, path);

        assert_non_null(seen);
        return &seen->deployed;
}

static void assert_content(const char *text) {
        char digest[PHX_SHA256_HEX];

        phx_sha256(text, strlen(text), digest);
        assert_int_equal(get("/etc/lxc-a")->kind, PHX_DEPLOYED_FILE);
        assert_string_equal(get("/etc/lxc-a")->digest, digest);
}

static void settle(const char *path) {
        struct phx_stamp stamp;
        struct stat st;

        assert_int_equal(stat(tree_path(path), &st), 0);
        for (stamp = phx_stamp_of(&st); !phx_stamp_is_settled(&stamp);)
                (void) nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

static void what_was_written_just_now_is_read_again(void **state) {
        assert_int_equal(refresh(NULL), 1);
        for (unsigned i = 0; i < 20; i++) {
                char text[8];

                (void) snprintf(text, sizeof(text), "%03u", i);
                tree_write("etc/lxc-a", text);
                assert_int_equal(refresh(NULL), i > 0);
                assert_content(text);
        }
}

/* Opening it would be seen in its access time. */
static void what_is_settled_is_not_opened_again(void **state) {
        const struct timespec old[2] = { { 1, 0 }, { 0, UTIME_OMIT } };
        struct stat st;

        assert_int_equal(utimensat(AT_FDCWD, tree_path("etc/lxc-a"), old, 0), 0);
        settle("etc/lxc-a");
        assert_int_equal(refresh(NULL), 1);
        assert_content("one");
        assert_int_equal(utimensat(AT_FDCWD, tree_path("etc/lxc-a"), old, 0), 0);
        settle("etc/lxc-a");
        assert_int_equal(refresh(NULL), 0);
        assert_int_equal(utimensat(AT_FDCWD, tree_path("etc/lxc-a"), old, 0), 0);
        assert_int_equal(refresh(&nothing), 0);
        assert_int_equal(stat(tree_path("etc/lxc-a"), &st), 0);
        assert_int_equal(st.st_atim.tv_sec, 1);
        assert_content("one");
}

static void what_no_scope_names_is_believed(void **state) {
        assert_int_equal(refresh(NULL), 1);
        assert_content("one");
        assert_int_equal(get("/etc/lxc-b")->kind, PHX_DEPLOYED_ABSENT);
        tree_write("etc/lxc-a", "two");
        assert_int_equal(refresh(&nothing), 0);
        assert_int_equal(refresh_at("/etc/lxc-b"), 0);
        assert_content("one");
        assert_int_equal(refresh_at("/etc/lxc-a"), 1);
        assert_content("two");
        assert_int_equal(chmod(tree_path("etc/lxc-a"), 0666), 0);
        assert_int_equal(refresh_at("/etc"), 1);
        assert_int_equal(get("/etc/lxc-a")->kind, PHX_DEPLOYED_UNTRUSTED);
        tree_remove("etc/lxc-a");
        assert_int_equal(refresh_at("/etc/lxc-a"), 1);
        assert_int_equal(get("/etc/lxc-a")->kind, PHX_DEPLOYED_ABSENT);
        tree_link("etc/lxc-a", "lxc-b");
        assert_int_equal(refresh_at("/etc/lxc-a"), 1);
        assert_int_equal(get("/etc/lxc-a")->kind, PHX_DEPLOYED_OTHER);
}

static void a_directory_that_is_opened_up_is_refused(void **state) {
        assert_int_equal(refresh(NULL), 1);
        assert_content("one");
        assert_int_equal(chmod(tree_path("etc"), 0777), 0);
        assert_int_equal(refresh(NULL), 1);
        assert_int_equal(phx_places_get(places, "/etc/lxc-a")->result, -EPERM);
        assert_false(phx_places_covers(places, "/etc/lxc-a"));
        assert_int_equal(chmod(tree_path("etc"), 0755), 0);
        assert_int_equal(refresh(&nothing), 1);
        assert_content("one");
}

static void a_place_in_a_directory_that_comes(void **state) {
        assert_int_equal(refresh(NULL), 1);
        assert_int_equal(get("/etc/abstractions/x")->kind, PHX_DEPLOYED_ABSENT);
        assert_int_equal(refresh(NULL), 0);
        tree_write("etc/abstractions/x", "x");
        assert_int_equal(chmod(tree_path("etc/abstractions"), 0755), 0);
        assert_int_equal(refresh_at("/etc/abstractions"), 1);
        assert_int_equal(get("/etc/abstractions/x")->kind, PHX_DEPLOYED_FILE);
}

static void switches_are_listed_when_they_may_have_changed(void **state) {
        assert_int_equal(refresh(NULL), 1);
        assert_null(phx_places_switch(places, "lxc-a"));
        tree_link("etc/disable/lxc-a", "../lxc-a");
        assert_int_equal(refresh(&nothing), 0);
        assert_int_equal(refresh_at("/etc/disable/lxc-a"), 1);
        assert_string_equal(phx_places_switch(places, "lxc-a"), "disable");
        tree_remove("etc/disable/lxc-a");
        tree_write("etc/force-complain/lxc-a", "");
        assert_int_equal(refresh(NULL), 1);
        assert_string_equal(phx_places_switch(places, "lxc-a"), "force-complain");
        assert_null(phx_places_switch(places, "lxc-b"));
}

static void a_switch_becomes_one_when_its_file_comes(void **state) {
        tree_link("etc/disable/lxc-b", "../lxc-b");
        assert_int_equal(refresh(NULL), 1);
        assert_null(phx_places_switch(places, "lxc-b"));
        tree_write("etc/lxc-b", "two");
        assert_int_equal(refresh(&nothing), 0);
        assert_int_equal(refresh_at("/etc/lxc-b"), 1);
        assert_string_equal(phx_places_switch(places, "lxc-b"), "disable");
        tree_remove("etc/lxc-b");
        assert_int_equal(refresh_at("/etc/lxc-b"), 1);
        assert_null(phx_places_switch(places, "lxc-b"));
}

static void a_directory_of_switches_that_comes_is_a_change(void **state) {
        assert_int_equal(refresh(NULL), 1);
        assert_int_equal(refresh(NULL), 0);
        tree_mkdir("etc/force-complain");
        assert_int_equal(refresh_at("/etc/force-complain"), 1);
        assert_int_equal(refresh(NULL), 0);
        tree_remove("etc/disable");
        assert_int_equal(refresh(NULL), 1);
        assert_int_equal(refresh(NULL), 0);
}

static void what_is_below_the_directory_is_covered(void **state) {
        assert_false(phx_places_covers(places, "/etc/lxc-a"));
        assert_int_equal(refresh(NULL), 1);
        assert_true(phx_places_covers(places, "/etc/lxc-a"));
        assert_true(phx_places_covers(places, "/etc/abstractions/.x.swp"));
        assert_false(phx_places_covers(places, "/etc"));
        assert_false(phx_places_covers(places, "/etc/"));
        assert_false(phx_places_covers(places, "/etcetera/x"));
        assert_int_equal(rename(tree_path("etc"), tree_path("real")), 0);
        tree_link("etc", "real");
        assert_int_equal(refresh(NULL), 0);
        assert_false(phx_places_covers(places, "/etc/lxc-a"));
}

/* --- beside the definers, which walk through the same directory first --- */

static struct phx_definers *definers;

static int set_up_definers(void **state) {
        int r = set_up(state);

        places = phx_places_free(places);
        if (r >= 0)
                r = phx_definers_new(&definers);
        return r < 0 ? r : phx_places_new(&trust, definers, &places);
}

static int tear_down_definers(void **state) {
        int r = tear_down(state);

        definers = phx_definers_free(definers);
        return r;
}

static void walk(void) {
        phx_autoclose int fd = open(tree_path("etc"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        phx_places_rest(places);
        (void) phx_definers_is_due(definers, "/etc", NULL);
        assert_true(phx_definers_look(definers, fd, NULL, NULL) >= 0);
        assert_non_null(phx_definers_stamp(definers, "/etc", "lxc-a"));
}

static void what_changes_after_the_walk_is_seen_by_the_next_pass(void **state) {
        settle("etc/lxc-a");
        walk();
        assert_int_equal(refresh(NULL), 1);
        assert_content("one");
        walk();
        tree_write("etc/lxc-a", "second");
        assert_int_equal(refresh(NULL), 0);
        assert_content("one");
        walk();
        assert_int_equal(refresh(NULL), 1);
        assert_content("second");
}

static void what_changes_before_and_after_the_walk_is_read_as_it_is(void **state) {
        settle("etc/lxc-a");
        walk();
        assert_int_equal(refresh(NULL), 1);
        assert_content("one");
        tree_write("etc/lxc-a", "second");
        walk();
        tree_write("etc/lxc-a", "the third");
        assert_int_equal(refresh(NULL), 1);
        assert_content("the third");
        tree_remove("etc/lxc-a");
        assert_int_equal(refresh(NULL), 1);
        assert_int_equal(get("/etc/lxc-a")->kind, PHX_DEPLOYED_ABSENT);
}

/* The walk follows it, and finds the very file that was there. */
static void a_link_to_the_same_file_is_no_file(void **state) {
        phx_autoclose int fd = -1;

        settle("etc/lxc-a");
        walk();
        assert_int_equal(refresh(NULL), 1);
        assert_content("one");
        assert_int_equal(rename(tree_path("etc"), tree_path("old")), 0);
        tree_link("etc/lxc-a", "../old/lxc-a");
        assert_int_equal(chmod(tree_path("etc"), 0755), 0);
        fd = open(tree_path("etc"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        phx_places_rest(places);
        (void) phx_definers_is_due(definers, "/etc", NULL);
        assert_true(phx_definers_look(definers, fd, NULL, NULL) >= 0);
        assert_int_equal(refresh(NULL), 1);
        assert_int_equal(get("/etc/lxc-a")->kind, PHX_DEPLOYED_OTHER);
}

static void another_directory_is_another_look(void **state) {
        tree_write("other/lxc-a", "other");
        assert_int_equal(chmod(tree_path("other"), 0755), 0);
        assert_int_equal(refresh(NULL), 1);
        assert_content("one");
        assert_int_equal(phx_places_refresh(places, "/other", &nothing), 1);
        assert_false(phx_places_covers(places, "/etc/lxc-a"));
        assert_true(phx_places_covers(places, "/other/lxc-a"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define WITH_DEFINERS(name) \
        cmocka_unit_test_setup_teardown(name, set_up_definers, tear_down_definers)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(what_was_written_just_now_is_read_again),
                TEST(what_is_settled_is_not_opened_again),
                TEST(what_no_scope_names_is_believed),
                TEST(a_directory_that_is_opened_up_is_refused),
                TEST(a_place_in_a_directory_that_comes),
                TEST(switches_are_listed_when_they_may_have_changed),
                TEST(a_switch_becomes_one_when_its_file_comes),
                TEST(a_directory_of_switches_that_comes_is_a_change),
                TEST(what_is_below_the_directory_is_covered),
                TEST(another_directory_is_another_look),
                WITH_DEFINERS(what_changes_after_the_walk_is_seen_by_the_next_pass),
                WITH_DEFINERS(what_changes_before_and_after_the_walk_is_read_as_it_is),
                WITH_DEFINERS(a_link_to_the_same_file_is_no_file),
        };

        return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
