/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "base/strings.h"
#include "shared/journal.h"
#include "shared/message-id.h"
#include "shared/text.h"

static int collect(void *data, const struct iovec *fields, int count) {
        for (int i = 0; i < count; i++) {
                phx_autofree char *text = strndup(fields[i].iov_base, fields[i].iov_len);

                assert_non_null(text);
                assert_int_equal(phx_strings_add(data, text), 0);
        }
        return 0;
}

static void a_record_carries_every_field_it_has(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings sent = { 0 };
        const struct journal journal = { .send = collect, .data = &sent };
        const struct phx_record record = {
                .kind = PHX_RECORD_FAILED,
                .message = "lxc-web: cannot load: permission denied",
                .action = PHX_ACTION_LOAD,
                .layer = "kernel",
                .drift = "differs",
                .profile = "lxc-web",
                .container = "101",
                .path = "/etc/apparmor.d/lxc-web",
                .generation = "aa",
                .old_digest = "bb",
                .new_digest = "cc",
                .error = -EACCES,
        };
        static const char *const expected[] = {
                "PHOENIXD_RECORD=failed",
                "PHOENIXD_ACTION=load",
                "PHOENIXD_LAYER=kernel",
                "PHOENIXD_DRIFT=differs",
                "PHOENIXD_PROFILE=lxc-web",
                "PHOENIXD_CONTAINER=101",
                "PHOENIXD_PATH=/etc/apparmor.d/lxc-web",
                "PHOENIXD_GENERATION=aa",
                "PHOENIXD_OLD_DIGEST=bb",
                "PHOENIXD_NEW_DIGEST=cc",
                "ERRNO=13",
                "MESSAGE=lxc-web: cannot load: permission denied",
                "PRIORITY=4",
                ("MESSAGE_ID=" MESSAGE_FAILED),
                "PHOENIXD_STORY=101",
        };

        journal_record(&journal, &record);
        assert_int_equal(sent.count, PHX_ELEMENTS(expected));
        for (size_t i = 0; i < PHX_ELEMENTS(expected); i++)
                assert_string_equal(sent.items[i], expected[i]);
}

static void a_record_about_a_profile_is_in_the_stories_of_its_containers(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings sent = { 0 }, stories = { 0 };
        const struct journal journal = { .send = collect, .data = &sent };
        const struct phx_record record = { .kind = PHX_RECORD_FOREIGN,
                                           .message = "lxc-web: replaced",
                                           .profile = "lxc-web",
                                           .stories = &stories,
                                           .story_count = 40,
                                           .by = "sh, pid 7" };

        for (int i = 0; i < 40; i++)
                assert_int_equal(phx_strings_addf(&stories, "%d", 100 + i), 0);
        journal_record(&journal, &record);
        assert_true(phx_strings_has(&sent, "PHOENIXD_BY=sh, pid 7"));
        assert_true(phx_strings_has(&sent, "PHOENIXD_STORY=100"));
        assert_true(phx_strings_has(&sent, "PHOENIXD_STORY=139"));
        assert_int_equal(sent.count, 6 + 40);
}

static void where_containers_are_too_many_their_number_is_sent(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings sent = { 0 };
        const struct journal journal = { .send = collect, .data = &sent };
        const struct phx_record record = { .kind = PHX_RECORD_INTENT,
                                           .message = "lxc-web: installing",
                                           .profile = "lxc-web",
                                           .story_count = 900,
                                           .is_good = true };

        journal_record(&journal, &record);
        assert_true(phx_strings_has(&sent, "PHOENIXD_STORIES=900"));
        assert_true(phx_strings_has(&sent, "PHOENIXD_LAST_GOOD=1"));
        assert_int_equal(sent.count, 7);
}

static void what_a_record_lacks_is_not_sent(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings sent = { 0 };
        const struct journal journal = { .send = collect, .data = &sent };
        const struct phx_record record = { .kind = PHX_RECORD_REMARK, .message = "hello" };

        journal_record(&journal, &record);
        assert_int_equal(sent.count, 4);
        assert_string_equal(sent.items[0], "PHOENIXD_RECORD=remark");
        assert_string_equal(sent.items[2], "PRIORITY=6");
}

static void each_kind_has_its_priority_and_id(void **state) {
        static const struct {
                enum phx_record_kind kind;
                const char *priority;
                const char *id;
        } kinds[] = {
                { PHX_RECORD_INTENT, "PRIORITY=6", "MESSAGE_ID=" MESSAGE_INTENT },
                { PHX_RECORD_CHANGED, "PRIORITY=5", "MESSAGE_ID=" MESSAGE_CHANGED },
                { PHX_RECORD_FAILED, "PRIORITY=4", "MESSAGE_ID=" MESSAGE_FAILED },
                { PHX_RECORD_REFUSED, "PRIORITY=4", "MESSAGE_ID=" MESSAGE_REFUSED },
                { PHX_RECORD_ACCEPTED, "PRIORITY=5", "MESSAGE_ID=" MESSAGE_ACCEPTED },
                { PHX_RECORD_JUDGED, "PRIORITY=6", "MESSAGE_ID=" MESSAGE_JUDGED },
                { PHX_RECORD_DRIFT_FOUND, "PRIORITY=4", "MESSAGE_ID=" MESSAGE_DRIFT_FOUND },
                { PHX_RECORD_DRIFT_GONE, "PRIORITY=5", "MESSAGE_ID=" MESSAGE_DRIFT_GONE },
                { PHX_RECORD_POSTURE, "PRIORITY=6", "MESSAGE_ID=" MESSAGE_POSTURE },
                { PHX_RECORD_FOREIGN, "PRIORITY=4", "MESSAGE_ID=" MESSAGE_FOREIGN },
                { PHX_RECORD_REMARK, "PRIORITY=6", "MESSAGE_ID=" MESSAGE_REMARK },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(kinds); i++) {
                phx_cleanup(phx_strings_done) struct phx_strings sent = { 0 };
                const struct journal journal = { .send = collect, .data = &sent };
                const struct phx_record record = { .kind = kinds[i].kind, .message = "x" };

                journal_record(&journal, &record);
                assert_true(phx_strings_has(&sent, kinds[i].priority));
                assert_true(phx_strings_has(&sent, kinds[i].id));
        }
}

static void a_drift_that_needs_nobody_is_no_warning(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings sent = { 0 };
        const struct journal journal = { .send = collect, .data = &sent };
        const struct phx_record record = { .kind = PHX_RECORD_DRIFT_FOUND,
                                           .message = "x",
                                           .is_routine = true };

        journal_record(&journal, &record);
        assert_true(phx_strings_has(&sent, "PRIORITY=5"));
}

static void the_daemon_s_own_messages_are_formatted(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings sent = { 0 };
        const struct journal journal = { .send = collect, .data = &sent };

        journal_say(&journal, MESSAGE_STARTED, LOG_INFO, "phoenixd %d\nstarts", 7);
        assert_int_equal(sent.count, 3);
        assert_string_equal(sent.items[0], "MESSAGE=phoenixd 7 starts");
        assert_string_equal(sent.items[1], "PRIORITY=6");
        assert_string_equal(sent.items[2], "MESSAGE_ID=" MESSAGE_STARTED);
}

static void text_becomes_one_clean_line(void **state) {
        static const struct {
                const char *text;
                const char *clean;
        } cases[] = {
                { "plain", "plain" },
                { "a\nb\tc\x1b[31m\x7f", "a b c [31m " },
                { "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\xa5", NULL },
                { "caf\xe9", "caf?" },
                { "\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", "?????????" },
                { "\xe2\x82", "??" },
                { "\xc2\x9b"
                  "31m",
                  " 31m" },
                { "0123456789012345678901234567890123456789", "012345678901234567890123456789" },
                { "01234567890123456789012345678\xc3\xbc", "01234567890123456789012345678" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                char clean[31];

                text_clean(cases[i].text, clean, sizeof(clean));
                assert_string_equal(clean, cases[i].clean ? cases[i].clean : cases[i].text);
        }
}

static int refuse(void *data, const struct iovec *fields, int count) {
        return -ENOBUFS;
}

static void what_is_not_taken_is_said(void **state) {
        phx_cleanup(phx_strings_done) struct phx_strings sent = { 0 };
        const struct journal good = { .send = collect, .data = &sent }, bad = { .send = refuse };
        const struct phx_record record = { .kind = PHX_RECORD_REMARK, .message = "a remark" };

        assert_int_equal(journal_record(&good, &record), 0);
        assert_int_equal(journal_record(&bad, &record), -ENOBUFS);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_record_carries_every_field_it_has),
                cmocka_unit_test(a_record_about_a_profile_is_in_the_stories_of_its_containers),
                cmocka_unit_test(where_containers_are_too_many_their_number_is_sent),
                cmocka_unit_test(what_a_record_lacks_is_not_sent),
                cmocka_unit_test(each_kind_has_its_priority_and_id),
                cmocka_unit_test(a_drift_that_needs_nobody_is_no_warning),
                cmocka_unit_test(the_daemon_s_own_messages_are_formatted),
                cmocka_unit_test(text_becomes_one_clean_line),
                cmocka_unit_test(what_is_not_taken_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
