/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is about all objects takes the loop many turns, and others are answered between them. */

#include "bus-fixture.h"

#define MANY 1500U

struct arrival {
        unsigned order; /* the first one is 1 */
        sd_bus_message *reply;
};

static unsigned arrivals;

static int on_arrival(sd_bus_message *reply, void *data, sd_bus_error *error) {
        struct arrival *arrival = data;

        arrival->order = ++arrivals;
        arrival->reply = sd_bus_message_ref(reply);
        return 0;
}

static void ask(const struct fixture *fixture,
                const char *interface,
                const char *method,
                struct arrival *arrival) {
        assert_true(sd_bus_call_method_async(
                                    fixture->client,
                                    NULL,
                                    "org.phoenixd1",
                                    "/org/phoenixd1",
                                    interface,
                                    method,
                                    on_arrival,
                                    arrival,
                                    "") >= 0);
}

static unsigned count_entries(sd_bus_message *reply, const char *type) {
        unsigned count = 0;

        assert_true(sd_bus_message_enter_container(reply, 'a', type) > 0);
        while (!sd_bus_message_at_end(reply, false)) {
                assert_true(sd_bus_message_skip(reply, type) >= 0);
                count++;
        }
        return count;
}

/* The properties of the first object are those that it answers itself. */
static void expect_first_object(const struct fixture *fixture, sd_bus_message *reply) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *all = NULL;
        const char *path, *name, *want;

        assert_true(sd_bus_message_rewind(reply, true) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}") > 0);
        assert_true(sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}") > 0);
        assert_true(sd_bus_message_read(reply, "o", &path) > 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "{sa{sv}}") > 0);
        for (unsigned i = 0; i < 3; i++)
                assert_true(sd_bus_message_skip(reply, "{sa{sv}}") >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'e', "sa{sv}") > 0);
        assert_true(sd_bus_message_read(reply, "s", &name) > 0);
        assert_string_equal(name, "org.phoenixd1.Profile");
        assert_true(sd_bus_call_method(
                                    fixture->client,
                                    "org.phoenixd1",
                                    path,
                                    "org.freedesktop.DBus.Properties",
                                    "GetAll",
                                    NULL,
                                    &all,
                                    "s",
                                    name) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
        assert_true(sd_bus_message_enter_container(all, 'a', "{sv}") > 0);
        while (sd_bus_message_enter_container(all, 'e', "sv") > 0) {
                const char *type, *text, *want_text;

                assert_true(sd_bus_message_enter_container(reply, 'e', "sv") > 0);
                assert_true(sd_bus_message_read(all, "s", &want) > 0);
                assert_true(sd_bus_message_read(reply, "s", &name) > 0);
                assert_string_equal(name, want);
                assert_true(sd_bus_message_peek_type(all, NULL, &type) > 0);
                if (strcmp(type, "s") == 0) {
                        assert_true(sd_bus_message_read(all, "v", "s", &want_text) > 0);
                        assert_true(sd_bus_message_read(reply, "v", "s", &text) > 0);
                        assert_string_equal(text, want_text);
                } else {
                        assert_true(sd_bus_message_skip(all, "v") > 0);
                        assert_true(sd_bus_message_skip(reply, "v") > 0);
                }
                assert_true(sd_bus_message_exit_container(reply) > 0);
                assert_true(sd_bus_message_exit_container(all) > 0);
        }
        assert_int_equal(sd_bus_message_at_end(reply, false), 1);
}

static void expect_described(sd_bus_message *reply) {
        struct phx_description description = { 0 };
        struct phx_error error = { 0 };
        const char *text;

        assert_true(sd_bus_message_read(reply, "s", &text) > 0);
        if (phx_description_parse(text, strlen(text), &description, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(description.snapshot->container_count, MANY + 1);
        phx_description_done(&description);
}

/* An answer about thousands of objects is written in turns: one about the daemon, asked for later,
 * is there before. */
static void what_is_about_all_is_answered_in_turns(void **state) {
        static const char manager[] = "org.phoenixd1.Manager";
        struct arrival managed = { 0 }, listed = { 0 }, described = { 0 }, daemon = { 0 };
        struct fixture *fixture = *state;

        arrivals = 0;
        shared->profiles = MANY;
        shared->containers = MANY;
        start_all(fixture);
        ask(fixture, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", &managed);
        ask(fixture, manager, "ListContainers", &listed);
        ask(fixture, manager, "Describe", &described);
        ask(fixture, manager, "DescribeDaemon", &daemon);
        while (arrivals < 4)
                if (sd_bus_process(fixture->client, NULL) == 0)
                        assert_true(sd_bus_wait(fixture->client, 20 * S) > 0);
        assert_int_equal(daemon.order, 1);
        assert_int_equal(count_entries(listed.reply, "(ssso)"), MANY + 1);
        assert_int_equal(count_entries(managed.reply, "{oa{sa{sv}}}"), 2 * MANY + 1);
        expect_first_object(fixture, managed.reply);
        expect_described(described.reply);
        sd_bus_message_unref(managed.reply);
        sd_bus_message_unref(listed.reply);
        sd_bus_message_unref(described.reply);
        sd_bus_message_unref(daemon.reply);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                what_is_about_all_is_answered_in_turns,
                                setup,
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
