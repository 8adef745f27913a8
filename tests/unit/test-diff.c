/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the difference says in each state is in tests/golden; here is what does not show there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "reconcile/diff.h"
#include "world_fake.h"

static void diff(const struct fake *fake, struct phx_drifts *drifts) {
        assert_int_equal(phx_diff(fake->desired, fake->observed, drifts), 0);
}

static void drifts_outlive_what_they_were_made_of(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };

        (void) fake_profile(fake, "lxc-web", "file 1", "policy 1");
        (void) fake_deploy(fake, "lxc-web", "file 0", true);
        diff(fake, &drifts);
        fake_freep(&fake);
        assert_int_equal(drifts.count, 2);
        assert_string_equal(drifts.items[0].object, "lxc-web");
        assert_string_equal(drifts.items[0].found, "file 0");
}

static void the_result_takes_the_place_of_an_older_one(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };

        (void) fake_create(fake, "guest", "");
        diff(fake, &drifts);
        assert_int_equal(drifts.count, 1);
        diff(fake, &drifts);
        assert_int_equal(drifts.count, 1);
        fake_configure(fake, "guest", "guest", "unconfined");
        assert_int_equal(phx_replace(&fake->observed->containers[0].effective, "unconfined"), 0);
        diff(fake, &drifts);
        assert_int_equal(drifts.count, 0);
}

static void old_and_new_digests_are_for_the_audit_trail(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        struct phx_observed_container *container;

        (void) fake_profile(fake, "lxc-a", "file 1", "policy 1");
        (void) fake_deploy(fake, "lxc-a", "file 0", true);
        fake_load(fake, "lxc-a", PHX_POLICY_ENFORCE, "policy 1");
        (void) fake_profile(fake, "lxc-b", "file 1", "policy 1");
        (void) fake_deploy(fake, "lxc-b", "file 1", true);
        fake_load(fake, "lxc-b", PHX_POLICY_COMPLAIN, "policy 0");
        fake_configure(fake, "web", "web", "lxc-a");
        container = fake_create(fake, "web", "unconfined");
        assert_int_equal(phx_replace(&container->digest, "config 0"), 0);
        diff(fake, &drifts);

        assert_int_equal(drifts.count, 3);
        assert_string_equal(drifts.items[0].old_digest, "file 0");
        assert_string_equal(drifts.items[0].new_digest, "file 1");
        /* The mode is what differs to a person; the digests are there all the same. */
        assert_int_equal(drifts.items[1].kind, PHX_DRIFT_MODE);
        assert_string_equal(drifts.items[1].old_digest, "policy 0");
        assert_string_equal(drifts.items[1].new_digest, "policy 1");
        /* What an edited config will be is known when it is there. */
        assert_string_equal(drifts.items[2].old_digest, "config 0");
        assert_null(drifts.items[2].new_digest);
}

static void a_killing_profile_of_others_confines_too(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };

        fake_load(fake, "lxc-others", PHX_POLICY_KILL, NULL);
        fake_configure(fake, "web", "web", "lxc-others");
        (void) fake_create(fake, "web", "");
        diff(fake, &drifts);
        assert_int_equal(drifts.count, 1);
        assert_int_equal(drifts.items[0].action, PHX_ACTION_ASSIGN);
}

static void a_longer_name_is_another_profile(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };

        fake_profile(fake, "lxc-web", "file 1", "policy 1")->state = PHX_SOURCE_WITHDRAWN;
        (void) fake_deploy(fake, "lxc-web", "file 1", true);
        fake_configure(fake, "web", "web", "lxc-web-2");
        (void) fake_create(fake, "web", "lxc-web-2");
        fake_load(fake, "lxc-web-2", PHX_POLICY_ENFORCE, NULL);
        fake_load(fake, "lxc-web-2//child", PHX_POLICY_ENFORCE, NULL);
        diff(fake, &drifts);
        assert_int_equal(drifts.count, 1);
        assert_int_equal(drifts.items[0].action, PHX_ACTION_WITHDRAW);
}

/* By the layer and the object alone it cannot be known: an object may be a child or a container. */
static void every_drift_says_which_profile_it_is_about(void **state) {
        static const char *const objects[] = {
                "abc.test", "lxc-bad", "lxc-web", "AppArmor", "lxc-web//old", "101", "102", "guest",
        };
        static const char *const profiles[] = {
                NULL, "lxc-bad", "lxc-web", NULL, "lxc-web", "lxc-web", "lxc-web", NULL,
        };
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        struct phx_desired_profile *bad;

        assert_non_null(phx_desired_add_refusal(
                        fake->desired,
                        PHX_REFUSED_TEST,
                        "abc.test",
                        "tests nothing"));
        bad = fake_profile(fake, "lxc-bad", NULL, NULL);
        bad->state = PHX_SOURCE_REFUSED;
        bad->has_good = false;
        (void) fake_profile(fake, "lxc-web", "file 1", "policy 1");
        (void) fake_deploy(fake, "lxc-web", "file 0", true);
        fake_load(fake, "lxc-web", PHX_POLICY_ENFORCE, "policy 1");
        fake_load(fake, "lxc-web//old", PHX_POLICY_ENFORCE, NULL);
        fake_configure(fake, "101", "101", "lxc-web");
        (void) fake_create(fake, "101", "unconfined");
        fake_configure(fake, "102", NULL, "lxc-web");
        (void) fake_create(fake, "guest", "lxc-x");
        diff(fake, &drifts);
        for (size_t i = 0; i < drifts.count; i++) {
                size_t at = 0;

                while (at < PHX_ELEMENTS(objects) &&
                       !phx_equal(objects[at], drifts.items[i].object))
                        at++;
                assert_true(at < PHX_ELEMENTS(objects));
                assert_true(phx_equal(drifts.items[i].profile, profiles[at]));
        }
        assert_int_equal(drifts.items[0].refused, PHX_REFUSED_TEST);
        assert_int_equal(drifts.items[1].refused, PHX_REFUSED_PROFILE);
        assert_int_equal(drifts.count, 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(drifts_outlive_what_they_were_made_of),
                cmocka_unit_test(the_result_takes_the_place_of_an_older_one),
                cmocka_unit_test(old_and_new_digests_are_for_the_audit_trail),
                cmocka_unit_test(a_killing_profile_of_others_confines_too),
                cmocka_unit_test(a_longer_name_is_another_profile),
                cmocka_unit_test(every_drift_says_which_profile_it_is_about),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
