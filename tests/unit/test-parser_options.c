/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
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
#include "compiler/parser_options.h"
#include "tree.h"

static struct phx_trust trust;
static struct phx_parser_options options;
static struct phx_strings watches;
static struct phx_error error;

static int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        error = (struct phx_error){ 0 };
        tree_write("one", "features one");
        tree_write("two", "features two");
        return 0;
}

static int tear_down(void **state) {
        phx_parser_options_done(&options);
        phx_strings_done(&watches);
        tree_done();
        return 0;
}

static int read_again(void) {
        phx_cleanup(phx_files_freep) struct phx_files *files = NULL;

        phx_parser_options_done(&options);
        assert_int_equal(phx_files_new(&trust, &files), 0);
        return phx_parser_options_read(
                        files,
                        "/conf",
                        "/etc/apparmor.d",
                        &options,
                        &watches,
                        &error);
}

static void take(const char *conf) {
        tree_write("conf", conf);
        assert_int_equal(read_again(), 0);
}

static void assert_features(const struct phx_parser_features *features, const char *text) {
        assert_false(features->of_kernel);
        if (!text) {
                assert_null(features->text);
                return;
        }
        assert_string_equal(features->text, text);
        assert_int_equal(features->size, strlen(text));
}

static void without_a_file_there_are_none(void **state) {
        assert_int_equal(read_again(), 0);
        assert_features(&options.policy, NULL);
        assert_features(&options.override, NULL);
        assert_int_equal(options.optimize.count, 0);
}

/* Each was tried with apparmor_parser 3.0.8; but that one also opens what a later line replaces. */
static void lines_are_read_as_the_parser_reads_them(void **state) {
        static const struct {
                const char *conf;
                const char *policy;
        } cases[] = {
                { "", NULL },
                { "\n \t\n#policy-features=/one\n  # policy-features=/one\n", NULL },
                { "policy-features=/one\n", "features one" },
                { "policy-features=/one", "features one" },
                { " \tpolicy-features=/one\n", "features one" },
                { "policy-features /one\n", "features one" },
                { "policy-features= \t/one\n", "features one" },
                { "=policy-features=/one\n", "features one" },
                { "policy-features=one\n", "features one" },
                { "compile-features=/one\n", "features one" },
                { "features-file=/one\n", "features one" },
                { "match-string=a b {c}\n", "a b {c}" },
                { "policy-feature=/one\npolicy-features-=/one\nPolicy-Features=/one\n", NULL },
                { "policy-features=/one\nquiet\nfeatures-file=/two\n", "features two" },
                { "policy-features=/gone\npolicy-features=/two\n", "features two" },
                { "match-string=x\npolicy-features=/two\n", "features two" },
                { "policy-features=/one\nkernel-features=/two\nbogus\nbogus=\nwarn=all\n",
                  "features one" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                take(cases[i].conf);
                assert_features(&options.policy, cases[i].policy);
                assert_features(&options.override, NULL);
        }
}

/* After 255 bytes a line goes on as another. */
static void a_long_line_is_two(void **state) {
        char conf[512];

        (void) snprintf(conf, sizeof(conf), "%0255dpolicy-features=/one\n", 0);
        take(conf);
        assert_features(&options.policy, "features one");
        (void) snprintf(conf, sizeof(conf), "%0254dpolicy-features=/one\n", 0);
        take(conf);
        assert_features(&options.policy, NULL);
}

static void features_of_the_kernel_are_no_file(void **state) {
        static const char *const places[] = {
                "<kernel>",
                "/sys/kernel/security/apparmor/features",
                "/sys/kernel/security/apparmor/features//",
        };
        char conf[256];

        for (size_t i = 0; i < PHX_ELEMENTS(places); i++) {
                (void) snprintf(conf,
                                sizeof(conf),
                                "policy-features=%s\noverride-policy-abi=%s\n",
                                places[i],
                                places[i]);
                take(conf);
                assert_true(options.policy.of_kernel);
                assert_true(options.override.of_kernel);
                assert_null(options.policy.text);
        }
}

static void each_option_is_another_compiler(void **state) {
        static const char *const confs[] = {
                "",
                "policy-features=/one\n",
                "policy-features=/two\n",
                "policy-features=<kernel>\n",
                "override-policy-abi=/one\n",
                "override-policy-abi=<kernel>\n",
                "Optimize=no-minimize\n",
                "optimize=no-expr-simplify\n",
                "Optimize=no-minimize\nOptimize=no-expr-simplify\n",
                "Optimize=no-expr-simplify\nOptimize=no-minimize\n",
        };
        char *identities[PHX_ELEMENTS(confs)];

        for (size_t i = 0; i < PHX_ELEMENTS(confs); i++) {
                take(confs[i]);
                identities[i] = phx_parser_options_identity(&options);
                assert_non_null(identities[i]);
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(identities[i], identities[j]);
        }
        for (size_t i = 0; i < PHX_ELEMENTS(confs); i++)
                free(identities[i]);
        take("Optimize=show\nquiet\nwarn=all\nComplain\nreadimpliesX\n");
        assert_int_equal(options.optimize.count, 0);
}

static void what_the_loader_would_not_start_with_is_named(void **state) {
        static const struct {
                const char *conf;
                const char *message;
                int result;
        } cases[] = {
                { "\npolicy-features=/gone\n",
                  "/conf: line 2: /gone: No such file or directory",
                  -ENOENT },
                { "policy-features = /one\n",
                  "/conf: line 1: /= /one: No such file or directory",
                  -ENOENT },
                { "policy-features=/one \n",
                  "/conf: line 1: /one : No such file or directory",
                  -ENOENT },
                { "policy-features=/one\noverride-policy-abi=/gone\n",
                  "/conf: line 2: /gone: No such file or directory",
                  -ENOENT },
                { "features-file=<kernel>\n",
                  "/conf: line 1: /<kernel>: No such file or directory",
                  -ENOENT },
                { "policy-features=/d\n", "/conf: line 1: /d: is not a regular file", -EINVAL },
                { "policy-features\n", "/conf: line 1: policy-features: has no value", -EINVAL },
                { "Optimize=\n", "/conf: line 1: Optimize: has no value", -EINVAL },
        };

        tree_mkdir("d");
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                tree_write("conf", cases[i].conf);
                assert_int_equal(read_again(), cases[i].result);
                assert_string_equal(error.text, cases[i].message);
        }
}

static void more_than_can_be_handed_on_is_refused(void **state) {
        char conf[1024] = "";

        for (unsigned i = 0; i < PHX_PARSER_OPTIMIZE_LIMIT; i++)
                (void) strcat(conf, "Optimize=no-minimize\n");
        take(conf);
        assert_int_equal(options.optimize.count, PHX_PARSER_OPTIMIZE_LIMIT);
        (void) strcat(conf, "Optimize=no-minimize\n");
        tree_write("conf", conf);
        assert_int_equal(read_again(), -EINVAL);
        assert_string_equal(error.text, "/conf: line 17: Optimize: expected at most 16 values");
}

static void includes_of_elsewhere_are_refused(void **state) {
        static const char *const confs[] = {
                "Include=/usr/share/apparmor\n",
                "Include /etc/apparmor\n",
                "base=/etc/apparmor.d.old\n",
                "base=/etc/apparmor.d/x\n",
        };

        take("Include /etc/apparmor.d/\nbase=/etc/apparmor.d\n");
        for (size_t i = 0; i < PHX_ELEMENTS(confs); i++) {
                tree_write("conf", confs[i]);
                assert_int_equal(read_again(), -EINVAL);
                assert_non_null(strstr(error.text, "/conf: line 1: "));
                assert_non_null(strstr(error.text, "search other directories for includes"));
        }
}

static void what_others_may_write_is_refused(void **state) {
        tree_write("conf", "policy-features=/one\n");
        assert_int_equal(chmod(tree_path("one"), 0666), 0);
        assert_int_equal(read_again(), -EPERM);
        assert_non_null(strstr(error.text, "/conf: line 1: /one"));
        assert_int_equal(chmod(tree_path("one"), 0644), 0);
        assert_int_equal(chmod(tree_path("conf"), 0622), 0);
        assert_int_equal(read_again(), -EPERM);
        assert_non_null(strstr(error.text, "/conf"));
}

static void a_change_is_seen_wherever_it_is(void **state) {
        tree_mkdir("d");
        tree_write("conf", "policy-features=/d/gone\n");
        (void) read_again();
        assert_true(tree_is_watched(&watches, trust.root));
        assert_true(tree_is_watched(&watches, tree_path("d")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(without_a_file_there_are_none),
                TEST(lines_are_read_as_the_parser_reads_them),
                TEST(a_long_line_is_two),
                TEST(features_of_the_kernel_are_no_file),
                TEST(each_option_is_another_compiler),
                TEST(what_the_loader_would_not_start_with_is_named),
                TEST(more_than_can_be_handed_on_is_refused),
                TEST(includes_of_elsewhere_are_refused),
                TEST(what_others_may_write_is_refused),
                TEST(a_change_is_seen_wherever_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
