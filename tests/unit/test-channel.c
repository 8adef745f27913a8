/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "shared/channel.h"

static int pair[2];
static struct channel channel;

static int setup(void **state) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -1;
        channel = (struct channel){ .fd = pair[1] };
        return fcntl(pair[1], F_SETFL, O_NONBLOCK);
}

static int teardown(void **state) {
        channel_done(&channel);
        if (pair[0] >= 0)
                (void) close(pair[0]);
        return close(pair[1]);
}

static struct channel_message *next(void) {
        struct channel_message *message = NULL;

        assert_int_equal(channel_receive(&channel, &message), 1);
        return message;
}

static void an_object_arrives_with_key_and_text(void **state) {
        phx_cleanup(channel_output_done) struct channel_output output = { .fd = pair[0] };
        struct channel_message *message;

        assert_int_equal(channel_put(&output, CHANNEL_ALL, 0, NULL), 0);
        assert_int_equal(channel_put_object(&output, PHX_OBJECT_CONTAINER, "c7", "{\"id\":1}"), 0);
        assert_int_equal(channel_put_object(&output, PHX_OBJECT_WATCH, "/caf\xe9", ""), 0);
        assert_int_equal(channel_put_object(&output, PHX_OBJECT_WATCH, "/gone", NULL), 0);
        assert_int_equal(channel_put(&output, CHANNEL_REST, 0, "{}"), 0);
        assert_int_equal(channel_flush(&output), 0);

        message = next();
        assert_int_equal(message->type, CHANNEL_ALL);
        assert_string_equal(message->text, "");
        channel_message_free(message);
        assert_true(channel_has_message(&channel));

        message = next();
        assert_int_equal(message->type, CHANNEL_OBJECT);
        assert_int_equal(message->value, PHX_OBJECT_CONTAINER);
        assert_string_equal(message->text, "c7");
        assert_int_equal(message->size, 2);
        assert_string_equal(message->json, "{\"id\":1}");
        assert_int_equal(message->json_size, 8);
        channel_message_free(message);

        message = next();
        assert_string_equal(message->text, "/caf\xe9");
        assert_string_equal(message->json, "");
        channel_message_free(message);

        message = next();
        assert_int_equal(message->type, CHANNEL_GONE);
        assert_string_equal(message->text, "/gone");
        assert_null(message->json);
        channel_message_free(message);

        message = next();
        assert_int_equal(message->type, CHANNEL_REST);
        assert_string_equal(message->text, "{}");
        channel_message_free(message);
        assert_false(channel_has_message(&channel));
        assert_int_equal(channel_receive(&channel, &message), 0);
}

static void many_messages_are_sent_as_they_collect(void **state) {
        phx_cleanup(channel_output_done) struct channel_output output = { .fd = pair[0] };
        static char text[1000];
        struct channel_message *message;
        size_t received = 0;
        int r;

        memset(text, 'x', sizeof(text) - 1);
        for (unsigned i = 0; i < 100; i++) {
                char key[16];

                (void) snprintf(key, sizeof(key), "c%04u", i);
                assert_int_equal(channel_put_object(&output, PHX_OBJECT_CONTAINER, key, text), 0);
        }
        /* Some are there before they are flushed. */
        while ((r = channel_receive(&channel, &message)) > 0) {
                channel_message_free(message);
                received++;
        }
        assert_int_equal(r, 0);
        assert_true(received > 0 && received < 100);
        assert_int_equal(channel_flush(&output), 0);
        for (; received < 100; received++)
                channel_message_free(next());
}

/* What is not ours is never waited for. */
static void what_is_no_message_is_refused(void **state) {
        static const struct {
                uint32_t type;
                int32_t value;
                const char *text;
                size_t size;
        } cases[] = {
                { 0, 0, "", 0 },
                { CHANNEL_RESTARTS + 1, 0, "", 0 },
                { CHANNEL_OBJECT, PHX_OBJECT_CONTAINER, "no end", 6 },
                { CHANNEL_OBJECT, PHX_OBJECT_CONTAINER, "\0{}", 3 },
                { CHANNEL_OBJECT, PHX_OBJECT_CONTAINER, "a\0b\0c", 5 },
                { CHANNEL_OBJECT, PHX_OBJECT_KINDS, "a\0b", 3 },
                { CHANNEL_OBJECT, -1, "a\0b", 3 },
                { CHANNEL_GONE, PHX_OBJECT_KINDS, "a", 1 },
                { CHANNEL_REPORT, 0, "a\0b", 3 },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                const uint32_t header[] = { cases[i].type,
                                            (uint32_t) cases[i].value,
                                            (uint32_t) cases[i].size };
                struct channel fresh = { .fd = pair[1] };
                struct channel_message *message = NULL;

                assert_int_equal(write(pair[0], header, sizeof(header)), sizeof(header));
                assert_int_equal(write(pair[0], cases[i].text, cases[i].size), cases[i].size);
                assert_int_equal(channel_receive(&fresh, &message), -EBADMSG);
                channel_done(&fresh);
        }
}

static void the_end_comes_after_what_was_said(void **state) {
        struct channel_message *message = NULL;

        assert_int_equal(channel_send(pair[0], CHANNEL_FAILURE, -5, "why"), 0);
        (void) close(pair[0]);
        pair[0] = -1;
        message = next();
        assert_int_equal(message->value, -5);
        channel_message_free(message);
        assert_int_equal(channel_receive(&channel, &message), -EPIPE);
}

#define CHANNEL_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                CHANNEL_TEST(an_object_arrives_with_key_and_text),
                CHANNEL_TEST(many_messages_are_sent_as_they_collect),
                CHANNEL_TEST(what_is_no_message_is_refused),
                CHANNEL_TEST(the_end_comes_after_what_was_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
