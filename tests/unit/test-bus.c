/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "bus-fixture.h"

static void expect_error(
                const struct fixture *fixture,
                const char *method,
                const char *argument,
                const char *name) {
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        assert_true(call(fixture->client, method, argument, &error, NULL) < 0);
        assert_string_equal(error.name, name);
}

static void what_is_known_is_told_at_any_time(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(phx_description_done) struct phx_description now = { 0 };
        uint64_t began;

        start_all(fixture);
        now = described(fixture->client);
        assert_true(now.daemon.health == PHX_HEALTH_IN_SYNC);
        assert_string_equal(now.daemon.status, "In sync: caf?");
        assert_string_equal(now.daemon.version, PHX_VERSION);
        assert_int_equal(now.snapshot->profile_count, 2);
        assert_int_equal(now.daemon.pass.number, 1);
        assert_int_equal(now.daemon.passes, 1);
        assert_true(now.daemon.pass.ended_at >= now.daemon.pass.began_at);
        assert_true(now.daemon.next_look_at > now.daemon.pass.ended_at + 500 * S);
        assert_true(now.daemon.last_converged_at == now.daemon.pass.ended_at);

        /* The engine is busy, and the answer is there. */
        shared->behaviour = LOOKS_LONG;
        assert_int_equal(kill(fixture->manager, SIGHUP), 0);
        for (int i = 0; i < 200 && shared->looks < 2; i++)
                (void) usleep(5 * MS);
        assert_int_equal(shared->looks, 2);
        began = clock_usec();
        phx_description_done(&now);
        now = described(fixture->client);
        assert_true(clock_usec() - began < 50 * MS);
        assert_int_equal(now.daemon.pass.number, 2);
}

static int compare_times(const void *a, const void *b) {
        const uint64_t *left = a, *right = b;

        return (*left > *right) - (*left < *right);
}

static uint64_t usec_of(clockid_t clock) {
        struct timespec now;

        assert_int_equal(clock_gettime(clock, &now), 0);
        return (uint64_t) now.tv_sec * S + (uint64_t) now.tv_nsec / 1000;
}

/* The work of reading and writing once what the loop knows: least of some tries. */
static uint64_t work_of_a_snapshot(sd_bus *client) {
        phx_cleanup(phx_description_done) struct phx_description description = described(client);
        uint64_t least = UINT64_MAX;

        for (int i = 0; i < 5; i++) {
                uint64_t began = usec_of(CLOCK_THREAD_CPUTIME_ID), took;
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *again = NULL;
                phx_autofree char *text = NULL;

                assert_int_equal(phx_snapshot_render(description.snapshot, &text), 0);
                assert_int_equal(phx_snapshot_parse(text, strlen(text), &again, NULL), 0);
                took = usec_of(CLOCK_THREAD_CPUTIME_ID) - began;
                if (took < least)
                        least = took;
        }
        return least;
}

/* Five hundred profiles change with each look, and looks follow each other. How long an answer
 * takes depends on who else is at work on this machine, and on how this program was compiled; that
 * the loop works no more for it, and for whatever came before it, than for reading and writing
 * what it knows a few times does not. That it waits for nothing else is for the test before this
 * one. */
static void for_99_of_100_answers_the_loop_reads_what_it_knows_a_few_times(void **state) {
        struct fixture *fixture = *state;
        static uint64_t times[20000];
        size_t count = 0;
        clockid_t clock;
        unsigned looks;
        uint64_t once;

        shared->profiles = 500;
        shared->is_restless = true;
        start_all(fixture);
        assert_int_equal(clock_getcpuclockid(fixture->manager, &clock), 0);
        looks = shared->looks;
        once = work_of_a_snapshot(fixture->client);
        /* However fast the answers are, ten looks must have been made while they were given. */
        while (count < 400 || (count < PHX_ELEMENTS(times) && shared->looks < looks + 10)) {
                phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
                uint64_t began;

                if (count % 20 == 0)
                        assert_true(call(fixture->client, "ReconcileAsync", "", NULL, NULL) >= 0);
                began = usec_of(clock);
                assert_true(call(fixture->client, "Describe", NULL, NULL, &reply) >= 0);
                times[count++] = usec_of(clock) - began;
        }
        assert_true(shared->looks >= looks + 10);
        qsort(times, count, sizeof(times[0]), compare_times);
        print_message("# work for half of the answers %llu us, for 99 of 100 %llu us, for all %llu us; "
                      "reading what is known once %llu us\n",
                      (unsigned long long) times[count / 2],
                      (unsigned long long) times[count * 99 / 100],
                      (unsigned long long) times[count - 1],
                      (unsigned long long) once);
        assert_true(times[count * 99 / 100] < 6 * once);
}

static void a_name_is_a_name_of_ours_or_nothing(void **state) {
        static const char *const methods[] = {
                "Explain", "GetProfile", "GetContainer", "Reconcile", "ReconcileAsync",
        };
        struct fixture *fixture = *state;

        start_all(fixture);
        for (size_t i = 0; i < PHX_ELEMENTS(methods); i++) {
                expect_error(fixture,
                             methods[i],
                             "/etc/passwd",
                             "org.phoenixd1.Error.NoSuchObject");
                expect_error(fixture, methods[i], "lxc-zzz", "org.phoenixd1.Error.NoSuchObject");
        }
        assert_int_equal(shared->looks, 1);
}

static void an_object_stands_for_each_profile_and_container(void **state) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        phx_autofree char *posture = NULL;
        struct fixture *fixture = *state;
        const char *path;
        int running = 0;

        start_all(fixture);
        assert_true(call(fixture->client, "GetContainer", "101", NULL, &reply) >= 0);
        assert_true(sd_bus_message_read(reply, "o", &path) >= 0);
        assert_string_equal(path, "/org/phoenixd1/container/_3101");
        assert_true(sd_bus_get_property_string(
                                    fixture->client,
                                    "org.phoenixd1",
                                    path,
                                    "org.phoenixd1.Container",
                                    "Posture",
                                    NULL,
                                    &posture) >= 0);
        assert_string_equal(posture, "unconfined");
        assert_true(sd_bus_get_property_trivial(
                                    fixture->client,
                                    "org.phoenixd1",
                                    path,
                                    "org.phoenixd1.Container",
                                    "Running",
                                    NULL,
                                    'b',
                                    &running) >= 0);
        assert_true(running);
        for (int i = 0; i < 2; i++) {
                phx_cleanup(sd_bus_message_unrefp) sd_bus_message *text = NULL;
                const char *json;

                assert_true(sd_bus_call_method(
                                            fixture->client,
                                            "org.phoenixd1",
                                            i == 0 ? path : "/org/phoenixd1/profile/lxc_2d001",
                                            i == 0 ? "org.phoenixd1.Container"
                                                   : "org.phoenixd1.Profile",
                                            "Describe",
                                            NULL,
                                            &text,
                                            "") >= 0);
                assert_true(sd_bus_message_read(text, "s", &json) >= 0);
                assert_true(
                                phx_has_prefix(json,
                                               i == 0 ? "{\"version\":1,\"id\":\"101\""
                                                      : "{\"name\":\"lxc-001\""));
        }
}

static void who_asks_for_a_look_is_answered_when_it_is_over(void **state) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct fixture *fixture = *state;
        uint64_t pass = 0, began;

        start_all(fixture);
        shared->behaviour = LOOKS_LONG;
        began = clock_usec();
        assert_true(call(fixture->client, "Reconcile", "101", NULL, &reply) >= 0);
        assert_true(clock_usec() - began >= 700 * MS);
        assert_true(sd_bus_message_read(reply, "t", &pass) >= 0);
        assert_int_equal(pass, 2);
        assert_int_equal(shared->asked_looks, 1);

        shared->behaviour = LOOKS;
        assert_true(call(fixture->client, "Reload", NULL, NULL, NULL) >= 0);
        assert_int_equal(shared->asked_looks, 2);

        shared->behaviour = FAILS;
        expect_error(fixture, "Reconcile", "", "org.phoenixd1.Error.Failed");
}

static void a_look_that_is_lost_is_made_again_for_who_waits(void **state) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct fixture *fixture = *state;
        uint64_t pass = 0;

        start_all(fixture);
        shared->behaviour = DIES_ONCE;
        assert_true(call(fixture->client, "Reconcile", "", NULL, &reply) >= 0);
        assert_true(sd_bus_message_read(reply, "t", &pass) >= 0);
        assert_int_equal(pass, 3);
}

static int on_reconciled(sd_bus_message *message, void *data, sd_bus_error *error) {
        uint64_t *tokens = data, token = 0;
        const char *status;
        int ok = 0;

        assert_true(sd_bus_message_read(message, "tbs", &token, &ok, &status) >= 0);
        assert_true(ok);
        tokens[0] = token;
        return 0;
}

/* Its texts are not in what everybody may see. */
static void the_plan_is_told_to_root(void **state) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *whole = NULL;
        struct phx_snapshot_plan plan = { 0 };
        struct fixture *fixture = *state;
        const char *text = NULL;

        start_all(fixture);
        assert_true(call(fixture->client, "Plan", NULL, NULL, &reply) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &text) >= 0);
        assert_int_equal(phx_snapshot_plan_parse(text, strlen(text), &plan, NULL), 0);
        assert_int_equal(plan.step_count, 1);
        assert_string_equal(plan.steps[0].sentence, "to do");
        assert_string_equal(plan.steps[0].before, "secret");
        phx_snapshot_plan_done(&plan);
        assert_true(call(fixture->client, "Describe", NULL, NULL, &whole) >= 0);
        assert_true(sd_bus_message_read(whole, "s", &text) >= 0);
        assert_non_null(strstr(text, "to do"));
        assert_null(strstr(text, "secret"));
        assert_int_equal(shared->looks, 1);
}

static void a_token_is_named_when_its_look_is_over(void **state) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct fixture *fixture = *state;
        uint64_t token = 0, told = 0;

        start_all(fixture);
        assert_true(sd_bus_match_signal(
                                    fixture->client,
                                    NULL,
                                    NULL,
                                    "/org/phoenixd1",
                                    "org.phoenixd1.Manager",
                                    "Reconciled",
                                    on_reconciled,
                                    &told) >= 0);
        assert_true(call(fixture->client, "ReconcileAsync", "", NULL, &reply) >= 0);
        assert_true(sd_bus_message_read(reply, "t", &token) >= 0);
        for (int i = 0; i < 100 && told == 0; i++)
                if (sd_bus_process(fixture->client, NULL) == 0)
                        (void) sd_bus_wait(fixture->client, 100 * MS);
        assert_int_equal(told, token);
}

static int suspend(
                const struct fixture *fixture,
                const char *object,
                const char *reason,
                uint64_t until,
                sd_bus_error *error) {
        return sd_bus_call_method(
                        fixture->client,
                        "org.phoenixd1",
                        "/org/phoenixd1",
                        "org.phoenixd1.Manager",
                        "Suspend",
                        error,
                        NULL,
                        "sst",
                        object,
                        reason,
                        until);
}

static void what_is_suspended_is_added_to_what_was(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(phx_description_done) struct phx_description now = { 0 };

        start_all(fixture);
        assert_true(suspend(fixture, "101", "moved", 0, NULL) >= 0);
        assert_true(suspend(fixture, "lxc-000", "", UINT64_C(1) << 62, NULL) >= 0);
        assert_true(suspend(fixture, "", "all of it", 0, NULL) >= 0);
        now = described(fixture->client);
        assert_int_equal(now.snapshot->suspensions.count, 3);
        assert_string_equal(now.snapshot->suspensions.items[0].object, "*");
        assert_string_equal(now.snapshot->suspensions.items[1].reason, "moved");
        assert_true(now.snapshot->suspensions.items[1].until == PHX_NEVER);
        assert_true(now.snapshot->suspensions.items[2].until == UINT64_C(1) << 62);
        assert_true(now.snapshot->suspensions.items[2].since > now.daemon.started_at);

        assert_true(call(fixture->client, "Resume", "101", NULL, NULL) >= 0);
        expect_error(fixture, "Resume", "101", "org.phoenixd1.Error.NoSuchObject");
        assert_true(call(fixture->client, "Resume", "", NULL, NULL) >= 0);
        phx_description_done(&now);
        now = described(fixture->client);
        assert_int_equal(now.snapshot->suspensions.count, 1);
        assert_string_equal(now.snapshot->suspensions.items[0].object, "lxc-000");
}

static void what_cannot_be_suspended_is_refused_at_once(void **state) {
        static const struct {
                const char *object, *reason;
                uint64_t until;
                const char *error;
        } cases[] = {
                { "lxc-zzz", "", 0, "org.phoenixd1.Error.NoSuchObject" },
                { "../../etc", "", 0, "org.phoenixd1.Error.NoSuchObject" },
                { "101", "two\nlines", 0, SD_BUS_ERROR_INVALID_ARGS },
                { "101", "", 1, SD_BUS_ERROR_INVALID_ARGS },
                { "101", "", UINT64_MAX - 1, SD_BUS_ERROR_INVALID_ARGS },
        };
        struct fixture *fixture = *state;

        start_all(fixture);
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                assert_true(suspend(fixture,
                                    cases[i].object,
                                    cases[i].reason,
                                    cases[i].until,
                                    &error) < 0);
                assert_string_equal(error.name, cases[i].error);
        }
        assert_int_equal(shared->looks, 1);
}

static void a_suspension_is_not_lost_with_the_engine(void **state) {
        struct fixture *fixture = *state;
        phx_cleanup(phx_description_done) struct phx_description now = { 0 };

        start_all(fixture);
        shared->behaviour = DIES_ONCE;
        assert_true(suspend(fixture, "101", "moved", 0, NULL) >= 0);
        now = described(fixture->client);
        assert_int_equal(now.snapshot->suspensions.count, 1);
}

/* What the engine has stored is in force, whatever became of its pass, and stays so when the next
 * change is made. */
static void a_suspension_whose_pass_fails_is_in_force(void **state) {
        static const char in_force[] = "org.phoenixd1.Error.PassFailed";
        struct fixture *fixture = *state;
        phx_cleanup(phx_description_done) struct phx_description now = { 0 };
        phx_cleanup(sd_bus_error_free) sd_bus_error stored = SD_BUS_ERROR_NULL;
        phx_cleanup(sd_bus_error_free) sd_bus_error failed = SD_BUS_ERROR_NULL;

        start_all(fixture);
        shared->behaviour = STORES_AND_FAILS;
        assert_true(suspend(fixture, "101", "moved", 0, &stored) < 0);
        assert_string_equal(stored.name, in_force);
        expect_error(fixture, "Reconcile", "", "org.phoenixd1.Error.Failed");
        shared->behaviour = FAILS;
        assert_true(suspend(fixture, "", "all of it", 0, &failed) < 0);
        assert_string_equal(failed.name, "org.phoenixd1.Error.Failed");
        now = described(fixture->client);
        assert_int_equal(now.snapshot->suspensions.count, 1);
        assert_string_equal(now.snapshot->suspensions.items[0].object, "101");

        shared->behaviour = LOOKS;
        assert_true(suspend(fixture, "lxc-000", "", 0, NULL) >= 0);
        phx_description_done(&now);
        now = described(fixture->client);
        assert_int_equal(now.snapshot->suspensions.count, 2);

        shared->behaviour = STORES_AND_FAILS;
        expect_error(fixture, "Resume", "101", in_force);
        expect_error(fixture, "Resume", "101", "org.phoenixd1.Error.NoSuchObject");
        phx_description_done(&now);
        now = described(fixture->client);
        assert_int_equal(now.snapshot->suspensions.count, 1);
        assert_string_equal(now.snapshot->suspensions.items[0].object, "lxc-000");
}

/* --- listeners --- */

struct heard {
        unsigned added, removed, changed;
        char properties[512];
};

static int on_signal(sd_bus_message *message, void *data, sd_bus_error *error) {
        struct heard *heard = data;
        const char *interface, *name;

        heard->added += sd_bus_message_is_signal(message, NULL, "InterfacesAdded") > 0;
        heard->removed += sd_bus_message_is_signal(message, NULL, "InterfacesRemoved") > 0;
        if (sd_bus_message_is_signal(message, NULL, "PropertiesChanged") <= 0)
                return 0;
        heard->changed++;
        assert_true(sd_bus_message_read(message, "s", &interface) >= 0);
        assert_true(sd_bus_message_enter_container(message, 'a', "{sv}") >= 0);
        while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(message, "s", &name) >= 0);
                (void) strncat(heard->properties,
                               name,
                               sizeof(heard->properties) - strlen(heard->properties) - 1);
                (void) strncat(heard->properties,
                               " ",
                               sizeof(heard->properties) - strlen(heard->properties) - 1);
                assert_true(sd_bus_message_skip(message, "v") >= 0);
                assert_true(sd_bus_message_exit_container(message) >= 0);
        }
        return 0;
}

/* What the daemon says until the answer to a look; the two come in their order. */
static void listen(const struct fixture *fixture, struct heard *heard) {
        phx_cleanup(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;

        *heard = (struct heard){ 0 };
        assert_true(sd_bus_add_match(
                                    fixture->client,
                                    &slot,
                                    "type='signal',sender='org.phoenixd1'",
                                    on_signal,
                                    heard) >= 0);
        assert_true(call(fixture->client, "Reconcile", "", NULL, NULL) >= 0);
        while (sd_bus_process(fixture->client, NULL) > 0)
                ;
}

static void listeners_are_told_of_what_has_changed_alone(void **state) {
        struct fixture *fixture = *state;
        struct heard heard;

        start_all(fixture);
        /* Who listens first hears what was not told to anybody yet. */
        listen(fixture, &heard);
        listen(fixture, &heard);
        assert_int_equal(heard.added + heard.removed, 0);
        assert_string_equal(heard.properties, "LastConverged PassNumber ");

        shared->profiles = 3;
        listen(fixture, &heard);
        assert_int_equal(heard.added, 1);
        assert_int_equal(heard.removed, 0);
        assert_non_null(strstr(heard.properties, "NProfiles "));

        shared->profiles = 1;
        listen(fixture, &heard);
        assert_int_equal(heard.added, 0);
        assert_int_equal(heard.removed, 2);
}

#define BUS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                BUS_TEST(what_is_known_is_told_at_any_time),
                BUS_TEST(for_99_of_100_answers_the_loop_reads_what_it_knows_a_few_times),
                BUS_TEST(a_name_is_a_name_of_ours_or_nothing),
                BUS_TEST(an_object_stands_for_each_profile_and_container),
                BUS_TEST(who_asks_for_a_look_is_answered_when_it_is_over),
                BUS_TEST(a_look_that_is_lost_is_made_again_for_who_waits),
                BUS_TEST(the_plan_is_told_to_root),
                BUS_TEST(a_token_is_named_when_its_look_is_over),
                BUS_TEST(listeners_are_told_of_what_has_changed_alone),
                BUS_TEST(what_is_suspended_is_added_to_what_was),
                BUS_TEST(what_cannot_be_suspended_is_refused_at_once),
                BUS_TEST(a_suspension_is_not_lost_with_the_engine),
                BUS_TEST(a_suspension_whose_pass_fails_is_in_force),
        };

        /* Only root can be somebody else as well. */
        if (geteuid() != 0)
                return 77;
        shared = mmap(NULL,
                      sizeof(*shared),
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS,
                      -1,
                      0);
        assert_true(shared != MAP_FAILED);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
