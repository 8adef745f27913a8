/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/worker.h"

#define DEADLINE_USEC 300000

/* Subjects say what the child is to do. */
struct round {
        struct phx_strings subjects;
        struct phx_strings replies; /* "CODE TEXT" */
        pid_t pids[8];
        size_t started;
};

static void round_done(struct round *round) {
        phx_strings_done(&round->subjects);
        phx_strings_done(&round->replies);
}

static int start(void *data) {
        return 0;
}

static int count_descriptors(void) {
        DIR *directory = opendir("/proc/self/fd");
        int count = 0;

        if (!directory)
                return -1;
        while (readdir(directory))
                count++;
        (void) closedir(directory);
        return count - 3; /* ".", ".." and that of the listing itself */
}

static int answer(void *data, size_t index, struct phx_buffer *reply) {
        const struct round *round = data;
        const char *subject = round->subjects.items[index];
        char directory[64];

        if (strcmp(subject, "hang") == 0)
                (void) pause();
        if (strcmp(subject, "die") == 0)
                (void) raise(SIGKILL);
        if (strcmp(subject, "leave") == 0)
                _exit(0);
        if (strcmp(subject, "refuse") == 0) {
                (void) phx_buffer_add_text(reply, "no");
                return -EINVAL;
        }
        if (strcmp(subject, "descriptors") == 0)
                return phx_buffer_addf(reply, "%d", count_descriptors());
        if (strcmp(subject, "directory") == 0)
                return phx_buffer_add_text(reply, getcwd(directory, sizeof(directory)));
        if (strcmp(subject, "much") == 0) {
                for (size_t i = 0; i <= PHX_WORKER_REPLY_LIMIT; i++)
                        (void) phx_buffer_add_text(reply, "x");
                return 0;
        }
        return phx_buffer_add_text(reply, subject);
}

static int accept_reply(void *data, size_t index, const struct phx_worker_reply *reply) {
        struct round *round = data;

        assert_int_equal(index, round->replies.count);
        assert_int_equal(reply->data[reply->size], '\0');
        return phx_strings_addf(&round->replies, "%d %s", reply->code, reply->data);
}

static int run(struct round *round) {
        const struct phx_worker_job job = { .subjects = &round->subjects,
                                            .service = "the test",
                                            .deadline_usec = DEADLINE_USEC,
                                            .start = start,
                                            .answer = answer,
                                            .accept = accept_reply,
                                            .data = round };

        return phx_worker_run(&job, NULL);
}

static void assert_no_child_is_left(void) {
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static void assert_round(const char *const *subjects, const char *const *replies, size_t count) {
        phx_cleanup(round_done) struct round round = { 0 };

        for (size_t i = 0; i < count; i++)
                assert_int_equal(phx_strings_add(&round.subjects, subjects[i]), 0);
        assert_int_equal(run(&round), 0);

        assert_int_equal(round.replies.count, count);
        for (size_t i = 0; i < count; i++)
                assert_string_equal(round.replies.items[i], replies[i]);
        assert_no_child_is_left();
}

static void answers_come_in_the_order_of_the_subjects(void **state) {
        static const char *const subjects[] = { "a", "refuse", "", "c" };
        static const char *const replies[] = { "0 a", "-22 no", "0 ", "0 c" };

        assert_round(subjects, replies, PHX_ELEMENTS(subjects));
        assert_round(NULL, NULL, 0);
}

static void who_hangs_is_named_and_the_rest_is_answered(void **state) {
        static const char *const subjects[] = { "a", "hang", "c", "hang" };
        static const char *const replies[] = {
                "0 a",
                "-110 hang: the test did not answer within 300 ms",
                "0 c",
                "-110 hang: the test did not answer within 300 ms",
        };

        assert_round(subjects, replies, PHX_ELEMENTS(subjects));
}

static void who_dies_is_named_and_the_rest_is_answered(void **state) {
        static const char *const subjects[] = { "die", "b", "leave" };
        static const char *const replies[] = {
                "-5 die: the test crashed while processing it",
                "0 b",
                "-5 leave: the test crashed while processing it",
        };

        assert_round(subjects, replies, PHX_ELEMENTS(subjects));
}

static void the_child_has_only_standard_descriptors_and_its_pipe(void **state) {
        static const char *const subjects[] = { "descriptors", "directory" };
        static const char *const replies[] = { "0 4", "0 /" };
        phx_autoclose int fd = open("/dev/null", O_RDONLY); /* not close-on-exec */

        assert_true(fd >= 0);
        assert_round(subjects, replies, PHX_ELEMENTS(subjects));
}

static void an_answer_is_cut_at_the_limit(void **state) {
        phx_cleanup(round_done) struct round round = { 0 };

        assert_int_equal(phx_strings_add(&round.subjects, "much"), 0);
        assert_int_equal(run(&round), 0);
        assert_int_equal(strlen(round.replies.items[0]), PHX_WORKER_REPLY_LIMIT + strlen("0 "));
}

static int fail_start(void *data) {
        return -EIO;
}

static void a_child_that_cannot_start_fails_each_subject(void **state) {
        phx_cleanup(round_done) struct round round = { 0 };
        const struct phx_worker_job job = { .subjects = &round.subjects,
                                            .service = "the test",
                                            .deadline_usec = DEADLINE_USEC,
                                            .start = fail_start,
                                            .answer = answer,
                                            .accept = accept_reply,
                                            .data = &round };

        assert_int_equal(phx_strings_add(&round.subjects, "a"), 0);
        assert_int_equal(phx_worker_run(&job, NULL), 0);
        assert_string_equal(round.replies.items[0], "-5 a: the test crashed while processing it");
        assert_no_child_is_left();
}

static void strings_of_a_reply_end_with_it(void **state) {
        phx_autofree struct phx_worker_reply *reply = calloc(1, sizeof(*reply));
        size_t offset = 0;

        assert_non_null(reply);
        memcpy(reply->data, "a\0\0b", 5);
        reply->size = 4;
        assert_string_equal(phx_worker_string(reply, &offset), "a");
        assert_string_equal(phx_worker_string(reply, &offset), "");
        assert_string_equal(phx_worker_string(reply, &offset), "b");
        assert_string_equal(phx_worker_string(reply, &offset), "");
        assert_string_equal(phx_worker_string(reply, &offset), "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(answers_come_in_the_order_of_the_subjects),
                cmocka_unit_test(who_hangs_is_named_and_the_rest_is_answered),
                cmocka_unit_test(who_dies_is_named_and_the_rest_is_answered),
                cmocka_unit_test(the_child_has_only_standard_descriptors_and_its_pipe),
                cmocka_unit_test(an_answer_is_cut_at_the_limit),
                cmocka_unit_test(a_child_that_cannot_start_fails_each_subject),
                cmocka_unit_test(strings_of_a_reply_end_with_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
