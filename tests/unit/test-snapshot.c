/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/grow.h"
#include "state/daemon.h"

static void every_word_is_a_word_of_its_own(void **state) {
        assert_string_equal(phx_health_to_string(PHX_HEALTH_STARTING), "starting");
        assert_string_equal(phx_health_to_string(PHX_HEALTH_OBSERVING), "observing");
        assert_null(phx_health_to_string((enum phx_health)(PHX_HEALTH_OBSERVING + 1)));
        assert_string_equal(phx_profile_state_to_string(PHX_PROFILE_QUARANTINED), "quarantined");
        assert_string_equal(phx_profile_state_to_string(PHX_PROFILE_COMPILING), "compiling");
        assert_null(phx_profile_state_to_string(
                        (enum phx_profile_state)(PHX_PROFILE_COMPILING + 1)));
        assert_string_equal(
                        phx_container_state_to_string(PHX_CONTAINER_REQUIRES_RESTART),
                        "requires-restart");
        assert_null(phx_container_state_to_string(
                        (enum phx_container_state)(PHX_CONTAINER_MISSING + 1)));
        assert_string_equal(phx_posture_to_string(PHX_POSTURE_UNCONFINED), "unconfined");
        assert_null(phx_posture_to_string((enum phx_posture)(PHX_POSTURE_MISSING + 1)));
        assert_string_equal(phx_deployment_to_string(PHX_DEPLOYMENT_FOREIGN), "foreign");
        assert_null(phx_deployment_to_string((enum phx_deployment)(PHX_DEPLOYMENT_UNKNOWN + 1)));
}

static void a_daemon_that_starts_knows_no_time(void **state) {
        struct phx_daemon daemon;

        phx_daemon_init(&daemon);
        assert_true(daemon.health == PHX_HEALTH_STARTING);
        assert_true(daemon.started_at == PHX_NEVER);
        assert_true(daemon.pass.began_at == PHX_NEVER);
        assert_true(daemon.pass.ended_at == PHX_NEVER);
        assert_true(daemon.last_converged_at == PHX_NEVER);
        assert_true(daemon.next_look_at == PHX_NEVER);
        assert_true(daemon.labels_at == PHX_NEVER);
}

static void an_object_is_found_by_its_name_alone(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        struct phx_snapshot_container *container;
        struct phx_snapshot_profile *profile;

        profile = phx_grow(&snapshot->profiles, &snapshot->profile_count, sizeof(*profile));
        assert_non_null(profile);
        assert_int_equal(phx_replace(&profile->name, "lxc-web"), 0);
        container = phx_grow(&snapshot->containers, &snapshot->container_count, sizeof(*container));
        assert_non_null(container);
        assert_int_equal(phx_replace(&container->id, "101"), 0);

        assert_ptr_equal(phx_snapshot_find_profile(snapshot, "lxc-web"), profile);
        assert_null(phx_snapshot_find_profile(snapshot, "lxc-we"));
        assert_null(phx_snapshot_find_profile(snapshot, "101"));
        assert_ptr_equal(phx_snapshot_find_container(snapshot, "101"), container);
        assert_null(phx_snapshot_find_container(snapshot, "lxc-web"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_word_is_a_word_of_its_own),
                cmocka_unit_test(a_daemon_that_starts_knows_no_time),
                cmocka_unit_test(an_object_is_found_by_its_name_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
