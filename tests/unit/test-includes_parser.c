/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "includes-fixture.h"

/* --- against the compiler itself --- */

/* Each "##included <NAME>" that the compiler's preprocessor prints is in the closure. */
static void assert_superset(const char *command, size_t *seen) {
        FILE *output = popen(command, "r"); /* NOLINT(cert-env33-c): a command of the test's own */
        char line[4096], name[1024];

        assert_non_null(output);
        while (fgets(line, sizeof(line), output)) {
                if (sscanf(line, "##included <%1023[^>]>", name) != 1)
                        continue;
                (*seen)++;
                if (!phx_closure_find(&closure, name))
                        fail_msg("%s: '%s' was missed", command, name);
        }
        (void) pclose(output);
}

static void compare_with_compiler(const char *directory, const char *name, size_t *seen) {
        static const struct phx_trust machine = { "/", 0 };
        static const struct phx_include_roots real = { "/nonexistent", NULL, "/etc/apparmor.d" };
        char path[PATH_MAX], command[2 * PATH_MAX];
        const struct phx_file_seen *file;

        (void) snprintf(path, sizeof(path), "%s/%s", directory, name);
        phx_closure_done(&closure);
        files = phx_files_free(files);
        assert_int_equal(phx_files_new(&machine, &files), 0);
        file = phx_files_get(files, path);
        assert_non_null(file);
        if (file->result < 0)
                return;
        error = (struct phx_error){ 0 };
        if (phx_closure_collect(files, &real, name, file->text, &closure, &error) < 0)
                fail_msg("%s: %s", path, error.text);
        (void) snprintf(command,
                        sizeof(command),
                        PHX_PARSER
                        " --config-file=/dev/null -K -p -b /etc/apparmor.d '%s' 2>/dev/null",
                        path);
        assert_superset(command, seen);
}

static void the_compiler_sees_no_include_of_this_machine_that_we_miss(void **state) {
        static const char *const directories[] = { "/etc/apparmor.d",
                                                   "/etc/apparmor.d/abstractions",
                                                   "/etc/apparmor.d/lxc",
                                                   "/etc/apparmor.d/tunables" };
        phx_cleanup(phx_files_freep) struct phx_files *listing = NULL;
        size_t seen = 0;

        if (access(PHX_PARSER, X_OK) < 0 || access("/etc/apparmor.d/abstractions/base", R_OK) < 0)
                skip();
        assert_int_equal(phx_files_new(NULL, &listing), 0);
        for (size_t i = 0; i < PHX_ELEMENTS(directories); i++) {
                const struct phx_directory_seen *directory = phx_files_list(
                                listing,
                                directories[i]);

                assert_non_null(directory);
                for (size_t j = 0; j < directory->names.count; j++)
                        compare_with_compiler(directories[i], directory->names.items[j], &seen);
        }
        assert_true(seen > 50);
}

static void the_compiler_sees_no_include_of_odd_texts_that_we_miss(void **state) {
        static const char *const texts[] = {
                "profile lxc-a { mount # , include <x>\n}\n",
                "profile lxc-a { mount fstype=a # , include <x>\n}\n",
                "profile lxc-a { \"/a # b\" r, include <x>\n}\n",
                "profile lxc-a { \"/a\n# b\" r,include <x>\n}\n",
                "profile lxc-a { /a#include r, #include <x>\n}\n",
                "profile lxc-a { include <x> include if exists <y>\n}\n",
                "@{A}=b #include <x>\n#include <x>\nprofile lxc-a { }\n",
                "@{A}=b\\\n #c\ninclude <x>\nprofile lxc-a { }\n",
                "@{A}=\"b # c\"\ninclude <x>\nprofile lxc-a { }\n",
                "profile lxc-a { network inet #,\n, include <x>\n}\n",
                "profile lxc-a { signal (send, #x\nreceive), include <x>\n}\n",
                "profile lxc-a { include < x >#include <y>\n}\n",
                "profile lxc-a { include <\"x\"> }\n",
                "profile lxc-a { set rlimit nproc <= 5, include <x>\n}\n",
                "profile lxc-a { change_profile -> \"a # b\", include <x>\n}\n",
                "profile lxc-a {include <x>}include <y>\n",
        };
        size_t seen = 0;

        if (access(PHX_PARSER, X_OK) < 0)
                skip();
        tree_write("deployed/x", "/x r,\n");
        tree_write("deployed/y", "/y r,\n");
        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++) {
                char command[3 * PATH_MAX];

                tree_write("profiles/lxc-a", texts[i]);
                assert_int_equal(collect(texts[i]), 0);
                (void) snprintf(command,
                                sizeof(command),
                                PHX_PARSER " --config-file=/dev/null -K -p -b %s %s 2>/dev/null",
                                tree_path("deployed"),
                                tree_path("profiles/lxc-a"));
                assert_superset(command, &seen);
        }
        assert_true(seen > 8);
}

int main(void) {
#define with_tree(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                with_tree(the_compiler_sees_no_include_of_this_machine_that_we_miss),
                with_tree(the_compiler_sees_no_include_of_odd_texts_that_we_miss),
        };

        return cmocka_run_group_tests_name("includes_parser", tests, NULL, NULL);
}
