/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What was not read again is seen by a change that the kernel would have counted, and has not. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/picture.h"
#include "tree.h"

#define SHA1 "89595fb54d72d6d1e1573858790f3d05067c25d6\n"

static const struct phx_scope nothing, policy = { .has_policy = true };

static struct phx_kernel *kernel;
static struct phx_kernel_picture *picture;

static void set_mode(const char *entry, const char *mode) {
        char path[256];

        (void) snprintf(path, sizeof(path), "fs/policy/profiles/%s/mode", entry);
        tree_write(path, mode);
}

static void add(const char *entry, const char *name) {
        char path[256];

        (void) snprintf(path, sizeof(path), "fs/policy/profiles/%s/name", entry);
        tree_write(path, name);
        (void) snprintf(path, sizeof(path), "fs/policy/profiles/%s/sha1", entry);
        tree_write(path, SHA1);
        set_mode(entry, "enforce\n");
}

static void number(const char *revision) {
        tree_write("fs/policy/revision", revision);
}

static int set_up(void **state) {
        tree_new();
        tree_write("module/parameters/enabled", "Y\n");
        tree_write("module/parameters/mode", "enforce\n");
        tree_write("fs/features/policy/set_load", "yes\n");
        tree_write("fs/.replace", "");
        tree_mkdir("fs/policy/namespaces");
        add("lxc-a.1", "lxc-a\n");
        add("lxc-b.2", "lxc-b\n");
        add("lxc-a.1/profiles/child.3", "child\n");
        number("7\n");
        assert_int_equal(phx_kernel_new(tree_path("fs"), tree_path("module"), &kernel), 0);
        return phx_kernel_picture_new(kernel, &picture);
}

static int tear_down(void **state) {
        picture = phx_kernel_picture_free(picture);
        kernel = phx_kernel_free(kernel);
        tree_done();
        return 0;
}

static void look(const struct phx_scope *scope) {
        struct phx_error error = { 0 };

        assert_int_equal(phx_kernel_picture_look(picture, scope, &error), 0);
}

static enum phx_policy_mode mode_of(const char *name) {
        const struct phx_loaded *loaded = phx_loaded_find(phx_kernel_picture_loaded(picture), name);

        assert_non_null(loaded);
        return loaded->mode;
}

static size_t count(void) {
        return phx_kernel_picture_loaded(picture)->count;
}

static void with_the_same_number_the_list_is_believed(void **state) {
        look(NULL);
        assert_int_equal(count(), 3);
        set_mode("lxc-a.1", "complain\n");
        look(NULL);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_ENFORCE);
        assert_true(phx_kernel_picture_is_unchanged(picture, NULL));
        number("8\n");
        assert_false(phx_kernel_picture_is_unchanged(picture, NULL));
        look(&policy);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);
        assert_true(phx_kernel_picture_is_unchanged(picture, &policy));
}

static void what_was_forgotten_is_read(void **state) {
        look(NULL);
        set_mode("lxc-a.1", "complain\n");
        phx_kernel_picture_forget(picture);
        assert_false(phx_kernel_picture_is_unchanged(picture, &nothing));
        look(&nothing);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);
}

static void without_the_policy_in_the_scope_nothing_is_called(void **state) {
        look(NULL);
        assert_int_equal(rename(tree_path("fs"), tree_path("away")), 0);
        look(&nothing);
        assert_true(phx_kernel_picture_is_unchanged(picture, &nothing));
        assert_int_equal(count(), 3);
        assert_false(phx_kernel_picture_is_unchanged(picture, &policy));
        assert_int_equal(phx_kernel_picture_look(picture, &policy, NULL), -ENOENT);
        assert_int_equal(count(), 0);
        assert_int_equal(rename(tree_path("away"), tree_path("fs")), 0);
        look(&nothing);
        assert_int_equal(count(), 3);
}

static void load(const char *profile) {
        assert_int_equal(phx_kernel_picture_replace(picture, profile, "bytes", 5, NULL), 0);
}

/* Of "lxc-a" the files, as it has a child. */
static void with_a_number_the_kernels_own_list_is_taken(void **state) {
        tree_write("fs/profiles", "lxc-a//child (kill)\nlxc-a (kill)\nlxc-b (kill)\n");
        tree_write("fs/policy/profiles/lxc-b.2/sha1", SHA1);
        look(NULL);
        assert_int_equal(count(), 3);
        assert_int_equal(mode_of("lxc-b"), PHX_POLICY_KILL);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_ENFORCE);
        load("lxc-b");
        number("8\n");
        look(NULL);
        assert_int_equal(mode_of("lxc-b"), PHX_POLICY_ENFORCE);
}

/* With its children, and what is new; of the other one nothing. */
static void after_a_load_of_ours_that_profile_is_read(void **state) {
        look(NULL);
        load("lxc-a");
        assert_false(phx_kernel_picture_is_unchanged(picture, &nothing));
        set_mode("lxc-a.1", "complain\n");
        set_mode("lxc-a.1/profiles/child.3", "complain\n");
        set_mode("lxc-b.2", "complain\n");
        load("lxc-c");
        add("lxc-c.4", "lxc-c\n");
        number("9\n");
        look(&nothing);
        assert_int_equal(count(), 4);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);
        assert_int_equal(mode_of("lxc-a//child"), PHX_POLICY_COMPLAIN);
        assert_int_equal(mode_of("lxc-b"), PHX_POLICY_ENFORCE);
        assert_int_equal(mode_of("lxc-c"), PHX_POLICY_ENFORCE);

        set_mode("lxc-a.1", "enforce\n");
        look(NULL);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);
}

static void after_a_load_of_others_beside_ours_all_is_read(void **state) {
        static const char *const numbers[] = { "9\n", "7\n", "3\n" };

        for (size_t i = 0; i < PHX_ELEMENTS(numbers); i++) {
                number("7\n");
                set_mode("lxc-b.2", "enforce\n");
                phx_kernel_picture_forget(picture);
                look(NULL);
                load("lxc-a");
                set_mode("lxc-b.2", "complain\n");
                number(numbers[i]);
                look(&nothing);
                assert_int_equal(mode_of("lxc-b"), PHX_POLICY_COMPLAIN);
        }
}

static void what_was_removed_is_gone(void **state) {
        look(NULL);
        tree_remove("fs/policy/profiles/lxc-b.2/name");
        tree_remove("fs/policy/profiles/lxc-b.2/mode");
        tree_remove("fs/policy/profiles/lxc-b.2");
        load("lxc-a");
        number("8\n");
        look(NULL);
        assert_int_equal(count(), 2);
}

static void a_load_that_was_refused_explains_nothing(void **state) {
        look(NULL);
        assert_int_equal(phx_kernel_picture_replace(picture, "lxc-a", "", 0, NULL), -ENODATA);
        set_mode("lxc-b.2", "complain\n");
        number("8\n");
        look(NULL);
        assert_int_equal(mode_of("lxc-b"), PHX_POLICY_COMPLAIN);
}

/* No number counts them. */
static void namespaces_and_the_switch_are_read_each_time(void **state) {
        look(NULL);
        assert_int_equal(phx_kernel_picture_namespaces(picture)->count, 0);
        tree_mkdir("fs/policy/namespaces/lxc-9");
        assert_false(phx_kernel_picture_is_unchanged(picture, NULL));
        look(NULL);
        assert_int_equal(phx_kernel_picture_namespaces(picture)->count, 1);
        assert_int_equal(phx_kernel_picture_make_namespace(picture, "lxc-8", NULL), 1);
        assert_false(phx_kernel_picture_is_unchanged(picture, &nothing));
        look(&nothing);
        assert_int_equal(phx_kernel_picture_namespaces(picture)->count, 2);

        tree_write("module/parameters/mode", "complain\n");
        assert_false(phx_kernel_picture_is_unchanged(picture, NULL));
        assert_int_equal(phx_kernel_picture_look(picture, NULL, NULL), -EPERM);
        tree_write("module/parameters/mode", "enforce\n");
        look(NULL);
        assert_int_equal(count(), 3);
}

static void without_a_number_all_is_read_each_time(void **state) {
        tree_remove("fs/policy/revision");
        /* Nothing says that it belongs to what is there. */
        tree_write("fs/profiles", "lxc-a//child (kill)\nlxc-a (kill)\nlxc-b (kill)\n");
        tree_write("fs/policy/profiles/lxc-b.2/sha1", SHA1);
        look(NULL);
        assert_int_equal(mode_of("lxc-b"), PHX_POLICY_ENFORCE);
        assert_false(phx_kernel_picture_is_unchanged(picture, NULL));
        set_mode("lxc-a.1", "complain\n");
        look(NULL);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);

        assert_int_equal(mkfifo(tree_path("fs/policy/revision"), 0600), 0);
        set_mode("lxc-a.1", "enforce\n");
        look(NULL);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_ENFORCE);
        tree_remove("fs/policy/revision");
}

static void a_number_that_is_none_is_not_believed(void **state) {
        number("7 and more\n");
        look(NULL);
        set_mode("lxc-a.1", "complain\n");
        look(NULL);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);
}

/* Somebody loads while the list is read, sooner or later: what is believed is never the list of
 * before with the number of after. The number counts that load and ours. */
static void a_load_under_the_reading_is_seen(void **state) {
        for (unsigned i = 0; i < 60; i++) {
                bool complains = i % 2 == 0;
                char text[32];
                pid_t child;
                int status = 0;

                look(NULL);
                child = fork();
                assert_true(child >= 0);
                if (child == 0) {
                        for (volatile unsigned spin = 0; spin < i * 2000; spin++)
                                ;
                        set_mode("lxc-b.2", complains ? "complain\n" : "enforce\n");
                        (void) snprintf(text, sizeof(text), "%u\n", 100 + 2 * i);
                        number(text);
                        _exit(0);
                }
                load("lxc-a");
                look(NULL);
                assert_int_equal(waitpid(child, &status, 0), child);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                look(NULL);
                assert_int_equal(
                                mode_of("lxc-b"),
                                complains ? PHX_POLICY_COMPLAIN : PHX_POLICY_ENFORCE);
        }
}

/* --- from one run to the next --- */

/* What another process would have begun with. */
static void begin_again(const struct phx_buffer *left) {
        struct phx_texts texts = phx_texts_of(left->data, left->size);

        picture = phx_kernel_picture_free(picture);
        assert_int_equal(phx_kernel_picture_new(kernel, &picture), 0);
        assert_int_equal(phx_kernel_picture_take(picture, &texts), 0);
        assert_true(phx_texts_are_read(&texts));
}

static void with_the_same_number_what_was_left_is_believed(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer left = { 0 };

        look(NULL);
        assert_int_equal(phx_kernel_picture_leave(picture, &left), 0);
        set_mode("lxc-a.1", "complain\n");
        begin_again(&left);
        /* Nothing is said before it was compared with the kernel. */
        assert_false(phx_kernel_picture_is_unchanged(picture, &nothing));
        look(NULL);
        assert_int_equal(count(), 3);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_ENFORCE);
        assert_int_equal(mode_of("lxc-a//child"), PHX_POLICY_ENFORCE);
        assert_string_equal(
                        phx_loaded_find(phx_kernel_picture_loaded(picture), "lxc-b")->hash,
                        "89595fb54d72d6d1e1573858790f3d05067c25d6");
        assert_true(phx_kernel_picture_is_unchanged(picture, &policy));
        /* And our own loads are read back as ever. */
        load("lxc-a");
        number("8\n");
        look(&nothing);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);
}

static void what_was_left_of_another_number_is_read(void **state) {
        static const char *const numbers[] = { "6\n", "8\n", "none\n", "" };

        for (size_t i = 0; i < PHX_ELEMENTS(numbers); i++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer left = { 0 };

                number("7\n");
                set_mode("lxc-a.1", "enforce\n");
                phx_kernel_picture_forget(picture);
                look(NULL);
                assert_int_equal(phx_kernel_picture_leave(picture, &left), 0);
                set_mode("lxc-a.1", "complain\n");
                number(numbers[i]);
                begin_again(&left);
                look(NULL);
                assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);
        }
}

/* Another policy namespace counts by itself. */
static void what_was_left_of_another_file_is_read(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer left = { 0 };

        look(NULL);
        assert_int_equal(phx_kernel_picture_leave(picture, &left), 0);
        set_mode("lxc-a.1", "complain\n");
        tree_write("fs/policy/other", "7\n");
        assert_int_equal(rename(tree_path("fs/policy/other"), tree_path("fs/policy/revision")), 0);
        begin_again(&left);
        look(NULL);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);
}

static void an_operator_who_asks_believes_nothing_of_it(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer left = { 0 };

        look(NULL);
        assert_int_equal(phx_kernel_picture_leave(picture, &left), 0);
        set_mode("lxc-a.1", "complain\n");
        begin_again(&left);
        phx_kernel_picture_forget(picture);
        look(NULL);
        assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);
}

/* A load whose effect was not read back yet, and a look that failed. */
static void what_is_not_exact_is_not_left(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer left = { 0 };

                set_mode("lxc-a.1", "enforce\n");
                phx_kernel_picture_forget(picture);
                look(NULL);
                if (i == 0)
                        load("lxc-a");
                else
                        phx_kernel_picture_forget(picture);
                assert_int_equal(phx_kernel_picture_leave(picture, &left), 0);
                set_mode("lxc-a.1", "complain\n");
                begin_again(&left);
                look(NULL);
                assert_int_equal(mode_of("lxc-a"), PHX_POLICY_COMPLAIN);
        }
}

/* As when too many files are open: the next run may be able to. */
static void what_could_not_be_read_in_full_is_not_left(void **state) {
        static const char *const files[] = { "fs/policy/profiles/lxc-b.2/sha1",
                                             "fs/policy/profiles/lxc-b.2/mode" };
        static const char *const texts[] = { SHA1, "enforce\n" };

        for (size_t i = 0; i < PHX_ELEMENTS(files); i++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer left = { 0 };
                const struct phx_loaded *loaded;

                phx_kernel_picture_forget(picture);
                tree_write(files[i], "");
                look(NULL);
                assert_int_equal(phx_kernel_picture_leave(picture, &left), 0);
                tree_write(files[i], texts[i]);
                begin_again(&left);
                look(NULL);
                loaded = phx_loaded_find(phx_kernel_picture_loaded(picture), "lxc-b");
                assert_int_equal(loaded->mode, PHX_POLICY_ENFORCE);
                assert_int_equal(loaded->hash_kind, PHX_HASH_SHA1);
        }
}

static void what_is_left_in_part_is_not_taken(void **state) {
        phx_cleanup(phx_buffer_done) struct phx_buffer left = { 0 };

        look(NULL);
        assert_int_equal(phx_kernel_picture_leave(picture, &left), 0);
        for (size_t size = 0; size < left.size; size++) {
                struct phx_texts texts = phx_texts_of(left.data, size);

                picture = phx_kernel_picture_free(picture);
                assert_int_equal(phx_kernel_picture_new(kernel, &picture), 0);
                assert_int_equal(phx_kernel_picture_take(picture, &texts), -EBADMSG);
                assert_int_equal(count(), 0);
        }
        look(NULL);
        assert_int_equal(count(), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(with_the_same_number_the_list_is_believed),
                TEST(with_a_number_the_kernels_own_list_is_taken),
                TEST(what_was_forgotten_is_read),
                TEST(without_the_policy_in_the_scope_nothing_is_called),
                TEST(after_a_load_of_ours_that_profile_is_read),
                TEST(after_a_load_of_others_beside_ours_all_is_read),
                TEST(what_was_removed_is_gone),
                TEST(a_load_that_was_refused_explains_nothing),
                TEST(namespaces_and_the_switch_are_read_each_time),
                TEST(without_a_number_all_is_read_each_time),
                TEST(a_number_that_is_none_is_not_believed),
                TEST(a_load_under_the_reading_is_seen),
                TEST(with_the_same_number_what_was_left_is_believed),
                TEST(what_was_left_of_another_number_is_read),
                TEST(what_was_left_of_another_file_is_read),
                TEST(an_operator_who_asks_believes_nothing_of_it),
                TEST(what_is_not_exact_is_not_left),
                TEST(what_could_not_be_read_in_full_is_not_left),
                TEST(what_is_left_in_part_is_not_taken),
        };

        return cmocka_run_group_tests_name("kernel_picture", tests, NULL, NULL);
}
