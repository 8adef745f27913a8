/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What one change costs in the journal: records and bytes, whatever the number of containers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/pass.h"
#include "shared/journal.h"
#include "world_fake.h"

#define PROFILE "lxc-gpu-docker-storage"

#define RECORD_LIMIT 4
#define SIZE_LIMIT 4096

struct trail {
        struct fake *fake;
        struct phx_pass *pass;
        struct phx_audit audit; /* the fake's own, which watches over the intents */
        unsigned records, named, numbered;
        size_t size;
};

static int on_fields(void *data, const struct iovec *fields, int count) {
        struct trail *trail = data;

        trail->records++;
        for (int i = 0; i < count; i++) {
                trail->size += fields[i].iov_len + 1;
                trail->named += phx_has_prefix(fields[i].iov_base, "PHOENIXD_STORY=");
                trail->numbered += phx_has_prefix(fields[i].iov_base, "PHOENIXD_STORIES=");
        }
        return 0;
}

static void on_record(void *data, const struct phx_record *record) {
        struct trail *trail = data;
        const struct journal journal = { .send = on_fields, .data = trail };

        journal_record(&journal, record);
        trail->audit.record(trail->audit.data, record);
}

static void trail_done(struct trail *trail) {
        trail->pass = phx_pass_free(trail->pass);
        trail->fake = fake_free(trail->fake);
}

/* Digests are as long as real ones. */
static void set_digest(char digest[PHX_SHA256_HEX], char letter) {
        memset(digest, letter, PHX_SHA256_HEX - 1);
        digest[PHX_SHA256_HEX - 1] = '\0';
}

/* COUNT containers that run in the profile. */
static void trail_begin(struct trail *trail, unsigned count) {
        const struct phx_audit audit = { on_record, NULL, trail };
        char file[PHX_SHA256_HEX], policy[PHX_SHA256_HEX];

        set_digest(file, 'a');
        set_digest(policy, 'b');
        trail->fake = fake_new();
        trail->audit = fake_audit(trail->fake);
        set_digest(trail->fake->desired->generation, 'c');
        (void) fake_profile(trail->fake, PROFILE, file, policy);
        (void) fake_deploy(trail->fake, PROFILE, NULL, true);
        for (unsigned i = 0; i < count; i++) {
                char id[16];

                (void) snprintf(id, sizeof(id), "%u", 100 + i);
                fake_configure(trail->fake, id, id, PROFILE);
                (void) fake_create(trail->fake, id, PROFILE);
        }
        assert_int_equal(phx_pass_new(&audit, &trail->pass), 0);
}

static void trail_run(struct trail *trail) {
        const struct phx_world world = fake_world(trail->fake);
        phx_cleanup(phx_report_freep) struct phx_report *report = calloc(1, sizeof(*report));
        struct phx_error error = { 0 };

        trail->records = trail->named = trail->numbered = 0;
        trail->size = 0;
        fake_forget_records(trail->fake);
        assert_int_equal(phx_pass_run(trail->pass, &world, 1, report, &error), 0);
        assert_string_equal(trail->fake->breach, "");
        assert_true(fake_audit_is_complete(trail->fake));
}

/* The author has saved another version. */
static void trail_save(struct trail *trail) {
        struct phx_desired_profile *profile = &trail->fake->desired->profiles[0];
        char policy[PHX_SHA256_HEX];

        profile->is_new = true;
        memcpy(profile->old_digest, profile->digest, sizeof(profile->old_digest));
        set_digest(profile->digest, 'd');
        set_digest(policy, 'e');
        assert_int_equal(phx_replace(&profile->policy.items[0].hash, policy), 0);
}

static void a_saved_profile_is_four_small_records_whatever_the_number_of_containers(void **state) {
        static const unsigned counts[] = { 0, 1, 56, 57, 100, 1000 };

        for (size_t i = 0; i < PHX_ELEMENTS(counts); i++) {
                phx_cleanup(trail_done) struct trail trail = { 0 };
                bool is_named = counts[i] <= 56;

                trail_begin(&trail, counts[i]);
                trail_run(&trail);
                trail_save(&trail);
                trail_run(&trail);
                print_message("# %u containers: %u records, %zu bytes\n",
                              counts[i],
                              trail.records,
                              trail.size);
                assert_string_equal(
                                fake_story(trail.fake),
                                "intent: " PROFILE ": installing the deployed file, version "
                                "dddddddddddd, now the last known good\n"
                                "intent: " PROFILE ": loading the policy into the kernel\n"
                                "changed: " PROFILE ": the deployed file was installed, and read "
                                "back (the deployed file had a different digest: aaaaaaaaaaaa, "
                                "expected dddddddddddd)\n"
                                "changed: " PROFILE ": the policy was loaded into the kernel, and "
                                "read back (the kernel had a different version of the policy: "
                                "bbbbbbbbbbbb, expected eeeeeeeeeeee)\n");
                assert_in_range(trail.records, 1, RECORD_LIMIT);
                assert_in_range(trail.size, 1, SIZE_LIMIT);
                /* Each container once, or all of them as a number, once. */
                assert_int_equal(trail.named, is_named ? counts[i] : 0);
                assert_int_equal(trail.numbered, is_named ? 0 : 1);
                trail.fake->desired->profiles[0].is_new = false;
                trail_run(&trail);
                assert_int_equal(trail.records, 0);
        }
}

/* A container gets another profile: the new generation, the edit and its result, and that the
 * container requires a restart. */
static void an_entry_that_names_another_profile_is_four_small_records(void **state) {
        phx_cleanup(trail_done) struct trail trail = { 0 };
        struct phx_desired_container *web;

        trail_begin(&trail, 100);
        (void) fake_profile(trail.fake, "lxc-web", "file", "policy");
        (void) fake_deploy(trail.fake, "lxc-web", NULL, true);
        fake_start(trail.fake, "107", PROFILE);
        trail_run(&trail);
        web = &trail.fake->desired->containers[7];
        assert_string_equal(web->id, "107");
        assert_int_equal(phx_replace(&web->profile, "lxc-web"), 0);
        set_digest(trail.fake->desired->generation, 'f');
        trail_run(&trail);
        print_message("# %u records, %zu bytes\n", trail.records, trail.size);
        assert_int_equal(fake_count(trail.fake, PHX_RECORD_DRIFT_FOUND), 1);
        assert_in_range(trail.records, 1, RECORD_LIMIT);
        assert_in_range(trail.size, 1, SIZE_LIMIT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(
                                a_saved_profile_is_four_small_records_whatever_the_number_of_containers),
                cmocka_unit_test(an_entry_that_names_another_profile_is_four_small_records),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
