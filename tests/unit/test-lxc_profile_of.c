/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "lxc/profile_of.h"
#include "tree.h"

static int set_up(void **state) {
        tree_new();
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

/* TEXT, in which "@" is the tree, gives PROFILE, as line LINE of FILE says. */
static void expect(const char *text, const char *profile, const char *file, unsigned line) {
        phx_cleanup(phx_lxc_decider_done) struct phx_lxc_decider decider = { 0 };
        phx_autofree char *found = NULL;
        struct phx_error error = { 0 };
        char config[2048] = "";

        for (; *text; text++) {
                size_t used = strlen(config);

                if (*text == '@')
                        (void) snprintf(config + used, sizeof(config) - used, "%s", tree_path(""));
                else
                        config[used] = *text;
        }
        tree_write("web/config", config);
        assert_int_equal(phx_lxc_profile_of(tree_path("web/config"), &found, &decider, &error), 0);
        assert_string_equal(found, profile);
        assert_int_equal(decider.line, line);
        if (file)
                assert_string_equal(decider.file, tree_path(file));
        else
                assert_null(decider.file);
}

static void the_last_line_counts(void **state) {
        expect("", "", NULL, 0);
        expect("lxc.apparmor.profile = lxc-a\n", "lxc-a", "web/config", 1);
        expect("lxc.apparmor.profile = lxc-a\nlxc.apparmor.profile=\"lxc-b\"",
               "lxc-b",
               "web/config",
               2);
        expect("#lxc.apparmor.profile = lxc-a\nlxc.Apparmor.profile = lxc-b\n", "", NULL, 0);
}

static void an_empty_one_takes_it_back(void **state) {
        expect("lxc.apparmor.profile = lxc-a\nlxc.apparmor.profile =\n", "", "web/config", 2);
}

static void an_include_counts_where_it_stands(void **state) {
        tree_write("common.conf", "lxc.include = /nowhere\n\nlxc.apparmor.profile = unconfined\n");
        tree_write("d/x.conf", "lxc.apparmor.profile = lxc-d\n");
        tree_write("d/x.txt", "lxc.apparmor.profile = lxc-e\n");
        expect("lxc.apparmor.profile = lxc-a\nlxc.include = @common.conf\n",
               "unconfined",
               "common.conf",
               3);
        expect("lxc.include = @common.conf\nlxc.apparmor.profile = lxc-a\n",
               "lxc-a",
               "web/config",
               2);
        expect("lxc.include = @d\n", "lxc-d", "d/x.conf", 1);
}

static void what_cannot_be_read_whole_is_unknown(void **state) {
        static const char own[] = "web/config";
        phx_cleanup(phx_lxc_decider_done) struct phx_lxc_decider decider = { 0 };
        phx_autofree char *found = NULL;
        struct phx_error error = { 0 };
        char text[512];

        assert_int_equal(phx_lxc_profile_of(tree_path(own), &found, &decider, &error), -ENOENT);
        (void) snprintf(text,
                        sizeof(text),
                        "lxc.apparmor.profile = lxc-a\nlxc.include = %s\n",
                        tree_path(own));
        tree_write(own, text);
        assert_int_equal(phx_lxc_profile_of(tree_path(own), &found, &decider, &error), -ELOOP);
        assert_non_null(strstr(error.text, "nested deeper"));
        assert_null(found);
}

/* In a mount namespace that has a cluster file system. 77: there can be none. */
static int read_remote_include(void) {
        phx_cleanup(phx_lxc_decider_done) struct phx_lxc_decider decider = { 0 };
        phx_autofree char *found = NULL;

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", "/etc", "tmpfs", 0, NULL) < 0 || mkdir("/etc/pve", 0755) < 0)
                return 77;
        tree_write("web/config", "lxc.apparmor.profile = lxc-a\nlxc.include = /etc/pve/own.conf\n");
        return symlink(tree_path("own.conf"), "/etc/pve/own.conf") < 0 ||
               phx_lxc_profile_of(tree_path("web/config"), &found, &decider, NULL) < 0 ||
               strcmp(found, "lxc-b") != 0;
}

/* LXC reads it at each start, and is waiting for the answer. */
static void an_include_of_the_cluster_counts(void **state) {
        int status = 0;
        pid_t pid;

        tree_write("own.conf", "lxc.apparmor.profile = lxc-b\n");
        pid = fork();
        if (pid == 0)
                _exit(read_remote_include());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(status, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_last_line_counts, set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_empty_one_takes_it_back, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                an_include_counts_where_it_stands,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                an_include_of_the_cluster_counts,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                what_cannot_be_read_whole_is_unknown,
                                set_up,
                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
