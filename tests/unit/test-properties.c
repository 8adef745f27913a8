/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What must hold on every machine, tried on some thousand pseudo-random ones. A failure names its
 * seed; the machine of a seed never changes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/diff.h"
#include "reconcile/pass.h"
#include "world_random.h"

#define WORLDS 800
#define SECOND 1000000ULL
/* Longer than any backoff. */
#define LATER (1000 * SECOND)

#define check(seed, holds, ...) check_that((seed), (holds), #holds, __LINE__, __VA_ARGS__)

static void PHX_PRINTF(5, 6)
                check_that(uint64_t seed,
                           bool holds,
                           const char *claim,
                           int line,
                           const char *format,
                           ...) {
        va_list arguments;

        if (holds)
                return;
        print_error("seed %llu: not so: %s\n", (unsigned long long) seed, claim);
        va_start(arguments, format);
        vprint_error(format, arguments);
        va_end(arguments);
        print_error("\n");
        _fail(__FILE__, line);
}

struct subject {
        struct fake *fake;
        struct phx_pass *pass;
        uint64_t now_usec;
};

static void subject_done(struct subject *subject) {
        subject->fake = fake_free(subject->fake);
        subject->pass = phx_pass_free(subject->pass);
}

static void subject_wake(struct subject *subject) {
        const struct phx_audit audit = fake_audit(subject->fake);

        subject->pass = phx_pass_free(subject->pass);
        assert_int_equal(phx_pass_new(&audit, &subject->pass), 0);
}

static struct subject subject_of(struct fake *fake) {
        struct subject subject = { .fake = fake, .now_usec = SECOND };

        subject_wake(&subject);
        return subject;
}

static int run(struct subject *subject, struct phx_report **ret_report) {
        phx_cleanup(phx_report_freep) struct phx_report *report = calloc(1, sizeof(*report));
        const struct phx_world world = fake_world(subject->fake);
        int r;

        assert_non_null(report);
        r = phx_pass_run(subject->pass, &world, subject->now_usec, report, NULL);
        if (ret_report)
                *ret_report = PHX_TAKE(report);
        return r;
}

static void drifts_now(const struct fake *fake, struct phx_drifts *ret_drifts) {
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = fake_copy_desired(fake);
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = fake_copy_observed(fake);

        assert_int_equal(phx_diff(desired, observed, ret_drifts), 0);
}

static void render(const struct phx_drifts *drifts, char *text, size_t size) {
        size_t used = 0;

        text[0] = '\0';
        for (size_t i = 0; i < drifts->count && used < size; i++) {
                const struct phx_drift *drift = &drifts->items[i];

                used += (size_t) snprintf(
                                text + used,
                                size - used,
                                "%s %s %s %s | %s | %s | %s\n",
                                phx_layer_to_string(drift->layer),
                                phx_drift_kind_to_string(drift->kind),
                                phx_action_kind_to_string(drift->action),
                                drift->object,
                                drift->expected,
                                drift->found,
                                phx_cause_to_string(drift->cause)
                                                ? phx_cause_to_string(drift->cause)
                                                : "-");
        }
}

static bool may_act(const struct fake *fake) {
        return fake->desired->mode == PHX_MODE_ENFORCE && fake->desired->has_configuration;
}

/* Nothing is left that could be repaired, and nothing happened that never may. */
static void check_repaired(const struct fake *fake, uint64_t seed) {
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        char text[8192];

        check(seed, fake->breach[0] == '\0', "%s", fake->breach);
        if (!may_act(fake))
                return;
        drifts_now(fake, &drifts);
        render(&drifts, text, sizeof(text));
        for (size_t i = 0; i < drifts.count; i++)
                check(seed, drifts.items[i].action == PHX_ACTION_NONE, "%s", text);
}

static void check_audit(const struct fake *fake, uint64_t seed) {
        if (!fake_audit_is_complete(fake))
                check(seed, false, "an intent without its result:\n%s", fake_story(fake));
}

static void one_pass_repairs_all_that_may_be_repaired(void **state) {
        for (uint64_t seed = 0; seed < WORLDS; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(random_world(seed));

                check(seed, run(&subject, NULL) == 0, "the pass failed");
                check_repaired(subject.fake, seed);
                check_audit(subject.fake, seed);
        }
}

static void second_pass_changes_nothing_and_says_nothing(void **state) {
        for (uint64_t seed = 0; seed < WORLDS; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(random_world(seed));
                phx_cleanup(phx_report_freep) struct phx_report *report = NULL;
                unsigned actions;

                check(seed, run(&subject, NULL) == 0, "the first pass failed");
                actions = subject.fake->actions;
                fake_forget_records(subject.fake);
                check(seed, run(&subject, &report) == 0, "the second pass failed");
                check(seed, subject.fake->actions == actions, "%u actions", subject.fake->actions);
                check(seed,
                      subject.fake->record_count == 0,
                      "%zu records",
                      subject.fake->record_count);
                check(seed, report->changes == 0, "%u changes", report->changes);
                check(seed, report->retry_usec == PHX_NEVER, "a look for nothing");
        }
}

static void a_machine_as_desired_has_only_tolerable_drifts(void **state) {
        for (uint64_t seed = 0; seed < WORLDS; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(
                                random_world_in_sync(seed));
                phx_cleanup(phx_report_freep) struct phx_report *report = NULL;
                phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };

                drifts_now(subject.fake, &drifts);
                for (size_t i = 0; i < drifts.count; i++)
                        check(seed,
                              phx_drift_is_tolerable(&drifts.items[i]),
                              "%s",
                              drifts.items[i].object);
                check(seed, run(&subject, &report) == 0, "the pass failed");
                check(seed, phx_has_prefix(report->status, "In sync: "), "%s", report->status);
                check(seed, subject.fake->actions == 0, "%u actions", subject.fake->actions);
        }
}

static void drifts_do_not_depend_on_the_order_of_the_input(void **state) {
        for (uint64_t seed = 0; seed < WORLDS; seed++) {
                phx_cleanup(fake_freep) struct fake *fake = random_world(seed);
                phx_cleanup(phx_desired_freep) struct phx_desired *desired = fake_copy_desired(
                                fake);
                phx_cleanup(phx_observed_freep) struct phx_observed *observed = fake_copy_observed(
                                fake);
                phx_cleanup(phx_drifts_done) struct phx_drifts one = { 0 }, other = { 0 };
                char first[8192], second[8192];

                assert_int_equal(phx_diff(desired, observed, &one), 0);
                random_order(desired, observed, seed);
                assert_int_equal(phx_diff(desired, observed, &other), 0);
                render(&one, first, sizeof(first));
                render(&other, second, sizeof(second));
                check(seed, strcmp(first, second) == 0, "%s-- or --\n%s", first, second);
        }
}

static bool is_our_policy(const struct phx_desired *desired, const char *name) {
        for (size_t i = 0; i < desired->profile_count; i++)
                if (desired->profiles[i].has_good &&
                    phx_kernel_entries_find(&desired->profiles[i].policy, name))
                        return true;
        return false;
}

static bool is_ours(const struct phx_desired *desired, const char *directory) {
        for (size_t i = 0; i < desired->container_count; i++)
                if (phx_equal(desired->containers[i].directory, directory))
                        return true;
        return false;
}

/* A profile of which somebody else has put a file in our file's place. */
static bool is_usurped(const struct phx_observed *before, const char *name) {
        char parent[64];
        const struct phx_observed_file *file;

        (void) snprintf(parent, sizeof(parent), "%.*s", (int) strcspn(name, "/"), name);
        file = phx_observed_find_file(before, parent);
        return file && (file->content || file->trouble) && !file->is_owned &&
               !phx_equal(file->content, "file 1");
}

static void check_kernel(
                const struct fake *fake,
                const struct phx_observed *before,
                uint64_t seed) {
        for (size_t i = 0; i < before->loaded.count; i++) {
                const struct phx_kernel_entry *was = &before->loaded.items[i];
                const struct phx_kernel_entry *is = phx_kernel_entries_find(
                                &fake->observed->loaded,
                                was->name);

                check(seed, is, "%s was removed from the kernel", was->name);
                if (is_our_policy(fake->desired, was->name) && !is_usurped(before, was->name))
                        continue;
                check(seed,
                      is->mode == was->mode && phx_equal(is->hash, was->hash),
                      "%s was replaced in the kernel",
                      was->name);
        }
}

static void check_untouched(
                const struct fake *fake,
                const struct phx_observed *before,
                uint64_t seed) {
        check_kernel(fake, before, seed);
        for (size_t i = 0; i < before->file_count; i++) {
                const struct phx_observed_file *was = &before->files[i];

                if (was->is_owned || (!was->content && !was->trouble))
                        continue;
                check(seed,
                      phx_equal(fake->observed->files[i].content, was->content),
                      "%s was overwritten",
                      was->name);
        }
        for (size_t i = 0; i < before->container_count; i++) {
                const struct phx_observed_container *was = &before->containers[i];

                if (is_ours(fake->desired, was->directory) && !was->trouble)
                        continue;
                check(seed,
                      phx_equal(fake->observed->containers[i].effective, was->effective),
                      "%s was edited",
                      was->directory);
        }
}

static void what_is_not_ours_is_never_touched(void **state) {
        for (uint64_t seed = 0; seed < WORLDS; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(random_world(seed));
                phx_cleanup(phx_observed_freep) struct phx_observed *before = fake_copy_observed(
                                subject.fake);

                check(seed, run(&subject, NULL) == 0, "the pass failed");
                check_untouched(subject.fake, before, seed);
        }
}

static void nothing_is_changed_before_something_was_accepted(void **state) {
        for (uint64_t seed = 0; seed < WORLDS / 4; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(random_world(seed));
                phx_cleanup(phx_report_freep) struct phx_report *report = NULL;

                subject.fake->desired->has_configuration = false;
                check(seed, run(&subject, &report) == 0, "the pass failed");
                check(seed, subject.fake->actions == 0, "%u actions", subject.fake->actions);
                check(seed, report->degraded, "%s", report->status);
                check(seed, !strstr(report->status, "In sync"), "%s", report->status);
        }
}

static void who_observes_changes_nothing(void **state) {
        for (uint64_t seed = 0; seed < WORLDS / 4; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(random_world(seed));
                phx_cleanup(phx_report_freep) struct phx_report *report = NULL;

                subject.fake->desired->mode = PHX_MODE_OBSERVE;
                check(seed, run(&subject, &report) == 0, "the pass failed");
                check(seed, subject.fake->actions == 0, "%u actions", subject.fake->actions);
                check(seed, phx_has_prefix(report->status, "Observing"), "%s", report->status);
        }
}

static void a_failure_at_any_step_is_made_good_later(void **state) {
        static const enum fake_fault faults[] = { FAKE_FAIL, FAKE_LIE, FAKE_FAIL_BUT_DONE };

        for (uint64_t seed = 0; seed < WORLDS; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(random_world(seed));
                phx_cleanup(phx_report_freep) struct phx_report *report = NULL;

                subject.fake->fault = faults[seed % PHX_ELEMENTS(faults)];
                subject.fake->fault_at = 1 + (unsigned) (seed / PHX_ELEMENTS(faults) % 9);
                check(seed, run(&subject, &report) == 0, "the pass failed");
                check(seed, report->retry_usec > 0, "a busy loop");
                if (report->retry_usec != PHX_NEVER)
                        subject.now_usec += report->retry_usec;
                check(seed, run(&subject, NULL) == 0, "the second pass failed");
                check_repaired(subject.fake, seed);
                check_audit(subject.fake, seed);
        }
}

static void where_nothing_works_nothing_is_claimed(void **state) {
        static const enum fake_fault faults[] = { FAKE_FAIL, FAKE_LIE };

        for (uint64_t seed = 0; seed < WORLDS / 2; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(random_world(seed));
                phx_cleanup(phx_report_freep) struct phx_report *report = NULL;

                subject.fake->fault = faults[seed % PHX_ELEMENTS(faults)];
                check(seed, run(&subject, &report) == 0, "the pass failed");
                check_audit(subject.fake, seed);
                check(seed,
                      fake_count(subject.fake, PHX_RECORD_CHANGED) == 0,
                      "a change is claimed");
                check(seed, report->changes == 0, "%u changes", report->changes);
                check(seed, subject.fake->actions == 0 || report->degraded, "%s", report->status);
                check(seed,
                      subject.fake->actions == 0 || report->retry_usec == SECOND,
                      "%llu",
                      (unsigned long long) report->retry_usec);
        }
}

static void a_start_after_a_crash_at_any_step_converges(void **state) {
        static const enum fake_fault faults[] = { FAKE_CRASH, FAKE_CRASH_BEFORE };

        for (uint64_t seed = 0; seed < WORLDS; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(random_world(seed));

                subject.fake->fault = faults[seed % PHX_ELEMENTS(faults)];
                subject.fake->fault_at = 1 + (unsigned) (seed / PHX_ELEMENTS(faults) % 9);
                (void) run(&subject, NULL);
                fake_restart(subject.fake);
                subject_wake(&subject);
                check(seed, run(&subject, NULL) == 0, "the pass after the crash failed");
                check_repaired(subject.fake, seed);
        }
}

static struct lottery meddler;

static void meddle(struct fake *fake) {
        random_meddling(fake, &meddler);
}

static void who_meddles_is_outlasted(void **state) {
        for (uint64_t seed = 0; seed < WORLDS; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(random_world(seed));
                phx_cleanup(phx_report_freep) struct phx_report *report = NULL;

                meddler.state = seed;
                subject.fake->meddle = meddle;
                check(seed, run(&subject, &report) == 0, "the pass failed");
                check_audit(subject.fake, seed);
                check(seed, report->retry_usec > 0, "a busy loop");
                subject.fake->meddle = NULL;
                subject.now_usec += LATER;
                check(seed, run(&subject, NULL) == 0, "the pass in peace failed");
                check_repaired(subject.fake, seed);
        }
}

static void what_is_left_to_do_brings_the_loop_back(void **state) {
        for (uint64_t seed = 0; seed < WORLDS; seed++) {
                phx_cleanup(subject_done) struct subject subject = subject_of(random_world(seed));
                phx_cleanup(phx_report_freep) struct phx_report *report = NULL;
                phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
                bool is_left = false;

                meddler.state = seed;
                subject.fake->meddle = meddle;
                check(seed, run(&subject, &report) == 0, "the pass failed");
                drifts_now(subject.fake, &drifts);
                for (size_t i = 0; i < drifts.count; i++)
                        is_left |= drifts.items[i].action != PHX_ACTION_NONE;
                if (may_act(subject.fake) && is_left)
                        check(seed, report->retry_usec != PHX_NEVER, "%s", report->status);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_pass_repairs_all_that_may_be_repaired),
                cmocka_unit_test(second_pass_changes_nothing_and_says_nothing),
                cmocka_unit_test(a_machine_as_desired_has_only_tolerable_drifts),
                cmocka_unit_test(drifts_do_not_depend_on_the_order_of_the_input),
                cmocka_unit_test(what_is_not_ours_is_never_touched),
                cmocka_unit_test(nothing_is_changed_before_something_was_accepted),
                cmocka_unit_test(who_observes_changes_nothing),
                cmocka_unit_test(a_failure_at_any_step_is_made_good_later),
                cmocka_unit_test(where_nothing_works_nothing_is_claimed),
                cmocka_unit_test(a_start_after_a_crash_at_any_step_converges),
                cmocka_unit_test(who_meddles_is_outlasted),
                cmocka_unit_test(what_is_left_to_do_brings_the_loop_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
