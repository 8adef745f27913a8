/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is believed is told from what is read by a writer: a file that somebody has open for writing
 * is busy for whom reads it, and its stamp is the same. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "source/files.h"
#include "tree.h"

static struct phx_trust trust;
static struct phx_files *files;
static const struct phx_scope nothing;

static int set_up(void **state) {
        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        tree_write("dir/a", "one");
        assert_int_equal(chmod(tree_path("dir"), 0755), 0);
        assert_int_equal(phx_files_new(&trust, &files), 0);
        /* The first one is at everything, whatever the scope. */
        return phx_files_refresh(files, NULL);
}

static int tear_down(void **state) {
        files = phx_files_free(files);
        tree_done();
        return 0;
}

static void look(const char *path) {
        phx_cleanup(phx_scope_done) struct phx_scope scope = { 0 };

        if (path)
                phx_scope_add(&scope, path);
        assert_int_equal(phx_files_refresh(files, path ? &scope : NULL), 0);
}

static const struct phx_file_seen *get(const char *path) {
        const struct phx_file_seen *seen = phx_files_get(files, path);

        assert_non_null(seen);
        return seen;
}

static void assert_text(const char *path, const char *text) {
        assert_int_equal(get(path)->result, 0);
        assert_string_equal(get(path)->text, text);
}

static bool has_name(const char *directory, const char *name) {
        const struct phx_directory_seen *seen = phx_files_list(files, directory);

        assert_non_null(seen);
        assert_int_equal(seen->result, 0);
        return phx_strings_has(&seen->names, name);
}

/* Until a change is sure to give the file another stamp. */
static void settle(const char *path) {
        struct phx_stamp stamp;
        struct stat st;

        assert_int_equal(stat(tree_path(path), &st), 0);
        for (stamp = phx_stamp_of(&st); !phx_stamp_is_settled(&stamp);)
                (void) nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

static void a_settled_file_is_believed_by_its_stamp(void **state) {
        phx_autoclose int writer = -1;

        settle("dir/a");
        assert_text("/dir/a", "one");
        writer = open(tree_path("dir/a"), O_WRONLY | O_CLOEXEC);
        assert_true(writer >= 0);
        look(NULL);
        assert_text("/dir/a", "one");
        look("/dir/a");
        assert_text("/dir/a", "one");
        assert_int_equal(phx_files_version(files), 0);
}

/* Again and again of one size, within the tick of a clock. */
static void a_file_that_was_just_written_is_read_again(void **state) {
        for (unsigned i = 0; i < 50; i++) {
                char text[8];

                (void) snprintf(text, sizeof(text), "%03u", i);
                tree_write("dir/a", text);
                look(NULL);
                assert_text("/dir/a", text);
        }
}

static void what_is_written_again_is_no_change(void **state) {
        assert_text("/dir/a", "one");
        tree_write("dir/a", "one");
        look("/dir/a");
        assert_int_equal(phx_files_version(files), 0);
        tree_write("dir/b", "one");
        assert_int_equal(rename(tree_path("dir/b"), tree_path("dir/a")), 0);
        look("/dir/a");
        assert_int_equal(phx_files_version(files), 0);
        tree_write("dir/a", "two");
        look("/dir/a");
        assert_int_equal(phx_files_version(files), 1);
        assert_text("/dir/a", "two");
}

static void a_file_that_took_its_place_is_seen(void **state) {
        settle("dir/a");
        assert_text("/dir/a", "one");
        tree_write("dir/b", "two");
        assert_int_equal(rename(tree_path("dir/b"), tree_path("dir/a")), 0);
        look(NULL);
        assert_text("/dir/a", "two");
        tree_remove("dir/a");
        look(NULL);
        assert_int_equal(get("/dir/a")->result, -ENOENT);
        tree_write("dir/a", "three");
        look(NULL);
        assert_text("/dir/a", "three");
}

static void a_directory_that_is_opened_up_is_refused_and_its_files(void **state) {
        tree_write("dir/below/a", "one");
        assert_int_equal(chmod(tree_path("dir/below"), 0755), 0);
        settle("dir/below/a");
        assert_text("/dir/below/a", "one");
        assert_int_equal(chmod(tree_path("dir"), 0777), 0);
        look(NULL);
        assert_int_equal(get("/dir/below/a")->result, -EPERM);
        assert_non_null(strstr(get("/dir/below/a")->error->text, "'dir' is writable by group"));
        assert_int_equal(chmod(tree_path("dir"), 0755), 0);
        look("/dir");
        assert_text("/dir/below/a", "one");
        assert_int_equal(chmod(tree_path("dir/below/a"), 0666), 0);
        look("/dir/below/a");
        assert_int_equal(get("/dir/below/a")->result, -EPERM);
}

static void a_link_is_followed_in_each_look(void **state) {
        tree_write("dir/b", "two");
        tree_link("dir/link", "a");
        settle("dir/a");
        settle("dir/b");
        assert_text("/dir/link", "one");
        assert_true(get("/dir/link")->is_linked);
        tree_remove("dir/link");
        tree_link("dir/link", "b");
        assert_int_equal(phx_files_refresh(files, &nothing), 0);
        assert_text("/dir/link", "two");
        tree_write("dir/b", "six");
        assert_int_equal(phx_files_refresh(files, &nothing), 0);
        assert_text("/dir/link", "six");
}

static void what_no_scope_names_is_believed(void **state) {
        assert_text("/dir/a", "one");
        assert_int_equal(get("/dir/none")->result, -ENOENT);
        tree_write("dir/a", "two");
        tree_write("dir/none", "new");
        assert_int_equal(phx_files_refresh(files, &nothing), 0);
        look("/dir/b");
        look("/di");
        assert_text("/dir/a", "one");
        assert_int_equal(get("/dir/none")->result, -ENOENT);
        look("/dir/a");
        assert_text("/dir/a", "two");
        assert_int_equal(get("/dir/none")->result, -ENOENT);
        look("/dir");
        assert_text("/dir/none", "new");
}

/* What was looked for in vain, and a directory comes with it. */
static void a_way_that_grows_is_a_change(void **state) {
        assert_int_equal(get("/dir/more/deep/x")->result, -ENOENT);
        tree_mkdir("dir/more");
        assert_int_equal(chmod(tree_path("dir/more"), 0755), 0);
        look("/dir/more");
        assert_int_equal(get("/dir/more/deep/x")->result, -ENOENT);
        assert_int_equal(phx_files_version(files), 1);
        look("/dir/more");
        look(NULL);
        assert_int_equal(phx_files_version(files), 1);
        tree_write("dir/more/deep/x", "x");
        assert_int_equal(chmod(tree_path("dir/more/deep"), 0755), 0);
        look("/dir/more/deep");
        assert_text("/dir/more/deep/x", "x");
}

static void entries_of_a_directory_come_and_go(void **state) {
        assert_true(has_name("/dir", "a"));
        tree_write("dir/b", "");
        assert_int_equal(phx_files_refresh(files, &nothing), 0);
        assert_false(has_name("/dir", "b"));
        look("/dir/b");
        assert_true(has_name("/dir", "b"));
        tree_remove("dir/b");
        tree_mkdir("dir/b");
        look("/dir/b");
        assert_false(has_name("/dir", "b"));
        tree_remove("dir/a");
        look("/dir/a");
        assert_false(has_name("/dir", "a"));
        assert_int_equal(phx_files_version(files), 3);
        /* It came and went between two looks. */
        look("/dir/.a.swp");
        look("/dir/b/x");
        assert_int_equal(phx_files_version(files), 3);
}

static void a_link_to_a_directory_is_no_file_of_it(void **state) {
        tree_mkdir("place");
        tree_link("dir/link", "../place");
        assert_false(has_name("/dir", "link"));
        look("/dir/link");
        assert_int_equal(phx_files_version(files), 0);
        tree_remove("place");
        tree_write("place", "");
        look("/dir/link");
        assert_true(has_name("/dir", "link"));
}

static void a_directory_that_was_asked_for_as_a_file_is_none(void **state) {
        assert_int_equal(get("/dir")->result, -EINVAL);
        assert_string_equal(get("/dir")->error->text, "/dir: is not a regular file");
        tree_write("dir/b", "");
        look(NULL);
        look("/dir/b");
        look("/dir");
        assert_int_equal(phx_files_version(files), 0);
        assert_int_equal(get("/dir")->result, -EINVAL);
        assert_int_equal(rename(tree_path("dir"), tree_path("away")), 0);
        tree_write("dir", "a file");
        look("/dir");
        assert_text("/dir", "a file");
}

static void a_file_that_is_being_written_is_read_when_it_is_not(void **state) {
        int writer = open(tree_path("dir/a"), O_WRONLY | O_CLOEXEC);

        assert_int_equal(get("/dir/a")->result, -EBUSY);
        (void) close(writer);
        look("/dir/a");
        assert_text("/dir/a", "one");
}

static void references_follow_the_text(void **state) {
        tree_write("dir/a", "include <one>\n");
        assert_int_equal(phx_files_references(files, "/dir/a")->count, 1);
        tree_write("dir/a", "include <one>\ninclude <two>\n");
        look("/dir/a");
        assert_int_equal(phx_files_references(files, "/dir/a")->count, 2);
}

static void what_nobody_asks_for_is_forgotten(void **state) {
        phx_cleanup(phx_files_used_done) struct phx_files_used used = { 0 };

        tree_write("dir/b", "kept");
        assert_text("/dir/a", "one");
        phx_files_note(files, &used);
        assert_text("/dir/b", "kept");
        phx_files_note(files, NULL);
        assert_int_equal(used.count, 1);
        for (unsigned i = 0; i < 3; i++) {
                look(NULL);
                phx_files_use(files, &used);
        }
        tree_write("dir/a", "new");
        tree_write("dir/b", "new");
        assert_int_equal(phx_files_refresh(files, &nothing), 0);
        assert_text("/dir/a", "new");
        assert_text("/dir/b", "kept");
}

static void what_was_used_knows_its_last_change(void **state) {
        phx_cleanup(phx_files_used_done) struct phx_files_used used = { 0 };

        tree_write("dir/b", "b");
        phx_files_note(files, &used);
        assert_text("/dir/a", "one");
        assert_true(has_name("/dir", "a"));
        phx_files_note(files, NULL);
        assert_text("/dir/b", "b");
        tree_write("dir/b", "c");
        look("/dir/b");
        assert_int_equal(phx_files_version(files), 1);
        assert_int_equal(phx_files_used_version(&used), 0);
        tree_write("dir/c", "c");
        look("/dir/c");
        assert_int_equal(phx_files_used_version(&used), 2);
        tree_write("dir/a", "two");
        look("/dir/a");
        assert_int_equal(phx_files_used_version(&used), 3);
}

static void events_that_ask_for_no_more_are_covered(void **state) {
        static const struct {
                const char *path;
                bool is_covered;
        } cases[] = {
                { "/dir/a", true },     { "/dir/b", false },         { "/dir", false },
                { "/root/x", true },    { "/root/.x.swp", true },    { "/root", false },
                { "/root/sub", true },  { "/root/sub/other", true }, { "/root/more/y", false },
                { "/list/any", true },  { "/list/any/x", false },    { "/list", true },
                { "/root/link", true }, { "/roots/x", false },       { "/", false },
                { "relative", false },
        };
        char root[] = "/root", *roots[] = { root };

        tree_write("root/x", "");
        tree_write("root/sub/z", "");
        tree_write("list/q", "");
        tree_link("root/link", "/dir/a");
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(
                                chmod(tree_path((const char *[]){ "root", "root/sub", "list" }[i]),
                                      0755),
                                0);
        assert_text("/dir/a", "one");
        assert_text("/root/x", "");
        assert_text("/root/sub/z", "");
        assert_text("/root/link", "one");
        assert_true(has_name("/list", "q"));
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++)
                if (phx_files_covers(files, &(struct phx_strings){ roots, 1 }, cases[i].path) !=
                    cases[i].is_covered)
                        fail_msg("%s", cases[i].path);
}

/* Its directory is to be watched. */
static void a_link_to_another_file_of_the_same_text_is_a_change(void **state) {
        uint64_t version;

        tree_write("other/a", "one");
        assert_int_equal(chmod(tree_path("other"), 0755), 0);
        tree_link("dir/link", "a");
        assert_text("/dir/link", "one");
        look(NULL);
        assert_text("/dir/link", "one");
        version = phx_files_version(files);
        look(NULL);
        assert_text("/dir/link", "one");
        assert_int_equal(phx_files_version(files), version);
        tree_remove("dir/link");
        tree_link("dir/link", "/other/a");
        look(NULL);
        assert_text("/dir/link", "one");
        assert_int_equal(phx_files_version(files), version + 1);
}

static size_t watched(const char *path, const char *directory) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };
        size_t count = 0;

        assert_int_equal(phx_files_watch(files, path, &watches), 0);
        for (size_t i = 0; i < watches.count; i++)
                count += phx_has_suffix(watches.items[i], directory);
        return count;
}

/* As what was read in a look is the same to its end, and so that a way is walked once. */
static void a_look_has_one_answer_where_to_watch(void **state) {
        assert_int_equal(watched("/dir/more/x", "/dir//more"), 1);
        assert_int_equal(watched("/dir/more/x", "/more//x"), 0);
        tree_mkdir("dir/more");
        assert_int_equal(chmod(tree_path("dir/more"), 0755), 0);
        assert_int_equal(watched("/dir/more/x", "/more//x"), 0);
        phx_files_rest(files);
        assert_int_equal(watched("/dir/more/x", "/more//x"), 1);
        tree_remove("dir/more");
        assert_int_equal(watched("/dir/more/x", "/more//x"), 1);
        look("/dir/more");
        assert_int_equal(watched("/dir/more/x", "/more//x"), 0);
}

static void what_is_watched_already_is_not_added_again(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings watches = { 0 };
        size_t count;

        assert_int_equal(phx_files_watch(files, "/dir/a", &watches), 0);
        count = watches.count;
        assert_int_equal(phx_files_watch(files, "/dir/a", &watches), 0);
        assert_int_equal(watches.count, count);
        assert_int_equal(phx_files_watch(files, "/dir/b", &watches), 0);
        assert_int_equal(watches.count, count + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_settled_file_is_believed_by_its_stamp),
                TEST(a_file_that_was_just_written_is_read_again),
                TEST(what_is_written_again_is_no_change),
                TEST(a_file_that_took_its_place_is_seen),
                TEST(a_directory_that_is_opened_up_is_refused_and_its_files),
                TEST(a_link_is_followed_in_each_look),
                TEST(a_link_to_another_file_of_the_same_text_is_a_change),
                TEST(what_no_scope_names_is_believed),
                TEST(a_way_that_grows_is_a_change),
                TEST(entries_of_a_directory_come_and_go),
                TEST(a_link_to_a_directory_is_no_file_of_it),
                TEST(a_directory_that_was_asked_for_as_a_file_is_none),
                TEST(a_file_that_is_being_written_is_read_when_it_is_not),
                TEST(references_follow_the_text),
                TEST(what_nobody_asks_for_is_forgotten),
                TEST(what_was_used_knows_its_last_change),
                TEST(events_that_ask_for_no_more_are_covered),
                TEST(a_look_has_one_answer_where_to_watch),
                TEST(what_is_watched_already_is_not_added_again),
        };

        return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
