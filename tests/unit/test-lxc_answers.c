/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What liblxc answers, and about which text: something happens while it is asked. */

#include <errno.h>
#include <time.h>

#include "lxc-host.h"
#include "lxc/replace.h"

/* --- while liblxc reads --- */

/* What is in the file of this name then, and the same text as before afterwards. */
static const char *other_name, *other_text, *own_text;
static unsigned asked;

int __real_phx_lxc_worker_load(
                const struct phx_strings *files,
                uint64_t deadline_usec,
                const struct phx_lxc_progress *progress,
                struct phx_lxc_values *values,
                struct phx_error *error);
int __wrap_phx_lxc_worker_load(
                const struct phx_strings *files,
                uint64_t deadline_usec,
                const struct phx_lxc_progress *progress,
                struct phx_lxc_values *values,
                struct phx_error *error);

int __wrap_phx_lxc_worker_load(
                const struct phx_strings *files,
                uint64_t deadline_usec,
                const struct phx_lxc_progress *progress,
                struct phx_lxc_values *values,
                struct phx_error *error) {
        int r;

        asked += (unsigned) files->count;
        if (other_name)
                tree_write(other_name, other_text);
        r = __real_phx_lxc_worker_load(files, deadline_usec, progress, values, error);
        if (other_name)
                tree_write(other_name, own_text);
        other_name = NULL;
        return r;
}

/* --- another time --- */

static time_t clock_moved_by;

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
        int r = __real_clock_gettime(clock, time);

        if (clock == CLOCK_REALTIME_COARSE)
                time->tv_sec += clock_moved_by;
        return r;
}

/* All that is there has a time that is to come. */
static void answers_last_after_the_clock_was_set_back(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char include[1024];

        host_init(&host, "back");
        (void) snprintf(include, sizeof(include), "lxc.include = %s\n", tree_path("back.conf"));
        tree_write("back.conf", "lxc.apparmor.profile = lxc-a\n");
        write_in(&host, "web/config", include);
        write_in(&host, "db/config", "lxc.apparmor.profile = lxc-b\n");
        clock_moved_by = -86400;
        asked = 0;
        look(&host);
        assert_int_equal(asked, 2);
        look(&host);
        assert_int_equal(asked, 2);
        assert_true(is_unchanged(&host));

        /* A change is seen: here by a time that is to come, too. */
        write_in(&host, "db/config", "lxc.apparmor.profile = lxc-c\n");
        assert_changed_to(&host, "db", "lxc-c");
        tree_write("back.conf", "lxc.apparmor.profile = lxc-d\n");
        assert_changed_to(&host, "web", "lxc-d");
        assert_int_equal(asked, 4);
        assert_true(is_unchanged(&host));
}

static int move_clock_back(void **state) {
        clock_moved_by = 0;
        return 0;
}

/* The answer is about a text that is there no more, and no text that was read tells so. */
static void what_was_another_file_while_it_was_asked_about_is_asked_again(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char include[1024];

        host_init(&host, "meanwhile");
        (void) snprintf(include, sizeof(include), "lxc.include = %s\n", tree_path("while.conf"));
        tree_write("while.conf", "lxc.apparmor.profile = lxc-a\n");
        write_in(&host, "web/config", include);
        settle();
        other_name = "while.conf";
        other_text = "lxc.apparmor.profile = lxc-b\n";
        own_text = "lxc.apparmor.profile = lxc-a\n";
        look(&host);
        settle();
        assert_changed_to(&host, "web", "lxc-a");

        write_in(&host, "web/config", own_text);
        settle();
        other_name = "meanwhile/web/config";
        look(&host);
        settle();
        assert_changed_to(&host, "web", "lxc-a");
        assert_true(is_unchanged(&host));

        /* Its stamp says that nothing has happened once it is old enough. */
        asked = 0;
        write_in(&host, "web/config", other_text);
        assert_changed_to(&host, "web", "lxc-b");
        assert_true(phx_stamp_is_settled(stamp_of(in(&host, "web/config"))));
        look(&host);
        assert_int_equal(asked, 1);
        assert_true(is_unchanged(&host));
}

/* Somebody writes it all the time. */
static void an_include_that_changes_spoils_no_other_answer(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char include[1024];

        host_init(&host, "touched");
        tree_write("touched.conf", "lxc.apparmor.profile = lxc-a\n");
        tree_write("quiet.conf", "lxc.apparmor.profile = lxc-b\n");
        (void) snprintf(include, sizeof(include), "lxc.include = %s\n", tree_path("touched.conf"));
        write_in(&host, "a/config", include);
        (void) snprintf(include, sizeof(include), "lxc.include = %s\n", tree_path("quiet.conf"));
        write_in(&host, "b/config", include);
        write_in(&host, "c/config", "lxc.apparmor.profile = lxc-c\n");
        other_name = "touched.conf";
        other_text = own_text = "lxc.apparmor.profile = lxc-a\n";
        asked = 0;
        look(&host);
        assert_int_equal(asked, 3);
        other_name = "touched.conf";
        look(&host);
        assert_int_equal(asked, 4);
        look(&host);
        assert_int_equal(asked, 5);
        look(&host);
        assert_int_equal(asked, 5);
}

/* --- edits --- */

static int edit_web(struct host *host, const char *profile) {
        phx_cleanup(phx_lxc_edit_done) struct phx_lxc_edit edit = { .profile = profile };
        phx_autofree char *old = NULL;
        struct phx_error error = { 0 };
        char line[64], digest[PHX_SHA256_HEX];
        size_t size = 0;
        int r;

        (void) snprintf(line, sizeof(line), "lxc.apparmor.profile = %s", profile);
        assert_int_equal(phx_strings_add(&edit.tail, line), 0);
        r = phx_file_read_at(AT_FDCWD, in(host, "web/config"), 4096, &old, &size);
        assert_int_equal(r, 0);
        phx_sha256(old, size, digest);
        r = phx_lxc_replace(&host->lxc, host->cache, "web", digest, &edit, &error);
        edit.profile = NULL;
        return r;
}

/* liblxc was asked about the text before it became the config, and that is read back. */
static void an_edit_is_asked_about_once(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char include[1024];

        host_init(&host, "edited");
        (void) snprintf(include, sizeof(include), "lxc.include = %s\n", tree_path("edit.conf"));
        tree_write("edit.conf", "lxc.apparmor.profile = lxc-a\n");
        write_in(&host, "web/config", include);
        look_settled(&host);
        asked = 0;
        assert_int_equal(edit_web(&host, "lxc-b"), 1);
        narrow(&host, in(&host, "web/config"));
        assert_changed_to(&host, "web", "lxc-b");
        assert_int_equal(asked, 1);
        assert_string_equal(find(&host, "web")->decider.file, in(&host, "web/config"));
        assert_int_equal(find(&host, "web")->decider.line, 2);
        settle();
        look(&host);
        assert_true(is_unchanged(&host));
        assert_int_equal(asked, 1);
}

static void another_text_than_the_edited_one_is_asked_about(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        char include[1024];

        host_init(&host, "edited-else");
        (void) snprintf(include, sizeof(include), "lxc.include = %s\n", tree_path("else.conf"));
        tree_write("else.conf", "lxc.apparmor.profile = lxc-a\n");
        write_in(&host, "web/config", include);
        look_settled(&host);
        assert_int_equal(edit_web(&host, "lxc-b"), 1);
        /* By another program, before it is read back. */
        write_in(&host, "web/config", "lxc.apparmor.profile = lxc-c\n");
        asked = 0;
        narrow(&host, in(&host, "web/config"));
        assert_changed_to(&host, "web", "lxc-c");
        assert_int_equal(asked, 1);

        /* What it includes was another text while liblxc read it. */
        write_in(&host, "web/config", include);
        host.lxc.scope = NULL;
        look_settled(&host);
        other_name = "else.conf";
        other_text = "lxc.apparmor.profile = lxc-d\n";
        own_text = "lxc.apparmor.profile = lxc-a\n";
        assert_int_equal(edit_web(&host, "lxc-b"), 1);
        asked = 0;
        look(&host);
        assert_effective(&host, "web", "lxc-b");
        assert_int_equal(asked, 1);

        /* It is another one since. */
        settle();
        assert_int_equal(edit_web(&host, "lxc-e"), 1);
        tree_write("else.conf", "lxc.apparmor.profile = lxc-f\n");
        asked = 0;
        look(&host);
        assert_effective(&host, "web", "lxc-e");
        assert_int_equal(asked, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_another_file_while_it_was_asked_about_is_asked_again),
                cmocka_unit_test_teardown(
                                answers_last_after_the_clock_was_set_back,
                                move_clock_back),
                cmocka_unit_test(an_include_that_changes_spoils_no_other_answer),
                cmocka_unit_test(an_edit_is_asked_about_once),
                cmocka_unit_test(another_text_than_the_edited_one_is_asked_about),
        };

        return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
