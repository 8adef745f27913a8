/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "lxc/decider.h"
#include "tree.h"

static int set_up(void **state) {
        tree_new();
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

/* Says that LINE of FILE, below the tree, decides in TEXT, of which liblxc makes EFFECTIVE; FILE
 * NULL for none. */
static void expect_effective(
                const char *text,
                const char *effective,
                const char *file,
                unsigned line) {
        phx_cleanup(phx_lxc_decider_done) struct phx_lxc_decider decider = { 0 };
        phx_cleanup(phx_lxc_reader_freep) struct phx_lxc_reader *reader = NULL;
        char path[256], expected[256];

        (void) snprintf(path, sizeof(path), "%s", tree_path("web/config"));
        assert_int_equal(phx_lxc_reader_new(&reader), 0);
        assert_int_equal(phx_lxc_decide(reader, path, text, strlen(text), effective, &decider), 0);
        if (!file) {
                assert_null(decider.file);
                return;
        }
        (void) snprintf(expected, sizeof(expected), "%s", tree_path(file));
        assert_string_equal(decider.file, expected);
        assert_int_equal(decider.line, line);
}

static void expect(const char *text, const char *file, unsigned line) {
        expect_effective(text, NULL, file, line);
}

static void the_last_line_decides(void **state) {
        expect("", NULL, 0);
        expect("lxc.uts.name = web\n", NULL, 0);
        expect("# c\nlxc.apparmor.profile = a\n\nlxc.apparmor.profile = b\n#\n", "web/config", 4);
        expect("# c\rlxc.apparmor.profile = a\r\nlxc.apparmor.profile = b", "web/config", 2);
}

static void an_include_is_read_where_it_stands(void **state) {
        char text[1024];

        tree_write("common.conf", "\n\nlxc.apparmor.profile = c\n");
        tree_write("dir/a.conf", "lxc.apparmor.profile = d\n");
        tree_write("dir/c.txt", "\n\n\nlxc.apparmor.profile = f\n");
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = a\nlxc.include = %s\n",
                        tree_path("common.conf"));
        expect(text, "common.conf", 3);
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.include = %s\nlxc.apparmor.profile = a\n",
                        tree_path("common.conf"));
        expect(text, "web/config", 2);
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("dir"));
        expect(text, "dir/a.conf", 1);
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = a\nlxc.include = %s\n",
                        tree_path("not-there"));
        expect(text, "web/config", 1);
}

/* The last of all "*.conf", as the directory lists them now. */
static void find_last(const char *directory, char *name, size_t size) {
        DIR *stream = opendir(tree_path(directory));
        const struct dirent *entry;

        assert_non_null(stream);
        while ((entry = readdir(stream)))
                if (strstr(entry->d_name, ".conf"))
                        (void) snprintf(name, size, "%s/%s", directory, entry->d_name);
        (void) closedir(stream);
}

/* liblxc reads hidden ones, too, and in the order of the directory: "explain" named the last one by
 * its name. */
static void a_directory_is_read_as_it_lists_its_files(void **state) {
        static const char *const names[] = { "zz", "b", ".hidden", "a", "m", "0", "x9", "c" };
        char text[1024], last[300] = "";

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                char name[64], line[128];

                (void) snprintf(name, sizeof(name), "inc/%s.conf", names[i]);
                (void) snprintf(line, sizeof(line), "lxc.apparmor.profile = %s\n", name);
                tree_write(name, line);
        }
        find_last("inc", last, sizeof(last));
        (void) snprintf(text, sizeof(text), "lxc.include = /%s//\n", tree_path("inc"));
        expect_effective(text, last, last, 1);
}

/* The kernel may list them to liblxc in another order than to us. */
static void what_is_named_says_what_is_in_force(void **state) {
        char text[1024];

        tree_write("inc/a.conf", "lxc.apparmor.profile = a\n");
        tree_write("sub.conf", "");
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("inc"));
        expect_effective(text, "a", "inc/a.conf", 1);
        expect_effective(text, "b", "inc", 0);
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = 'x'\nlxc.include = %s\n",
                        tree_path("sub.conf"));
        expect_effective(text, "x", "web/config", 1);
        expect_effective(text, "y", "web/config", 0);
}

static void one_that_includes_itself_ends(void **state) {
        char text[1024];

        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = a\nlxc.include = %s\n",
                        tree_path("self.conf"));
        tree_write("self.conf", text);
        expect(text, "self.conf", 1);
}

/* As config/lxc/phoenixd-gate.conf.in has them. */
#define IF_THERE "/bin/sh -c 'test ! -x \"$0\" || exec \"$0\" \"$@\"' "
#define PRE_START "lxc.hook.pre-start = " IF_THERE "/usr/libexec/phoenixd-gate pre-start\n"
#define START_HOST "lxc.hook.start-host = " IF_THERE "/usr/libexec/phoenixd-gate start-host\n"

/* PLACE is a file and its line, below the tree; "" for no hook at all, NULL where both are set. */
static void expect_ungated(const char *text, const char *place) {
        phx_cleanup(phx_lxc_decider_done) struct phx_lxc_decider decider = { 0 };
        phx_cleanup(phx_lxc_reader_freep) struct phx_lxc_reader *reader = NULL;
        char path[256];

        (void) snprintf(path, sizeof(path), "%s", tree_path("web/config"));
        assert_int_equal(phx_lxc_reader_new(&reader), 0);
        assert_int_equal(phx_lxc_decide(reader, path, text, strlen(text), NULL, &decider), 0);
        if (!place)
                assert_null(decider.ungated);
        else if (!place[0])
                assert_string_equal(decider.ungated, "");
        else
                assert_string_equal(decider.ungated, tree_path(place));
}

/* As liblxc takes them: an empty value empties the list of what came before it. */
static void the_hooks_of_the_gate_are_found(void **state) {
        expect_ungated("", "");
        expect_ungated(PRE_START, "");
        expect_ungated(START_HOST, "");
        expect_ungated(PRE_START START_HOST, NULL);
        expect_ungated(PRE_START START_HOST "lxc.hook.pre-start = /bin/true\n", NULL);
        expect_ungated("lxc.hook.pre-start =\n" PRE_START START_HOST, NULL);
        expect_ungated(PRE_START START_HOST "lxc.hook.pre-start =\n", "web/config:3");
        expect_ungated(PRE_START START_HOST "lxc.hook.start-host = \"\"\n", "web/config:3");
        expect_ungated(PRE_START START_HOST "lxc.hook =\n", "web/config:3");
        expect_ungated(PRE_START START_HOST "lxc.hook.mount =\n", NULL);
        expect_ungated(PRE_START START_HOST "lxc.hook.pre-start =\n" PRE_START, NULL);
        expect_ungated("lxc.hook.pre-start = /opt/gate pre-start\n" START_HOST, "");
        expect_ungated("lxc.hook.pre-start = /usr/libexec/phoenixd-gate start-host\n" START_HOST,
                       "");
        expect_ungated("lxc.hook.pre-start = /bin/phoenixd-gate\n" START_HOST, "");
}

static void the_hooks_of_the_gate_are_found_in_includes(void **state) {
        char text[1024];

        tree_write("conf.d/gate.conf", PRE_START START_HOST);
        tree_write("empty.conf", "\nlxc.hook.pre-start=\n");
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("conf.d"));
        expect_ungated(text, NULL);
        (void) snprintf(text, sizeof(text), "lxc.hook =\nlxc.include = %s\n", tree_path("conf.d"));
        expect_ungated(text, NULL);
        (void) strcat(text, "lxc.include = ");
        (void) strcat(text, tree_path("empty.conf"));
        expect_ungated(text, "empty.conf:2");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_last_line_decides, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                an_include_is_read_where_it_stands,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_directory_is_read_as_it_lists_its_files,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                what_is_named_says_what_is_in_force,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(one_that_includes_itself_ends, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_hooks_of_the_gate_are_found, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                the_hooks_of_the_gate_are_found_in_includes,
                                set_up,
                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
