/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/strings.h"
#include "phoenixctl/history.h"
#include "phoenixctl/tasks.h"
#include "state/report.h"
#include "tree.h"

/* Began at 256 and 768 s, ended at 272 and 784 s. */
#define NAME(start, type, id, user) \
        "UPID:pve1:0000A0B1:0001C2D3:" start ":" type ":" id ":" user ":"
#define REBOOT NAME("00000100", "vzreboot", "910", "root@pam")
#define STOP NAME("00000300", "vzstop", "910", "ann@pve!deploy")
#define ACTIVE "tasks/active"
#define INDEX "tasks/index"
#define OLDER "tasks/index.1"

static int setup(void **state) {
        (void) tree_new();
        tree_mkdir("tasks");
        return 0;
}

static int teardown(void **state) {
        tree_done();
        return 0;
}

static int read_tasks(
                const char *object,
                uint64_t since_usec,
                struct phx_answer_history *history,
                struct phx_error *error) {
        static char directory[256];
        const struct tasks_query query = { .directory = directory,
                                           .node = "pve1",
                                           .object = object,
                                           .since_usec = since_usec };

        (void) snprintf(directory, sizeof(directory), "%s", tree_path("tasks"));
        return tasks_read(&query, history, error);
}

/* "256 910: rebooted …" for each, a line each. */
static char *shown(const struct phx_answer_history *history) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        for (size_t i = 0; i < history->count; i++)
                assert_true(phx_buffer_addf(&text,
                                            "%" PRIu64 " %s\n",
                                            history->events[i].at / 1000000,
                                            history->events[i].message) >= 0);
        return strdup(text.data ? text.data : "");
}

static void expect_of(const char *object, const char *expected) {
        phx_cleanup(phx_answer_history_done) struct phx_answer_history history = { 0 };
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };

        assert_int_equal(read_tasks(object, 0, &history, &error), 0);
        text = shown(&history);
        assert_string_equal(text, expected);
}

static void expect(const char *expected) {
        expect_of("910", expected);
}

static void who_did_it_is_told(void **state) {
        tree_write(INDEX, REBOOT " 00000110 OK\n" STOP " 00000310 CT is locked (backup)\n");
        expect("256 910: rebooted through Proxmox by root@pam: OK\n"
               "768 910: stop through Proxmox by ann@pve!deploy failed: CT is locked (backup)\n");
}

static void all_that_is_known_is_in_the_event(void **state) {
        phx_cleanup(phx_answer_history_done) struct phx_answer_history history = { 0 };
        phx_autofree char *json = NULL;

        tree_write(INDEX, STOP " 00000310 WARNINGS: 2\n");
        assert_int_equal(read_tasks("910", 0, &history, NULL), 0);
        assert_int_equal(phx_answer_history(&history, &json), 0);
        assert_string_equal(
                        json,
                        "{\n  \"events\": [\n    {\n      \"at\": 768000000,\n      \"until\": 784000000,\n"
                        "      \"kind\": \"task\",\n"
                        "      \"message\": \"910: stopped through Proxmox by ann@pve!deploy: WARNINGS: 2\",\n"
                        "      \"message_id\": null,\n      \"action\": \"vzstop\",\n      \"layer\": null,\n"
                        "      \"profile\": null,\n      \"container\": \"910\",\n      \"by\": \"ann@pve!deploy\",\n"
                        "      \"generation\": null,\n      \"old_digest\": null,\n      \"new_digest\": null,\n"
                        "      \"result\": \"WARNINGS: 2\"\n    }\n  ],\n  \"version\": 1\n}");
}

static void each_kind_has_its_words(void **state) {
        static const struct {
                const char *type, *words; /* NULL: not shown */
        } cases[] = {
                { "vzstart", "started" },
                { "vzstop", "stopped" },
                { "vzshutdown", "shut down" },
                { "vzreboot", "rebooted" },
                { "vzrollback", "rolled back" },
                { "vzrestore", "restored" },
                { "vzmigrate", "migrated" },
                { "vzcreate", "created" },
                { "vzdestroy", "destroyed" },
                { "hastart", "start requested" },
                { "hastop", "stop requested" },
                { "hamigrate", "migration requested" },
                { "vzdump", NULL },
                { "vzsnapshot", NULL },
                { "qmstart", NULL },
                { "vzstart2", NULL },
                { "aptupdate", NULL },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_autofree char *line = NULL, *expected = NULL;

                assert_true(phx_printf(&line,
                                       NAME("00000100", "%s", "910", "root@pam") " 00000110 OK\n",
                                       cases[i].type) >= 0);
                assert_true(phx_printf(&expected,
                                       "256 910: %s through Proxmox by root@pam: OK\n",
                                       cases[i].words ? cases[i].words : "") >= 0);
                tree_write(INDEX, line);
                expect(cases[i].words ? expected : "");
        }
}

static void a_user_may_have_a_name_beyond_ascii(void **state) {
        tree_write(INDEX, NAME("00000100", "vzreboot", "910", "j\xc3\xbcrgen@ad") " 00000110 OK\n");
        expect("256 910: rebooted through Proxmox by j\xc3\xbcrgen@ad: OK\n");
}

static void only_what_is_asked_for_is_told(void **state) {
        phx_cleanup(phx_answer_history_done) struct phx_answer_history history = { 0 };

        tree_write(INDEX,
                   REBOOT
                   " 00000110 OK\n" NAME("00000200", "vzstart", "9101", "root@pam") " 00000210 OK\n" NAME(
                                   "00000200",
                                   "hastart",
                                   "100",
                                   "root@pam") " 00000210 OK\n" STOP " 00000310 OK\n");
        expect("256 910: rebooted through Proxmox by root@pam: OK\n"
               "768 910: stopped through Proxmox by ann@pve!deploy: OK\n");
        /* Of a guest of the HA manager it is not known what it is. */
        expect_of(NULL,
                  "256 910: rebooted through Proxmox by root@pam: OK\n"
                  "512 9101: started through Proxmox by root@pam: OK\n"
                  "768 910: stopped through Proxmox by ann@pve!deploy: OK\n");
        expect_of("100", "512 100: start requested through Proxmox by root@pam: OK\n");
        expect_of("lxc-web", "");
        expect_of("0910", "");
        assert_int_equal(read_tasks("910", 257000000, &history, NULL), 0);
        assert_int_equal(history.count, 1);
        assert_int_equal(history.events[0].at, 768000000);
}

static void another_nodes_tasks_name_it(void **state) {
        tree_write(INDEX,
                   "UPID:pve-2:0000A0B1:0001C2D3:00000100:vzmigrate:910:root@pam: 00000110 OK\n");
        expect("256 910: migrated through Proxmox on pve-2 by root@pam: OK\n");
}

static void one_that_runs_has_no_end(void **state) {
        phx_cleanup(phx_answer_history_done) struct phx_answer_history history = { 0 };

        tree_write(ACTIVE, REBOOT " 0\n");
        expect("256 910: reboot through Proxmox by root@pam has not ended\n");
        assert_int_equal(read_tasks("910", 0, &history, NULL), 0);
        assert_true(history.events[0].until == PHX_NEVER);
        assert_null(history.events[0].result);
        tree_write(ACTIVE, REBOOT " 1 00000110\n");
        expect("256 910: reboot through Proxmox by root@pam has ended, its result is not known\n");
        tree_write(ACTIVE, REBOOT " 1 00000110 OK\n");
        expect("256 910: rebooted through Proxmox by root@pam: OK\n");
}

static void one_in_two_files_is_told_once(void **state) {
        tree_write(ACTIVE, REBOOT " 0\n" STOP " 1 00000310 OK\n");
        tree_write(INDEX, STOP " 00000310 OK\n");
        tree_write(OLDER, REBOOT " 00000110 OK\n" STOP "\n");
        expect("256 910: rebooted through Proxmox by root@pam: OK\n"
               "768 910: stopped through Proxmox by ann@pve!deploy: OK\n");
        /* Two in the same second are two. */
        tree_write(OLDER,
                   REBOOT
                   " 00000110 OK\n"
                   "UPID:pve1:0000A0B2:0001C2D3:00000100:vzreboot:910:root@pam: 00000110 OK\n");
        expect("256 910: rebooted through Proxmox by root@pam: OK\n"
               "256 910: rebooted through Proxmox by root@pam: OK\n"
               "768 910: stopped through Proxmox by ann@pve!deploy: OK\n");
}

static void damaged_lines_are_passed_over(void **state) {
        static const char *const lines[] = {
                "",
                " ",
                "UPID:",
                "UPID:pve1:0000A0B1:0001C2D3:00000100:vzreboot:910:root@pam 00000110 OK",
                "UPID:pve1:0000A0B1:0001C2D3:00000100:vzreboot:910::",
                "UPID:pve1:0000A0B1:0001C2D3:00000100:vzreboot::root@pam: 00000110 OK",
                "UPID:pve1:0000A0B1:0001C2D3:00000100:vzreboot:91x:root@pam: 00000110 OK",
                "UPID:pve1:0000A0B1:0001C2D3:0000010:vzreboot:910:root@pam: 00000110 OK",
                "UPID:pve1:0000A0B1:0001C2D3:0000010g:vzreboot:910:root@pam: 00000110 OK",
                "UPID:pve1:0000A0B1:0001C2D3:+0000100:vzreboot:910:root@pam: 00000110 OK",
                "UPID:pve1:A0B1:0001C2D3:00000100:vzreboot:910:root@pam: 00000110 OK",
                "UPID:pve1:0000A0B1:0001C2D3:00000100:vzreboot:910:root@pam:x 00000110 OK",
                "UPID:pve1:0000A0B1:0001C2D3:00000100:vzreboot:910:ro\x1b[1m@pam: 00000110 OK",
                "UPID:pve\xff:0000A0B1:0001C2D3:00000100:vzreboot:910:root@pam: 00000110 OK",
                "upid:pve1:0000A0B1:0001C2D3:00000100:vzreboot:910:root@pam: 00000110 OK",
                " " REBOOT " 00000110 OK",
                REBOOT " 2 00000110 OK",
                REBOOT " 0000011 OK",
                REBOOT " OK",
        };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        for (size_t i = 0; i < PHX_ELEMENTS(lines); i++)
                assert_true(phx_buffer_addf(&text, "%s\n", lines[i]) >= 0);
        /* One that is whole, and the last, which is being written. */
        assert_true(phx_buffer_addf(&text, "%s", STOP " 00000310 OK\n" REBOOT " 00000110 O") >= 0);
        tree_write_bytes(INDEX, text.data, text.size);
        tree_write_bytes(ACTIVE, REBOOT " 0\0\n\0\n\xff", sizeof(REBOOT " 0\0\n\0\n\xff") - 1);
        expect("768 910: stopped through Proxmox by ann@pve!deploy: OK\n");
}

static void a_result_cannot_paint_the_terminal(void **state) {
        tree_write(INDEX, REBOOT " 00000110 \x1b[2Jbad\xff\n");
        expect("256 910: reboot through Proxmox by root@pam failed: \\u001b[2Jbad\\xff\n");
}

/* The index of a long life: the latest tasks are there, and the time that it takes has a bound. */
static void of_a_huge_file_the_end_is_read(void **state) {
        static const char line[] = NAME("00000200", "qmstart", "100", "root@pam") " 00000210 OK\n";
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        struct stat st;

        assert_true(phx_buffer_addf(&text, "%s", REBOOT " 00000110 OK\n") >= 0);
        while (text.size < (size_t) 6 * 1024 * 1024)
                assert_true(phx_buffer_addf(&text, "%s", line) >= 0);
        assert_true(phx_buffer_addf(&text, "%s", STOP " 00000310 OK\n") >= 0);
        tree_write_bytes(INDEX, text.data, text.size);
        expect("768 910: stopped through Proxmox by ann@pve!deploy: OK\n");

        /* One line without an end, and holes without any. */
        tree_write(INDEX, REBOOT " 00000110 OK\n");
        assert_int_equal(truncate(tree_path(INDEX), (off_t) 1 << 40), 0);
        assert_int_equal(stat(tree_path(INDEX), &st), 0);
        assert_true(st.st_size == (off_t) 1 << 40);
        expect("");
}

static void without_a_log_there_are_none(void **state) {
        expect("");
        tree_remove("tasks");
        expect("");
        tree_write("tasks", "no directory");
        expect("");
}

static void one_that_cannot_be_read_is_named(void **state) {
        phx_cleanup(phx_answer_history_done) struct phx_answer_history history = { 0 };
        phx_autofree char *text = NULL;
        struct phx_error error = { 0 };

        tree_write(OLDER, REBOOT " 00000110 OK\n");
        tree_mkdir(INDEX);
        assert_int_equal(mkfifo(tree_path(ACTIVE), 0600), 0);
        assert_int_equal(read_tasks("910", 0, &history, &error), -EINVAL);
        assert_true(phx_has_suffix(error.text, "/tasks/active: Invalid argument"));
        text = shown(&history);
        assert_string_equal(text, "256 910: rebooted through Proxmox by root@pam: OK\n");
        phx_answer_history_done(&history);

        assert_int_equal(unlink(tree_path(ACTIVE)), 0);
        tree_link(ACTIVE, "index.1");
        assert_int_equal(read_tasks("910", 0, &history, &error), -ELOOP);
        assert_int_equal(history.count, 1);
}

static void permission_is_asked_of_the_kernel(void **state) {
        phx_cleanup(phx_answer_history_done) struct phx_answer_history history = { 0 };
        struct phx_error error = { 0 };

        tree_write(INDEX, REBOOT " 00000110 OK\n");
        assert_int_equal(chmod(tree_path("tasks"), 0), 0);
        /* Root may read everything. */
        if (geteuid() == 0)
                assert_int_equal(seteuid(65534), 0);
        assert_int_equal(read_tasks("910", 0, &history, &error), -EACCES);
        if (getuid() == 0)
                assert_int_equal(seteuid(0), 0);
        assert_int_equal(chmod(tree_path("tasks"), 0700), 0);
        assert_non_null(strstr(error.text, "/tasks/active: Permission denied"));
        assert_int_equal(history.count, 0);
}

/* --- among others --- */

static void add(struct phx_answer_history *history, uint64_t at, const char *message) {
        struct phx_answer_event *events =
                        reallocarray(history->events, history->count + 1, sizeof(*events));

        assert_non_null(events);
        history->events = events;
        events[history->count++] = (struct phx_answer_event){ .at = at * 1000000,
                                                              .until = PHX_NEVER,
                                                              .message = strdup(message) };
}

static void expect_merged(size_t limit, const char *expected) {
        phx_cleanup(phx_answer_history_done) struct phx_answer_history history = { 0 };
        phx_cleanup(phx_answer_history_done) struct phx_answer_history tasks = { 0 };
        phx_autofree char *text = NULL;

        /* What phoenixd sees of a reboot lies behind its beginning. */
        add(&history, 1, "a");
        add(&history, 4, "b");
        add(&history, 5, "c");
        add(&tasks, 2, "A");
        add(&tasks, 3, "B");
        add(&tasks, 5, "C");
        add(&tasks, 6, "D");
        assert_int_equal(history_merge(&history, &tasks, limit), 0);
        assert_int_equal(tasks.count, 0);
        text = shown(&history);
        assert_string_equal(text, expected);
}

static void both_are_in_the_order_of_time(void **state) {
        expect_merged(0, "1 a\n2 A\n3 B\n4 b\n5 c\n5 C\n6 D\n");
        expect_merged(7, "1 a\n2 A\n3 B\n4 b\n5 c\n5 C\n6 D\n");
        expect_merged(2, "5 C\n6 D\n");
}

static void one_alone_stays_as_it_is(void **state) {
        phx_cleanup(phx_answer_history_done) struct phx_answer_history history = { 0 };
        phx_cleanup(phx_answer_history_done) struct phx_answer_history tasks = { 0 };
        phx_autofree char *text = NULL;

        assert_int_equal(history_merge(&history, &tasks, 1), 0);
        assert_int_equal(history.count, 0);
        add(&tasks, 1, "A");
        assert_int_equal(history_merge(&history, &tasks, 1), 0);
        assert_int_equal(history_merge(&history, &tasks, 1), 0);
        text = shown(&history);
        assert_string_equal(text, "1 A\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(who_did_it_is_told),
                TEST(all_that_is_known_is_in_the_event),
                TEST(each_kind_has_its_words),
                TEST(a_user_may_have_a_name_beyond_ascii),
                TEST(only_what_is_asked_for_is_told),
                TEST(another_nodes_tasks_name_it),
                TEST(one_that_runs_has_no_end),
                TEST(one_in_two_files_is_told_once),
                TEST(damaged_lines_are_passed_over),
                TEST(a_result_cannot_paint_the_terminal),
                TEST(of_a_huge_file_the_end_is_read),
                TEST(without_a_log_there_are_none),
                TEST(one_that_cannot_be_read_is_named),
                TEST(permission_is_asked_of_the_kernel),
                cmocka_unit_test(both_are_in_the_order_of_time),
                cmocka_unit_test(one_alone_stays_as_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
