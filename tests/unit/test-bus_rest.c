/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The loop gives back the memory that long answers and much news have taken. Each malloc_trim() is
 * counted (--wrap): when it comes is of no interest, and a test that waits for one in vain fails.
 */

#include <malloc.h>

#include "bus-fixture.h"
#include "bus/private.h"

/* So many that the list of them is long, and their coming is much news. */
#define MANY 4000U
/* See answers.c. */
#define LONG_ANSWER ((size_t) 64 * 1024)

int __real_malloc_trim(size_t pad);
int __wrap_malloc_trim(size_t pad);

int __wrap_malloc_trim(size_t pad) {
        shared->trims++;
        return __real_malloc_trim(pad);
}

static void wait_for_trim(unsigned count) {
        for (int i = 0; i < 3000 && shared->trims < count; i++)
                (void) usleep(10 * MS);
        assert_int_equal(shared->trims, count);
}

/* What has come with the first look is announced, and nothing was asked for yet. */
static int setup_announced(void **state) {
        struct fixture *fixture;
        int r = setup(state);

        fixture = *state;
        shared->containers = MANY;
        start_bus(fixture);
        connect_client(fixture);
        start_manager(fixture, LOOKS);
        wait_for_daemon(fixture->client);
        return r;
}

static void describe_objects(sd_bus *client) {
        assert_true(sd_bus_call_method(
                                    client,
                                    "org.phoenixd1",
                                    "/org/phoenixd1",
                                    "org.phoenixd1.Manager",
                                    "DescribeObjects",
                                    NULL,
                                    NULL,
                                    "ssu",
                                    "containers",
                                    "",
                                    0) >= 0);
}

static void it_is_given_back_after_much_news_and_after_each_long_answer(void **state) {
        static const char *const methods[] = { "ListContainers", "Describe", NULL };
        const struct fixture *fixture = *state;

        wait_for_trim(1);
        for (unsigned i = 0; i < PHX_ELEMENTS(methods); i++) {
                if (methods[i])
                        assert_true(call(fixture->client, methods[i], NULL, NULL, NULL) >= 0);
                else
                        describe_objects(fixture->client);
                wait_for_trim(2 + i);
        }
}

/* --- the timer alone --- */

static bool is_due(struct bus *bus) {
        int enabled = SD_EVENT_OFF;

        assert_true(sd_event_source_get_enabled(bus->rest, &enabled) >= 0);
        return enabled != SD_EVENT_OFF;
}

/* So who asks for nothing is not woken for it. */
static void short_answers_and_idleness_wake_nobody(void **state) {
        struct bus bus = { 0 };

        *shared = (struct shared){ 0 };
        assert_true(sd_event_new(&bus.event) >= 0);
        assert_true(bus_answers_attach(&bus) >= 0);
        assert_false(is_due(&bus));
        bus_answer_made(&bus, LONG_ANSWER - 1);
        assert_false(is_due(&bus));
        for (unsigned i = 0; i < 3; i++)
                bus_answer_made(&bus, LONG_ANSWER);
        assert_true(is_due(&bus));
        assert_int_equal(shared->trims, 0);
        assert_true(sd_event_run(bus.event, 30 * S) > 0);
        assert_int_equal(shared->trims, 1);
        assert_false(is_due(&bus));
        bus.rest = sd_event_source_disable_unref(bus.rest);
        bus.turn = sd_event_source_disable_unref(bus.turn);
        bus.event = sd_event_unref(bus.event);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                it_is_given_back_after_much_news_and_after_each_long_answer,
                                setup_announced,
                                teardown),
                cmocka_unit_test(short_answers_and_idleness_wake_nobody),
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
