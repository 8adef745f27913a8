/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "machine/deployed.h"
#include "tree.h"

#define OLD_TEXT "profile lxc-a { }\n"
#define NEW_TEXT "profile lxc-a { /x r, }\n"

struct place {
        struct phx_deployed_directory *directory;
        char old[PHX_SHA256_HEX];
};

static int set_up(void **state) {
        static struct place place;
        struct phx_trust trust = { .owner = geteuid() };

        trust.root = tree_new();
        tree_mkdir("etc/apparmor.d");
        phx_sha256(OLD_TEXT, strlen(OLD_TEXT), place.old);
        *state = &place;
        return phx_deployed_open(&trust, "/etc/apparmor.d", &place.directory, NULL);
}

static int tear_down(void **state) {
        struct place *place = *state;

        place->directory = phx_deployed_close(place->directory);
        tree_done();
        return 0;
}

static struct phx_deployed observe(const struct place *place) {
        struct phx_deployed deployed = { 0 };

        assert_int_equal(phx_deployed_observe(place->directory, "lxc-a", &deployed, NULL), 0);
        return deployed;
}

static int install(const struct place *place, const char *old, struct phx_error *error) {
        return phx_deployed_install(
                        place->directory,
                        "lxc-a",
                        old,
                        NEW_TEXT,
                        strlen(NEW_TEXT),
                        error);
}

static void assert_content(const char *expected) {
        phx_autofree char *content = tree_read("etc/apparmor.d/lxc-a");

        assert_string_equal(content, expected);
}

static void assert_no_leftover(void) {
        assert_int_equal(access(tree_path("etc/apparmor.d/.lxc-a.phoenixd~"), F_OK), -1);
}

static void nothing_is_absent(void **state) {
        struct phx_deployed deployed = observe(*state);

        assert_int_equal(deployed.kind, PHX_DEPLOYED_ABSENT);
        assert_string_equal(deployed.digest, "");
        assert_string_equal(deployed.problem, "");
}

static void a_file_has_the_digest_of_its_bytes(void **state) {
        const struct place *place = *state;
        struct phx_deployed deployed;

        tree_write("etc/apparmor.d/lxc-a", OLD_TEXT);
        deployed = observe(place);
        assert_int_equal(deployed.kind, PHX_DEPLOYED_FILE);
        assert_string_equal(deployed.digest, place->old);
}

static void what_is_no_file_is_named(void **state) {
        struct phx_deployed deployed;

        tree_link("etc/apparmor.d/lxc-a", "/etc/passwd");
        deployed = observe(*state);
        assert_int_equal(deployed.kind, PHX_DEPLOYED_OTHER);
        assert_string_equal(deployed.problem, "is a symbolic link, expected a file");
        assert_string_equal(deployed.digest, "");

        tree_remove("etc/apparmor.d/lxc-a");
        tree_mkdir("etc/apparmor.d/lxc-a");
        assert_string_equal(observe(*state).problem, "is a directory, expected a file");

        tree_remove("etc/apparmor.d/lxc-a");
        assert_int_equal(mkfifo(tree_path("etc/apparmor.d/lxc-a"), 0644), 0);
        assert_string_equal(observe(*state).problem, "is a pipe, expected a file");
}

static void a_file_that_others_may_write_is_not_trusted(void **state) {
        const struct place *place = *state;
        struct phx_deployed deployed;

        tree_write("etc/apparmor.d/lxc-a", OLD_TEXT);
        assert_int_equal(chmod(tree_path("etc/apparmor.d/lxc-a"), 0664), 0);
        deployed = observe(place);
        assert_int_equal(deployed.kind, PHX_DEPLOYED_UNTRUSTED);
        assert_string_equal(
                        deployed.problem,
                        "is writable by group or others (mode 0664), expected 0644");
        assert_string_equal(deployed.digest, place->old);
}

static void a_file_of_somebody_else_is_not_trusted(void **state) {
        struct phx_deployed deployed;

        if (geteuid() != 0)
                skip(); /* cannot give a file away */
        tree_write("etc/apparmor.d/lxc-a", OLD_TEXT);
        assert_int_equal(chown(tree_path("etc/apparmor.d/lxc-a"), 1234, 0), 0);
        deployed = observe(*state);
        assert_int_equal(deployed.kind, PHX_DEPLOYED_UNTRUSTED);
        assert_string_equal(deployed.problem, "is owned by uid 1234, expected uid 0");
}

static void a_file_too_large_is_unknown(void **state) {
        struct phx_deployed deployed;

        tree_write("etc/apparmor.d/lxc-a", "");
        assert_int_equal(truncate(tree_path("etc/apparmor.d/lxc-a"), 8L * 1024 * 1024), 0);
        deployed = observe(*state);
        assert_int_equal(deployed.kind, PHX_DEPLOYED_UNKNOWN);
        assert_string_equal(deployed.problem, "cannot be read: File too large");
}

static bool is_in(const struct place *place, const char *directory) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };

        assert_int_equal(phx_deployed_list(place->directory, directory, &names), 0);
        return phx_strings_has(&names, "lxc-a");
}

static void switches_of_the_boot_are_seen_unless_they_dangle(void **state) {
        tree_write("etc/apparmor.d/lxc-a", OLD_TEXT);
        tree_link("etc/apparmor.d/disable/lxc-a", "../lxc-a");
        tree_link("etc/apparmor.d/force-complain/lxc-a", "nowhere");
        assert_true(is_in(*state, "disable"));
        assert_false(is_in(*state, "force-complain"));

        tree_remove("etc/apparmor.d/disable/lxc-a");
        tree_remove("etc/apparmor.d/force-complain/lxc-a");
        tree_write("etc/apparmor.d/force-complain/lxc-a", "");
        assert_false(is_in(*state, "disable"));
        assert_true(is_in(*state, "force-complain"));
        assert_false(is_in(*state, "nowhere"));
}

static void names_that_are_paths_or_hidden_are_refused(void **state) {
        static const char *const names[] = { "../passwd", "lxc-/../../x", "/lxc-a", "lxc-a/",
                                             ".lxc-a",    "..",           "" };
        const struct place *place = *state;

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                struct phx_deployed deployed = { 0 };
                struct phx_error error = { 0 };

                assert_int_equal(
                                phx_deployed_observe(place->directory, names[i], &deployed, &error),
                                -EINVAL);
                assert_non_null(strstr(error.text, "is not the name of a file"));
                assert_int_equal(
                                phx_deployed_install(place->directory, names[i], "", "x", 1, NULL),
                                -EINVAL);
                assert_int_equal(
                                phx_deployed_withdraw(place->directory, names[i], "", NULL),
                                -EINVAL);
        }
}

static void a_piece_need_not_be_named_as_a_profile(void **state) {
        const struct place *place = *state;
        phx_autofree char *text = NULL;

        assert_int_equal(
                        phx_deployed_install(place->directory, "container", "", "file,\n", 6, NULL),
                        1);
        text = tree_read("etc/apparmor.d/container");
        assert_string_equal(text, "file,\n");
}

static void a_new_file_is_installed_once(void **state) {
        struct stat st;

        assert_int_equal(install(*state, "", NULL), 1);
        assert_content(NEW_TEXT);
        assert_int_equal(stat(tree_path("etc/apparmor.d/lxc-a"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0644);
        assert_int_equal(st.st_uid, geteuid());
        assert_true(time(NULL) - st.st_mtime < 60);
        assert_int_equal(install(*state, "", NULL), 0);
        assert_no_leftover();
}

static void an_old_file_is_replaced_and_made_trusted(void **state) {
        const struct place *place = *state;

        tree_write("etc/apparmor.d/lxc-a", OLD_TEXT);
        assert_int_equal(install(place, place->old, NULL), 1);
        assert_content(NEW_TEXT);

        assert_int_equal(chmod(tree_path("etc/apparmor.d/lxc-a"), 0666), 0);
        assert_int_equal(install(place, observe(place).digest, NULL), 1);
        assert_int_equal(observe(place).kind, PHX_DEPLOYED_FILE);
}

static void a_file_that_changed_meanwhile_is_not_overwritten(void **state) {
        const struct place *place = *state;
        struct phx_error error = { 0 };
        char expected[512];

        tree_write("etc/apparmor.d/lxc-a", "somebody's edit\n");
        assert_int_equal(install(place, place->old, &error), -ESTALE);
        (void) snprintf(expected,
                        sizeof(expected),
                        "/etc/apparmor.d/lxc-a: changed since the plan was made (found %s, "
                        "expected %s)",
                        observe(place).digest,
                        place->old);
        assert_string_equal(error.text, expected);
        assert_int_equal(install(place, "", &error), -ESTALE);
        assert_int_equal(
                        phx_deployed_withdraw(place->directory, "lxc-a", place->old, NULL),
                        -ESTALE);
        assert_content("somebody's edit\n");

        tree_remove("etc/apparmor.d/lxc-a");
        assert_int_equal(install(place, place->old, &error), -ESTALE);
        assert_no_leftover();
}

static void a_link_is_neither_followed_nor_replaced(void **state) {
        const struct place *place = *state;
        struct phx_error error = { 0 };
        phx_autofree char *target = NULL;

        tree_write("outside", OLD_TEXT);
        tree_link("etc/apparmor.d/lxc-a", "../../outside");
        assert_int_equal(install(place, place->old, &error), -EEXIST);
        assert_string_equal(
                        error.text,
                        "/etc/apparmor.d/lxc-a: is a symbolic link, expected a file; not touched");
        assert_int_equal(
                        phx_deployed_withdraw(place->directory, "lxc-a", place->old, NULL),
                        -EEXIST);
        target = tree_read("outside");
        assert_string_equal(target, OLD_TEXT);
        assert_no_leftover();
}

static void a_withdrawn_file_is_gone_once(void **state) {
        const struct place *place = *state;

        tree_write("etc/apparmor.d/lxc-a", OLD_TEXT);
        assert_int_equal(phx_deployed_withdraw(place->directory, "lxc-a", place->old, NULL), 1);
        assert_int_equal(observe(place).kind, PHX_DEPLOYED_ABSENT);
        assert_int_equal(phx_deployed_withdraw(place->directory, "lxc-a", place->old, NULL), 0);
}

static void a_directory_that_others_may_write_is_not_opened(void **state) {
        const struct phx_trust trust = { .root = tree_path(""), .owner = geteuid() };
        struct phx_deployed_directory *directory = NULL;
        struct phx_error error = { 0 };

        assert_int_equal(chmod(tree_path("etc/apparmor.d"), 0777), 0);
        assert_int_equal(phx_deployed_open(&trust, "/etc/apparmor.d", &directory, &error), -EPERM);
        assert_string_equal(
                        error.text,
                        "/etc/apparmor.d: 'apparmor.d' is writable by group or others (mode "
                        "0777), expected by its owner alone");
        assert_null(directory);
}

#define with_place(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_place(nothing_is_absent),
                with_place(a_file_has_the_digest_of_its_bytes),
                with_place(what_is_no_file_is_named),
                with_place(a_file_that_others_may_write_is_not_trusted),
                with_place(a_file_of_somebody_else_is_not_trusted),
                with_place(a_file_too_large_is_unknown),
                with_place(switches_of_the_boot_are_seen_unless_they_dangle),
                with_place(names_that_are_paths_or_hidden_are_refused),
                with_place(a_piece_need_not_be_named_as_a_profile),
                with_place(a_new_file_is_installed_once),
                with_place(an_old_file_is_replaced_and_made_trusted),
                with_place(a_file_that_changed_meanwhile_is_not_overwritten),
                with_place(a_link_is_neither_followed_nor_replaced),
                with_place(a_withdrawn_file_is_gone_once),
                with_place(a_directory_that_others_may_write_is_not_opened),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
