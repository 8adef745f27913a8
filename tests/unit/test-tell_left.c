/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What was recorded is recorded once in a boot, whatever number of times the daemon starts. */

#include "tell-fixture.h"

/* Another process on the same machine, which gets what this one leaves, or its first SIZE bytes. */
static int begin_again(struct subject *subject, size_t size) {
        phx_cleanup(phx_buffer_done) struct phx_buffer left = { 0 };
        const struct phx_audit audit = fake_audit(subject->fake);
        struct phx_texts texts;

        assert_int_equal(phx_tell_leave(subject->tell, &left), 0);
        texts = phx_texts_of(left.data, size < left.size ? size : left.size);
        subject->tell = phx_tell_free(subject->tell);
        assert_int_equal(phx_tell_new(&audit, &subject->tell), 0);
        return phx_tell_take(subject->tell, &texts);
}

static struct subject broken_rule(void) {
        struct subject subject = subject_new();

        add_web(&subject);
        fake_configure(subject.fake, "web", "web", "lxc-web");
        (void) fake_create(subject.fake, "web", "lxc-web");
        assert_non_null(
                        phx_lints_add(&subject.fake->desired->profiles[0].lints,
                                      PHX_RULE_KERNEL_FILES,
                                      "may write anything"));
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_LINT), 1);
        return subject;
}

static void a_rule_is_recorded_once_in_a_boot(void **state) {
        phx_cleanup(subject_done) struct subject subject = broken_rule();

        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(begin_again(&subject, SIZE_MAX), 0);
                tell(&subject);
                assert_int_equal(fake_count(subject.fake, PHX_RECORD_LINT), 0);
                tell(&subject);
                assert_told(&subject, "");
        }
}

static void what_is_new_since_is_recorded(void **state) {
        phx_cleanup(subject_done) struct subject subject = broken_rule();

        assert_int_equal(begin_again(&subject, SIZE_MAX), 0);
        assert_non_null(
                        phx_lints_add(&subject.fake->desired->profiles[0].lints,
                                      PHX_RULE_KERNEL_FILES,
                                      "may write more"));
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_LINT), 1);
        assert_non_null(
                        strstr(fake_find(subject.fake, PHX_RECORD_LINT, 0)->message,
                               "may write more"));
}

/* As in one process: what ended and comes back is news. */
static void what_ended_meanwhile_and_comes_back_is_recorded(void **state) {
        phx_cleanup(subject_done) struct subject subject = broken_rule();
        struct phx_lints *lints = &subject.fake->desired->profiles[0].lints;
        struct phx_lints kept = { 0 };

        assert_int_equal(begin_again(&subject, SIZE_MAX), 0);
        assert_int_equal(phx_lints_copy(&kept, lints), 0);
        phx_lints_done(lints);
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_LINT), 0);
        assert_int_equal(begin_again(&subject, SIZE_MAX), 0);
        *lints = kept;
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_LINT), 1);
}

static void of_a_part_nothing_is_taken(void **state) {
        phx_cleanup(subject_done) struct subject subject = broken_rule();

        size_t size = 0;

        for (; begin_again(&subject, size) < 0; size++) {
                tell(&subject);
                assert_int_equal(fake_count(subject.fake, PHX_RECORD_LINT), 1);
        }
        assert_true(size > strlen("lxc-web"));
        tell(&subject);
        assert_int_equal(fake_count(subject.fake, PHX_RECORD_LINT), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rule_is_recorded_once_in_a_boot),
                cmocka_unit_test(what_is_new_since_is_recorded),
                cmocka_unit_test(what_ended_meanwhile_and_comes_back_is_recorded),
                cmocka_unit_test(of_a_part_nothing_is_taken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
