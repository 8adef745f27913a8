/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "kernel/apparmorfs.h"
#include "tree.h"

#define SHA1 "89595fb54d72d6d1e1573858790f3d05067c25d6"

static int set_up(void **state) {
        static struct phx_kernel *kernel;

        tree_new();
        tree_mkdir("fs/policy/profiles");
        *state = &kernel;
        return phx_kernel_new(tree_path("fs"), tree_path("module"), &kernel);
}

static int tear_down(void **state) {
        struct phx_kernel **kernel = *state;

        *kernel = phx_kernel_free(*kernel);
        tree_done();
        return 0;
}

static void add(const char *entry, const char *name, const char *mode) {
        const struct {
                const char *file, *text;
        } values[] = { { "name", name }, { "mode", mode }, { "sha1", SHA1 } };
        char path[512], line[256];

        for (size_t i = 0; i < PHX_ELEMENTS(values); i++) {
                (void) snprintf(path,
                                sizeof(path),
                                "fs/policy/profiles/%s/%s",
                                entry,
                                values[i].file);
                (void) snprintf(line, sizeof(line), "%s\n", values[i].text);
                tree_write(path, line);
        }
}

/* Of the names A and B, which may be NULL, as "NAME MODE,…". */
static const char *named(
                const struct phx_kernel *kernel,
                const char *a,
                const char *b,
                bool is_complete) {
        static char text[512];
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        const char *const wanted[] = { a, b };
        struct phx_error error = { 0 };
        size_t used = 0;

        for (size_t i = 0; i < 2; i++)
                if (wanted[i])
                        assert_int_equal(phx_strings_add(&names, wanted[i]), 0);
        assert_int_equal(phx_kernel_observe_named(kernel, &names, &list, &error), 0);
        assert_int_equal(list.complete, is_complete);
        text[0] = '\0';
        for (size_t i = 0; i < list.count; i++) {
                assert_string_equal(list.items[i].hash, SHA1);
                used += (size_t) snprintf(
                                text + used,
                                sizeof(text) - used,
                                "%s%s %s",
                                i > 0 ? "," : "",
                                list.items[i].name,
                                phx_policy_mode_to_string(list.items[i].mode));
        }
        return text;
}

static void only_those_that_are_named_are_read(void **state) {
        struct phx_kernel *const *kernel = *state;

        add("lxc-web.1", "lxc-web", "enforce");
        add("lxc-web.1/profiles/hat.2", "hat", "complain");
        add("lxc-web2.3", "lxc-web2", "enforce");
        add("lxc-db.4", "lxc-db", "kill");
        /* Another one's entry is not opened: this one would make the list incomplete. */
        tree_mkdir("fs/policy/profiles/lxc-broken.5");
        assert_string_equal(
                        named(*kernel, "lxc-web", NULL, true),
                        "lxc-web enforce,lxc-web//hat complain");
        assert_string_equal(named(*kernel, "lxc-db", "lxc-none", true), "lxc-db kill");
        assert_string_equal(named(*kernel, "lxc-none", NULL, true), "");
}

/* An entry that looks like a wanted one's, and is another's: its file says whose it is. */
static void names_that_look_alike_are_told_apart(void **state) {
        struct phx_kernel *const *kernel = *state;

        add("lxc-a.1.7", "lxc-a.1", "complain");
        add("lxc-a.1", "lxc-a", "enforce");
        add("lxc-plus.9", "lxc-pl+us", "enforce");
        assert_string_equal(named(*kernel, "lxc-a", NULL, true), "lxc-a enforce");
        assert_string_equal(named(*kernel, "lxc-a.1", NULL, true), "lxc-a.1 complain");
        assert_string_equal(named(*kernel, "lxc-pl+us", NULL, true), "lxc-pl+us enforce");
}

static void a_name_that_is_unreadable_makes_it_incomplete(void **state) {
        struct phx_kernel *const *kernel = *state;

        tree_write("fs/policy/profiles/lxc-web.5/name", "");
        assert_string_equal(named(*kernel, "lxc-web", NULL, false), "");
}

static void without_the_directory_there_is_no_list(void **state) {
        struct phx_kernel *const *kernel = *state;
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        const struct phx_strings names = { 0 };
        struct phx_error error = { 0 };

        tree_remove("fs/policy/profiles");
        assert_int_equal(phx_kernel_observe_named(*kernel, &names, &list, &error), -ENOENT);
        assert_non_null(strstr(error.text, "/policy/profiles: No such file or directory"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                only_those_that_are_named_are_read,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                names_that_look_alike_are_told_apart,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                a_name_that_is_unreadable_makes_it_incomplete,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                without_the_directory_there_is_no_list,
                                set_up,
                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
