/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "loop.h"
#include "loop/revision.h"

/* A FIFO stands for the kernel's file: readable when there is news, -EAGAIN when there is none. */
struct fixture {
        sd_event *event;
        struct revision *revision;
        struct counter counter;
        char root[64];
        char path[80];
};

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct listener listener;

        assert_non_null(fixture);
        (void) snprintf(fixture->root, sizeof(fixture->root), "/tmp/test-revision-XXXXXX");
        make_directory(fixture->root);
        (void) snprintf(fixture->path, sizeof(fixture->path), "%s/revision", fixture->root);
        listener = (struct listener){ count_look, count_arrival, &fixture->counter };
        assert_int_equal(sd_event_new(&fixture->event), 0);
        assert_int_equal(
                        revision_new(fixture->event, fixture->path, &listener, &fixture->revision),
                        0);
        *state = fixture;
        return 0;
}

static int teardown(void **state) {
        struct fixture *fixture = *state;

        (void) revision_free(fixture->revision);
        sd_event_unref(fixture->event);
        remove_tree(fixture->root);
        free(fixture);
        return 0;
}

static int open_writer(const struct fixture *fixture) {
        int fd;

        assert_int_equal(mkfifo(fixture->path, 0600), 0);
        /* Read and write, so that the reader never sees an end. */
        fd = open(fixture->path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void an_absent_file_is_found_later(void **state) {
        struct fixture *fixture = *state;
        int writer;

        assert_int_equal(revision_follow(fixture->revision), -ENOENT);
        writer = open_writer(fixture);
        assert_int_equal(revision_follow(fixture->revision), 1);
        assert_int_equal(revision_follow(fixture->revision), 0);
        (void) close(writer);
}

static void each_change_is_one_look(void **state) {
        struct fixture *fixture = *state;
        int writer = open_writer(fixture);

        assert_int_equal(revision_follow(fixture->revision), 1);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 0);
        assert_int_equal(write(writer, "42\n", 3), 3);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);
        assert_int_equal(write(writer, "43\n", 3), 3);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 2);
        (void) close(writer);
}

static void what_was_known_at_the_start_is_no_news(void **state) {
        struct fixture *fixture = *state;
        int writer = open_writer(fixture);

        assert_int_equal(write(writer, "41\n", 3), 3);
        assert_int_equal(revision_follow(fixture->revision), 1);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 0);
        (void) close(writer);
}

static void a_file_that_ends_does_not_spin_and_is_reopened(void **state) {
        struct fixture *fixture = *state;
        int writer = open_writer(fixture);

        assert_int_equal(revision_follow(fixture->revision), 1);
        (void) close(writer);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);

        writer = open(fixture->path, O_RDWR | O_CLOEXEC);
        assert_true(writer >= 0);
        assert_int_equal(revision_follow(fixture->revision), 1);
        (void) close(writer);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(an_absent_file_is_found_later),
                TEST(each_change_is_one_look),
                TEST(what_was_known_at_the_start_is_no_news),
                TEST(a_file_that_ends_does_not_spin_and_is_reopened),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
