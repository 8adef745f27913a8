/* SPDX-License-Identifier: GPL-2.0-or-later */

/* An engine whose loop is gone does not go on. */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/engine_process.h"

/* Far longer than it takes, on the slowest machine. */
#define PATIENCE_MSEC 30000

static struct shared {
        volatile unsigned changes; /* that the engine has begun */
        volatile bool may_go_on;
        volatile unsigned left;
        volatile bool is_recorded; /* as it was left */
} * shared;

static const struct phx_audit *fake_audit;

/* One change after the other, each with its record first, as a pass does it. */
static int change_for_ever(
                void *data,
                const struct engine_request *request,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        const struct phx_record intent = { .kind = PHX_RECORD_INTENT, .message = "installing" };

        for (;;) {
                fake_audit->record(fake_audit->data, &intent);
                shared->changes++;
                while (!shared->may_go_on)
                        (void) usleep(1000);
                (void) usleep(1000);
        }
        return -EINVAL;
}

static void leave(void *data, bool is_recorded) {
        shared->left++;
        shared->is_recorded = is_recorded;
}

/* Once more than a channel took. */
#define LARGE ((size_t) 24 << 20)

static int report_much(
                void *data,
                const struct engine_request *request,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        struct phx_report *report = calloc(1, sizeof(*report));
        char *text = malloc(LARGE + 1);

        if (!report || !text)
                return -ENOMEM;
        memset(text, 'x', LARGE);
        text[LARGE] = '\0';
        report->status = text;
        report->retry_usec = PHX_NEVER;
        ret_answer->report = report;
        return 0;
}

/* Two remarks, of which the journal of the last test takes one. */
static int remark_and_report(
                void *data,
                const struct engine_request *request,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        const struct phx_record first = { .kind = PHX_RECORD_REMARK, .message = "first" };
        const struct phx_record second = { .kind = PHX_RECORD_REMARK, .message = "second" };

        ret_answer->report = calloc(1, sizeof(*ret_answer->report));
        if (!ret_answer->report)
                return -ENOMEM;
        ret_answer->report->retry_usec = PHX_NEVER;
        fake_audit->record(fake_audit->data, &first);
        fake_audit->record(fake_audit->data, &second);
        return 0;
}

static int setup_remarks(
                const struct work_options *options,
                const struct phx_audit *audit,
                struct engine_work *ret_work,
                struct phx_error *error) {
        fake_audit = audit;
        *ret_work = (struct engine_work){ .look = remark_and_report, .leave = leave };
        return 0;
}

static int setup_much(
                const struct work_options *options,
                const struct phx_audit *audit,
                struct engine_work *ret_work,
                struct phx_error *error) {
        *ret_work = (struct engine_work){ .look = report_much, .leave = leave };
        return 0;
}

static int setup(
                const struct work_options *options,
                const struct phx_audit *audit,
                struct engine_work *ret_work,
                struct phx_error *error) {
        fake_audit = audit;
        *ret_work = (struct engine_work){ .look = change_for_ever, .leave = leave };
        return 0;
}

static int send_nothing(void *data, const struct iovec *fields, int count) {
        return 0;
}

static int refuse_the_first(void *data, const struct iovec *fields, int count) {
        for (int i = 0; i < count; i++)
                if (strcmp(fields[i].iov_base, "MESSAGE=first") == 0)
                        return -ENOBUFS;
        return 0;
}

static bool ends(const struct engine *engine) {
        struct pollfd poll_fd = { .fd = engine->process.fd, .events = POLLIN };

        return poll(&poll_fd, 1, PATIENCE_MSEC) == 1;
}

static void start(struct engine **ret_engine) {
        static const struct journal journal = { .send = send_nothing };
        static const struct engine_plan plan = { setup, NULL, &journal };

        *shared = (struct shared){ 0 };
        assert_int_equal(engine_start(&plan, ret_engine), 0);
}

static void one_that_waits_ends_with_its_channel(void **state) {
        struct engine *engine = NULL;

        start(&engine);
        (void) close(engine->channel.fd);
        engine->channel.fd = -1;
        assert_true(ends(engine));
        /* It has looked at nothing. */
        assert_int_equal(shared->left, 0);
        engine_free(engine);
}

/* Were it passed over, a job would look as if it went on. */
static void one_that_gets_no_results_in_their_place_ends(void **state) {
        struct engine *engine = NULL;

        start(&engine);
        assert_int_equal(channel_send(engine->channel.fd, CHANNEL_RESULTS, 0, "{}"), 0);
        assert_true(ends(engine));
        assert_int_equal(shared->changes, 0);
        engine_free(engine);
}

/* The loop may be gone without having died: what is under way ends, and the next change is not
 * begun. */
static void one_at_work_begins_no_change_without_its_channel(void **state) {
        struct engine *engine = NULL;

        start(&engine);
        assert_int_equal(channel_send(engine->channel.fd, CHANNEL_LOOK, LOOK_FULL, NULL), 0);
        for (int i = 0; i < PATIENCE_MSEC && shared->changes == 0; i++)
                (void) usleep(1000);
        assert_int_equal(shared->changes, 1);
        (void) close(engine->channel.fd);
        engine->channel.fd = -1;
        shared->may_go_on = true;
        assert_true(ends(engine));
        assert_int_equal(shared->changes, 1);
        /* Of what was under way nothing is known. */
        assert_int_equal(shared->left, 0);
        engine_free(engine);
}

static struct channel_message *wait_for_message(struct engine *engine) {
        struct channel_message *message = NULL;
        int r;

        while ((r = channel_receive(&engine->channel, &message)) == 0) {
                struct pollfd poll_fd = { .fd = engine->channel.fd, .events = POLLIN };

                assert_int_equal(poll(&poll_fd, 1, PATIENCE_MSEC), 1);
        }
        assert_int_equal(r, 1);
        return message;
}

/* A large host's report ended the engine, again and again. */
static void a_report_of_any_size_arrives(void **state) {
        static const struct journal journal = { .send = send_nothing };
        static const struct engine_plan plan = { setup_much, NULL, &journal };
        struct engine *engine = NULL;

        *shared = (struct shared){ 0 };
        assert_int_equal(engine_start(&plan, &engine), 0);
        for (unsigned i = 0; i < 2; i++) {
                phx_cleanup(channel_message_freep) struct channel_message *message = NULL;

                assert_int_equal(
                                channel_send(engine->channel.fd, CHANNEL_LOOK, LOOK_FULL, NULL),
                                0);
                message = wait_for_message(engine);
                assert_int_equal(message->type, CHANNEL_REPORT);
                assert_true(message->size > LARGE);
        }
        /* At its end, and once, it leaves something to the next run. */
        assert_int_equal(shared->left, 0);
        (void) close(engine->channel.fd);
        engine->channel.fd = -1;
        assert_true(ends(engine));
        assert_int_equal(shared->left, 1);
        engine_free(engine);
}

static void assert_is_recorded(const struct journal *journal, bool is_recorded) {
        const struct engine_plan plan = { setup_remarks, NULL, journal };
        phx_cleanup(channel_message_freep) struct channel_message *message = NULL;
        struct engine *engine = NULL;

        *shared = (struct shared){ .is_recorded = !is_recorded };
        assert_int_equal(engine_start(&plan, &engine), 0);
        assert_int_equal(channel_send(engine->channel.fd, CHANNEL_LOOK, LOOK_FULL, NULL), 0);
        message = wait_for_message(engine);
        assert_int_equal(message->type, CHANNEL_REPORT);
        (void) close(engine->channel.fd);
        engine->channel.fd = -1;
        assert_true(ends(engine));
        assert_int_equal(shared->left, 1);
        assert_int_equal(shared->is_recorded, is_recorded);
        engine_free(engine);
}

/* Else the next run would take it for recorded. */
static void what_the_journal_has_not_taken_is_no_secret(void **state) {
        static const struct journal good = { .send = send_nothing };
        static const struct journal bad = { .send = refuse_the_first };

        assert_is_recorded(&good, true);
        assert_is_recorded(&bad, false);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_that_waits_ends_with_its_channel),
                cmocka_unit_test(one_that_gets_no_results_in_their_place_ends),
                cmocka_unit_test(one_at_work_begins_no_change_without_its_channel),
                cmocka_unit_test(a_report_of_any_size_arrives),
                cmocka_unit_test(what_the_journal_has_not_taken_is_no_secret),
        };

        shared = mmap(NULL,
                      sizeof(*shared),
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS,
                      -1,
                      0);
        if (shared == MAP_FAILED)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
