/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "phoenixctl/story.h"

static char web[] = "lxc-web", gpu[] = "lxc-gpu", assign[] = "assign", other[] = "other";

static void add(struct story *story, uint64_t at, char *profile, char *action) {
        const struct phx_answer_event event = { .at = at, .profile = profile, .action = action };

        assert_int_equal(story_add(story, &event), 0);
}

static bool has(const struct story *story, uint64_t at, char *profile) {
        const struct phx_answer_event event = { .at = at, .profile = profile };

        return story_has(story, &event);
}

static void a_record_of_a_profile_counts_while_the_container_had_it(void **state) {
        phx_cleanup(story_done) struct story story = { 0 };

        add(&story, 10, web, NULL);
        add(&story, 15, NULL, NULL);
        add(&story, 20, gpu, assign);
        add(&story, 25, gpu, NULL);
        add(&story, 30, web, assign);
        assert_true(has(&story, 5, web) && !has(&story, 5, gpu));
        assert_true(has(&story, 19, web) && !has(&story, 19, gpu));
        assert_true(has(&story, 20, gpu) && !has(&story, 20, web));
        assert_true(has(&story, 31, web) && !has(&story, 31, gpu));
}

static void before_it_got_its_first_profile_nothing_is_known(void **state) {
        phx_cleanup(story_done) struct story story = { 0 };

        add(&story, 10, web, assign);
        assert_false(has(&story, 9, web));
        assert_true(has(&story, 10, web));
}

static void without_a_record_the_present_profile_counts(void **state) {
        phx_cleanup(story_done) struct story story = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings profiles = { 0 };

        assert_false(has(&story, 1, web));
        assert_int_equal(phx_replace(&story.profile, "lxc-web"), 0);
        assert_true(has(&story, 1, web));
        assert_false(has(&story, 1, gpu));
        assert_int_equal(story_profiles(&story, &profiles), 0);
        assert_int_equal(profiles.count, 1);
        assert_string_equal(profiles.items[0], "lxc-web");
}

static void each_profile_is_asked_for_once(void **state) {
        phx_cleanup(story_done) struct story story = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings profiles = { 0 };

        add(&story, 10, web, NULL);
        add(&story, 20, gpu, assign);
        add(&story, 30, web, assign);
        assert_int_equal(story_profiles(&story, &profiles), 0);
        assert_int_equal(profiles.count, 2);
}

static void a_record_about_another_container_never_counts(void **state) {
        const struct phx_answer_event event = { .at = 11, .profile = web, .container = other };
        const struct phx_answer_event none = { .at = 11 };
        phx_cleanup(story_done) struct story story = { 0 };

        add(&story, 10, web, NULL);
        assert_false(story_has(&story, &event));
        assert_false(story_has(&story, &none));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_record_of_a_profile_counts_while_the_container_had_it),
                cmocka_unit_test(before_it_got_its_first_profile_nothing_is_known),
                cmocka_unit_test(without_a_record_the_present_profile_counts),
                cmocka_unit_test(each_profile_is_asked_for_once),
                cmocka_unit_test(a_record_about_another_container_never_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
