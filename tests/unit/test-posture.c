/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/snapshot.h"

/* What a running container with tasks under these labels is said to be. */
static enum phx_posture posture(const char *const *labels) {
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = calloc(
                        1,
                        sizeof(*snapshot));
        const struct phx_drifts drifts = { 0 };
        const struct phx_backoff backoff = { 0 };
        const struct phx_snapshot_view view = { desired, observed, &drifts, &backoff, 0 };
        struct phx_desired_container *want;
        struct phx_observed_container *have;

        assert_true(desired && observed && snapshot);
        want = phx_desired_add_container(desired, "web");
        have = phx_observed_add_container(observed, "web");
        assert_true(want && have);
        assert_int_equal(phx_replace(&want->directory, "web"), 0);
        assert_int_equal(phx_desired_container_set_profile(want, "lxc-a", NULL), 0);
        assert_int_equal(
                        phx_kernel_entries_add(
                                        &observed->loaded,
                                        "lxc-a",
                                        PHX_POLICY_ENFORCE,
                                        NULL),
                        0);
        assert_int_equal(
                        phx_kernel_entries_add(
                                        &observed->loaded,
                                        "lxc-c",
                                        PHX_POLICY_COMPLAIN,
                                        NULL),
                        0);
        have->is_running = true;
        for (; *labels; labels++)
                assert_int_equal(phx_strings_add(&have->labels, *labels), 0);

        assert_int_equal(phx_snapshot_fill(&view, snapshot), 0);
        assert_int_equal(snapshot->container_count, 1);
        return snapshot->containers[0].posture;
}

#define POSTURE(...) posture((const char *const[]){ __VA_ARGS__, NULL })

static void the_hosts_part_of_a_stack_counts(void **state) {
        assert_int_equal(POSTURE("lxc-a"), PHX_POSTURE_CONFINED);
        assert_int_equal(POSTURE("lxc-a//&:lxc-web:docker-default"), PHX_POSTURE_CONFINED);
        assert_int_equal(POSTURE("lxc-c//&:lxc-web:docker-default"), PHX_POSTURE_NOT_ENFORCED);
        assert_int_equal(POSTURE("lxc-c"), PHX_POSTURE_NOT_ENFORCED);
        assert_int_equal(POSTURE("unconfined//&:lxc-web:lxc-a"), PHX_POSTURE_UNCONFINED);
        assert_int_equal(POSTURE("lxc-c//&lxc-a"), PHX_POSTURE_CONFINED);
}

static void what_is_not_loaded_is_not_called_confined(void **state) {
        assert_int_equal(POSTURE("lxc-none"), PHX_POSTURE_UNKNOWN);
        assert_int_equal(POSTURE(":lxc-web:lxc-a"), PHX_POSTURE_UNKNOWN);
}

static void the_least_confined_task_decides(void **state) {
        assert_int_equal(POSTURE("lxc-a", "unconfined"), PHX_POSTURE_UNCONFINED);
        assert_int_equal(POSTURE("lxc-a", "lxc-c"), PHX_POSTURE_NOT_ENFORCED);
        assert_int_equal(POSTURE("lxc-a", "lxc-none"), PHX_POSTURE_UNKNOWN);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_hosts_part_of_a_stack_counts),
                cmocka_unit_test(what_is_not_loaded_is_not_called_confined),
                cmocka_unit_test(the_least_confined_task_decides),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
