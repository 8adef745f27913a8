/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/program.h"
#include "base/strings.h"
#include "profiles/facts.h"
#include "tree.h"

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER_KEY "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PROGRAM "the program"
#define CHECKSUM "0123456789abcdef0123456789abcdef"

static int directory = -1;
static struct phx_facts facts, back;

static void read_policy(const char *fixture) {
        phx_autofree char *blob = NULL;
        char path[512];

        (void) snprintf(path, sizeof(path), "%s/policy/%s", getenv("PHX_FIXTURES"), fixture);
        assert_int_equal(phx_file_read_at(AT_FDCWD, path, 1UL << 20, &blob, &facts.size), 0);
        phx_policy_done(&facts.policy);
        assert_int_equal(
                        phx_policy_parse(blob, facts.size, PHX_HASH_SHA256, &facts.policy, NULL),
                        0);
}

static int set_up(void **state) {
        struct phx_lint *lint;

        directory = open(tree_new(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        read_policy("family-3.0.bin");
        (void) snprintf(facts.checksum, sizeof(facts.checksum), "%s", CHECKSUM);
        facts.line = 7;
        facts.policy_stamp = (struct phx_stamp){ .inode = 8, .size = 9, .ctime = { 10, 11 } };
        facts.text_stamp = (struct phx_stamp){ .inode = 12, .mtime = { 13, 14 }, .uid = 15 };
        facts.is_linted = true;
        lint = phx_lints_add(&facts.lints, PHX_RULE_MAY_LEAVE, "it\tmay\\ leave\n");
        assert_non_null(lint);
        lint->line = 3;
        lint->included_line = 4;
        lint->column = 5;
        assert_int_equal(phx_replace(&lint->source, "change_profile,"), 0);
        assert_int_equal(phx_replace(&lint->included_file, "/etc/x"), 0);
        assert_non_null(phx_lints_add(&facts.lints, PHX_RULE_MAY_LEAVE, ""));
        return directory < 0 ? -1 : 0;
}

static int tear_down(void **state) {
        phx_facts_done(&facts);
        phx_facts_done(&back);
        (void) close(directory);
        tree_done();
        return 0;
}

static int recall_as(const char *program, const char *key, enum phx_hash_kind kind) {
        phx_facts_done(&back);
        return phx_facts_recall(directory, program, key, kind, &back);
}

static int recall(const char *key) {
        return recall_as(PROGRAM, key, PHX_HASH_SHA256);
}

static void keep(void) {
        phx_facts_keep(directory, PROGRAM, KEY, &facts);
}

static void assert_same_entry(const struct phx_policy_entry *a, const struct phx_policy_entry *b) {
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->mode, b->mode);
        assert_int_equal(a->has_attachment, b->has_attachment);
        assert_true(a->capabilities == b->capabilities);
        assert_string_equal(a->hash, b->hash);
        assert_memory_equal(&a->files, &b->files, sizeof(a->files));
        assert_memory_equal(&a->others, &b->others, sizeof(a->others));
        assert_int_equal(a->transitions.count, b->transitions.count);
        for (size_t i = 0; i < a->transitions.count; i++)
                assert_string_equal(a->transitions.items[i], b->transitions.items[i]);
}

static void assert_all_is_back(void) {
        assert_int_equal(back.policy.hash_kind, PHX_HASH_SHA256);
        assert_int_equal(back.policy.count, facts.policy.count);
        for (size_t i = 0; i < back.policy.count; i++)
                assert_same_entry(&back.policy.entries[i], &facts.policy.entries[i]);
        assert_int_equal(back.size, facts.size);
        assert_string_equal(back.checksum, CHECKSUM);
        assert_int_equal(back.line, 7);
        assert_true(phx_stamp_equal(&back.policy_stamp, &facts.policy_stamp));
        assert_true(phx_stamp_equal(&back.text_stamp, &facts.text_stamp));
}

static void what_was_kept_comes_back(void **state) {
        static const char *const fixtures[] = { "plain-3.0.bin",
                                                "family-3.0.bin",
                                                "caps-3.0.bin",
                                                "modes-4.1.bin" };

        for (size_t i = 0; i < PHX_ELEMENTS(fixtures); i++) {
                read_policy(fixtures[i]);
                keep();
                assert_int_equal(recall(KEY), 0);
                assert_all_is_back();
        }
        assert_int_equal(recall(OTHER_KEY), -ENOENT);
        assert_int_equal(recall("no key"), -ENOENT);
        phx_facts_remove(directory, KEY);
        assert_int_equal(recall(KEY), -ENOENT);
}

static void transitions_come_back(void **state) {
        assert_int_equal(phx_strings_add(&facts.policy.entries[0].transitions, "&lxc-x"), 0);
        assert_int_equal(phx_strings_add(&facts.policy.entries[0].transitions, "a//b"), 0);
        keep();
        assert_int_equal(recall(KEY), 0);
        assert_int_equal(back.policy.entries[0].transitions.count, 2);
        assert_all_is_back();
}

static void findings_come_back(void **state) {
        keep();
        assert_int_equal(recall(KEY), 0);
        assert_true(back.is_linted);
        assert_int_equal(back.lints.count, 2);
        assert_int_equal(back.lints.items[0].rule, PHX_RULE_MAY_LEAVE);
        assert_string_equal(back.lints.items[0].text, facts.lints.items[0].text);
        assert_string_equal(back.lints.items[0].source, "change_profile,");
        assert_string_equal(back.lints.items[0].included_file, "/etc/x");
        assert_int_equal(back.lints.items[0].line, 3);
        assert_int_equal(back.lints.items[0].included_line, 4);
        assert_int_equal(back.lints.items[0].column, 5);
        assert_string_equal(back.lints.items[1].text, "");
        assert_null(back.lints.items[1].source);
        assert_null(back.lints.items[1].included_file);
}

/* Nothing found is not the same as not asked. */
static void rules_that_were_not_asked_are_to_be_asked(void **state) {
        phx_lints_done(&facts.lints);
        keep();
        assert_int_equal(recall(KEY), 0);
        assert_true(back.is_linted);
        assert_int_equal(back.lints.count, 0);
        facts.is_linted = false;
        keep();
        assert_int_equal(recall(KEY), 0);
        assert_false(back.is_linted);
}

/* Every byte counts, and so does every missing one. */
static void what_is_damaged_is_found_out_again(void **state) {
        phx_autofree char *whole = NULL;
        struct stat st;

        keep();
        assert_int_equal(stat(tree_path(KEY ".facts"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        whole = malloc((size_t) st.st_size);
        assert_non_null(whole);
        {
                phx_autofree char *data = NULL;
                size_t size = 0;

                assert_int_equal(
                                phx_file_read_at(directory, KEY ".facts", 1UL << 20, &data, &size),
                                0);
                memcpy(whole, data, size);
        }
        for (size_t i = 0; i < (size_t) st.st_size; i++) {
                whole[i] ^= 0x20;
                tree_write_bytes(KEY ".facts", whole, (size_t) st.st_size);
                whole[i] ^= 0x20;
                assert_int_equal(recall(KEY), -ENOENT);
                tree_write_bytes(KEY ".facts", whole, i);
                assert_int_equal(recall(KEY), -ENOENT);
        }
        tree_write_bytes(OTHER_KEY ".facts", whole, (size_t) st.st_size);
        assert_int_equal(recall(OTHER_KEY), -ENOENT);
        tree_write_bytes(KEY ".facts", whole, (size_t) st.st_size);
        assert_int_equal(recall(KEY), 0);
}

static void what_another_program_found_is_found_out_again(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer program = { 0 };

        keep();
        assert_int_equal(recall_as(PROGRAM " of another day", KEY, PHX_HASH_SHA256), -ENOENT);
        assert_int_equal(recall_as("", KEY, PHX_HASH_SHA256), -ENOENT);
        assert_int_equal(phx_program_add(&program), 0);
        assert_int_equal(recall_as(program.data, KEY, PHX_HASH_SHA256), -ENOENT);
        phx_facts_keep(directory, program.data, KEY, &facts);
        assert_int_equal(recall_as(program.data, KEY, PHX_HASH_SHA256), 0);
}

static void hashes_of_another_kind_are_found_out_again(void **state) {
        keep();
        assert_int_equal(recall_as(PROGRAM, KEY, PHX_HASH_SHA1), -ENOENT);
        assert_int_equal(recall_as(PROGRAM, KEY, PHX_HASH_NONE), 0);
        assert_all_is_back();
}

/* Whole, but not what this program writes: positions outside of the policy. */
static void rules_outside_of_the_policy_are_refused(void **state) {
        keep();
        assert_int_equal(recall(KEY), 0);
        facts.policy.entries[0].files.offset = facts.size;
        facts.policy.entries[0].files.size = 1;
        keep();
        assert_int_equal(recall(KEY), -ENOENT);
        facts.policy.entries[0].files.offset = SIZE_MAX;
        facts.policy.entries[0].files.size = 2;
        keep();
        assert_int_equal(recall(KEY), -ENOENT);
        facts.policy.entries[0].files.offset = facts.size - 2;
        keep();
        assert_int_equal(recall(KEY), 0);
}

static void a_finding_of_no_rule_is_refused(void **state) {
        keep();
        assert_int_equal(recall(KEY), 0);
        facts.lints.items[1].rule = (enum phx_rule) 1000;
        keep();
        assert_int_equal(recall(KEY), -ENOENT);
        facts.lints.items[1].rule = (enum phx_rule) - 1;
        keep();
        assert_int_equal(recall(KEY), -ENOENT);
}

static void no_policy_is_no_fact(void **state) {
        phx_policy_done(&facts.policy);
        facts.policy.hash_kind = PHX_HASH_SHA256;
        keep();
        assert_int_equal(recall(KEY), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(what_was_kept_comes_back),
                TEST(transitions_come_back),
                TEST(findings_come_back),
                TEST(rules_that_were_not_asked_are_to_be_asked),
                TEST(what_is_damaged_is_found_out_again),
                TEST(what_another_program_found_is_found_out_again),
                TEST(hashes_of_another_kind_are_found_out_again),
                TEST(rules_outside_of_the_policy_are_refused),
                TEST(a_finding_of_no_rule_is_refused),
                TEST(no_policy_is_no_fact),
        };

        return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
