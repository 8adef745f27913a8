/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "compiler/known.h"
#include "tree.h"

static struct phx_compiler_known known;
static struct phx_error error;
static struct phx_trust trust;
static const char *accounts;
static bool may_be_nobody;
static char parser[PATH_MAX];

static int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        accounts = NULL;
        may_be_nobody = false;
        tree_write("parser", "one");
        (void) snprintf(parser, sizeof(parser), "%s", tree_path("parser"));
        error = (struct phx_error){ 0 };
        return 0;
}

static int tear_down(void **state) {
        phx_compiler_known_done(&known);
        assert_null(known.identity);
        tree_done();
        return 0;
}

/* What is on disk is read once a look. */
static int try_to_know(const char *features) {
        phx_cleanup(phx_files_freep) struct phx_files *files = NULL;
        struct phx_compiler_place place = {
                .config = "/parser.conf",
                .accounts = accounts,
                .may_be_nobody = may_be_nobody,
                .parser = parser,
                .features = features,
                .deployed_dir = "/deployed",
        };

        assert_int_equal(phx_files_new(&trust, &files), 0);
        place.files = files;
        return phx_compiler_know(&known, &place, &error);
}

static void know(const char *features) {
        assert_int_equal(try_to_know(features), 0);
}

static void what_is_the_same_is_not_read_again(void **state) {
        const char *identity;

        know("f");
        identity = known.identity;
        know("f");
        assert_ptr_equal(known.identity, identity);
}

static void an_upgrade_under_way_is_noticed(void **state) {
        phx_autofree char *before = NULL;

        know("f");
        before = strdup(known.identity);
        /* As a package manager does it: another file in its place, of the same size. */
        tree_write("new", "two");
        assert_int_equal(rename(tree_path("new"), parser), 0);
        know("f");
        assert_string_not_equal(known.identity, before);

        tree_write("parser", "one");
        know("f");
        assert_string_equal(known.identity, before);
}

static void a_file_that_was_only_touched_is_the_same_compiler(void **state) {
        const struct timespec times[] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
        phx_autofree char *before = NULL;

        know("f");
        before = strdup(known.identity);
        assert_int_equal(utimensat(AT_FDCWD, parser, times, 0), 0);
        know("f");
        assert_string_equal(known.identity, before);
}

static void another_kernel_is_another_compiler(void **state) {
        phx_autofree char *before = NULL;

        know("f");
        before = strdup(known.identity);
        know("g");
        assert_string_not_equal(known.identity, before);
        know("f");
        assert_string_equal(known.identity, before);
}

static void one_that_is_gone_is_named_and_the_last_one_remembered(void **state) {
        char text[PATH_MAX + 64];

        know("f");
        tree_remove("parser");
        assert_int_equal(try_to_know("f"), -ENOENT);
        (void) snprintf(text, sizeof(text), "%s: No such file or directory", parser);
        assert_string_equal(error.text, text);
        assert_non_null(known.identity);
}

static void what_is_no_program_is_named(void **state) {
        char text[PATH_MAX + 64];

        tree_remove("parser");
        tree_mkdir("parser");
        assert_int_equal(try_to_know("f"), -EINVAL);
        (void) snprintf(text,
                        sizeof(text),
                        "%s: Invalid argument; no profile can be compiled",
                        parser);
        assert_string_equal(error.text, text);
        assert_null(known.identity);
}

/* --- how the machine has it used --- */

static void the_machines_features_are_part_of_it(void **state) {
        phx_autofree char *before = NULL, *with = NULL;

        know("f");
        before = strdup(known.identity);
        tree_write("features", "one");
        tree_write("parser.conf", "policy-features=/features\n");
        know("f");
        with = strdup(known.identity);
        assert_string_not_equal(with, before);
        assert_string_equal(known.options.policy.text, "one");

        tree_write("features", "two");
        know("f");
        assert_string_not_equal(known.identity, with);
        tree_remove("parser.conf");
        know("f");
        assert_string_equal(known.identity, before);
}

static void what_its_loader_would_refuse_is_named(void **state) {
        tree_write("parser.conf", "\npolicy-features=/gone\n");
        assert_int_equal(try_to_know("f"), -ENOENT);
        assert_string_equal(error.text, "/parser.conf: line 2: /gone: No such file or directory");
}

static bool is_watched(const char *directory) {
        return tree_is_watched(&known.watches, tree_path(directory));
}

static void a_change_of_either_is_seen(void **state) {
        tree_mkdir("d");
        tree_write("parser.conf", "policy-features=/d/features\n");
        (void) try_to_know("f");
        assert_true(tree_is_watched(&known.watches, trust.root));
        assert_true(is_watched("d"));
}

/* --- whom it runs as --- */

static void need_root(void) {
        if (geteuid() != 0)
                skip();
}

static void it_runs_as_the_account_that_is_its_own(void **state) {
        need_root();
        accounts = "/passwd";
        tree_write("passwd", "root:x:0:0::/root:/bin/sh\nphoenixd-compiler:x:64:65::/:/no\n");
        know("f");
        assert_int_equal(known.account.uid, 64);
        assert_int_equal(known.account.gid, 65);
        assert_true(tree_is_watched(&known.watches, trust.root));
}

static void without_such_an_account_nothing_is_compiled(void **state) {
        static const char missing[] = "profiles are compiled as the user phoenixd-compiler, which "
                                      "does not exist; run systemd-sysusers";
        static const struct {
                const char *accounts;
                const char *message;
                int result;
        } cases[] = {
                { "", missing, -ENOENT },
                { "nobody:x:65534:65534::/:/no\n", missing, -ENOENT },
                { "#phoenixd-compiler:x:64:65::/:/no\nphoenixd-compilers:x:64:65::/:/no\n",
                  missing,
                  -ENOENT },
                { "phoenixd-compiler:x::65::/:/no\n", missing, -ENOENT },
                { "phoenixd-compiler:x:4294967295:65::/:/no\n", missing, -ENOENT },
                { "phoenixd-compiler:x:64\n", missing, -ENOENT },
                { "phoenixd-compiler:x:0:65::/:/no\n",
                  "the user phoenixd-compiler has uid or gid 0, expected an unprivileged user "
                  "and group",
                  -EPERM },
                { "phoenixd-compiler:x:64:0::/:/no\n",
                  "the user phoenixd-compiler has uid or gid 0, expected an unprivileged user "
                  "and group",
                  -EPERM },
                { "www:x:64:33::/:/no\nphoenixd-compiler:x:64:65::/:/no\n",
                  "the user phoenixd-compiler shares the uid 64 with www, expected a separate "
                  "uid",
                  -EPERM },
        };

        need_root();
        accounts = "/passwd";
        assert_int_equal(try_to_know("f"), -ENOENT);
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                tree_write("passwd", cases[i].accounts);
                assert_int_equal(try_to_know("f"), cases[i].result);
                assert_string_equal(error.text, cases[i].message);
                assert_true(tree_is_watched(&known.watches, trust.root));
        }
        may_be_nobody = true;
        know("f");
        assert_int_equal(known.account.uid, 65534);
        tree_write("passwd", "phoenixd-compiler:x:64:65::/:/no\n");
        know("f");
        assert_int_equal(known.account.uid, 64);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(what_is_the_same_is_not_read_again),
                TEST(an_upgrade_under_way_is_noticed),
                TEST(a_file_that_was_only_touched_is_the_same_compiler),
                TEST(another_kernel_is_another_compiler),
                TEST(one_that_is_gone_is_named_and_the_last_one_remembered),
                TEST(what_is_no_program_is_named),
                TEST(the_machines_features_are_part_of_it),
                TEST(what_its_loader_would_refuse_is_named),
                TEST(a_change_of_either_is_seen),
                TEST(it_runs_as_the_account_that_is_its_own),
                TEST(without_such_an_account_nothing_is_compiled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
