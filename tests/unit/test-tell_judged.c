/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is told of judgements: that a source is refused, and which rules an accepted one breaks. */

#include "tell-fixture.h"

static void refuse(struct subject *subject, const char *text) {
        struct phx_desired_profile *profile = &subject->fake->desired->profiles[0];

        profile->state = text ? PHX_SOURCE_REFUSED : PHX_SOURCE_GOOD;
        assert_int_equal(phx_replace(&profile->refusal, text), 0);
}

static void a_refusal_is_told_with_each_new_reason_and_at_its_end(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();

        add_web(&subject);
        tell(&subject);
        refuse(&subject, "lxc-web: line 3: no");
        tell(&subject);
        assert_told(&subject, "refused: lxc-web: line 3: no; last known good in force\n");
        assert_string_equal(subject.fake->records[0].profile, "lxc-web");
        refuse(&subject, "lxc-web: line 4: no");
        tell(&subject);
        assert_told(&subject, "refused: lxc-web: line 4: no; last known good in force\n");
        tell(&subject);
        assert_told(&subject, "");
        refuse(&subject, NULL);
        tell(&subject);
        assert_told(&subject, "accepted: lxc-web: accepted again\n");
}

static void a_refused_source_that_is_being_written_is_neither_good_nor_news(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();

        add_web(&subject);
        refuse(&subject, "lxc-web: line 3: no");
        tell(&subject);
        subject.fake->desired->profiles[0].state = PHX_SOURCE_WRITING;
        tell(&subject);
        assert_told(&subject, "");
        subject.fake->desired->profiles[0].state = PHX_SOURCE_REFUSED;
        tell(&subject);
        assert_told(&subject, "");
        subject.fake->desired->profiles[0].state = PHX_SOURCE_WRITING;
        tell(&subject);
        refuse(&subject, NULL);
        tell(&subject);
        assert_told(&subject, "accepted: lxc-web: accepted again\n");
}

static void a_refused_source_that_is_removed_is_not_called_accepted(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();

        add_web(&subject);
        refuse(&subject, "lxc-web: line 3: no");
        tell(&subject);
        subject.fake->desired->profile_count = 0;
        tell(&subject);
        subject.fake->desired->profile_count = 1;
        assert_told(&subject, "drift-gone: lxc-web: resolved: its source was removed\n");
}

static void a_refused_source_is_not_called_accepted_when_its_directory_cannot_be_read(
                void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();
        struct phx_desired *desired = subject.fake->desired;

        add_web(&subject);
        refuse(&subject, "lxc-web: line 3: no");
        tell(&subject);
        refuse(&subject, NULL);
        assert_non_null(phx_desired_add_refusal(
                        desired,
                        PHX_REFUSED_PROFILES,
                        NULL,
                        "/etc/x: no such directory"));
        tell(&subject);
        assert_told(&subject,
                    "refused: profiles: /etc/x: no such directory; last known good in force\n");
        free(desired->refusals[0].object);
        free(desired->refusals[0].text);
        desired->refusal_count = 0;
        tell(&subject);
        assert_told(&subject,
                    "accepted: profiles: accepted again\naccepted: lxc-web: accepted again\n");
}

static void a_refused_configuration_that_is_being_written_stays_refused(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_new();
        struct phx_refusal *refusal = phx_desired_add_refusal(
                        subject.fake->desired,
                        PHX_REFUSED_CONFIGURATION,
                        NULL,
                        "a.json:1: no");

        tell(&subject);
        assert_string_equal(
                        fake_find(subject.fake, PHX_RECORD_REFUSED, 0)->message,
                        "configuration: a.json:1: no; last known good in force");
        assert_null(fake_find(subject.fake, PHX_RECORD_REFUSED, 0)->profile);
        refusal->is_transient = true;
        tell(&subject);
        assert_told(&subject, "");
        subject.fake->desired->refusal_count = 0;
        tell(&subject);
        subject.fake->desired->refusal_count = 1;
        assert_told(&subject, "accepted: configuration: accepted again\n");
}

static void add_lint(struct phx_lints *lints, const char *source) {
        struct phx_lint *lint = phx_lints_add(lints, PHX_RULE_MAY_LEAVE, "it may leave");

        assert_non_null(lint);
        lint->line = 3;
        assert_int_equal(phx_replace(&lint->source, source), 0);
}

/* How often it is recorded, if this is what it breaks now. */
static size_t count_lints(struct subject *subject, struct phx_lints *lints) {
        struct phx_desired_profile *profile = &subject->fake->desired->profiles[0];

        phx_lints_done(&profile->lints);
        assert_int_equal(phx_lints_copy(&profile->lints, lints), 0);
        tell(subject);
        return fake_count(subject->fake, PHX_RECORD_LINT);
}

static struct subject subject_of_lints(void) {
        struct subject subject = subject_new();

        (void) fake_profile(subject.fake, "lxc-web", "file 1", NULL);
        (void) fake_deploy(subject.fake, "lxc-web", "file 1", true);
        fake_load(subject.fake, "lxc-web", PHX_POLICY_ENFORCE, NULL);
        fake_configure(subject.fake, "web", NULL, "lxc-web");
        return subject;
}

static void a_broken_rule_is_told_once_unless_it_is_accepted(void **state) {
        static char object[] = "lxc-web", reason[] = "so be it";
        struct phx_acceptance item = { .rule = PHX_RULE_MAY_LEAVE,
                                       .object = object,
                                       .reason = reason };
        const struct phx_acceptances acceptances = { &item, 1 };
        phx_cleanup(subject_done) struct subject subject = subject_of_lints();
        phx_cleanup(phx_lints_done) struct phx_lints lints = { 0 }, accepted = { 0 };
        bool used = false;

        add_lint(&lints, "change_profile");
        assert_int_equal(phx_lints_copy(&accepted, &lints), 0);
        assert_int_equal(phx_acceptances_apply(&acceptances, object, &accepted, &used), 0);
        assert_true(used);
        assert_int_equal(count_lints(&subject, &lints), 1);
        assert_string_equal(
                        fake_find(subject.fake, PHX_RECORD_LINT, 0)->message,
                        "lxc-web: it may leave (by 'change_profile' at lxc-web:3) [PHX101 "
                        "may-leave]");
        assert_int_equal(count_lints(&subject, &lints), 0);
        assert_int_equal(count_lints(&subject, &accepted), 0);
        assert_int_equal(count_lints(&subject, &lints), 1);
}

static void of_the_rules_of_an_object_those_that_are_new_are_told(void **state) {
        phx_cleanup(subject_done) struct subject subject = subject_of_lints();
        phx_cleanup(phx_lints_done) struct phx_lints one = { 0 }, again = { 0 }, two = { 0 },
                                                     none = { 0 };

        add_lint(&one, "a");
        add_lint(&again, "a");
        add_lint(&two, "b");
        add_lint(&two, "a");
        assert_int_equal(count_lints(&subject, &one), 1);
        /* Another list that says the same. */
        assert_int_equal(count_lints(&subject, &again), 0);
        assert_int_equal(count_lints(&subject, &two), 1);
        assert_non_null(strstr(fake_find(subject.fake, PHX_RECORD_LINT, 0)->message, "'b'"));
        assert_int_equal(count_lints(&subject, &one), 0);
        assert_int_equal(count_lints(&subject, &two), 1);
        assert_int_equal(count_lints(&subject, &none), 0);
        assert_int_equal(count_lints(&subject, &two), 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_refusal_is_told_with_each_new_reason_and_at_its_end),
                cmocka_unit_test(a_refused_source_that_is_being_written_is_neither_good_nor_news),
                cmocka_unit_test(a_refused_source_that_is_removed_is_not_called_accepted),
                cmocka_unit_test(
                                a_refused_source_is_not_called_accepted_when_its_directory_cannot_be_read),
                cmocka_unit_test(a_refused_configuration_that_is_being_written_stays_refused),
                cmocka_unit_test(a_broken_rule_is_told_once_unless_it_is_accepted),
                cmocka_unit_test(of_the_rules_of_an_object_those_that_are_new_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
