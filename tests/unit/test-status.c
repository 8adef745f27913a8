/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The texts are what an operator reads, so they are compared letter by letter. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "reconcile/diff.h"
#include "reconcile/sentence.h"
#include "reconcile/snapshot.h"
#include "reconcile/status.h"
#include "world_fake.h"

#define DIGEST_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define DIGEST_2 "2222222222222222222222222222222222222222222222222222222222222222"
#define SHA1 "3333333333333333333333333333333333333333"

static const struct {
        struct phx_drift drift;
        const char *sentence;
} sentences[] = {
        { { PHX_LAYER_SOURCE,
            PHX_DRIFT_REFUSED,
            PHX_ACTION_NONE,
            "lxc-web",
            "a profile",
            "lxc-web: line 39: syntax error",
            PHX_CAUSE_LAST_GOOD,
            .refused = PHX_REFUSED_PROFILE },
          "lxc-web: line 39: syntax error; last known good in force" },
        { { PHX_LAYER_SOURCE,
            PHX_DRIFT_REFUSED,
            PHX_ACTION_NONE,
            "configuration",
            "input",
            "/etc/phoenixd/a.json:3: empty",
            PHX_CAUSE_INPUT_REFUSED,
            .refused = PHX_REFUSED_CONFIGURATION },
          "configuration: /etc/phoenixd/a.json:3: empty; nothing is changed until it is accepted" },
        { { PHX_LAYER_CONFIG,
            PHX_DRIFT_MISSING,
            PHX_ACTION_NONE,
            "web",
            "lxc-web",
            "not on this host",
            PHX_CAUSE_CREATE_FAILED,
            .detail = "the archive is damaged" },
          "web: missing on this host; its creation failed: the archive is damaged" },
        { { PHX_LAYER_DISK, PHX_DRIFT_ABSENT, PHX_ACTION_INSTALL, "lxc-web", DIGEST_1, "absent" },
          "lxc-web: the deployed file is missing" },
        { { PHX_LAYER_DISK,
            PHX_DRIFT_DIFFERS,
            PHX_ACTION_INSTALL,
            "lxc-web",
            DIGEST_1,
            DIGEST_2,
            .old_digest = DIGEST_2,
            .new_digest = DIGEST_1 },
          "lxc-web: the deployed file has a different digest: 222222222222, expected 111111111111" },
        { { PHX_LAYER_DISK,
            PHX_DRIFT_DIFFERS,
            PHX_ACTION_INSTALL,
            "lxc-web",
            DIGEST_1,
            "is a symbolic link" },
          "lxc-web: the deployed file is wrong: is a symbolic link" },
        { { PHX_LAYER_KERNEL, PHX_DRIFT_ABSENT, PHX_ACTION_LOAD, "lxc-web", SHA1, "absent" },
          "lxc-web: not loaded in the kernel" },
        { { PHX_LAYER_KERNEL, PHX_DRIFT_DIFFERS, PHX_ACTION_LOAD, "lxc-web", SHA1, DIGEST_2 },
          "lxc-web: the kernel has a different version of the policy: 222222222222, "
          "expected 333333333333" },
        { { PHX_LAYER_KERNEL, PHX_DRIFT_MODE, PHX_ACTION_LOAD, "lxc-web", "enforce", "complain" },
          "lxc-web: loaded in mode complain, expected enforce" },
        { { PHX_LAYER_KERNEL,
            PHX_DRIFT_UNKNOWN,
            PHX_ACTION_NONE,
            "AppArmor",
            "a kernel",
            "AppArmor is not enabled",
            PHX_CAUSE_CANNOT_CONFINE },
          "AppArmor is not enabled; no container can be confined" },
        { { PHX_LAYER_CONFIG,
            PHX_DRIFT_ASSIGNED,
            PHX_ACTION_ASSIGN,
            "web",
            "lxc-web",
            "unset",
            .is_lacking = true },
          "web: its config names no profile, expected lxc-web" },
        { { PHX_LAYER_CONFIG,
            PHX_DRIFT_ASSIGNED,
            PHX_ACTION_ASSIGN,
            "web",
            "lxc-web",
            "generated" },
          "web: its config names generated, expected lxc-web" },
        { { PHX_LAYER_CONFIG,
            PHX_DRIFT_ASSIGNED,
            PHX_ACTION_ASSIGN,
            "web",
            "with lxc.a",
            "absent",
            .key = "lxc.a",
            .is_lacking = true },
          "web: its config has no lxc.a, which lxc_options set" },
        { { PHX_LAYER_CONFIG,
            PHX_DRIFT_ASSIGNED,
            PHX_ACTION_ASSIGN,
            "web",
            "without lxc.a",
            "present",
            .key = "lxc.a" },
          "web: its config has lxc.a, which lxc_options do not set" },
        { { PHX_LAYER_RUNNING,
            PHX_DRIFT_RUNNING,
            PHX_ACTION_NONE,
            "web",
            "lxc-web",
            "unconfined, pid 12",
            PHX_CAUSE_REQUIRES_RESTART },
          "web: runs under unconfined, pid 12, expected lxc-web; requires restart" },
        { { PHX_LAYER_RUNNING,
            PHX_DRIFT_RUNNING,
            PHX_ACTION_NONE,
            "web",
            "with lxc.a",
            "not in effect",
            PHX_CAUSE_REQUIRES_RESTART,
            .key = "lxc.a",
            .is_lacking = true },
          "web: was started without lxc.a, which its config has; requires restart" },
        { { PHX_LAYER_RUNNING,
            PHX_DRIFT_RUNNING,
            PHX_ACTION_NONE,
            "web",
            "without lxc.a",
            "in effect",
            PHX_CAUSE_REQUIRES_RESTART,
            .key = "lxc.a" },
          "web: was started with lxc.a, which was removed since; requires restart" },
        { { PHX_LAYER_RUNNING,
            PHX_DRIFT_REMARK,
            PHX_ACTION_NONE,
            "web",
            "x",
            "its monitor does not answer",
            PHX_CAUSE_RETRY },
          "web: its managed lines cannot be compared with those of its start: its monitor does not "
          "answer; retried automatically" },
        { { PHX_LAYER_CONFIG,
            PHX_DRIFT_UNMANAGED,
            PHX_ACTION_NONE,
            "guest",
            "an entry",
            "unconfined",
            PHX_CAUSE_UNMANAGED },
          "guest: unmanaged: not in the configuration; left unchanged" },
};

static void a_sentence_names_the_thing_and_says_what_is_wrong(void **state) {
        for (size_t i = 0; i < PHX_ELEMENTS(sentences); i++) {
                phx_autofree char *sentence = phx_drift_sentence(&sentences[i].drift);

                assert_string_equal(sentence, sentences[i].sentence);
        }
}

/* Status of a machine, in words; the caller frees it. */
static char *status_of(
                const struct fake *fake,
                const struct phx_backoff *backoff,
                bool expect_degraded) {
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = fake_copy_desired(fake);
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = fake_copy_observed(fake);
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        const struct phx_backoff none = { 0 };
        const struct phx_snapshot_view view = { .desired = desired,
                                                .observed = observed,
                                                .drifts = &drifts,
                                                .backoff = backoff ? backoff : &none };
        bool degraded = !expect_degraded;
        char *status = NULL;

        assert_int_equal(phx_diff(desired, observed, &drifts), 0);
        assert_int_equal(phx_snapshot_fill(&view, snapshot), 0);
        assert_int_equal(phx_status_render(snapshot, &status, &degraded), 0);
        assert_int_equal(degraded, expect_degraded);
        return status;
}

static void add_profiles(struct fake *fake, unsigned count) {
        for (unsigned i = 0; i < count; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "lxc-%c", (int) ('a' + i));
                (void) fake_profile(fake, name, DIGEST_1, SHA1);
                (void) fake_deploy(fake, name, DIGEST_1, true);
                fake_load(fake, name, PHX_POLICY_ENFORCE, SHA1);
        }
}

static void add_containers(
                struct fake *fake,
                unsigned first,
                unsigned count,
                const char *profile,
                const char *label) {
        for (unsigned i = first; i < first + count; i++) {
                char id[32];

                (void) snprintf(id, sizeof(id), "%u", i);
                fake_configure(fake, id, id, profile);
                (void) fake_create(fake, id, profile);
                fake_start(fake, id, label);
        }
}

static void in_sync_says_how_many_are_confined(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_autofree char *status = NULL;

        add_profiles(fake, 6);
        add_containers(fake, 100, 10, "lxc-a", "lxc-a");
        add_containers(fake, 200, 4, "lxc-b", NULL);
        add_containers(fake, 300, 2, "unconfined", "unconfined");
        add_containers(fake, 400, 1, "lxc-c", "unconfined");
        status = status_of(fake, NULL, false);
        assert_string_equal(
                        status,
                        "In sync: 6 profiles in force, 10 of 17 containers confined, 3 unconfined, 4 stopped, "
                        "1 requires restart");
}

static void who_is_in_a_profile_that_confines_nothing_is_counted_apart(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_autofree char *status = NULL;
        struct phx_kernel_entries *policy;

        add_profiles(fake, 2);
        policy = &fake->desired->profiles[0].policy;
        policy->items[0].mode = PHX_POLICY_COMPLAIN;
        fake_load(fake, "lxc-a", PHX_POLICY_COMPLAIN, SHA1);
        add_containers(fake, 100, 2, "lxc-a", NULL);
        add_containers(fake, 200, 1, "lxc-a", "lxc-a (complain)");
        add_containers(fake, 300, 1, "lxc-a", "lxc-a//null-/bin/sh (complain)");
        add_containers(fake, 400, 1, "lxc-a", "unconfined");
        add_containers(fake, 500, 1, "lxc-b", "lxc-b");
        status = status_of(fake, NULL, false);
        assert_string_equal(
                        status,
                        "In sync: 2 profiles in force, 1 of 6 containers confined, 2 not enforced, 1 unconfined, "
                        "2 stopped, 1 requires restart");
}

static void few_and_many_are_said_as_people_say_them(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_autofree char *status = NULL;

        add_profiles(fake, 1);
        add_containers(fake, 100, 1, "lxc-a", "lxc-a");
        add_containers(fake, 400, 2, "lxc-a", "unconfined");
        fake_configure(fake, "elsewhere", NULL, "lxc-a");
        (void) fake_create(fake, "guest", "");
        status = status_of(fake, NULL, false);
        assert_string_equal(
                        status,
                        "In sync: 1 profile in force, 1 of 4 containers confined, 2 unconfined, 1 missing, "
                        "2 require restart, 1 unmanaged");
}

static void a_refused_profile_is_named_with_its_line(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_autofree char *status = NULL;

        add_profiles(fake, 1);
        fake->desired->profiles[0].state = PHX_SOURCE_REFUSED;
        assert_int_equal(
                        phx_replace(&fake->desired->profiles[0].refusal,
                                    "lxc-a: line 39: syntax error, unexpected TOK_ID"),
                        0);
        add_containers(fake, 100, 2, "lxc-a", "lxc-a");
        status = status_of(fake, NULL, true);
        assert_string_equal(
                        status,
                        "Degraded: lxc-a: line 39: syntax error, unexpected TOK_ID; last known good in force; "
                        "1 profile in force, 2 of 2 containers confined");
}

static void a_failed_action_is_told_with_its_reason(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_cleanup(phx_backoff_done) struct phx_backoff backoff = { 0 };
        phx_autofree char *status = NULL;
        const struct phx_drift drift = {
                .layer = PHX_LAYER_KERNEL,
                .object = "lxc-a",
                .expected = "enforce",
        };

        add_profiles(fake, 1);
        fake_load(fake, "lxc-a", PHX_POLICY_COMPLAIN, SHA1);
        (void) fake_create(fake, "guest", "lxc-a");
        assert_int_equal(phx_backoff_fail(&backoff, &drift, "permission denied", 0), 0);
        status = status_of(fake, &backoff, true);
        assert_string_equal(
                        status,
                        "Degraded: lxc-a: loaded in mode complain, expected enforce; load failed and will be "
                        "retried: permission denied; 1 profile in force, no containers, 1 unmanaged");
}

static void who_observes_tries_nothing_again(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_cleanup(phx_backoff_done) struct phx_backoff backoff = { 0 };
        phx_autofree char *status = NULL;
        const struct phx_drift drift = {
                .layer = PHX_LAYER_KERNEL,
                .object = "lxc-a",
                .expected = "enforce",
        };

        add_profiles(fake, 1);
        fake_load(fake, "lxc-a", PHX_POLICY_COMPLAIN, SHA1);
        fake->desired->mode = PHX_MODE_OBSERVE;
        assert_int_equal(phx_backoff_fail(&backoff, &drift, "permission denied", 0), 0);
        status = status_of(fake, &backoff, true);
        assert_string_equal(
                        status,
                        "Observing, 1 drift: lxc-a: loaded in mode complain, expected enforce; "
                        "1 profile in force, no containers");
}

static void nobody_is_confined_by_a_complaining_profile(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_autofree char *status = NULL;

        add_profiles(fake, 1);
        add_containers(fake, 100, 1, "lxc-a", "lxc-a (complain)");
        fake->desired->profiles[0].policy.items[0].mode = PHX_POLICY_COMPLAIN;
        fake_load(fake, "lxc-a", PHX_POLICY_COMPLAIN, SHA1);
        status = status_of(fake, NULL, false);
        assert_string_equal(
                        status,
                        "In sync: 1 profile in force, 0 of 1 container confined, 1 not enforced");
}

static void without_a_configuration_nothing_is_in_sync(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_autofree char *status = NULL, *observing = NULL;

        fake->desired->has_configuration = false;
        status = status_of(fake, NULL, true);
        assert_string_equal(
                        status,
                        "Degraded: no configuration has been accepted yet; 0 profiles in force, "
                        "no containers");
        fake->desired->mode = PHX_MODE_OBSERVE;
        observing = status_of(fake, NULL, true);
        assert_string_equal(
                        observing,
                        "Observing: no configuration has been accepted yet; 0 profiles in force, "
                        "no containers");
}

static void the_status_is_one_line_whatever_is_quoted(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        phx_autofree char *status = NULL;

        assert_non_null(phx_desired_add_refusal(
                        fake->desired,
                        PHX_REFUSED_CONFIGURATION,
                        NULL,
                        "a.json:1: unknown key 'x\nREADY=1\t\x7f'"));
        status = status_of(fake, NULL, true);
        assert_string_equal(
                        status,
                        "Degraded: configuration: a.json:1: unknown key 'x READY=1  '; last known good in force; "
                        "0 profiles in force, no containers");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_sentence_names_the_thing_and_says_what_is_wrong),
                cmocka_unit_test(in_sync_says_how_many_are_confined),
                cmocka_unit_test(who_is_in_a_profile_that_confines_nothing_is_counted_apart),
                cmocka_unit_test(few_and_many_are_said_as_people_say_them),
                cmocka_unit_test(a_refused_profile_is_named_with_its_line),
                cmocka_unit_test(a_failed_action_is_told_with_its_reason),
                cmocka_unit_test(who_observes_tries_nothing_again),
                cmocka_unit_test(nobody_is_confined_by_a_complaining_profile),
                cmocka_unit_test(without_a_configuration_nothing_is_in_sync),
                cmocka_unit_test(the_status_is_one_line_whatever_is_quoted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
