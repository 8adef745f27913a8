/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What holds on every machine is in test-properties.c; here is what a single one shows better. */

#include "pass-fixture.h"
#include "reconcile/deciders.h"

static void a_new_container_is_confined_in_one_pass(void **state) {
        struct subject *subject = *state;

        assert_int_equal(run(subject), 0);
        assert_string_equal(
                        fake_story(subject->fake),
                        "accepted: configuration accepted: 1 container, generation g1\n"
                        "intent: lxc-web: installing the deployed file\n"
                        "intent: lxc-web: loading the policy into the kernel\n"
                        "changed: lxc-web: the deployed file was installed, and read back (the "
                        "deployed file was missing)\n"
                        "changed: lxc-web: the policy was loaded into the kernel, and read back "
                        "(was not loaded in the kernel)\n"
                        "intent: web: editing its config\n"
                        "changed: web: its config was edited, and read back (its config named "
                        "unconfined, expected lxc-web)\n");
        assert_string_equal(
                        subject->report->status,
                        "In sync: 1 profile in force, 0 of 1 container confined, 1 stopped");
        assert_false(subject->report->degraded);
        assert_int_equal(subject->report->changes, 3);
        assert_int_equal(subject->fake->looks, 3);
        assert_true(subject->report->retry_usec == PHX_NEVER);
}

static void where_nothing_has_changed_a_pass_ends_before_its_first_look(void **state) {
        struct subject *subject = *state;
        phx_autofree char *status = NULL;
        unsigned looks;

        assert_int_equal(run(subject), 0);
        assert_int_equal(phx_replace(&status, subject->report->status), 0);
        looks = subject->fake->looks;
        subject->fake->is_still = true;
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->fake->looks, looks);
        assert_true(subject->report->is_unchanged);
        assert_string_equal(subject->report->status, status);
        assert_false(subject->report->degraded);
        assert_int_equal(subject->report->changes, 0);
        assert_null(phx_pass_take_snapshot(subject->pass));
        assert_string_equal(fake_story(subject->fake), "");
}

static void what_is_left_to_be_done_is_looked_at_all_the_same(void **state) {
        struct subject *subject = *state;

        subject->fake->fault = FAKE_FAIL;
        subject->fake->is_still = true;
        assert_int_equal(run(subject), 0);
        assert_true(subject->report->retry_usec != PHX_NEVER);
        assert_int_equal(run(subject), 0);
        assert_false(subject->report->is_unchanged);
}

/* By the intent that installs it, or by a record of its own where none does. */
static void a_new_last_known_good_is_recorded_once(void **state) {
        struct subject *subject = *state;
        struct phx_desired_profile *profile = &subject->fake->desired->profiles[0];
        const struct fake_record *record;

        profile->is_new = true;
        assert_int_equal(run(subject), 0);
        assert_int_equal(fake_count(subject->fake, PHX_RECORD_JUDGED), 0);
        record = fake_find(subject->fake, PHX_RECORD_INTENT, 0);
        assert_string_equal(
                        record->message,
                        "lxc-web: installing the deployed file, version file 1, now the last known "
                        "good");
        assert_true(record->is_good);
        assert_string_equal(record->new_digest, "file 1");
        assert_null(record->old_digest);
        assert_false(fake_find(subject->fake, PHX_RECORD_INTENT, 1)->is_good);

        profile->is_new = false;
        assert_int_equal(run(subject), 0);
        assert_string_equal(fake_story(subject->fake), "");

        profile->is_new = true;
        memcpy(profile->old_digest, profile->digest, sizeof(profile->old_digest));
        assert_int_equal(run(subject), 0);
        assert_string_equal(
                        fake_story(subject->fake),
                        "judged: lxc-web: judged again: version file 1 stays the last known good\n");
        record = &subject->fake->records[0];
        assert_true(record->is_good);
        assert_string_equal(record->profile, "lxc-web");
        assert_string_equal(record->old_digest, "file 1");
        assert_string_equal(record->new_digest, "file 1");
        assert_int_equal(record->action, PHX_ACTION_NONE);
}

/* The file that the version replaces is not the last known good one before it. */
static void an_intent_stands_for_the_judgement_only_when_it_says_as_much(void **state) {
        struct subject *subject = *state;
        struct phx_desired_profile *profile = &subject->fake->desired->profiles[0];

        profile->is_new = true;
        (void) snprintf(profile->old_digest, sizeof(profile->old_digest), "file 0");
        assert_int_equal(run(subject), 0);
        assert_int_equal(fake_count(subject->fake, PHX_RECORD_JUDGED), 1);
        assert_string_equal(fake_find(subject->fake, PHX_RECORD_JUDGED, 0)->old_digest, "file 0");
        assert_false(fake_find(subject->fake, PHX_RECORD_INTENT, 0)->is_good);
}

static void what_was_seen_can_be_told(void **state) {
        struct subject *subject = *state;
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
        const struct phx_snapshot_container *web;
        const struct phx_snapshot_profile *profile;

        assert_int_equal(phx_replace(&subject->fake->desired->containers[0].name, "Web"), 0);
        (void) fake_create(subject->fake, "other", "generated");
        subject->fake->observed->containers[0].restart = PHX_RESTART_LOCKED;
        assert_int_equal(phx_replace(&subject->fake->observed->containers[0].lock, "backup"), 0);
        fake_start(subject->fake, "web", "unconfined");
        phx_pass_set_clock(subject->pass, subject->now_usec, 1000 * SECOND);
        assert_int_equal(run(subject), 0);
        snapshot = phx_pass_take_snapshot(subject->pass);
        assert_non_null(snapshot);
        assert_null(phx_pass_take_snapshot(subject->pass));

        assert_false(subject->report->degraded);
        assert_string_equal(snapshot->generation, "g1");
        assert_int_equal(snapshot->counters.changes, 3);
        assert_int_equal(snapshot->change_count, 3);
        assert_true(snapshot->changes[2].action == PHX_ACTION_ASSIGN);
        assert_true(snapshot->changes[2].at == 1000 * SECOND);
        assert_string_equal(snapshot->changes[2].object, "web");
        assert_string_equal(
                        snapshot->changes[2].sentence,
                        "web: its config was edited, and read back (its config named unconfined, "
                        "expected lxc-web)");

        profile = phx_snapshot_find_profile(snapshot, "lxc-web");
        assert_true(profile->state == PHX_PROFILE_IN_SYNC);
        assert_true(profile->deployed == PHX_DEPLOYMENT_CURRENT && profile->is_loaded);
        assert_true(profile->mode == PHX_POLICY_ENFORCE);
        assert_string_equal(profile->loaded_hash, "policy 1");
        assert_string_equal(profile->containers.items[0], "web");

        web = phx_snapshot_find_container(snapshot, "web");
        assert_string_equal(web->name, "Web");
        assert_true(web->state == PHX_CONTAINER_REQUIRES_RESTART);
        assert_true(web->posture == PHX_POSTURE_UNCONFINED);
        assert_true(web->restart == PHX_RESTART_LOCKED);
        assert_string_equal(web->lock, "backup");
        assert_string_equal(web->assigned, "lxc-web");
        assert_null(strstr(web->label, "pid"));
        assert_int_equal(snapshot->unmanaged_count, 1);
        assert_string_equal(snapshot->unmanaged[0].directory, "other");
}

static void only_the_last_changes_are_remembered(void **state) {
        struct subject *subject = *state;
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;

        for (int i = 0; i < 12; i++) {
                assert_int_equal(run(subject), 0);
                (void) fake_deploy(subject->fake, "lxc-web", NULL, true);
                fake_load(subject->fake, "lxc-web", PHX_POLICY_COMPLAIN, "policy 0");
        }
        snapshot = phx_pass_take_snapshot(subject->pass);
        assert_int_equal(snapshot->change_count, 20);
        assert_int_equal(snapshot->counters.changes, 25);
        assert_string_equal(snapshot->changes[19].object, "lxc-web");
}

static void each_place_that_decides_is_named(void **state) {
        struct subject *subject = *state;
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
        static const char *const layers[] = { "config", "source", "disk", "kernel", "container" };
        const struct phx_snapshot_container *web;

        assert_int_equal(run(subject), 0);
        snapshot = phx_pass_take_snapshot(subject->pass);
        assert_int_equal(phx_replace(&snapshot->paths.configuration, "/c.json"), 0);
        assert_int_equal(phx_replace(&snapshot->paths.profile_dir, "/p"), 0);
        assert_int_equal(phx_replace(&snapshot->paths.deployed_dir, "/d"), 0);
        assert_int_equal(phx_replace(&snapshot->paths.lxc_path, "/l"), 0);
        assert_int_equal(phx_deciders_fill_all(snapshot), 0);

        web = phx_snapshot_find_container(snapshot, "web");
        assert_int_equal(web->decided_by_count, PHX_ELEMENTS(layers));
        for (size_t i = 0; i < PHX_ELEMENTS(layers); i++)
                assert_string_equal(web->decided_by[i].layer, layers[i]);
        assert_string_equal(web->decided_by[0].file, "/c.json");
        assert_string_equal(web->decided_by[0].value, "lxc-web");
        assert_string_equal(web->decided_by[1].file, "/p/lxc-web");
        assert_string_equal(web->decided_by[2].file, "/d/lxc-web");
        assert_string_equal(web->decided_by[4].file, "/l/web/config");
        assert_string_equal(web->decided_by[4].why, "used at the next start");
}

static void proxmoxs_own_reason_is_told(void **state) {
        struct subject *subject = *state;
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
        const struct phx_snapshot_container *web;

        assert_int_equal(run(subject), 0);
        snapshot = phx_pass_take_snapshot(subject->pass);
        for (size_t i = 0; i < snapshot->container_count; i++)
                assert_int_equal(
                                phx_replace(&snapshot->containers[i].decider_why,
                                            "the last of 2 lines"),
                                0);
        assert_int_equal(phx_deciders_fill_all(snapshot), 0);
        web = phx_snapshot_find_container(snapshot, "web");
        assert_string_equal(web->decided_by[web->decided_by_count - 1].why, "the last of 2 lines");
}

static void what_is_suspended_is_told_and_not_repaired(void **state) {
        struct subject *subject = *state;
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
        char object[] = "lxc-web", reason[] = "being debugged";
        const struct phx_suspension one = { object, reason, 1, PHX_NEVER, 0 };

        assert_int_equal(phx_suspensions_set(&subject->fake->desired->suspensions, &one), 0);
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->fake->actions, 0);
        assert_true(subject->report->retry_usec == PHX_NEVER);
        snapshot = phx_pass_take_snapshot(subject->pass);
        assert_true(snapshot->drifts[0].is_suspended && !snapshot->drifts[0].is_tolerable);
        assert_string_equal(
                        snapshot->drifts[0].why,
                        "suspended by uid 0 until it is resumed: being debugged");
        assert_true(phx_snapshot_find_profile(snapshot, "lxc-web")->state == PHX_PROFILE_DRIFT);
        assert_string_equal(
                        phx_snapshot_find_profile(snapshot, "lxc-web")->suspended.reason,
                        "being debugged");
        assert_null(phx_snapshot_find_container(snapshot, "web")->suspended.object);
        assert_non_null(strstr(subject->report->status, ", 1 suspended"));

        assert_int_equal(
                        phx_suspensions_remove(&subject->fake->desired->suspensions, "lxc-web"),
                        1);
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->report->changes, 3);
        assert_null(strstr(subject->report->status, "suspended"));
}

static void the_report_has_what_the_loop_waits_for(void **state) {
        struct subject *subject = *state;

        assert_int_equal(phx_strings_add(&subject->fake->observed->watches, "/etc/apparmor.d"), 0);
        subject->fake->observed->retry_usec = 5;
        fake_start(subject->fake, "web", "unconfined");
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->report->watches.count, 1);
        assert_string_equal(subject->report->watches.items[0], "/etc/apparmor.d");
        assert_int_equal(subject->report->init_count, 1);
        assert_int_equal(subject->report->inits[0], 4711);
        assert_int_equal(subject->report->retry_usec, 5);
}

static void an_edited_config_is_told_with_what_it_was_and_became(void **state) {
        struct subject *subject = *state;
        const struct fake_record *record;

        assert_int_equal(
                        phx_replace(&subject->fake->observed->containers[0].digest, "config 1"),
                        0);
        assert_int_equal(run(subject), 0);
        record = fake_find(subject->fake, PHX_RECORD_CHANGED, 2);
        assert_int_equal(record->action, PHX_ACTION_ASSIGN);
        assert_string_equal(record->container, "web");
        assert_string_equal(record->profile, "lxc-web");
        assert_string_equal(record->generation, "g1");
        assert_string_equal(record->old_digest, "config 1");
        /* The fake's configs have no text, so their digest stays; it is the one that was seen. */
        assert_string_equal(record->new_digest, "config 1");
        assert_null(fake_find(subject->fake, PHX_RECORD_INTENT, 2)->new_digest);
}

static void a_restart_that_is_due_is_told_once_and_is_in_sync(void **state) {
        struct subject *subject = *state;

        fake_start(subject->fake, "web", "unconfined");
        assert_int_equal(run(subject), 0);
        assert_string_equal(
                        subject->report->status,
                        "In sync: 1 profile in force, 0 of 1 container confined, 1 unconfined, 1 requires restart");
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->fake->record_count, 0);
        fake_start(subject->fake, "web", "lxc-web");
        assert_int_equal(run(subject), 0);
        assert_string_equal(
                        fake_story(subject->fake),
                        "drift-gone: web: resolved: ran under unconfined, pid 4711, expected lxc-web\n");
}

/* A profile was removed from the kernel by somebody: what ran in it is unconfined, and a restart
 * helps only when the profile is back. */
static void a_restart_that_becomes_due_is_told_then(void **state) {
        struct subject *subject = *state;

        assert_int_equal(run(subject), 0);
        fake_forget_records(subject->fake);
        fake_start(subject->fake, "web", "unconfined");
        fake_load(subject->fake, "lxc-web", PHX_POLICY_COMPLAIN, "aa");
        assert_int_equal(run(subject), 0);
        assert_non_null(strstr(
                        fake_story(subject->fake),
                        "drift-found: web: runs under unconfined, pid 4711, expected lxc-web; requires restart\n"));
}

static void what_others_did_to_policy_is_known(void **state) {
        struct subject *subject = *state;
        struct phx_kernel_entry *loaded;

        assert_int_equal(run(subject), 0);
        assert_int_equal(phx_pass_foreign(subject->pass)->count, 0);
        assert_int_equal(run(subject), 0);
        assert_int_equal(phx_pass_foreign(subject->pass)->count, 0);

        loaded = &subject->fake->observed->loaded.items[0];
        assert_int_equal(phx_replace(&loaded->hash, "theirs"), 0);
        assert_int_equal(run(subject), 0);
        assert_int_equal(phx_pass_foreign(subject->pass)->count, 1);
        assert_string_equal(phx_pass_foreign(subject->pass)->items[0], "lxc-web");
        fake_forget_records(subject->fake);
        phx_pass_tell_foreign(subject->pass, "lxc-web", "replaced", "sh, pid 7");
        assert_string_equal(
                        fake_story(subject->fake),
                        "foreign: lxc-web: another program has replaced its policy in the kernel: sh, pid "
                        "7\n");

        /* A new source is our own doing. */
        assert_int_equal(
                        phx_replace(&subject->fake->desired->profiles[0].policy.items[0].hash,
                                    "policy 2"),
                        0);
        assert_int_equal(run(subject), 0);
        assert_int_equal(phx_pass_foreign(subject->pass)->count, 0);
        assert_int_equal(run(subject), 0);
        assert_int_equal(phx_pass_foreign(subject->pass)->count, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                PASS_TEST(what_others_did_to_policy_is_known),
                PASS_TEST(a_new_container_is_confined_in_one_pass),
                PASS_TEST(a_new_last_known_good_is_recorded_once),
                PASS_TEST(an_intent_stands_for_the_judgement_only_when_it_says_as_much),
                PASS_TEST(what_was_seen_can_be_told),
                PASS_TEST(only_the_last_changes_are_remembered),
                PASS_TEST(each_place_that_decides_is_named),
                PASS_TEST(proxmoxs_own_reason_is_told),
                PASS_TEST(what_is_suspended_is_told_and_not_repaired),
                PASS_TEST(the_report_has_what_the_loop_waits_for),
                PASS_TEST(where_nothing_has_changed_a_pass_ends_before_its_first_look),
                PASS_TEST(what_is_left_to_be_done_is_looked_at_all_the_same),
                PASS_TEST(an_edited_config_is_told_with_what_it_was_and_became),
                PASS_TEST(a_restart_that_is_due_is_told_once_and_is_in_sync),
                PASS_TEST(a_restart_that_becomes_due_is_told_then),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
