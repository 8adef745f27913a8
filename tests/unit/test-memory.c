/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that runs short at any one allocation: an error is returned, nothing leaks (LeakSanitizer
 * says so), and the next run is right. Linked with --wrap for each allocator that the library
 * calls. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/diff.h"
#include "reconcile/pass.h"
#include "reconcile/snapshot.h"
#include "reconcile/status.h"
#include "world_random.h"

#define SEEDS 12

/* The N-th allocation from now on fails; 0 is none. The fake's own never do. */
static unsigned failing;
static bool is_counting;

static bool is_denied(void) {
        return is_counting && failing > 0 && --failing == 0;
}

/* The linker gives these names. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
 */
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **ret_text, const char *format, va_list arguments);

void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments);

void *__wrap_calloc(size_t count, size_t size) {
        return is_denied() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
        return is_denied() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size) {
        return is_denied() ? NULL : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *text) {
        return is_denied() ? NULL : __real_strdup(text);
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments) {
        return is_denied() ? -1 : __real_vasprintf(ret_text, format, arguments);
}

/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
 */

static void deny(unsigned n) {
        failing = n;
        is_counting = true;
}

/* True when the denial has come about. */
static bool was_denied(void) {
        is_counting = false;
        return failing == 0;
}

static void a_difference_is_whole_or_not_at_all(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = random_world(7);
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = fake_copy_desired(fake);
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = fake_copy_observed(fake);
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        unsigned n = 0;
        bool denied = true;

        while (denied) {
                int r;

                deny(++n);
                r = phx_diff(desired, observed, &drifts);
                denied = was_denied();
                assert_int_equal(r, denied ? -ENOMEM : 0);
                assert_true(!denied || drifts.count == 0);
        }
        assert_true(n > 10);
        assert_true(drifts.count > 0);
}

static void a_status_is_whole_or_not_at_all(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = random_world(7);
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = fake_copy_desired(fake);
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = fake_copy_observed(fake);
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        const struct phx_backoff backoff = { 0 };
        const struct phx_snapshot_view view = { desired, observed, &drifts, &backoff, 0 };
        unsigned n = 0;
        bool denied = true, degraded = false;

        assert_int_equal(phx_diff(desired, observed, &drifts), 0);
        while (denied) {
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
                phx_autofree char *status = NULL;
                int r;

                deny(++n);
                r = phx_snapshot_fill(&view, snapshot);
                if (r >= 0)
                        r = phx_status_render(snapshot, &status, &degraded);
                denied = was_denied();
                assert_int_equal(r, denied ? -ENOMEM : 0);
                assert_int_equal(denied, status == NULL);
        }
        assert_true(n > 3);
}

/* The fake machine always has memory: it is not what is tried here. */
static int judge_with_memory(void *data, struct phx_input *ret_input, struct phx_error *error) {
        const struct phx_world world = fake_world(data);
        bool was_counting = is_counting;
        int r;

        is_counting = false;
        r = world.judge(world.data, ret_input, error);
        is_counting = was_counting;
        return r;
}

static int observe_with_memory(
                void *data,
                const struct phx_input *input,
                struct phx_observed **ret_observed,
                struct phx_error *error) {
        const struct phx_world world = fake_world(data);
        bool was_counting = is_counting;
        int r;

        is_counting = false;
        r = world.observe(world.data, input, ret_observed, error);
        is_counting = was_counting;
        return r;
}

static int apply_with_memory(void *data, const struct phx_step *step, struct phx_error *error) {
        const struct phx_world world = fake_world(data);
        bool was_counting = is_counting;
        int r;

        is_counting = false;
        r = world.apply(world.data, step, error);
        is_counting = was_counting;
        return r;
}

static void record_with_memory(void *data, const struct phx_record *record) {
        const struct phx_audit audit = fake_audit(data);
        bool was_counting = is_counting;

        is_counting = false;
        audit.record(audit.data, record);
        is_counting = was_counting;
}

/* A pass that runs short, and one after it. Returns false when N was too many to be reached. */
static bool run_short(uint64_t seed, unsigned n) {
        phx_cleanup(fake_freep) struct fake *fake = random_world(seed);
        phx_cleanup(phx_pass_freep) struct phx_pass *pass = NULL;
        phx_cleanup(phx_report_freep) struct phx_report *report = calloc(1, sizeof(*report));
        phx_cleanup(phx_report_freep) struct phx_report *after = calloc(1, sizeof(*after));
        phx_cleanup(phx_report_freep) struct phx_report *last = calloc(1, sizeof(*last));
        const struct phx_world world = { .judge = judge_with_memory,
                                         .observe = observe_with_memory,
                                         .apply = apply_with_memory,
                                         .data = fake };
        const struct phx_audit audit = { record_with_memory, NULL, fake };
        struct phx_error error = { 0 };
        size_t records;
        bool denied;
        int r;

        assert_non_null(report);
        assert_non_null(after);
        assert_non_null(last);
        /* Results that are failures need memory, too. */
        if (seed % 2 == 1) {
                fake->fault = FAKE_LIE;
                fake->fault_at = 1 + (unsigned) seed % 3;
        }
        assert_int_equal(phx_pass_new(&audit, &pass), 0);
        deny(n);
        r = phx_pass_run(pass, &world, 1, report, &error);
        denied = was_denied();
        /* A message may fall back to fewer words; nothing else goes on without memory. */
        assert_true(r == 0 || (denied && r == -ENOMEM && error.text[0]));

        assert_int_equal(phx_pass_run(pass, &world, 1, after, &error), 0);
        assert_string_equal(fake->breach, "");
        assert_true(fake_audit_is_complete(fake));
        assert_non_null(after->status);
        records = fake->record_count;
        assert_int_equal(phx_pass_run(pass, &world, 1, last, &error), 0);
        assert_int_equal(fake->record_count, records);
        return denied;
}

static void a_pass_that_ran_short_is_made_good_by_the_next(void **state) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
                unsigned n = 1;

                while (run_short(seed, n))
                        n++;
                assert_true(n > 10);
        }
}

static void no_pass_is_made_by_halves(void **state) {
        phx_cleanup(fake_freep) struct fake *fake = fake_new();
        const struct phx_audit audit = fake_audit(fake);
        unsigned n = 0;
        bool denied = true;

        while (denied) {
                phx_cleanup(phx_pass_freep) struct phx_pass *pass = NULL;
                int r;

                deny(++n);
                r = phx_pass_new(&audit, &pass);
                denied = was_denied();
                assert_int_equal(r, denied ? -ENOMEM : 0);
                assert_int_equal(denied, pass == NULL);
        }
        assert_int_equal(n, 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_difference_is_whole_or_not_at_all),
                cmocka_unit_test(a_status_is_whole_or_not_at_all),
                cmocka_unit_test(a_pass_that_ran_short_is_made_good_by_the_next),
                cmocka_unit_test(no_pass_is_made_by_halves),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
