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
#include <unistd.h>

#include <cmocka.h>

#include "profiles/source.h"
#include "tree.h"

static struct phx_trust trust;
static struct phx_files *files;
static struct phx_sources sources;
static const char *site_dir;
static struct phx_error error;

static int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        error = (struct phx_error){ 0 };
        return phx_files_new(&trust, &files);
}

static int tear_down(void **state) {
        phx_sources_done(&sources);
        files = phx_files_free(files);
        tree_done();
        return 0;
}

static int list(void) {
        assert_int_equal(phx_files_refresh(files, NULL), 0);
        return phx_sources_list(files, "/profiles", site_dir, &sources, &error);
}

static void profiles_are_listed_by_name_and_places_for_includes_are_not(void **state) {
        tree_write("profiles/lxc-b", "profile lxc-b { }\n");
        tree_write("profiles/lxc-a", "profile lxc-a { }\n");
        tree_write("profiles/lxc-a~", "old\n");
        tree_write("profiles/.lxc-a.swp", "old\n");
        tree_write("profiles/abstractions/x", "/x r,\n");
        tree_write("profiles/other/lxc-c", "profile lxc-c { }\n");
        tree_link("profiles/lxc-d", "lxc-b");

        assert_int_equal(list(), 0);
        assert_int_equal(sources.count, 3);
        assert_string_equal(sources.items[0].name, "lxc-a");
        assert_int_equal(sources.items[0].result, 0);
        assert_string_equal(sources.items[0].seen->text, "profile lxc-a { }\n");
        assert_int_equal(strlen(sources.items[0].seen->digest), PHX_SHA256_HEX - 1);
        assert_string_equal(sources.items[1].name, "lxc-b");
        assert_string_equal(sources.items[2].name, "lxc-d");
        assert_string_equal(sources.items[2].seen->text, "profile lxc-b { }\n");
}

static void tests_belong_to_profiles_and_are_none(void **state) {
        tree_write("profiles/lxc-a", "profile lxc-a { }\n");
        tree_write("profiles/lxc-a.test", "deny file w /x\n");
        tree_write("profiles/lxc-b", "profile lxc-b { }\n");
        tree_write("profiles/lxc-c.test", "deny file w /x\n");
        tree_write("profiles/lxc-d", "profile lxc-d { }\n");
        tree_write("profiles/lxc-d.test", "deny file w /x\n");
        assert_int_equal(chmod(tree_path("profiles/lxc-d.test"), 0666), 0);

        assert_int_equal(list(), 0);
        assert_int_equal(sources.count, 3);
        assert_int_equal(sources.items[0].result, 0);
        assert_string_equal(sources.items[0].test->text, "deny file w /x\n");
        assert_null(sources.items[1].test);
        assert_int_equal(sources.items[2].result, -EPERM);
        assert_string_equal(
                        sources.items[2].error->text,
                        "lxc-d: /profiles/lxc-d.test: 'lxc-d.test' is writable by group or others "
                        "(mode 0666), expected by its owner alone");
        assert_int_equal(sources.orphans.count, 1);
        assert_string_equal(sources.orphans.items[0], "lxc-c.test");
}

static void a_directory_that_cannot_be_believed_is_never_empty(void **state) {
        assert_int_equal(list(), -ENOENT);
        assert_string_equal(error.text, "/profiles: No such file or directory");

        tree_write("profiles", "no directory\n");
        assert_int_equal(list(), -ENOTDIR);
        assert_string_equal(error.text, "/profiles: is not a directory");
        tree_remove("profiles");

        tree_mkdir("profiles");
        assert_int_equal(list(), 0);
        assert_int_equal(sources.count, 0);
        assert_int_equal(chmod(tree_path("profiles"), 0777), 0);
        assert_int_equal(list(), -EPERM);
        assert_string_equal(
                        error.text,
                        "/profiles: 'profiles' is writable by group or others (mode 0777), expected "
                        "by its owner alone");
}

static void assert_source(const char *name, int result, const char *message) {
        for (size_t i = 0; i < sources.count; i++)
                if (strcmp(sources.items[i].name, name) == 0) {
                        assert_int_equal(sources.items[i].result, result);
                        assert_string_equal(
                                        result < 0 ? sources.items[i].error->text : "",
                                        message);
                        return;
                }
        fail_msg("'%s' is not listed", name);
}

static void a_source_is_refused_by_name_and_the_others_are_not(void **state) {
        static char large[(1 << 20) + 1];
        phx_autoclose int fd = -1;

        memset(large, '#', sizeof(large));
        tree_write("profiles/lxc-good", "profile lxc-good { }\n");
        tree_write("profiles/usr.bin.x", "/usr/bin/x { }\n");
        tree_write("profiles/lxc-empty", "");
        tree_write_bytes("profiles/lxc-nul", "a\n\nb\0c", 6);
        tree_write_bytes("profiles/lxc-large", large, sizeof(large));
        tree_write("profiles/lxc-writable", "profile lxc-writable { }\n");
        assert_int_equal(chmod(tree_path("profiles/lxc-writable"), 0664), 0);
        assert_int_equal(mkfifo(tree_path("profiles/lxc-fifo"), 0644), 0);
        tree_link("profiles/lxc-gone", "nowhere");
        tree_write("profiles/lxc-busy", "profile lxc-");
        fd = open(tree_path("profiles/lxc-busy"), O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);

        assert_int_equal(list(), 0);
        assert_int_equal(sources.count, 9);
        assert_source("lxc-good", 0, "");
        assert_source("usr.bin.x",
                      -EINVAL,
                      "usr.bin.x: not a valid name of a profile, expected \"lxc-\" and then "
                      "letters, digits, '.', '_', '+' or '-'; move a file that is not a profile "
                      "to another directory");
        assert_source("lxc-empty", -EINVAL, "lxc-empty: is empty, expected one profile");
        assert_source("lxc-nul",
                      -EINVAL,
                      "lxc-nul: line 3: found a NUL byte at column 2, expected text");
        assert_source("lxc-large",
                      -EFBIG,
                      "lxc-large: /profiles/lxc-large: is larger than 1048576 bytes");
        assert_source("lxc-writable",
                      -EPERM,
                      "lxc-writable: /profiles/lxc-writable: 'lxc-writable' is writable by group or "
                      "others (mode 0664), expected by its owner alone");
        assert_source("lxc-fifo", -EINVAL, "lxc-fifo: /profiles/lxc-fifo: is not a regular file");
        assert_source("lxc-gone",
                      -ENOENT,
                      "lxc-gone: /profiles/lxc-gone: No such file or directory");
        assert_source("lxc-busy", -EBUSY, "lxc-busy: /profiles/lxc-busy: is still being written");
}

/* --- the rules --- */

static const struct phx_source_rules strict = { false, false };

static void texts_of_every_shape_pass(void **state) {
        /* NOLINTBEGIN(bugprone-suspicious-missing-comma): long texts are cut where lines end */
        static const char *const texts[] = {
                "profile lxc-a { }",
                "profile lxc-a {\n}\n",
                "profile \"lxc-a\" { }",
                "profile lxc-a\n{\n}\n",
                "profile lxc-a flags=(attach_disconnected,mediate_deleted){\n /a r,\n}\n",
                "profile lxc-a flags = ( enforce ) { }\n",
                "profile lxc-a (attach_disconnected) { }\n",
                "profile lxc-a flags=(kill) { profile b xattrs=(user.complain=unconfined) { } }\n",
                "# profile other {\n#include <tunables/global>\nprofile lxc-a { }\n",
                "include <tunables/global> include if exists <x> profile lxc-a { }\n",
                "include if exists < x > profile lxc-a { }\n",
                "abi <abi/3.0>,\nalias /a -> /b,\n@{X}=/a/ \\\n /b/\n@{X}+=/c \"/d {\"\n"
                "${B}=true\nprofile lxc-a { }\n",
                "profile lxc-a {\n /{a,b}/** r,\n @{PROC}/{a,b}{,c} r,\n /x\\{ r,\n /y[{] r,\n}\n",
                "profile lxc-a {\n /x\\} r,\n /y[}] r,\n \"/z }\" r,\n # }\n /a#} r,\n}\n",
                "profile lxc-a {\n dbus send member={Get,GetAll},\n /b r,\n}\n",
                "profile lxc-a {\n unix peer=(addr=\"@a){\"),\n signal (send) "
                "peer=lxc-*{a,b},\n}\n",
                "profile lxc-a {\n include <x>\n profile c /usr/bin/c { /d r, }\n ^hat { }\n"
                " hat h { }\n}\n",
                "profile lxc-a {\n if ${B} { /a r, } else { /b r, }\n}\n",
                "profile lxc-a {\n change_profile -> lxc-a//{b,c},\n set rlimit nproc <= 5,\n}\n",
                "profile lxc-a {\n /complain/unconfined flags r,\n}\n",
                "profile lxc-a {\n /profile r,\n deny /{ r,\n}\n",
        };
        /* NOLINTEND(bugprone-suspicious-missing-comma) */

        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++) {
                error = (struct phx_error){ 0 };
                if (phx_source_check("lxc-a", texts[i], &strict, &error) < 0)
                        fail_msg("%s\n%s", texts[i], error.text);
        }
}

#define COMPLAIN "flag 'complain' disables enforcement; remove it or set allow_complain"
#define UNCONFINED "flag 'unconfined' disables confinement; remove it or set allow_unconfined_flag"

static const struct {
        const char *text;
        const char *place;
        const char *message;
} refusals[] = {
        { "\nprofile lxc-a flags=(complain) { }", "lxc-a: line 2: ", COMPLAIN },
        { "profile lxc-a\n flags=(audit, complain){ }", "lxc-a: line 2: ", COMPLAIN },
        { "profile lxc-a flags = ( \"complain\" ) { }", "lxc-a: line 1: ", COMPLAIN },
        { "profile lxc-a (complain) { }", "lxc-a: line 1: ", COMPLAIN },
        /* The string ends behind the '#'. */
        { "profile lxc-a {\n \"/a\\\\\" r, # \" r, profile b flags=(complain) { }\n}\n",
          "lxc-a: line 2: ",
          COMPLAIN },
        { "profile lxc-a {\n/a r,\nprofile b flags=(complain) { }\n}",
          "lxc-a: line 3: ",
          COMPLAIN },
        { "profile lxc-a flags=(unconfined) { }", "lxc-a: line 1: ", UNCONFINED },
        { "profile lxc-a flags=(default_allow) { }",
          "lxc-a: line 1: ",
          "flag 'default_allow' disables confinement; remove it or set allow_unconfined_flag" },
        { "profile lxc-a { }\n\nprofile lxc-b { }",
          "lxc-a: line 3: ",
          "found a second profile 'lxc-b', expected one profile in this file" },
        { "profile lxc-a flags=(kill){ /{a,b} r, }\n/usr/bin/x { }",
          "lxc-a: line 2: ",
          "found a second profile '/usr/bin/x', expected one profile in this file" },
        { "profile lxc-a { }\n^hat { }",
          "lxc-a: line 2: ",
          "found a second profile '^hat', expected one profile in this file" },
        { "# first\nprofile lxc_a { }",
          "lxc-a: line 2: ",
          "the profile is named 'lxc_a', expected the file's name 'lxc-a'" },
        { "profile @{N} { }",
          "lxc-a: line 1: ",
          "the profile is named '@{N}', expected the file's name 'lxc-a'" },
        { "profile lxc-{a,b} { }",
          "lxc-a: line 1: ",
          "the profile is named 'lxc-{a,b}', expected the file's name 'lxc-a'" },
        { "/usr/bin/x { }",
          "lxc-a: line 1: ",
          "the profile is named '/usr/bin/x', expected the file's name 'lxc-a'" },
        { "profile :ns:lxc-a { }",
          "lxc-a: line 1: ",
          "found ':ns:lxc-a', a profile in a policy namespace, expected 'lxc-a'" },
        { "profile lxc-a\n xattrs=(user.foo=bar) { file, }",
          "lxc-a: line 2: ",
          "found the attachment 'xattrs'; a container's profile must not attach to programs of "
          "the host" },
        { "\357\273\277profile lxc-a { }",
          "lxc-a: line 1: ",
          "the file begins with a byte order mark: save it as UTF-8 without one" },
        { "profile lxc-a /usr/bin/{x,y} { }",
          "lxc-a: line 1: ",
          "found the attachment '/usr/bin/{x,y}'; a container's profile must not attach to "
          "programs of the host" },
        { "profile lxc-a\n @{exec} flags=(kill) { }",
          "lxc-a: line 2: ",
          "found the attachment '@{exec}'; a container's profile must not attach to programs of "
          "the host" },
        { "profile lxc-a \"/usr/my bin/x\" { }",
          "lxc-a: line 1: ",
          "found the attachment '/usr/my bin/x'; a container's profile must not attach to "
          "programs of the host" },
        { "# nothing\nabi <abi/3.0>,\n",
          "lxc-a: ",
          "defines no profile, expected one named 'lxc-a'" },
};

static void each_rule_names_line_and_remedy(void **state) {
        for (size_t i = 0; i < PHX_ELEMENTS(refusals); i++) {
                char expected[512];

                error = (struct phx_error){ 0 };
                (void) snprintf(expected,
                                sizeof(expected),
                                "%s%s",
                                refusals[i].place,
                                refusals[i].message);
                assert_int_equal(
                                phx_source_check("lxc-a", refusals[i].text, &strict, &error),
                                -EINVAL);
                assert_string_equal(error.text, expected);
        }
}

static void what_the_settings_allow_passes(void **state) {
        const struct phx_source_rules complain = { true, false }, unconfined = { false, true };
        const char *a = "profile lxc-a flags=(complain) { }",
                   *b = "profile lxc-a flags=(unconfined) { }";

        assert_int_equal(phx_source_check("lxc-a", a, &complain, NULL), 0);
        assert_int_equal(phx_source_check("lxc-a", b, &complain, NULL), -EINVAL);
        assert_int_equal(phx_source_check("lxc-a", a, &unconfined, NULL), -EINVAL);
        assert_int_equal(phx_source_check("lxc-a", b, &unconfined, NULL), 0);
}

static void what_is_cut_off_is_left_to_the_compiler(void **state) {
        static const char text[] = "include <x>\n@{A}=\"b\\\n\"\nprofile \"lxc-a\" flags=(kill) {\n"
                                   " /a\\ {b,c} r,\n profile c { \"/d\" r, }\n}\n";
        char cut[sizeof(text)];

        for (size_t i = 0; i < sizeof(text); i++) {
                memcpy(cut, text, i);
                cut[i] = '\0';
                assert_true(phx_source_check("lxc-a", cut, &strict, NULL) <= 0);
        }
}

int main(void) {
#define with_tree(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                with_tree(profiles_are_listed_by_name_and_places_for_includes_are_not),
                with_tree(tests_belong_to_profiles_and_are_none),
                with_tree(a_directory_that_cannot_be_believed_is_never_empty),
                with_tree(a_source_is_refused_by_name_and_the_others_are_not),
                cmocka_unit_test(texts_of_every_shape_pass),
                cmocka_unit_test(each_rule_names_line_and_remedy),
                cmocka_unit_test(what_the_settings_allow_passes),
                cmocka_unit_test(what_is_cut_off_is_left_to_the_compiler),
        };

        return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
