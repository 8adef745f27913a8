/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "source/definitions.h"

/* "NAME@LINE NAME@LINE …" */
static void assert_names(const char *text, const char *expected) {
        phx_cleanup(phx_definitions_done) struct phx_definitions found = { 0 };
        char names[1024] = "";

        assert_int_equal(phx_definitions_scan(text, strlen(text), "f", &found), 0);
        for (size_t i = 0; i < found.count; i++) {
                size_t length = strlen(names);

                assert_string_equal(found.items[i].file, "f");
                (void) snprintf(names + length,
                                sizeof(names) - length,
                                "%s%s@%u",
                                i > 0 ? " " : "",
                                found.items[i].name,
                                found.items[i].line);
        }
        assert_string_equal(names, expected);
}

static void profiles_are_found_with_their_lines(void **state) {
        assert_names("", "");
        assert_names("profile lxc-a { }", "lxc-a@1");
        assert_names("\n\nprofile\n  lxc-a\n{\n}\nprofile lxc-b {}\n", "lxc-a@4 lxc-b@7");
        assert_names("/usr/bin/x {\n}\n", "/usr/bin/x@1");
        assert_names("/usr/{bin,sbin}/x {\n}\n/y { }", "/usr/{bin,sbin}/x@1 /y@3");
        assert_names("profile a /usr/{bin,sbin}/* flags=(complain) { }", "a@1");
        assert_names("profile a flags=(complain, attach_disconnected){ }", "a@1");
        assert_names("profile a flags = ( complain , audit ) { }", "a@1");
        assert_names("@{bin}/x {\n}\n@{exec} { }", "@{bin}/x@1 @{exec}@3");
        assert_names(":guest:lxc-a { }", ":guest:lxc-a@1");
}

static void quoted_names_lose_their_quotes(void **state) {
        assert_names("profile \"lxc a\" { }", "lxc a@1");
        assert_names("\"/usr/my prog\" { }", "/usr/my prog@1");
        assert_names("\"profile\" { }", "profile@1");
        assert_names("profile \"a\\\"b\" { }", "a\"b@1");
        assert_names("profile a\\ b { }", "a b@1");
}

static void comments_are_no_profiles(void **state) {
        assert_names("# profile a { }\nprofile b { # {\n}\n#include <x>\nprofile c {}", "b@2 c@5");
        assert_names("profile a#b { }", "a#b@1");
}

static void only_the_top_level_counts(void **state) {
        assert_names("profile a {\n profile b { }\n ^hat { }\n hat c { /x r, }\n}\nprofile d { }",
                     "a@1 d@6");
        assert_names("profile a { /{x,y}/** r, capability,}\nprofile b { }", "a@1 b@2");
        assert_names("profile a { \"/x } y\" r, }\nprofile b { }", "a@1 b@2");
        assert_names("profile a { @{HOME}/x r, owner @{PROC}/@{pid}/y r, }\nprofile b {}",
                     "a@1 b@2");
}

static void other_statements_are_passed_over(void **state) {
        assert_names("abi <abi/3.0>,\ninclude <tunables/global>\nalias /a -> /b,\nprofile a { }",
                     "a@4");
        assert_names("@{X} = {/a,/b} c\n@{Y}+={d}\n$Z = true\nprofile a { }", "a@4");
        assert_names("include if exists \"local/x\"\nprofile a { }", "a@2");
        assert_names("if $Z {\n profile a { }\n} else {\n profile b { }\n}\nprofile c { }",
                     "a@2 b@4 c@6");
        assert_names("if defined @{X} { profile a { } }", "a@1");
}

static void pieces_of_profiles_define_nothing(void **state) {
        assert_names("/x r,\ncapability chown,\ndeny /y w ,\nprofile a { }", "a@4");
        assert_names("/x r,\n/{a,b}/** rw,\n", "");
        assert_names("/x r,# y\nprofile a { }", "a@2");
        assert_names("mount {/a,/b} -> /c,\nprofile a { }", "a@2");
}

static void broken_texts_give_what_they_can(void **state) {
        assert_names("profile", "");
        assert_names("profile {", "");
        assert_names("{ }}}} profile a {", "a@1");
        assert_names("profile a { profile b {", "a@1");
        assert_names("profile \"a", "");
        assert_names("profile a { } } profile b { }", "a@1 b@1");
        assert_names("\\", "");
}

static void a_name_elsewhere_is_found_and_ones_own_is_not(void **state) {
        phx_cleanup(phx_definitions_done) struct phx_definitions all = { 0 };
        phx_cleanup(phx_definitions_done) struct phx_definitions one = { 0 }, other = { 0 };

        assert_int_equal(phx_definitions_scan("profile b {} profile a {}", 25, "f", &one), 0);
        assert_int_equal(phx_definitions_scan("\nprofile a {}", 13, "g", &other), 0);
        assert_int_equal(phx_definitions_add_all(&all, &other), 0);
        assert_int_equal(phx_definitions_add_all(&all, &one), 0);
        phx_definitions_sort(&all);

        assert_int_equal(all.count, 3);
        assert_string_equal(all.items[0].file, "f");
        assert_string_equal(phx_definitions_find(&all, "a", NULL)->file, "f");
        assert_string_equal(phx_definitions_find(&all, "a", "f")->file, "g");
        assert_int_equal(phx_definitions_find(&all, "a", "f")->line, 2);
        assert_null(phx_definitions_find(&all, "b", "f"));
        assert_null(phx_definitions_find(&all, "c", NULL));
}

/* Text of the characters that mean something, in any order. */
static void arbitrary_text_ends_and_is_read_within_its_bounds(void **state) {
        static const char alphabet[] = "{}{}()\"\\#,=@$^ \t\n\npro/\xff";
        uint32_t seed = 1;

        for (int round = 0; round < 20000; round++) {
                phx_cleanup(phx_definitions_done) struct phx_definitions found = { 0 };
                phx_autofree char *text = NULL;
                size_t size;

                seed = seed * 1664525 + 1013904223;
                size = seed >> 26;
                text = malloc(size + 1);
                assert_non_null(text);
                for (size_t i = 0; i < size; i++) {
                        seed = seed * 1664525 + 1013904223;
                        text[i] = alphabet[(seed >> 16) % sizeof(alphabet)];
                }
                assert_int_equal(phx_definitions_scan(text, size, "f", &found), 0);
                for (size_t i = 0; i < found.count; i++)
                        assert_true(found.items[i].name[0] != '\0' && found.items[i].line > 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(profiles_are_found_with_their_lines),
                cmocka_unit_test(quoted_names_lose_their_quotes),
                cmocka_unit_test(comments_are_no_profiles),
                cmocka_unit_test(only_the_top_level_counts),
                cmocka_unit_test(other_statements_are_passed_over),
                cmocka_unit_test(pieces_of_profiles_define_nothing),
                cmocka_unit_test(broken_texts_give_what_they_can),
                cmocka_unit_test(a_name_elsewhere_is_found_and_ones_own_is_not),
                cmocka_unit_test(arbitrary_text_ends_and_is_read_within_its_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
