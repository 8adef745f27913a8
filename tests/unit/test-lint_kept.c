/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/strings.h"
#include "profiles/lint_kept.h"
#include "tree.h"

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER_KEY "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static int directory = -1;
static struct phx_lints lints, back;
static char *trouble;

static int set_up(void **state) {
        struct phx_lint *lint;

        directory = open(tree_new(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        lint = phx_lints_add(&lints, PHX_RULE_MAY_LEAVE, "it\tmay\\ leave\n");
        assert_non_null(lint);
        lint->line = 3;
        lint->included_line = 4;
        lint->column = 5;
        assert_int_equal(phx_replace(&lint->source, "change_profile,"), 0);
        assert_int_equal(phx_replace(&lint->included_file, "/etc/x"), 0);
        assert_non_null(phx_lints_add(&lints, PHX_RULE_MAY_LEAVE, ""));
        return directory < 0 ? -1 : 0;
}

static int tear_down(void **state) {
        phx_lints_done(&lints);
        phx_lints_done(&back);
        free(trouble);
        trouble = NULL;
        (void) close(directory);
        tree_done();
        return 0;
}

static int recall(const char *key) {
        phx_lints_done(&back);
        free(trouble);
        trouble = NULL;
        return phx_lints_recall(directory, key, &back, &trouble);
}

static void what_was_kept_comes_back(void **state) {
        phx_lints_keep(directory, KEY, &lints, NULL);
        assert_int_equal(recall(KEY), 0);
        assert_null(trouble);
        assert_int_equal(back.count, 2);
        assert_int_equal(back.items[0].rule, PHX_RULE_MAY_LEAVE);
        assert_string_equal(back.items[0].text, lints.items[0].text);
        assert_string_equal(back.items[0].source, "change_profile,");
        assert_string_equal(back.items[0].included_file, "/etc/x");
        assert_int_equal(back.items[0].line, 3);
        assert_int_equal(back.items[0].included_line, 4);
        assert_int_equal(back.items[0].column, 5);
        assert_string_equal(back.items[1].text, "");
        assert_null(back.items[1].source);
        assert_null(back.items[1].included_file);
        assert_int_equal(recall(OTHER_KEY), -ENOENT);
        assert_int_equal(recall("no key"), -ENOENT);
}

static void nothing_and_a_trouble_come_back_too(void **state) {
        phx_lints_keep(directory, KEY, &(struct phx_lints){ 0 }, "it cannot\nbe asked");
        assert_int_equal(recall(KEY), 0);
        assert_int_equal(back.count, 0);
        assert_string_equal(trouble, "it cannot\nbe asked");
}

/* Every byte counts, and so does every missing one. */
static void what_is_damaged_is_asked_again(void **state) {
        phx_autofree char *whole = NULL;
        struct stat st;

        phx_lints_keep(directory, KEY, &lints, NULL);
        assert_int_equal(stat(tree_path(KEY ".lints"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        whole = tree_read(KEY ".lints");
        for (size_t i = 0; i < (size_t) st.st_size; i++) {
                whole[i] ^= 0x20;
                tree_write_bytes(KEY ".lints", whole, (size_t) st.st_size);
                whole[i] ^= 0x20;
                assert_int_equal(recall(KEY), -ENOENT);
                tree_write_bytes(KEY ".lints", whole, i);
                assert_int_equal(recall(KEY), -ENOENT);
        }
        tree_write_bytes(OTHER_KEY ".lints", whole, (size_t) st.st_size);
        assert_int_equal(recall(OTHER_KEY), -ENOENT);
        tree_write_bytes(KEY ".lints", whole, (size_t) st.st_size);
        assert_int_equal(recall(KEY), 0);
}

/* As another version of it would have left it: whole, and with another program's line. */
static void what_another_program_asked_is_asked_again(void **state) {
        phx_autofree char *whole = NULL;
        char digest[PHX_SHA256_HEX], *body;

        phx_lints_keep(directory, KEY, &lints, NULL);
        whole = tree_read(KEY ".lints");
        body = strchr(whole, '\n') + 1;
        body[0] = body[0] == '9' ? '8' : '9';
        phx_sha256_two(KEY, strlen(KEY), body, strlen(body), digest);
        memcpy(body - PHX_SHA256_HEX, digest, PHX_SHA256_HEX - 1);
        tree_write(KEY ".lints", whole);
        assert_int_equal(recall(KEY), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(what_was_kept_comes_back),
                TEST(nothing_and_a_trouble_come_back_too),
                TEST(what_is_damaged_is_asked_again),
                TEST(what_another_program_asked_is_asked_again),
        };

        return cmocka_run_group_tests_name("lint_kept", tests, NULL, NULL);
}
