#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/loaded.h"

#define A1 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B1 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define A256 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* The policy that all tests expect: a profile and its child. */
static char parent_name[] = "lxc-a", child_name[] = "lxc-a//c";
static struct phx_policy_entry entries[] = {
        { .name = parent_name, .mode = PHX_POLICY_ENFORCE, .sha1 = A1, .sha256 = A256 },
        { .name = child_name, .mode = PHX_POLICY_COMPLAIN, .sha1 = A1, .sha256 = A256 },
};
static const struct phx_policy policy = { entries, PHX_ELEMENTS(entries) };

static void add(struct phx_loaded_list *list,
                const char *name,
                enum phx_policy_mode mode,
                enum phx_hash_kind kind,
                const char *hash) {
        struct phx_loaded loaded = { .name = strdup(name), .mode = mode, .hash_kind = kind };

        (void) snprintf(loaded.hash, sizeof(loaded.hash), "%s", hash);
        assert_int_equal(phx_loaded_list_add(list, &loaded), 0);
        assert_null(loaded.name);
        phx_loaded_list_sort(list);
}

static void compare(const struct phx_loaded_list *list, struct phx_kernel_comparison *comparison) {
        assert_int_equal(phx_kernel_compare(list, &policy, comparison), 0);
        assert_int_equal(comparison->count, 2);
        assert_string_equal(comparison->findings[0].name, "lxc-a");
        assert_string_equal(comparison->findings[1].name, "lxc-a//c");
}

static void what_is_loaded_as_compiled_is_the_same(void **state) {
        phx_cleanup(phx_kernel_comparison_done) struct phx_kernel_comparison comparison = { 0 };
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };

        add(&list, "lxc-a//c", PHX_POLICY_COMPLAIN, PHX_HASH_SHA1, A1);
        add(&list, "lxc-a", PHX_POLICY_ENFORCE, PHX_HASH_SHA256, A256);
        add(&list, "other", PHX_POLICY_ENFORCE, PHX_HASH_SHA1, B1);
        add(&list, "other//c", PHX_POLICY_ENFORCE, PHX_HASH_SHA1, B1);
        compare(&list, &comparison);
        assert_int_equal(comparison.match, PHX_KERNEL_SAME);
        assert_string_equal(comparison.findings[0].expected, "enforce, sha256 " A256);
        assert_string_equal(comparison.findings[0].found, "enforce, sha256 " A256);
        assert_string_equal(comparison.findings[1].expected, "complain, sha1 " A1);
        assert_int_equal(comparison.leftovers.count, 0);
}

static void the_worst_finding_speaks_for_the_policy(void **state) {
        phx_cleanup(phx_kernel_comparison_done) struct phx_kernel_comparison comparison = { 0 };
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };

        add(&list, "lxc-a", PHX_POLICY_ENFORCE, PHX_HASH_SHA1, B1);
        compare(&list, &comparison);
        assert_int_equal(comparison.match, PHX_KERNEL_ABSENT);
        assert_int_equal(comparison.findings[0].match, PHX_KERNEL_HASH_DIFFERS);
        assert_string_equal(comparison.findings[0].expected, "enforce, sha1 " A1);
        assert_string_equal(comparison.findings[0].found, "enforce, sha1 " B1);
        assert_int_equal(comparison.findings[1].match, PHX_KERNEL_ABSENT);
        assert_string_equal(comparison.findings[1].found, "not loaded");
}

static void a_mode_that_differs_is_named_before_its_hash(void **state) {
        phx_cleanup(phx_kernel_comparison_done) struct phx_kernel_comparison comparison = { 0 };
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };

        add(&list, "lxc-a", PHX_POLICY_COMPLAIN, PHX_HASH_SHA1, B1);
        add(&list, "lxc-a//c", PHX_POLICY_COMPLAIN, PHX_HASH_SHA1, A1);
        compare(&list, &comparison);
        assert_int_equal(comparison.match, PHX_KERNEL_MODE_DIFFERS);
        assert_string_equal(comparison.findings[0].found, "complain, sha1 " B1);
}

static void without_a_hash_nothing_can_be_told(void **state) {
        phx_cleanup(phx_kernel_comparison_done) struct phx_kernel_comparison comparison = { 0 };
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };

        add(&list, "lxc-a", PHX_POLICY_ENFORCE, PHX_HASH_NONE, "");
        add(&list, "lxc-a//c", PHX_POLICY_COMPLAIN, PHX_HASH_SHA1, A1);
        compare(&list, &comparison);
        assert_int_equal(comparison.match, PHX_KERNEL_UNKNOWN);
        assert_string_equal(comparison.findings[0].found, "enforce, no hash");
}

static void an_equal_hash_answers_for_a_mode_not_seen(void **state) {
        phx_cleanup(phx_kernel_comparison_done) struct phx_kernel_comparison comparison = { 0 };
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };

        add(&list, "lxc-a", PHX_POLICY_UNKNOWN, PHX_HASH_SHA1, A1);
        add(&list, "lxc-a//c", PHX_POLICY_UNKNOWN, PHX_HASH_SHA1, B1);
        compare(&list, &comparison);
        assert_int_equal(comparison.findings[0].match, PHX_KERNEL_SAME);
        assert_int_equal(comparison.findings[1].match, PHX_KERNEL_HASH_DIFFERS);
}

static void what_is_missing_from_an_incomplete_list_is_unknown(void **state) {
        phx_cleanup(phx_kernel_comparison_done) struct phx_kernel_comparison comparison = { 0 };
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = false };

        compare(&list, &comparison);
        assert_int_equal(comparison.match, PHX_KERNEL_UNKNOWN);
        assert_string_equal(comparison.findings[0].found, "cannot be read");
}

static void children_that_the_policy_lost_are_left_over(void **state) {
        phx_cleanup(phx_kernel_comparison_done) struct phx_kernel_comparison comparison = { 0 };
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };

        add(&list, "lxc-a", PHX_POLICY_ENFORCE, PHX_HASH_SHA1, A1);
        add(&list, "lxc-a//c", PHX_POLICY_COMPLAIN, PHX_HASH_SHA1, A1);
        add(&list, "lxc-a//gone", PHX_POLICY_ENFORCE, PHX_HASH_SHA1, A1);
        add(&list, "lxc-a//c//gone", PHX_POLICY_ENFORCE, PHX_HASH_SHA1, A1);
        add(&list, "lxc-a//null-/bin/sh", PHX_POLICY_COMPLAIN, PHX_HASH_NONE, "");
        add(&list, "lxc-ab//gone", PHX_POLICY_ENFORCE, PHX_HASH_SHA1, A1);
        compare(&list, &comparison);
        assert_int_equal(comparison.match, PHX_KERNEL_SAME);
        assert_int_equal(comparison.leftovers.count, 2);
        assert_string_equal(comparison.leftovers.items[0], "lxc-a//c//gone");
        assert_string_equal(comparison.leftovers.items[1], "lxc-a//gone");
}

static void every_name_in_a_list_is_found(void **state) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };
        char name[32];

        assert_null(phx_loaded_find(&list, "lxc-1"));
        for (int i = 0; i < 100; i++) {
                (void) snprintf(name, sizeof(name), "lxc-%d", (i * 37) % 100);
                add(&list, name, PHX_POLICY_ENFORCE, PHX_HASH_SHA1, A1);
        }
        for (int i = 0; i < 100; i++) {
                (void) snprintf(name, sizeof(name), "lxc-%d", i);
                assert_string_equal(phx_loaded_find(&list, name)->name, name);
        }
        assert_null(phx_loaded_find(&list, "lxc-100"));
        assert_null(phx_loaded_find(&list, ""));
}

static void matches_have_words(void **state) {
        assert_string_equal(phx_kernel_match_to_string(PHX_KERNEL_SAME), "same");
        assert_string_equal(phx_kernel_match_to_string(PHX_KERNEL_UNKNOWN), "unknown");
        assert_string_equal(phx_kernel_match_to_string(PHX_KERNEL_HASH_DIFFERS), "hash differs");
        assert_string_equal(phx_kernel_match_to_string(PHX_KERNEL_MODE_DIFFERS), "mode differs");
        assert_string_equal(phx_kernel_match_to_string(PHX_KERNEL_ABSENT), "absent");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_loaded_as_compiled_is_the_same),
                cmocka_unit_test(the_worst_finding_speaks_for_the_policy),
                cmocka_unit_test(a_mode_that_differs_is_named_before_its_hash),
                cmocka_unit_test(without_a_hash_nothing_can_be_told),
                cmocka_unit_test(an_equal_hash_answers_for_a_mode_not_seen),
                cmocka_unit_test(what_is_missing_from_an_incomplete_list_is_unknown),
                cmocka_unit_test(children_that_the_policy_lost_are_left_over),
                cmocka_unit_test(every_name_in_a_list_is_found),
                cmocka_unit_test(matches_have_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
