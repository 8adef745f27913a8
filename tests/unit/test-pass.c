/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What holds on every machine is in test-properties.c; here is what a single one shows better. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/deciders.h"
#include "reconcile/pass.h"
#include "reconcile/snapshot.h"
#include "world_fake.h"

#define SECOND 1000000ULL

struct subject {
        struct fake *fake;
        struct phx_pass *pass;
        struct phx_report *report; /* of the last pass */
        struct phx_error error;
        uint64_t now_usec;
};

static int tear_down(void **state) {
        struct subject *subject = *state;

        subject->fake = fake_free(subject->fake);
        subject->pass = phx_pass_free(subject->pass);
        subject->report = phx_report_free(subject->report);
        return 0;
}

/* A profile and a container that wants it, and nothing done yet. */
static int set_up(void **state) {
        static struct subject subject;
        struct phx_audit audit;

        subject = (struct subject){ .fake = fake_new(), .now_usec = SECOND };
        audit = fake_audit(subject.fake);
        (void) fake_profile(subject.fake, "lxc-web", "file 1", "policy 1");
        (void) fake_deploy(subject.fake, "lxc-web", NULL, true);
        fake_configure(subject.fake, "web", "web", "lxc-web");
        (void) fake_create(subject.fake, "web", "unconfined");
        *state = &subject;
        return phx_pass_new(&audit, &subject.pass);
}

static int run(struct subject *subject) {
        const struct phx_world world = fake_world(subject->fake);

        subject->report = phx_report_free(subject->report);
        subject->report = calloc(1, sizeof(*subject->report));
        assert_non_null(subject->report);
        fake_forget_records(subject->fake);
        subject->error = (struct phx_error){ 0 };
        return phx_pass_run(
                        subject->pass,
                        &world,
                        subject->now_usec,
                        subject->report,
                        &subject->error);
}

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

static void a_failure_is_told_with_its_next_try(void **state) {
        struct subject *subject = *state;
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;

        subject->fake->fault = FAKE_FAIL;
        phx_pass_set_clock(subject->pass, subject->now_usec, 1000 * SECOND);
        assert_int_equal(run(subject), 0);
        /* A little later by the one clock, and hardly by the other: nothing to tell. */
        phx_pass_set_clock(subject->pass, subject->now_usec + 5, 1000 * SECOND + 9);
        assert_int_equal(run(subject), 0);
        snapshot = phx_pass_take_snapshot(subject->pass);
        assert_true(subject->report->degraded);
        assert_int_equal(snapshot->counters.failures, 2);
        assert_true(snapshot->changes[0].has_failed);
        assert_string_equal(snapshot->drifts[0].object, "lxc-web");
        assert_non_null(snapshot->drifts[0].failure);
        assert_true(snapshot->drifts[0].retry_at == 1001 * SECOND);
        assert_true(phx_snapshot_find_profile(snapshot, "lxc-web")->state == PHX_PROFILE_DRIFT);
        assert_true(phx_snapshot_find_container(snapshot, "web")->state == PHX_CONTAINER_DRIFT);
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

static void a_failure_is_retried_later_and_later(void **state) {
        static const uint64_t seconds[] = { 1, 2, 4, 8 };
        struct subject *subject = *state;

        subject->fake->fault = FAKE_FAIL;
        for (size_t i = 0; i < PHX_ELEMENTS(seconds); i++) {
                unsigned actions = subject->fake->actions;

                assert_int_equal(run(subject), 0);
                assert_int_equal(subject->fake->actions, actions + 2);
                assert_int_equal(subject->report->retry_usec, seconds[i] * SECOND);
                assert_int_equal(fake_count(subject->fake, PHX_RECORD_FAILED), 2);
                assert_true(subject->report->degraded);

                /* An event meanwhile is no reason to try again. */
                subject->now_usec += SECOND / 2;
                assert_int_equal(run(subject), 0);
                assert_int_equal(subject->fake->actions, actions + 2);
                assert_int_equal(subject->fake->record_count, 0);
                subject->now_usec += seconds[i] * SECOND;
        }
        assert_string_equal(
                        subject->report->status,
                        "Degraded: lxc-web: the deployed file is missing; install failed and will be "
                        "retried: lxc-web: no such luck (and 2 more); 1 profile in force, 0 of 1 "
                        "container confined, 1 stopped");
}

static void forgotten_failures_are_not_waited_for(void **state) {
        struct subject *subject = *state;

        subject->fake->fault = FAKE_FAIL;
        assert_int_equal(run(subject), 0);
        subject->fake->fault = FAKE_SOUND;
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->report->changes, 0);
        phx_pass_forget_failures(subject->pass);
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->report->changes, 3);
        assert_false(subject->report->degraded);
}

static void one_failure_does_not_stop_the_others(void **state) {
        struct subject *subject = *state;

        subject->fake->fault = FAKE_FAIL;
        subject->fake->fault_at = 1;
        subject->fake->fault_error = -ENOSPC;
        assert_int_equal(run(subject), 0);
        assert_string_equal(subject->fake->observed->containers[0].effective, "lxc-web");
        assert_int_equal(subject->report->changes, 2);
        assert_int_equal(fake_find(subject->fake, PHX_RECORD_FAILED, 0)->error, -ENOSPC);
        assert_string_equal(
                        fake_find(subject->fake, PHX_RECORD_FAILED, 0)->message,
                        "lxc-web: installing the deployed file failed: lxc-web: no such luck");
}

static void a_success_that_does_not_show_is_a_failure(void **state) {
        struct subject *subject = *state;

        subject->fake->fault = FAKE_LIE;
        subject->fake->fault_at = 2;
        assert_int_equal(run(subject), 0);
        assert_string_equal(
                        fake_find(subject->fake, PHX_RECORD_FAILED, 0)->message,
                        "lxc-web: loading the policy into the kernel failed: done, but reading back "
                        "shows: not loaded in the kernel");
        assert_int_equal(fake_find(subject->fake, PHX_RECORD_FAILED, 0)->error, -EIO);
        assert_int_equal(subject->report->changes, 1);
        assert_int_equal(subject->report->retry_usec, SECOND);
}

/* Puts the file away as often as it is put there. */
static void remove_file(struct fake *fake) {
        (void) fake_deploy(fake, "lxc-web", NULL, true);
}

static void who_undoes_a_repair_at_once_is_told_of_and_waited_for(void **state) {
        struct subject *subject = *state;

        subject->fake->meddle = remove_file;
        (void) fake_deploy(subject->fake, "lxc-web", "file 0", true);
        assert_int_equal(run(subject), 0);
        assert_int_equal(fake_count(subject->fake, PHX_RECORD_FAILED), 1);
        assert_true(subject->report->degraded);
        assert_int_equal(subject->report->retry_usec, SECOND);
}

/* Another kind of drift than the one that was repaired. */
static void weaken_kernel(struct fake *fake) {
        if (fake->actions > 0)
                fake_load(fake, "lxc-web", PHX_POLICY_COMPLAIN, "policy 1");
}

static void a_repair_is_not_done_when_another_drift_takes_its_place(void **state) {
        struct subject *subject = *state;

        (void) fake_deploy(subject->fake, "lxc-web", "file 1", true);
        subject->fake->meddle = weaken_kernel;
        assert_int_equal(run(subject), 0);
        assert_int_equal(fake_count(subject->fake, PHX_RECORD_CHANGED), 0);
        assert_string_equal(
                        fake_find(subject->fake, PHX_RECORD_FAILED, 0)->message,
                        "lxc-web: loading the policy into the kernel failed: done, but reading back "
                        "shows: loaded in mode complain, expected enforce");
        assert_string_equal(subject->fake->observed->containers[0].effective, "unconfined");
}

/* A new text after each repair: the author is typing. */
static void edit_source(struct fake *fake) {
        struct phx_desired_profile *profile = &fake->desired->profiles[0];

        (void) snprintf(profile->digest, sizeof(profile->digest), "edit %u", fake->actions);
}

static void rounds_end_and_the_rest_is_left_for_the_next_pass(void **state) {
        struct subject *subject = *state;

        subject->fake->meddle = edit_source;
        assert_int_equal(run(subject), 0);
        assert_int_equal(subject->fake->looks, 5);
        assert_int_equal(subject->report->retry_usec, SECOND);
        assert_true(subject->report->degraded);
        assert_true(fake_audit_is_complete(subject->fake));
}

static void an_old_failure_of_what_must_not_be_repaired_wakes_nobody(void **state) {
        struct subject *subject = *state;

        subject->fake->fault = FAKE_FAIL;
        assert_int_equal(run(subject), 0);
        subject->now_usec += 100 * SECOND;
        subject->fake->desired->mode = PHX_MODE_OBSERVE;
        assert_int_equal(run(subject), 0);
        assert_true(subject->report->retry_usec == PHX_NEVER);

        subject->fake->desired->mode = PHX_MODE_ENFORCE;
        subject->fake->desired->has_configuration = false;
        assert_int_equal(run(subject), 0);
        assert_true(subject->report->retry_usec == PHX_NEVER);
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

static void without_a_picture_there_is_no_report_and_results_come_later(void **state) {
        struct subject *subject = *state;

        subject->fake->is_down = true;
        assert_int_equal(run(subject), -ECONNABORTED);
        assert_string_equal(subject->error.text, "the machine is down");
        assert_null(subject->report->status);
        fake_restart(subject->fake);
        assert_int_equal(run(subject), 0);
        assert_false(subject->report->degraded);
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

#define PASS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                PASS_TEST(what_others_did_to_policy_is_known),
                PASS_TEST(a_new_container_is_confined_in_one_pass),
                PASS_TEST(a_new_last_known_good_is_recorded_once),
                PASS_TEST(an_intent_stands_for_the_judgement_only_when_it_says_as_much),
                PASS_TEST(what_was_seen_can_be_told),
                PASS_TEST(a_failure_is_told_with_its_next_try),
                PASS_TEST(only_the_last_changes_are_remembered),
                PASS_TEST(each_place_that_decides_is_named),
                PASS_TEST(proxmoxs_own_reason_is_told),
                PASS_TEST(what_is_suspended_is_told_and_not_repaired),
                PASS_TEST(the_report_has_what_the_loop_waits_for),
                PASS_TEST(a_failure_is_retried_later_and_later),
                PASS_TEST(forgotten_failures_are_not_waited_for),
                PASS_TEST(one_failure_does_not_stop_the_others),
                PASS_TEST(a_success_that_does_not_show_is_a_failure),
                PASS_TEST(who_undoes_a_repair_at_once_is_told_of_and_waited_for),
                PASS_TEST(a_repair_is_not_done_when_another_drift_takes_its_place),
                PASS_TEST(rounds_end_and_the_rest_is_left_for_the_next_pass),
                PASS_TEST(where_nothing_has_changed_a_pass_ends_before_its_first_look),
                PASS_TEST(what_is_left_to_be_done_is_looked_at_all_the_same),
                PASS_TEST(an_old_failure_of_what_must_not_be_repaired_wakes_nobody),
                PASS_TEST(an_edited_config_is_told_with_what_it_was_and_became),
                PASS_TEST(without_a_picture_there_is_no_report_and_results_come_later),
                PASS_TEST(a_restart_that_is_due_is_told_once_and_is_in_sync),
                PASS_TEST(a_restart_that_becomes_due_is_told_then),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
