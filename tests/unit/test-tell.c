/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/snapshot_json.h"
#include "reconcile/deciders.h"
#include "reconcile/sentence.h"
#include "reconcile/snapshot.h"
#include "tell-fixture.h"

static void an_accepted_configuration_is_told_once(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();
        const struct fake_record *record;

        fake_configure(subject.fake, "far", NULL, "unconfined");
        tell(&subject);
        record = fake_find(subject.fake, PHX_RECORD_ACCEPTED, 0);
        assert_string_equal(record->message, "configuration accepted: 1 container, generation g1");
        assert_null(record->old_digest);
        assert_string_equal(record->new_digest, "g1");
        tell(&subject);
        assert_told(&subject, "");

        (void) snprintf(subject.fake->desired->generation, PHX_SHA256_HEX, "g2");
        tell(&subject);
        assert_told(&subject, "accepted: configuration accepted: 1 container, generation g2\n");
        assert_string_equal(subject.fake->records[0].old_digest, "g1");
}

static void a_drift_is_told_when_it_comes_and_when_it_goes(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();

        (void) fake_create(subject.fake, "guest", "unconfined");
        tell(&subject);
        assert_string_equal(
                        fake_find(subject.fake, PHX_RECORD_DRIFT_FOUND, 0)->message,
                        "guest: unmanaged: not in the configuration; left unchanged");
        tell(&subject);
        assert_told(&subject, "");
        subject.fake->observed->container_count = 0;
        tell(&subject);
        subject.fake->observed->container_count = 1;
        assert_told(&subject,
                    "drift-gone: guest: resolved: was unmanaged: not in the configuration\n");
}

/* Of what a pass repairs there are the records of the repair. */
static void a_drift_that_is_about_to_be_repaired_waits_for_the_end_of_the_pass(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();

        add_web(&subject);
        fake_configure(subject.fake, "web", "web", "lxc-web");
        (void) fake_create(subject.fake, "web", "unconfined");
        fake_load(subject.fake, "lxc-web", PHX_POLICY_COMPLAIN, "policy 1");
        tell_round(&subject, false);
        /* Neither the mode, nor the assignment that waits for it. */
        assert_told(&subject, "accepted: configuration accepted: 1 container, generation g1\n");
        fake_load(subject.fake, "lxc-web", PHX_POLICY_ENFORCE, "policy 1");
        tell_round(&subject, false);
        assert_told(&subject, "");
        /* The config could not be edited: that it stays is news, once, and its end is. */
        tell_round(&subject, true);
        assert_told(&subject, "drift-found: web: its config names unconfined, expected lxc-web\n");
        tell_round(&subject, false);
        assert_told(&subject, "");
        tell_round(&subject, true);
        assert_told(&subject, "");
        assert_int_equal(
                        phx_replace(&subject.fake->observed->containers[0].effective, "lxc-web"),
                        0);
        tell_round(&subject, false);
        assert_told(&subject,
                    "drift-gone: web: resolved: its config named unconfined, expected lxc-web\n");
}

static void in_observe_mode_a_drift_is_told_at_once(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();

        add_web(&subject);
        subject.fake->desired->mode = PHX_MODE_OBSERVE;
        fake_load(subject.fake, "lxc-web", PHX_POLICY_COMPLAIN, "policy 1");
        tell_round(&subject, false);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_DRIFT_FOUND), 1);
        tell_round(&subject, true);
        assert_told(&subject, "");
}

static void another_content_is_news_and_another_pid_is_not(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();
        struct phx_observed_container *container;

        (void) fake_profile(subject.fake, "lxc-web", "file 1", NULL);
        (void) fake_deploy(subject.fake, "lxc-web", "file 2", false);
        fake_load(subject.fake, "lxc-web", PHX_POLICY_ENFORCE, NULL);
        fake_configure(subject.fake, "web", "web", "lxc-web");
        container = fake_create(subject.fake, "web", "lxc-web");
        container->is_running = true;
        container->wrong = 1;
        assert_int_equal(phx_replace(&container->example.text, "unconfined"), 0);
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_DRIFT_FOUND), 2);

        subject.fake->observed->containers[0].example_tid = 2;
        tell(&subject);
        assert_told(&subject, "");
        (void) fake_deploy(subject.fake, "lxc-web", "file 3", false);
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_DRIFT_FOUND), 1);
}

static void another_wish_is_news(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();

        fake_configure(subject.fake, "web", "web", "lxc-nowhere");
        (void) fake_create(subject.fake, "web", "");
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_DRIFT_FOUND), 1);
        assert_int_equal(
                        phx_replace(&subject.fake->desired->containers[0].profile, "lxc-never"),
                        0);
        tell(&subject);
        assert_told(&subject,
                    "drift-found: web: its config names no profile, expected lxc-never; its profile is "
                    "neither in the profile directory nor in the kernel\n");
}

/* What was told of drifts of this kind just now. */
static bool is_routine(const struct subject *subject, const char *drift) {
        const struct fake_record *record;

        for (size_t i = 0; (record = fake_find(subject->fake, PHX_RECORD_DRIFT_FOUND, i)); i++)
                if (strcmp(record->drift, drift) == 0)
                        return record->is_routine;
        fail_msg("%s was not told", drift);
        return false;
}

static void what_needs_nobody_is_routine(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();
        struct phx_observed_container *container;

        add_web(&subject);
        fake_load(subject.fake, "lxc-web", PHX_POLICY_COMPLAIN, "policy 1");
        fake_configure(subject.fake, "far", NULL, "lxc-web");
        fake_configure(subject.fake, "web", "web", "unconfined");
        container = fake_create(subject.fake, "web", "unconfined");
        container->is_running = true;
        container->wrong = 1;
        tell(&subject);
        assert_true(is_routine(&subject, "mode"));
        assert_true(is_routine(&subject, "missing"));
        assert_false(is_routine(&subject, "running"));
}

static void what_is_only_observed_is_no_routine(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();

        add_web(&subject);
        fake_load(subject.fake, "lxc-web", PHX_POLICY_COMPLAIN, "policy 1");
        subject.fake->desired->mode = PHX_MODE_OBSERVE;
        tell(&subject);
        assert_false(is_routine(&subject, "mode"));
}

static void posture_and_notes_are_told_once(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();
        struct phx_desired_container *container;

        fake_configure(subject.fake, "web", "web", "unconfined");
        (void) fake_create(subject.fake, "web", "unconfined");
        container = &subject.fake->desired->containers[0];
        assert_int_equal(phx_replace(&container->suggestion, "lxc-baseline"), 0);
        assert_int_equal(phx_strings_add(&container->notes, "lxc_options: contradicts"), 0);
        tell(&subject);
        assert_string_equal(
                        fake_find(subject.fake, PHX_RECORD_POSTURE, 0)->message,
                        "web: unconfined by configuration; profile lxc-baseline fits");
        assert_string_equal(
                        fake_find(subject.fake, PHX_RECORD_REMARK, 0)->message,
                        "web: lxc_options: contradicts");
        tell(&subject);
        assert_told(&subject, "");

        /* What ended and comes back is news. */
        phx_strings_done(&container->notes);
        tell(&subject);
        assert_told(&subject, "");
        assert_int_equal(phx_strings_add(&container->notes, "lxc_options: contradicts"), 0);
        tell(&subject);
        assert_told(&subject, "remark: web: lxc_options: contradicts\n");
}

static void an_action_is_told_with_all_that_is_known_of_it(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();
        const struct phx_drift drift = {
                .layer = PHX_LAYER_KERNEL,
                .kind = PHX_DRIFT_MODE,
                .action = PHX_ACTION_LOAD,
                .object = "lxc-web",
                .expected = "enforce",
                .found = "complain",
                .profile = "lxc-web",
                .old_digest = "policy 0",
                .new_digest = "policy 1",
        };

        tell(&subject);
        fake_forget_records(subject.fake);
        phx_tell_intent(subject.tell, &drift);
        phx_tell_changed(subject.tell, &drift);
        phx_tell_failed(subject.tell, &drift, -EACCES, "permission denied");
        assert_told(&subject,
                    "intent: lxc-web: loading the policy into "
                    "the kernel\n"
                    "changed: lxc-web: the policy was loaded into the kernel, and read back (was "
                    "loaded in mode complain, expected enforce)\n"
                    "failed: lxc-web: loading the policy into the kernel failed: permission denied\n");
        for (size_t i = 0; i < 3; i++) {
                const struct fake_record *record = &subject.fake->records[i];

                assert_int_equal(record->action, PHX_ACTION_LOAD);
                assert_string_equal(record->layer, "kernel");
                assert_string_equal(record->drift, "mode");
                assert_string_equal(record->profile, "lxc-web");
                assert_null(record->container);
                assert_string_equal(record->generation, "g1");
                assert_string_equal(record->old_digest, "policy 0");
                assert_string_equal(record->new_digest, "policy 1");
                assert_int_equal(record->error, i == 2 ? -EACCES : 0);
        }
}

static const struct {
        struct phx_drift drift;
        const char *container, *path;
} fields[] = {
        { { PHX_LAYER_CONFIG,
            PHX_DRIFT_ASSIGNED,
            PHX_ACTION_ASSIGN,
            "web",
            "lxc-web//&:lxc-web:unconfined",
            "unset",
            .profile = "lxc-web" },
          "web",
          NULL },
        { { PHX_LAYER_KERNEL,
            PHX_DRIFT_NAMESPACE,
            PHX_ACTION_NAMESPACE,
            "web",
            "lxc-web",
            "absent",
            .profile = "lxc-web" },
          "web",
          NULL },
        { { PHX_LAYER_CONFIG, PHX_DRIFT_UNMANAGED, PHX_ACTION_NONE, "web", "lxc-x", "unset" },
          "web",
          NULL },
        { { PHX_LAYER_KERNEL,
            PHX_DRIFT_LEFTOVER,
            PHX_ACTION_NONE,
            "lxc-web//old",
            "absent",
            "a child",
            .profile = "lxc-web" },
          NULL,
          NULL },
        { { PHX_LAYER_KERNEL,
            PHX_DRIFT_UNKNOWN,
            PHX_ACTION_NONE,
            "AppArmor",
            "a kernel",
            "it is off" },
          NULL,
          NULL },
        { { PHX_LAYER_DISK,
            PHX_DRIFT_DISABLED,
            PHX_ACTION_NONE,
            "lxc-web",
            "enforced",
            "/etc/d/x",
            .profile = "lxc-web" },
          NULL,
          "/etc/d/x" },
};

static void profiles_and_containers_go_into_their_own_fields(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();

        for (size_t i = 0; i < PHX_ELEMENTS(fields); i++) {
                phx_tell_intent(subject.tell, &fields[i].drift);
                assert_true(phx_equal(subject.fake->records[i].profile, fields[i].drift.profile));
                assert_true(phx_equal(subject.fake->records[i].container, fields[i].container));
                assert_true(phx_equal(subject.fake->records[i].path, fields[i].path));
        }
}

/* An audit with a single reader of both. */
struct listener {
        char progress[256];
        unsigned records;
};

static void on_record(void *data, const struct phx_record *record) {
        struct listener *listener = data;

        listener->records++;
}

static void on_progress(void *data, const char *text) {
        struct listener *listener = data;

        (void) snprintf(listener->progress, sizeof(listener->progress), "%s", text);
}

static void an_intent_is_also_a_sign_of_life(void **state) {
        struct listener listener = { .records = 0 };
        const struct phx_audit audit = { on_record, on_progress, &listener };
        const struct phx_drift drift = {
                .layer = PHX_LAYER_DISK,
                .kind = PHX_DRIFT_ABSENT,
                .action = PHX_ACTION_INSTALL,
                .object = "lxc-web",
                .expected = "file 1",
                .found = "absent",
        };
        struct phx_tell *teller = NULL;

        assert_int_equal(phx_tell_new(&audit, &teller), 0);
        phx_tell_intent(teller, &drift);
        teller = phx_tell_free(teller);
        assert_int_equal(listener.records, 1);
        assert_string_equal(listener.progress, "lxc-web: installing the deployed file");
}

/* Objects come and go, and in any order. */
static void what_was_told_stays_with_its_object(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();
        static const char *const ids[] = { "c", "a", "b" };
        struct phx_desired *desired = subject.fake->desired;
        struct phx_desired_container first;

        for (size_t i = 0; i < PHX_ELEMENTS(ids); i++) {
                fake_configure(subject.fake, ids[i], NULL, "unconfined");
                assert_int_equal(phx_strings_add(&desired->containers[i].notes, "note"), 0);
        }
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_REMARK), 3);

        first = desired->containers[0];
        desired->containers[0] = desired->containers[2];
        desired->containers[2] = first;
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_REMARK), 0);

        desired->container_count = 2; /* without c */
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_REMARK), 0);
        desired->container_count = 3;
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_REMARK), 1);
        assert_string_equal(fake_find(subject.fake, PHX_RECORD_REMARK, 0)->message, "c: note");
}

static void assert_secret(const char *text) {
        if (text && strstr(text, "hunter2"))
                fail_msg("%s", text);
}

static void assert_snapshot_is_secret(const struct subject *subject) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        const struct phx_backoff none = { 0 };
        const struct phx_snapshot_view view = { .desired = subject->fake->desired,
                                                .observed = subject->fake->observed,
                                                .drifts = &drifts,
                                                .backoff = &none };
        phx_autofree char *text = NULL;

        assert_int_equal(phx_diff(view.desired, view.observed, &drifts), 0);
        assert_int_equal(phx_snapshot_fill(&view, snapshot), 0);
        assert_int_equal(phx_deciders_fill_all(snapshot), 0);
        assert_int_equal(phx_snapshot_render(snapshot, &text), 0);
        assert_secret(text);
        assert_non_null(strstr(text, "lxc.environment"));
        for (size_t i = 0; i < drifts.count; i++) {
                phx_autofree char *sentence = phx_drift_sentence(&drifts.items[i]);

                assert_secret(sentence);
        }
}

/* An option may hold a password, and its file may be root's alone: the key is told. */
static void the_value_of_an_option_is_told_nobody(void **state) {
        static const enum phx_line_fault wrong[] = { PHX_LINE_NOT_IN_EFFECT, PHX_LINE_TOO_MANY };

        for (size_t i = 0; i < PHX_ELEMENTS(wrong); i++) {
                phx_cleanup(subject_done) struct subject subject = subject_new();
                struct phx_observed_container *container;
                struct phx_drift drift = { .layer = PHX_LAYER_CONFIG,
                                           .kind = PHX_DRIFT_ASSIGNED,
                                           .action = PHX_ACTION_ASSIGN,
                                           .object = "web",
                                           .expected = "lxc-web",
                                           .found = "unconfined" };

                (void) fake_profile(subject.fake, "lxc-web", "file 1", NULL);
                (void) fake_deploy(subject.fake, "lxc-web", "file 1", true);
                fake_load(subject.fake, "lxc-web", PHX_POLICY_ENFORCE, NULL);
                fake_configure(subject.fake, "web", "web", "lxc-web");
                assert_non_null(phx_lxc_options_add(
                                &subject.fake->desired->containers[0].options,
                                "lxc.environment",
                                "DB_PASSWORD=hunter2"));
                container = fake_create(subject.fake, "web", "lxc-web");
                assert_int_equal(
                                phx_wrong_lines_add(
                                                &container->wrong_lines,
                                                wrong[i],
                                                "lxc.environment=DB_PASSWORD=hunter2"),
                                0);
                assert_int_equal(
                                phx_strings_add(&container->refused_options,
                                                "c.json:3: lxc.environment is skipped"),
                                0);
                tell(&subject);
                phx_tell_intent(subject.tell, &drift);
                phx_tell_changed(subject.tell, &drift);
                assert_true(subject.fake->record_count > 0);
                for (size_t j = 0; j < subject.fake->record_count; j++) {
                        const struct fake_record *record = &subject.fake->records[j];

                        assert_secret(record->message);
                        assert_secret(record->path);
                        assert_secret(record->profile);
                }
                assert_snapshot_is_secret(&subject);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_value_of_an_option_is_told_nobody),
                cmocka_unit_test(an_accepted_configuration_is_told_once),
                cmocka_unit_test(a_drift_is_told_when_it_comes_and_when_it_goes),
                cmocka_unit_test(
                                a_drift_that_is_about_to_be_repaired_waits_for_the_end_of_the_pass),
                cmocka_unit_test(in_observe_mode_a_drift_is_told_at_once),
                cmocka_unit_test(another_content_is_news_and_another_pid_is_not),
                cmocka_unit_test(another_wish_is_news),
                cmocka_unit_test(what_needs_nobody_is_routine),
                cmocka_unit_test(what_is_only_observed_is_no_routine),
                cmocka_unit_test(posture_and_notes_are_told_once),
                cmocka_unit_test(an_action_is_told_with_all_that_is_known_of_it),
                cmocka_unit_test(profiles_and_containers_go_into_their_own_fields),
                cmocka_unit_test(an_intent_is_also_a_sign_of_life),
                cmocka_unit_test(what_was_told_stays_with_its_object),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
