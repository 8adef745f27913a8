/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>

#include "base/strings.h"
#include "engine/restart.h"
#include "loop.h"
#include "state/report.h"

/* The list of the engine: asked for, kept, told; and the windows, which are asked for in time. */

#define NOW UINT64_C(1796439600000000)
/* Some milliseconds before. */
#define AT "1796439599990000"

struct fixture {
        char root[64], program[128];
        int fd;
        struct phx_audit audit;
        struct phx_calendar calendar;
        struct phx_restart_settings settings;
        char story[1024];
};

static void remember(void *data, const struct phx_record *record) {
        struct fixture *fixture = data;
        size_t used = strlen(fixture->story);

        (void) snprintf(fixture->story + used,
                        sizeof(fixture->story) - used,
                        "%s %s %s; ",
                        phx_record_kind_to_string(record->kind),
                        record->container ? record->container : "-",
                        record->message);
}

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));

        assert_non_null(fixture);
        (void) snprintf(fixture->root, sizeof(fixture->root), "/tmp/test-restart-XXXXXX");
        make_directory(fixture->root);
        (void) snprintf(fixture->program, sizeof(fixture->program), "%s/analyze", fixture->root);
        fixture->fd = open(fixture->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fixture->fd >= 0);
        fixture->audit = (struct phx_audit){ .record = remember, .data = fixture };
        fixture->calendar = (struct phx_calendar){ fixture->program, 10 * S };
        fixture->settings.window_usec = 3600 * S;
        *state = fixture;
        return 0;
}

static int teardown(void **state) {
        struct fixture *fixture = *state;

        phx_strings_done(&fixture->settings.windows);
        (void) close(fixture->fd);
        remove_tree(fixture->root);
        free(fixture);
        return 0;
}

static void expect_story(struct fixture *fixture, const char *story) {
        assert_string_equal(fixture->story, story);
        fixture->story[0] = '\0';
}

/* 101 and 103 require a restart, 104 does too and is suspended, 102 does not. */
static struct phx_snapshot *snapshot_of_four(void) {
        static const char *const ids[] = { "101", "102", "103", "104" };
        struct phx_snapshot *snapshot = phx_snapshot_new();

        assert_non_null(snapshot);
        snapshot->containers = calloc(PHX_ELEMENTS(ids), sizeof(*snapshot->containers));
        assert_non_null(snapshot->containers);
        for (size_t i = 0; i < PHX_ELEMENTS(ids); i++) {
                struct phx_snapshot_container *container =
                                &snapshot->containers[snapshot->container_count++];

                assert_int_equal(phx_replace(&container->id, ids[i]), 0);
                container->due = i == 1 ? PHX_RESTART_DUE_NONE : PHX_RESTART_DUE_POLICY;
        }
        assert_int_equal(phx_replace(&snapshot->containers[3].suspended.object, "104"), 0);
        return snapshot;
}

static int ask(struct restart *restart, const char *text, struct phx_error *error) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = snapshot_of_four();
        phx_cleanup(restart_asks_done) struct restart_asks asks = { 0 };

        assert_int_equal(restart_asks_from_text(text, &asks), 0);
        return restart_ask(restart, &asks, snapshot, NOW, error);
}

static void start(struct fixture *fixture, struct restart *restart) {
        assert_int_equal(
                        restart_init(restart,
                                     fixture->fd,
                                     &fixture->calendar,
                                     &fixture->audit,
                                     NULL),
                        0);
}

static void what_is_asked_for_is_kept_and_told_once(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(restart_done) struct restart restart = { 0 }, next = { 0 };

        start(fixture, &restart);
        assert_int_equal(ask(&restart, "in-window 1000 " AT " 103\n", NULL), 1);
        expect_story(fixture,
                     "restart-asked 103 103: restart requested by uid 1000, in the next window; ");
        /* An engine that died after this is asked once more. */
        assert_int_equal(ask(&restart, "in-window 1000 " AT " 103\n", NULL), 0);
        expect_story(fixture, "");
        start(fixture, &next);
        assert_int_equal(next.list.count, 1);
        assert_string_equal(next.list.items[0].id, "103");
        assert_int_equal(next.list.items[0].phase, PHX_RESTART_ASKED);
        assert_int_equal(next.list.items[0].when, PHX_RESTART_IN_WINDOW);
        assert_int_equal(next.list.items[0].since, NOW);
        expect_story(fixture, "");
}

static void all_are_those_that_require_one_and_are_not_suspended(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(restart_done) struct restart restart = { 0 };

        start(fixture, &restart);
        assert_int_equal(ask(&restart, "now 0 " AT " *\n", NULL), 1);
        assert_int_equal(restart.list.count, 2);
        assert_int_equal(restart.list.items[0].when, PHX_RESTART_NOW);
        expect_story(fixture,
                     "restart-asked 101 101: restart requested by uid 0; "
                     "restart-asked 103 103: restart requested by uid 0; ");
}

/* What waits for a compile is asked for with each pass. */
static void what_came_of_a_request_is_not_requested_again(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(restart_done) struct restart restart = { 0 };
        struct phx_restart_item *item;

        start(fixture, &restart);
        assert_int_equal(ask(&restart, "now 0 " AT " 101\n", NULL), 1);
        expect_story(fixture, "restart-asked 101 101: restart requested by uid 0; ");
        item = phx_restarts_find(&restart.list, "101");
        item->phase = PHX_RESTART_FAILED;
        assert_int_equal(ask(&restart, "now 0 " AT " 101\n", NULL), 0);
        assert_int_equal(restart.list.items[0].phase, PHX_RESTART_FAILED);
        /* Of all, only those that it was not requested of yet. */
        assert_int_equal(ask(&restart, "now 0 " AT " *\n", NULL), 1);
        expect_story(fixture, "restart-asked 103 103: restart requested by uid 0; ");
        assert_int_equal(restart.list.items[0].phase, PHX_RESTART_FAILED);
        /* Somebody has seen that it failed, and asks for another try. */
        assert_int_equal(ask(&restart, "now 0 1796439600000001 101\n", NULL), 1);
        assert_int_equal(restart.list.items[0].phase, PHX_RESTART_ASKED);
        expect_story(fixture, "restart-asked 101 101: restart requested by uid 0; ");
}

/* The later one counts, also when both come at once, and then with each pass. */
static void two_requests_for_one_container_do_not_alternate(void **state) {
        static const char both[] = "now 0 " AT " 101\nin-window 0 1796439599995000 101\n";
        struct fixture *fixture = *state;
        phx_cleanup(restart_done) struct restart restart = { 0 };

        start(fixture, &restart);
        assert_int_equal(ask(&restart, both, NULL), 1);
        assert_int_equal(restart.list.items[0].when, PHX_RESTART_IN_WINDOW);
        fixture->story[0] = '\0';
        assert_int_equal(ask(&restart, both, NULL), 0);
        expect_story(fixture, "");
}

static void one_that_requires_none_or_is_suspended_is_not_restarted(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(restart_done) struct restart restart = { 0 };

        start(fixture, &restart);
        assert_int_equal(
                        ask(&restart,
                            "now 0 " AT " 102\nnow 0 " AT " 104\nnow 0 " AT " 105\n",
                            NULL),
                        0);
        assert_int_equal(restart.list.count, 0);
        expect_story(fixture, "");
}

static void what_cannot_be_stored_is_not_asked_for(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(restart_done) struct restart restart = { 0 };
        struct phx_error error = { 0 };
        char path[128];

        start(fixture, &restart);
        /* Nothing can be renamed over a directory that is not empty. */
        (void) snprintf(path, sizeof(path), "%s/restarts.json", fixture->root);
        assert_int_equal(mkdir(path, 0755), 0);
        write_file(path, "in-the-way", "");
        assert_true(ask(&restart, "now 0 " AT " 101\n", &error) < 0);
        assert_true(phx_has_prefix(error.text, "restarts.json: cannot be written: "));
        assert_int_equal(restart.list.count, 0);
        expect_story(fixture, "");
}

static void a_damaged_list_is_told_and_empty(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(restart_done) struct restart restart = { 0 };

        write_file(fixture->root, "restarts.json", "{ nonsense");
        start(fixture, &restart);
        assert_int_equal(restart.list.count, 0);
        expect_story(fixture,
                     "remark - the restarts cannot be read; no restart is under way or requested; ");
}

static void stand_in(struct fixture *fixture, const char *answer) {
        char text[256];

        (void) snprintf(text,
                        sizeof(text),
                        "#!/bin/sh\necho x >>%s/asked\n%s",
                        fixture->root,
                        answer);
        write_file(fixture->root, "analyze", text);
        assert_int_equal(chmod(fixture->program, 0755), 0);
}

static bool note(struct fixture *fixture, struct restart *restart, size_t count) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = snapshot_of_four();

        /* Without the first, none of the others. */
        for (size_t i = count; i < snapshot->container_count; i++)
                snapshot->containers[i].due = PHX_RESTART_DUE_NONE;
        return restart_note(restart, &fixture->settings, snapshot);
}

/* As long as nothing waits, systemd is not asked; then at once, and no more often than it must. */
static void windows_are_asked_for_when_something_waits(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(restart_done) struct restart restart = { 0 };
        struct phx_window window;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/asked", fixture->root);
        stand_in(fixture, "echo '    Next elapse: Sat 2026-12-05 02:30:00 UTC'\n");
        assert_int_equal(phx_strings_add(&fixture->settings.windows, "02:30"), 0);
        start(fixture, &restart);
        assert_false(note(fixture, &restart, 0));
        assert_int_equal(restart_window(&restart, &fixture->settings, NOW, &window), 0);
        assert_false(window.is_known);
        assert_false(window.is_open);
        assert_int_not_equal(access(path, F_OK), 0);

        assert_true(note(fixture, &restart, 1));
        assert_int_equal(restart_window(&restart, &fixture->settings, NOW, &window), 0);
        assert_true(window.is_known);
        assert_true(window.is_open);
        assert_int_equal(window.until_usec, NOW + 1800 * S);
        assert_int_equal(access(path, F_OK), 0);
        assert_false(note(fixture, &restart, 1));
        expect_story(fixture, "");
}

static void without_windows_none_opens(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(restart_done) struct restart restart = { 0 };
        struct phx_window window = { 0 };

        start(fixture, &restart);
        assert_false(note(fixture, &restart, 1));
        assert_int_equal(restart_window(&restart, &fixture->settings, NOW, &window), 0);
        assert_true(window.is_known);
        assert_false(window.is_open);
        assert_int_equal(window.next_usec, PHX_NEVER);
}

static void trouble_with_systemd_is_told_once(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(restart_done) struct restart restart = { 0 };
        struct phx_window window;

        stand_in(fixture, "exit 7\n");
        assert_int_equal(phx_strings_add(&fixture->settings.windows, "02:30"), 0);
        start(fixture, &restart);
        (void) note(fixture, &restart, 1);
        for (uint64_t i = 0; i < 3; i++) {
                assert_int_equal(
                                restart_window(&restart,
                                               &fixture->settings,
                                               NOW + i * 60 * S,
                                               &window),
                                0);
                assert_false(window.is_known);
        }
        assert_non_null(strstr(fixture->story, "restart_windows: no window opens: "));
        assert_null(strstr(fixture->story + 1, "remark"));
        fixture->story[0] = '\0';
        stand_in(fixture, "echo '    Next elapse: never'\n");
        assert_int_equal(restart_window(&restart, &fixture->settings, NOW + 180 * S, &window), 0);
        assert_true(window.is_known);
        expect_story(fixture, "remark - resolved: restart_windows: systemd answers again; ");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                what_is_asked_for_is_kept_and_told_once,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                all_are_those_that_require_one_and_are_not_suspended,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                what_came_of_a_request_is_not_requested_again,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                two_requests_for_one_container_do_not_alternate,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                one_that_requires_none_or_is_suspended_is_not_restarted,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                what_cannot_be_stored_is_not_asked_for,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(a_damaged_list_is_told_and_empty, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                windows_are_asked_for_when_something_waits,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(without_windows_none_opens, setup, teardown),
                cmocka_unit_test_setup_teardown(trouble_with_systemd_is_told_once, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
