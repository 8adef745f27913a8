/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>

#include "base/strings.h"
#include "engine/suspend.h"
#include "loop.h"

/* The list of the engine: kept, told, over in time. */

struct fixture {
        char root[64];
        int fd;
        struct phx_audit audit;
        char story[1024];
};

static void remember(void *data, const struct phx_record *record) {
        struct fixture *fixture = data;
        size_t used = strlen(fixture->story);

        (void) snprintf(fixture->story + used,
                        sizeof(fixture->story) - used,
                        "%s %s %s; ",
                        phx_record_kind_to_string(record->kind),
                        record->container ? "container"
                        : record->profile ? "profile"
                                          : "-",
                        record->message);
}

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));

        assert_non_null(fixture);
        (void) snprintf(fixture->root, sizeof(fixture->root), "/tmp/test-suspend-XXXXXX");
        make_directory(fixture->root);
        fixture->fd = open(fixture->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fixture->fd >= 0);
        fixture->audit = (struct phx_audit){ .record = remember, .data = fixture };
        *state = fixture;
        return 0;
}

static int teardown(void **state) {
        struct fixture *fixture = *state;

        (void) close(fixture->fd);
        remove_tree(fixture->root);
        free(fixture);
        return 0;
}

#define ITEM(object, until) \
        "{\"object\":\"" object "\",\"reason\":\"r\",\"since\":1,\"until\":" until ",\"by_uid\":0}"
#define LIST(items) "{\"version\":1,\"suspensions\":[" items "]}"

static void expect_story(struct fixture *fixture, const char *story) {
        assert_string_equal(fixture->story, story);
        fixture->story[0] = '\0';
}

static void a_change_is_told_once_and_outlasts_a_restart(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(suspend_done) struct suspend suspend = { 0 }, next = { 0 };
        static const char list[] = LIST(ITEM("101", "2000000") "," ITEM("lxc-web", "null"));

        assert_int_equal(suspend_init(&suspend, fixture->fd, &fixture->audit, NULL), 0);
        assert_int_equal(suspend_replace(&suspend, list, NULL), 0);
        expect_story(fixture,
                     "suspended container 101: suspended by uid 0 until 1970-01-01 00:00:02 UTC: "
                     "r; suspended profile lxc-web: suspended by uid 0 until it is resumed: r; ");
        assert_int_equal(suspend_replace(&suspend, list, NULL), 0);
        expect_story(fixture, "");

        assert_int_equal(suspend_init(&next, fixture->fd, &fixture->audit, NULL), 0);
        assert_int_equal(next.list.count, 2);
        assert_int_equal(suspend_replace(&next, LIST(ITEM("101", "2000000")), NULL), 0);
        expect_story(fixture, "resumed profile lxc-web: no longer suspended: resumed; ");
}

static void what_is_over_is_over_for_good(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(suspend_done) struct suspend suspend = { 0 }, next = { 0 };

        assert_int_equal(suspend_init(&suspend, fixture->fd, &fixture->audit, NULL), 0);
        assert_int_equal(suspend_replace(&suspend, LIST(ITEM("*", "5")), NULL), 0);
        fixture->story[0] = '\0';
        assert_int_equal(suspend_expire(&suspend, 4, NULL), 0);
        expect_story(fixture, "");
        assert_int_equal(suspend_expire(&suspend, 5, NULL), 1);
        expect_story(fixture,
                     "suspension-ended - everything: no longer suspended: the suspension expired; "
                     "");
        assert_int_equal(suspend_init(&next, fixture->fd, &fixture->audit, NULL), 0);
        assert_int_equal(next.list.count, 0);
}

static void what_cannot_be_read_is_told_and_suspends_nothing(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(suspend_done) struct suspend suspend = { 0 };

        write_file(fixture->root, "suspensions.json", "{");
        assert_int_equal(suspend_init(&suspend, fixture->fd, &fixture->audit, NULL), 0);
        assert_int_equal(suspend.list.count, 0);
        assert_true(phx_has_prefix(fixture->story, "remark - the suspensions cannot be read"));
}

static void what_cannot_be_kept_does_not_hold(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(suspend_done) struct suspend suspend = { 0 };
        struct phx_error error = { 0 };

        assert_int_equal(suspend_init(&suspend, fixture->fd, &fixture->audit, NULL), 0);
        suspend.state_fd = -1;
        assert_true(suspend_replace(&suspend, LIST(ITEM("101", "null")), &error) < 0);
        assert_true(phx_has_prefix(error.text, "suspensions.json: cannot be written: "));
        assert_int_equal(suspend.list.count, 0);
        expect_story(fixture, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                a_change_is_told_once_and_outlasts_a_restart,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(what_is_over_is_over_for_good, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                what_cannot_be_read_is_told_and_suspends_nothing,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(what_cannot_be_kept_does_not_hold, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
