/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What phoenixctl asks phoenixd for, over a bus: as much as it shows, and the same as if it had
 * asked for everything. */

#include "bus-fixture.h"
#include "phoenixctl/remote.h"

#define CONTAINERS 2500
#define REMARKS 60

static const struct ctl ctl;

static int setup_many(void **state) {
        struct fixture *fixture;
        int r = setup(state);

        fixture = *state;
        shared->containers = CONTAINERS;
        shared->remarks = REMARKS;
        start_all(fixture);
        return r < 0 ? r : setenv("DBUS_SYSTEM_BUS_ADDRESS", fixture->address, 1);
}

static void lists_come_whole_in_pages(void **state) {
        phx_cleanup(phx_description_done) struct phx_description whole = { 0 };
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        phx_autofree char *text = NULL, *want = NULL;
        struct phx_tally tally;

        assert_int_equal(remote_describe(&ctl, NULL, &whole, NULL), 0);
        assert_int_equal(
                        remote_view(&ctl,
                                    NULL,
                                    REMOTE_PROFILES | REMOTE_CONTAINERS | REMOTE_UNMANAGED |
                                                    REMOTE_DRIFTS,
                                    &view),
                        0);
        assert_false(view.is_whole);
        assert_int_equal(view.description.snapshot->container_count, CONTAINERS + 1);
        assert_int_equal(phx_snapshot_render(view.description.snapshot, &text), 0);
        assert_int_equal(phx_snapshot_render(whole.snapshot, &want), 0);
        assert_string_equal(text, want);
        phx_tally_count(whole.snapshot, &tally);
        assert_memory_equal(&view.tally, &tally, sizeof(tally));
}

static void a_list_that_is_not_shown_is_not_asked_for(void **state) {
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };

        assert_int_equal(remote_view(&ctl, NULL, REMOTE_PROFILES, &view), 0);
        assert_int_equal(view.description.snapshot->profile_count, 2);
        assert_int_equal(view.description.snapshot->container_count, 0);
        assert_int_equal(view.description.snapshot->drift_count, 0);
        assert_int_equal(view.tally.containers, CONTAINERS + 1);
        assert_true(view.description.daemon.health == PHX_HEALTH_IN_SYNC);
}

static void one_object_comes_with_its_profile_and_drifts(void **state) {
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        char container[] = "101", none[] = "nobody";
        char *names[] = { container, none, container };
        const struct phx_snapshot *snapshot;

        assert_int_equal(remote_view_objects(&ctl, NULL, 3, names, &view), 0);
        snapshot = view.description.snapshot;
        assert_int_equal(snapshot->container_count, 1);
        assert_string_equal(snapshot->containers[0].id, "101");
        assert_int_equal(snapshot->profile_count, 1);
        assert_string_equal(snapshot->profiles[0].name, "lxc-000");
        assert_int_equal(snapshot->drift_count, 2);
}

/* The page of status has the first drifts and knows how many there are; what to do about one may
 * depend on its container. */
static void what_needs_attention_comes_with_its_containers(void **state) {
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        const struct phx_snapshot *snapshot;

        assert_int_equal(remote_view_attention(&ctl, NULL, 10, &view), 0);
        snapshot = view.description.snapshot;
        assert_int_equal(view.tally.attention, REMARKS + 2);
        assert_true(snapshot->drift_count >= 10 && snapshot->drift_count <= REMARKS + 2);
        /* The first two are about the same one. */
        assert_int_equal(snapshot->container_count, 9);
        assert_non_null(phx_snapshot_find_container(snapshot, snapshot->drifts[9].object));
}

static void a_page_has_a_limit(void **state) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *page = phx_snapshot_new();
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        struct fixture *fixture = *state;
        phx_autofree char *next = NULL;
        const char *text;

        assert_true(sd_bus_call_method(
                                    fixture->client,
                                    "org.phoenixd1",
                                    "/org/phoenixd1",
                                    "org.phoenixd1.Manager",
                                    "DescribeObjects",
                                    NULL,
                                    &reply,
                                    "ssu",
                                    "containers",
                                    "c00001",
                                    UINT32_MAX) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &text) >= 0);
        assert_int_equal(phx_page_parse(text, strlen(text), page, &next, NULL), 0);
        assert_int_equal(page->container_count, 1000);
        assert_string_equal(page->containers[0].id, "c00002");
        assert_string_equal(next, page->containers[999].id);
        /* Texts of a plan are not for everybody. */
        assert_true(sd_bus_call_method(
                                    fixture->client,
                                    "org.phoenixd1",
                                    "/org/phoenixd1",
                                    "org.phoenixd1.Manager",
                                    "DescribeObjects",
                                    &error,
                                    NULL,
                                    "ssu",
                                    "steps",
                                    "",
                                    0U) < 0);
        assert_string_equal(error.name, SD_BUS_ERROR_INVALID_ARGS);
}

/* --- an earlier version --- */

static int earlier_describe(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        phx_autofree char *text = NULL;
        struct phx_daemon daemon;

        phx_daemon_init(&daemon);
        shared->containers = 3;
        snapshot->containers = calloc(3, sizeof(*snapshot->containers));
        assert_non_null(snapshot->containers);
        add_containers(snapshot);
        assert_int_equal(phx_description_render(&daemon, snapshot, &text), 0);
        return sd_bus_reply_method_return(message, "s", text);
}

static const sd_bus_vtable earlier_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Describe", "", "s", earlier_describe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static _Noreturn void serve(const struct fixture *fixture, const sd_bus_vtable *vtable) {
        sd_bus *bus = NULL;
        int r;

        r = try_connect(fixture, &bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(
                                bus,
                                NULL,
                                "/org/phoenixd1",
                                "org.phoenixd1.Manager",
                                vtable,
                                NULL);
        if (r >= 0)
                r = sd_bus_request_name(bus, "org.phoenixd1", 0);
        while (r >= 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        _exit(1);
}

static int setup_served(void **state, const sd_bus_vtable *vtable) {
        struct fixture *fixture;
        int r = setup(state);

        fixture = *state;
        start_bus(fixture);
        connect_client(fixture);
        fixture->manager = fork();
        if (fixture->manager == 0)
                serve(fixture, vtable);
        wait_for_daemon(fixture->client);
        return r < 0 ? r : setenv("DBUS_SYSTEM_BUS_ADDRESS", fixture->address, 1);
}

static int setup_earlier(void **state) {
        return setup_served(state, earlier_vtable);
}

/* It knows Describe() alone, and has everything in it. */
static void an_earlier_version_is_asked_for_everything(void **state) {
        phx_cleanup(remote_view_done) struct remote_view lists = { 0 }, objects = { 0 },
                                                         attention = { 0 };
        char id[] = "c00001";
        char *names[] = { id };

        assert_int_equal(remote_view(&ctl, NULL, REMOTE_CONTAINERS, &lists), 0);
        assert_true(lists.is_whole);
        assert_int_equal(lists.description.snapshot->container_count, 3);
        assert_int_equal(lists.tally.containers, 3);
        assert_int_equal(remote_view_objects(&ctl, NULL, 1, names, &objects), 0);
        assert_non_null(phx_snapshot_find_container(objects.description.snapshot, id));
        assert_int_equal(remote_view_attention(&ctl, NULL, 10, &attention), 0);
        assert_true(attention.is_whole);
}

/* --- one that leaves in the middle --- */

static int daemon_alone(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        phx_autofree char *text = NULL;
        struct phx_daemon daemon;
        struct phx_tally tally;

        phx_daemon_init(&daemon);
        phx_tally_count(snapshot, &tally);
        assert_int_equal(phx_daemon_render(&daemon, snapshot, &tally, &text), 0);
        return sd_bus_reply_method_return(message, "s", text);
}

static int leave(sd_bus_message *message, void *data, sd_bus_error *error) {
        _exit(0);
}

static const sd_bus_vtable leaving_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("DescribeDaemon", "", "s", daemon_alone, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("DescribeObjects", "ssu", "s", leave, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int setup_leaving(void **state) {
        return setup_served(state, leaving_vtable);
}

static int on_gone(void *data, const char *text, struct phx_description *description) {
        unsigned *gone = data;

        if (text)
                return CTL_ERROR;
        return ++*gone < 2 ? 0 : CTL_SOMETHING;
}

/* The watch goes on: its next question, for the name that has no owner, has the same answer. */
static void a_watch_outlives_a_daemon_that_leaves_between_pages(void **state) {
        unsigned gone = 0;

        assert_int_equal(remote_watch(&ctl, on_gone, &gone), CTL_SOMETHING);
        assert_int_equal(gone, 2);
}

#define VIEW_TEST(test) cmocka_unit_test_setup_teardown(test, setup_many, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                VIEW_TEST(lists_come_whole_in_pages),
                VIEW_TEST(a_list_that_is_not_shown_is_not_asked_for),
                VIEW_TEST(one_object_comes_with_its_profile_and_drifts),
                VIEW_TEST(what_needs_attention_comes_with_its_containers),
                VIEW_TEST(a_page_has_a_limit),
                cmocka_unit_test_setup_teardown(
                                an_earlier_version_is_asked_for_everything,
                                setup_earlier,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                a_watch_outlives_a_daemon_that_leaves_between_pages,
                                setup_leaving,
                                teardown),
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
