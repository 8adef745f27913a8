/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who may have what restarted, and what is answered. What comes of it is the engine's. */

#include "bus-fixture.h"

enum { NOBODY = 65534 };

static int restart(sd_bus *client, const char *object, const char *when, sd_bus_error *error) {
        return sd_bus_call_method(
                        client,
                        "org.phoenixd1",
                        "/org/phoenixd1",
                        "org.phoenixd1.Manager",
                        "Restart",
                        error,
                        NULL,
                        "ss",
                        object,
                        when);
}

static void expect_refused(
                const struct fixture *fixture,
                const char *object,
                const char *when,
                const char *name) {
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        assert_true(restart(fixture->client, object, when, &error) < 0);
        assert_string_equal(error.name, name);
}

static void suspend(const struct fixture *fixture, const char *object) {
        assert_true(sd_bus_call_method(
                                    fixture->client,
                                    "org.phoenixd1",
                                    "/org/phoenixd1",
                                    "org.phoenixd1.Manager",
                                    "Suspend",
                                    NULL,
                                    NULL,
                                    "sst",
                                    object,
                                    "moved",
                                    UINT64_C(0)) >= 0);
}

static void root_has_one_restarted_that_requires_it(void **state) {
        struct fixture *fixture = *state;

        shared->requires_restart = true;
        start_all(fixture);
        assert_true(restart(fixture->client, "101", "now", NULL) >= 0);
        assert_string_equal(shared->restarts, "now 0 101\n");
        assert_int_equal(shared->asked_looks, 1);
        assert_true(restart(fixture->client, "101", "in-window", NULL) >= 0);
        assert_string_equal(shared->restarts, "in-window 0 101\n");
        /* The next pass is not asked again. */
        shared->restarts[0] = '\0';
        assert_true(call(fixture->client, "Reconcile", "", NULL, NULL) >= 0);
        assert_string_equal(shared->restarts, "");
}

static void all_are_asked_for_without_a_name(void **state) {
        struct fixture *fixture = *state;

        start_all(fixture);
        assert_true(restart(fixture->client, "", "in-window", NULL) >= 0);
        assert_string_equal(shared->restarts, "in-window 0 *\n");
}

/* By what the pass sees that was asked for, and not the one before. */
static void one_that_requires_none_is_refused(void **state) {
        struct fixture *fixture = *state;

        shared->requires_restart = true;
        start_all(fixture);
        shared->requires_restart = false;
        expect_refused(fixture, "101", "now", "org.phoenixd1.Error.NotPossible");
        assert_int_equal(shared->looks, 2);
        shared->requires_restart = true;
        assert_true(restart(fixture->client, "101", "now", NULL) >= 0);
}

static void what_is_none_is_refused_without_a_pass(void **state) {
        struct fixture *fixture = *state;

        shared->requires_restart = true;
        start_all(fixture);
        expect_refused(fixture, "102", "now", "org.phoenixd1.Error.NoSuchObject");
        expect_refused(fixture, "lxc-000", "now", "org.phoenixd1.Error.NoSuchObject");
        expect_refused(fixture, "*", "now", "org.phoenixd1.Error.NoSuchObject");
        expect_refused(fixture, "../101", "now", "org.phoenixd1.Error.NoSuchObject");
        expect_refused(fixture, "101", "policy", SD_BUS_ERROR_INVALID_ARGS);
        expect_refused(fixture, "101", "state", SD_BUS_ERROR_INVALID_ARGS);
        expect_refused(fixture, "101", "", SD_BUS_ERROR_INVALID_ARGS);
        assert_int_equal(shared->looks, 1);
}

static void a_suspension_refuses_it(void **state) {
        struct fixture *fixture = *state;

        shared->requires_restart = true;
        start_all(fixture);
        suspend(fixture, "101");
        expect_refused(fixture, "101", "now", "org.phoenixd1.Error.NotPossible");
        assert_true(restart(fixture->client, "", "now", NULL) >= 0);
        suspend(fixture, "");
        expect_refused(fixture, "", "now", "org.phoenixd1.Error.NotPossible");
        assert_true(call(fixture->client, "Resume", "101", NULL, NULL) >= 0);
        expect_refused(fixture, "101", "now", "org.phoenixd1.Error.NotPossible");
        assert_true(call(fixture->client, "Resume", "", NULL, NULL) >= 0);
        assert_true(restart(fixture->client, "101", "now", NULL) >= 0);
}

static void so_does_observe_mode(void **state) {
        struct fixture *fixture = *state;

        shared->requires_restart = shared->is_observing = true;
        start_all(fixture);
        expect_refused(fixture, "101", "now", "org.phoenixd1.Error.NotPossible");
        assert_int_equal(shared->looks, 1);
}

static void a_pass_that_fails_has_stored_nothing(void **state) {
        struct fixture *fixture = *state;

        shared->requires_restart = true;
        start_all(fixture);
        shared->behaviour = FAILS;
        expect_refused(fixture, "101", "now", "org.phoenixd1.Error.Failed");
}

/* What asked the engine that died asks the next one. */
static void an_engine_that_dies_is_asked_again(void **state) {
        struct fixture *fixture = *state;

        shared->requires_restart = true;
        start_all(fixture);
        shared->behaviour = DIES_ONCE;
        assert_true(restart(fixture->client, "101", "now", NULL) >= 0);
        assert_int_equal(shared->looks, 3);
        assert_string_equal(shared->restarts, "now 0 101\n");
}

/* 0 when a user that is nobody was refused. */
static int be_refused(const struct fixture *fixture) {
        phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        phx_cleanup(sd_bus_unrefp) sd_bus *client = NULL;

        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
            try_connect(fixture, &client) < 0)
                return 1;
        if (restart(client, "101", "now", &error) >= 0)
                return 2;
        return strcmp(error.name, SD_BUS_ERROR_ACCESS_DENIED) != 0 ? 3 : 0;
}

static void nobody_may_not(void **state) {
        struct fixture *fixture = *state;
        int status = 0;
        pid_t pid;

        shared->requires_restart = true;
        start_all(fixture);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(be_refused(fixture));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(shared->looks, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                root_has_one_restarted_that_requires_it,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(all_are_asked_for_without_a_name, setup, teardown),
                cmocka_unit_test_setup_teardown(one_that_requires_none_is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                what_is_none_is_refused_without_a_pass,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(a_suspension_refuses_it, setup, teardown),
                cmocka_unit_test_setup_teardown(so_does_observe_mode, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_pass_that_fails_has_stored_nothing,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                an_engine_that_dies_is_asked_again,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(nobody_may_not, setup, teardown),
        };

        /* Only root can be another user as well. */
        if (geteuid() != 0)
                return 77;
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
