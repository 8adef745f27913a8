/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/snapshot_json.h"
#include "state/desired.h"

static struct phx_desired *desired_new(void) {
        struct phx_desired *desired = calloc(1, sizeof(*desired));

        assert_non_null(desired);
        return desired;
}

static void what_is_added_is_found(void **state) {
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = desired_new();
        char name[] = "lxc-web";

        assert_non_null(phx_desired_add_profile(desired, "lxc-db"));
        assert_non_null(phx_desired_add_profile(desired, name));
        memset(name, 'x', strlen(name));
        assert_ptr_equal(phx_desired_find_profile(desired, "lxc-web"), &desired->profiles[1]);
        assert_null(phx_desired_find_profile(desired, "lxc-we"));
        assert_false(desired->profiles[1].has_good);
}

static void containers_and_refusals_are_copied(void **state) {
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = desired_new();
        struct phx_desired_container *container = phx_desired_add_container(desired, "101");
        const struct phx_refusal *refusal =
                        phx_desired_add_refusal(desired, PHX_REFUSED_SETTINGS, NULL, "no");

        assert_string_equal(container->id, "101");
        assert_null(container->directory);
        assert_string_equal(refusal->object, "settings");
        assert_string_equal(refusal->text, "no");
        assert_false(refusal->is_transient);
        /* Freed with the rest. */
        assert_int_equal(phx_strings_add(&container->notes, "a note"), 0);
        assert_int_equal(phx_replace(&container->suggestion, "lxc-baseline"), 0);
}

static void kernel_entries_may_lack_a_hash(void **state) {
        phx_cleanup(phx_kernel_entries_done) struct phx_kernel_entries entries = { 0 };
        const struct phx_kernel_entry *entry;

        assert_int_equal(phx_kernel_entries_add(&entries, "lxc-a", PHX_POLICY_ENFORCE, NULL), 0);
        assert_int_equal(
                        phx_kernel_entries_add(&entries, "lxc-a//c", PHX_POLICY_COMPLAIN, "0123"),
                        0);
        entry = phx_kernel_entries_find(&entries, "lxc-a");
        assert_int_equal(entry->mode, PHX_POLICY_ENFORCE);
        assert_null(entry->hash);
        assert_string_equal(phx_kernel_entries_find(&entries, "lxc-a//c")->hash, "0123");
        assert_null(phx_kernel_entries_find(&entries, "lxc-b"));
        phx_kernel_entries_done(&entries);
        assert_int_equal(entries.count, 0);
}

/* In the order of the list without an index, in that of the names with one. */
static void children_are_found_by_their_prefix(void **state) {
        static const char *const names[] = { "lxc-b",
                                             "lxc-a//d",
                                             "lxc-a-b//c",
                                             "lxc-a",
                                             "lxc-a//c" };
        phx_cleanup(phx_kernel_entries_done) struct phx_kernel_entries entries = { 0 };
        size_t at = 0;

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                assert_int_equal(
                                phx_kernel_entries_add(
                                                &entries,
                                                names[i],
                                                PHX_POLICY_ENFORCE,
                                                NULL),
                                0);
        assert_string_equal(phx_kernel_entries_next(&entries, "lxc-a//", &at)->name, "lxc-a//d");
        assert_string_equal(phx_kernel_entries_next(&entries, "lxc-a//", &at)->name, "lxc-a//c");
        assert_null(phx_kernel_entries_next(&entries, "lxc-a//", &at));

        assert_int_equal(phx_kernel_entries_index(&entries), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                assert_ptr_equal(phx_kernel_entries_find(&entries, names[i]), &entries.items[i]);
        assert_null(phx_kernel_entries_find(&entries, "lxc-"));
        assert_null(phx_kernel_entries_find(&entries, "lxc-c"));
        at = 0;
        assert_string_equal(phx_kernel_entries_next(&entries, "lxc-a//", &at)->name, "lxc-a//c");
        assert_string_equal(phx_kernel_entries_next(&entries, "lxc-a//", &at)->name, "lxc-a//d");
        assert_null(phx_kernel_entries_next(&entries, "lxc-a//", &at));
        at = 0;
        assert_null(phx_kernel_entries_next(&entries, "lxc-z//", &at));

        /* What was added since is found, too. */
        assert_int_equal(phx_kernel_entries_add(&entries, "lxc-0", PHX_POLICY_ENFORCE, NULL), 0);
        assert_ptr_equal(phx_kernel_entries_find(&entries, "lxc-0"), &entries.items[5]);
}

static void a_profile_is_found_by_its_children(void **state) {
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = desired_new();

        assert_non_null(phx_desired_add_profile(desired, "lxc-web"));
        assert_non_null(phx_desired_add_profile(desired, "lxc-we"));
        assert_non_null(phx_desired_add_profile(desired, "lxc-db"));
        for (unsigned round = 0; round < 2; round++) {
                assert_ptr_equal(
                                phx_desired_find_parent(desired, "lxc-web//c//d"),
                                &desired->profiles[0]);
                assert_ptr_equal(phx_desired_find_parent(desired, "lxc-we"), &desired->profiles[1]);
                assert_ptr_equal(
                                phx_desired_find_profile(desired, "lxc-db"),
                                &desired->profiles[2]);
                assert_null(phx_desired_find_parent(desired, "lxc-w//lxc-web"));
                assert_null(phx_desired_find_profile(desired, "lxc-web//c"));
                assert_int_equal(phx_desired_index(desired), 0);
        }
}

static void what_is_accepted_is_marked_and_what_accepts_nothing_is_noted(void **state) {
        static char db[] = "lxc-db", id[] = "910", reason[] = "so be it";
        struct phx_acceptance items[] = {
                { .rule = PHX_RULE_MAY_LEAVE, .object = db, .reason = reason },
                { .rule = PHX_RULE_ALL_DEVICES, .object = id, .reason = reason },
                { .rule = PHX_RULE_MAY_LEAVE, .object = id, .reason = reason },
        };
        const struct phx_acceptances acceptances = { items, PHX_ELEMENTS(items) };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = desired_new();
        struct phx_desired_profile *profile = phx_desired_add_profile(desired, "lxc-db");
        struct phx_desired_container *container = phx_desired_add_container(desired, "910");

        assert_non_null(phx_lints_add(&profile->lints, PHX_RULE_MAY_LEAVE, "it may leave"));
        assert_int_equal(phx_lints_escape(&profile->lints), PHX_ESCAPE_POSSIBLE);
        assert_non_null(phx_lints_add(&profile->lints, PHX_RULE_BLOCK_DEVICES, "it may open"));
        assert_non_null(phx_lints_add(&container->lints, PHX_RULE_ALL_DEVICES, "all"));

        assert_int_equal(phx_desired_accept(desired, &acceptances), 0);
        assert_string_equal(profile->lints.items[0].accepted, "so be it");
        assert_null(profile->lints.items[1].accepted);
        assert_string_equal(container->lints.items[0].accepted, "so be it");
        assert_int_equal(phx_lints_warnings(&profile->lints), 1);
        assert_int_equal(phx_lints_escape(&profile->lints), PHX_ESCAPE_ACCEPTED);
        assert_int_equal(phx_lints_escape(&container->lints), PHX_ESCAPE_NONE);
        assert_int_equal(desired->notes.count, 1);
        assert_string_equal(
                        desired->notes.items[0],
                        "the settings accept may-leave (PHX101) of 910, which does not break that "
                        "rule; remove the acceptance");
}

static void copies_of_lints_share_until_one_changes(void **state) {
        phx_cleanup(phx_lints_done) struct phx_lints lints = { 0 }, copy = { 0 }, other = { 0 };

        assert_int_equal(phx_lints_copy(&copy, &lints), 0);
        assert_true(phx_lints_are_same(&copy, &lints));
        assert_non_null(phx_lints_add(&lints, PHX_RULE_MAY_LEAVE, "it may leave"));
        assert_false(phx_lints_are_same(&copy, &lints));
        assert_int_equal(phx_lints_copy(&copy, &lints), 0);
        assert_int_equal(phx_lints_copy(&other, &copy), 0);
        assert_true(phx_lints_are_same(&other, &lints));

        assert_non_null(phx_lints_add(&other, PHX_RULE_ALL_DEVICES, "all"));
        assert_int_equal(lints.count, 1);
        assert_int_equal(other.count, 2);
        assert_false(phx_lints_are_same(&other, &lints));
        assert_false(phx_lints_equal(&other, &lints));

        phx_lints_done(&lints);
        assert_string_equal(copy.items[0].text, "it may leave");
        assert_string_equal(other.items[0].text, "it may leave");
        assert_int_equal(phx_lints_copy(&lints, &other), 0);
        assert_int_equal(phx_lints_copy(&copy, &other), 0);
        assert_int_equal(copy.count, 3);
        assert_int_equal(lints.count, 2);
}

static void lints_are_equal_by_what_they_contain(void **state) {
        phx_cleanup(phx_lints_done) struct phx_lints a = { 0 }, b = { 0 };
        struct phx_lint *lint;

        assert_non_null(phx_lints_add(&a, PHX_RULE_MAY_LEAVE, "it may leave"));
        lint = phx_lints_add(&b, PHX_RULE_MAY_LEAVE, "it may leave");
        assert_non_null(lint);
        assert_false(phx_lints_are_same(&a, &b));
        assert_true(phx_lints_equal(&a, &b));
        lint->line = 3;
        assert_false(phx_lints_equal(&a, &b));
        lint->line = 0;
        assert_int_equal(phx_replace(&lint->accepted, "so be it"), 0);
        assert_false(phx_lints_equal(&a, &b));
}

static void digest_of(const struct phx_lints *lints, uint8_t ret_digest[PHX_SIPHASH_SIZE]) {
        static char name[] = "lxc-web";
        static const uint8_t key[PHX_SIPHASH_SIZE] = { 1 };
        const struct phx_snapshot_profile profile = { .name = name, .lints = *lints };

        phx_object_digest(PHX_OBJECT_PROFILE, &profile, key, ret_digest);
}

/* Whichever list it is that says the same, and not of what the list said before. */
static void the_digest_of_lints_goes_by_what_they_contain(void **state) {
        phx_cleanup(phx_lints_done) struct phx_lints a = { 0 }, b = { 0 }, copy = { 0 };
        static char object[] = "lxc-web", reason[] = "so be it";
        struct phx_acceptance item = { PHX_RULE_MAY_LEAVE, object, reason, 1 };
        const struct phx_acceptances acceptances = { &item, 1 };
        uint8_t one[PHX_SIPHASH_SIZE], other[PHX_SIPHASH_SIZE];
        bool used = false;

        assert_non_null(phx_lints_add(&a, PHX_RULE_MAY_LEAVE, "it may leave"));
        assert_non_null(phx_lints_add(&b, PHX_RULE_MAY_LEAVE, "it may leave"));
        assert_int_equal(phx_lints_copy(&copy, &a), 0);
        digest_of(&a, one);
        digest_of(&b, other);
        assert_memory_equal(one, other, sizeof(one));
        digest_of(&copy, other);
        assert_memory_equal(one, other, sizeof(one));

        assert_int_equal(phx_acceptances_apply(&acceptances, object, &copy, &used), 0);
        digest_of(&copy, other);
        assert_memory_not_equal(one, other, sizeof(one));
        digest_of(&a, other);
        assert_memory_equal(one, other, sizeof(one));
        /* In place, as no other list has them. */
        assert_int_equal(phx_acceptances_apply(&acceptances, object, &b, &used), 0);
        digest_of(&b, other);
        assert_memory_not_equal(one, other, sizeof(one));
        assert_non_null(phx_lints_add(&a, PHX_RULE_ALL_DEVICES, "all"));
        digest_of(&a, other);
        assert_memory_not_equal(one, other, sizeof(one));
}

static void nothing_is_freed_without_harm(void **state) {
        assert_null(phx_desired_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_added_is_found),
                cmocka_unit_test(containers_and_refusals_are_copied),
                cmocka_unit_test(kernel_entries_may_lack_a_hash),
                cmocka_unit_test(children_are_found_by_their_prefix),
                cmocka_unit_test(a_profile_is_found_by_its_children),
                cmocka_unit_test(what_is_accepted_is_marked_and_what_accepts_nothing_is_noted),
                cmocka_unit_test(copies_of_lints_share_until_one_changes),
                cmocka_unit_test(lints_are_equal_by_what_they_contain),
                cmocka_unit_test(the_digest_of_lints_goes_by_what_they_contain),
                cmocka_unit_test(nothing_is_freed_without_harm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
