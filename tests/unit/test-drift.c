/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state/drift.h"

static struct phx_drift drift_of(
                enum phx_layer layer,
                enum phx_drift_kind kind,
                const char *object) {
        return (struct phx_drift){
                .layer = layer,
                .kind = kind,
                .object = object,
                .expected = "this",
                .found = "that",
        };
}

static void add(struct phx_drifts *drifts, struct phx_drift drift) {
        assert_int_equal(phx_drifts_add(drifts, &drift), 0);
}

static void what_is_added_is_a_copy(void **state) {
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        char object[] = "lxc-web", detail[] = "because", digest[] = "0123";
        struct phx_drift drift = drift_of(PHX_LAYER_DISK, PHX_DRIFT_FOREIGN, object);

        drift.detail = detail;
        drift.profile = object;
        drift.refused = PHX_REFUSED_TEST;
        drift.old_digest = digest;
        drift.new_digest = digest;
        add(&drifts, drift);
        memset(object, 'x', strlen(object));
        memset(detail, 'x', strlen(detail));
        memset(digest, 'x', strlen(digest));

        assert_string_equal(drifts.items[0].object, "lxc-web");
        assert_string_equal(drifts.items[0].detail, "because");
        assert_string_equal(drifts.items[0].profile, "lxc-web");
        assert_int_equal(drifts.items[0].refused, PHX_REFUSED_TEST);
        assert_string_equal(drifts.items[0].old_digest, "0123");
        assert_string_equal(drifts.items[0].new_digest, "0123");
}

static void sorted_drifts_follow_the_layers(void **state) {
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };

        add(&drifts, drift_of(PHX_LAYER_RUNNING, PHX_DRIFT_RUNNING, "a"));
        add(&drifts, drift_of(PHX_LAYER_KERNEL, PHX_DRIFT_MODE, "lxc-b"));
        add(&drifts, drift_of(PHX_LAYER_KERNEL, PHX_DRIFT_MODE, "lxc-a"));
        add(&drifts, drift_of(PHX_LAYER_KERNEL, PHX_DRIFT_ABSENT, "lxc-b"));
        add(&drifts, drift_of(PHX_LAYER_SOURCE, PHX_DRIFT_REFUSED, "z"));
        phx_drifts_sort(&drifts);

        assert_int_equal(drifts.items[0].layer, PHX_LAYER_SOURCE);
        assert_string_equal(drifts.items[1].object, "lxc-a");
        assert_int_equal(drifts.items[2].kind, PHX_DRIFT_ABSENT);
        assert_int_equal(drifts.items[3].kind, PHX_DRIFT_MODE);
        assert_int_equal(drifts.items[4].layer, PHX_LAYER_RUNNING);
}

static void two_of_a_kind_are_ordered_by_their_words(void **state) {
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        struct phx_drift drift = drift_of(PHX_LAYER_SOURCE, PHX_DRIFT_REFUSED, "configuration");

        drift.found = "line 9: no";
        add(&drifts, drift);
        drift.found = "line 3: no";
        add(&drifts, drift);
        drift.expected = NULL;
        add(&drifts, drift);
        phx_drifts_sort(&drifts);

        assert_null(drifts.items[0].expected);
        assert_string_equal(drifts.items[1].found, "line 3: no");
        assert_string_equal(drifts.items[2].found, "line 9: no");
}

static void a_drift_is_found_by_layer_kind_and_object_alone(void **state) {
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        struct phx_drift like = drift_of(PHX_LAYER_KERNEL, PHX_DRIFT_DIFFERS, "lxc-web");

        add(&drifts, like);
        like.expected = "something else";
        like.found = NULL;
        assert_ptr_equal(phx_drifts_find(&drifts, &like), &drifts.items[0]);

        like.kind = PHX_DRIFT_MODE;
        assert_null(phx_drifts_find(&drifts, &like));
        like = drift_of(PHX_LAYER_DISK, PHX_DRIFT_DIFFERS, "lxc-web");
        assert_null(phx_drifts_find(&drifts, &like));
        like = drift_of(PHX_LAYER_KERNEL, PHX_DRIFT_DIFFERS, "lxc-db");
        assert_null(phx_drifts_find(&drifts, &like));
}

static void the_last_one_can_be_taken_back(void **state) {
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };

        add(&drifts, drift_of(PHX_LAYER_DISK, PHX_DRIFT_ABSENT, "lxc-a"));
        add(&drifts, drift_of(PHX_LAYER_DISK, PHX_DRIFT_ABSENT, "lxc-b"));
        phx_drifts_drop_last(&drifts);
        assert_int_equal(drifts.count, 1);
        assert_string_equal(drifts.items[0].object, "lxc-a");
}

static void done_twice_is_done_once(void **state) {
        struct phx_drifts drifts = { 0 };

        add(&drifts, drift_of(PHX_LAYER_DISK, PHX_DRIFT_ABSENT, "lxc-a"));
        phx_drifts_done(&drifts);
        assert_null(drifts.items);
        phx_drifts_done(&drifts);
        assert_int_equal(drifts.count, 0);
}

static void only_a_restart_that_helps_is_tolerable(void **state) {
        struct phx_drift drift = drift_of(PHX_LAYER_RUNNING, PHX_DRIFT_RUNNING, "web");

        drift.cause = PHX_CAUSE_REQUIRES_RESTART;
        assert_true(phx_drift_is_tolerable(&drift));
        assert_true(phx_drift_requires_restart(&drift));
        drift.cause = PHX_CAUSE_PROFILE_NOT_LOADED;
        assert_false(phx_drift_is_tolerable(&drift));
        drift.kind = PHX_DRIFT_UNKNOWN;
        drift.cause = PHX_CAUSE_REQUIRES_RESTART;
        assert_false(phx_drift_requires_restart(&drift));
}

static void every_kind_is_trouble_or_a_state_of_affairs(void **state) {
        static const struct {
                const char *name;
                enum phx_drift_kind kind;
                bool is_tolerable;
        } kinds[] = {
                { "refused", PHX_DRIFT_REFUSED, false },
                { "absent", PHX_DRIFT_ABSENT, false },
                { "differs", PHX_DRIFT_DIFFERS, false },
                { "mode", PHX_DRIFT_MODE, false },
                { "foreign", PHX_DRIFT_FOREIGN, false },
                { "disabled", PHX_DRIFT_DISABLED, false },
                { "leftover", PHX_DRIFT_LEFTOVER, true },
                { "withdrawn", PHX_DRIFT_WITHDRAWN, false },
                { "assigned", PHX_DRIFT_ASSIGNED, false },
                { "running", PHX_DRIFT_RUNNING, false },
                { "missing", PHX_DRIFT_MISSING, true },
                { "unmanaged", PHX_DRIFT_UNMANAGED, true },
                { "option", PHX_DRIFT_OPTION, false },
                { "unknown", PHX_DRIFT_UNKNOWN, false },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(kinds); i++) {
                struct phx_drift drift = drift_of(PHX_LAYER_CONFIG, kinds[i].kind, "x");

                assert_string_equal(phx_drift_kind_to_string(kinds[i].kind), kinds[i].name);
                assert_int_equal(phx_drift_is_tolerable(&drift), kinds[i].is_tolerable);
        }
}

static void layers_and_actions_have_names(void **state) {
        assert_string_equal(phx_layer_to_string(PHX_LAYER_SOURCE), "source");
        assert_string_equal(phx_layer_to_string(PHX_LAYER_DISK), "disk");
        assert_string_equal(phx_layer_to_string(PHX_LAYER_KERNEL), "kernel");
        assert_string_equal(phx_layer_to_string(PHX_LAYER_CONFIG), "config");
        assert_string_equal(phx_layer_to_string(PHX_LAYER_RUNNING), "running");
        assert_string_equal(phx_action_kind_to_string(PHX_ACTION_NONE), "none");
        assert_string_equal(phx_action_kind_to_string(PHX_ACTION_INSTALL), "install");
        assert_string_equal(phx_action_kind_to_string(PHX_ACTION_LOAD), "load");
        assert_string_equal(phx_action_kind_to_string(PHX_ACTION_ASSIGN), "assign");
        assert_string_equal(phx_action_kind_to_string(PHX_ACTION_WITHDRAW), "withdraw");
        assert_string_equal(phx_action_kind_to_string(PHX_ACTION_CREATE), "create");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_added_is_a_copy),
                cmocka_unit_test(sorted_drifts_follow_the_layers),
                cmocka_unit_test(two_of_a_kind_are_ordered_by_their_words),
                cmocka_unit_test(a_drift_is_found_by_layer_kind_and_object_alone),
                cmocka_unit_test(the_last_one_can_be_taken_back),
                cmocka_unit_test(done_twice_is_done_once),
                cmocka_unit_test(only_a_restart_that_helps_is_tolerable),
                cmocka_unit_test(every_kind_is_trouble_or_a_state_of_affairs),
                cmocka_unit_test(layers_and_actions_have_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
