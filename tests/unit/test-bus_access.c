/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/prctl.h>

#include "bus-fixture.h"

enum { DAEMON = 1, NOBODY = 65534 };

/* --- who may --- */

/* 0 when all that changes something was refused to a user that is nobody. */
static int be_refused(const struct fixture *fixture) {
        static const char *const methods[] = { "Reconcile", "ReconcileAsync", "Reload", "Plan" };
        phx_cleanup(sd_bus_unrefp) sd_bus *client = NULL;

        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
            try_connect(fixture, &client) < 0)
                return 1;
        for (size_t i = 0; i < PHX_ELEMENTS(methods); i++) {
                phx_cleanup(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                if (call(client, methods[i], i < 2 ? "" : NULL, &error, NULL) >= 0)
                        return 2;
                if (strcmp(error.name, SD_BUS_ERROR_ACCESS_DENIED) != 0)
                        return 3;
        }
        if (sd_bus_call_method(
                            client,
                            "org.phoenixd1",
                            "/org/phoenixd1",
                            "org.phoenixd1.Manager",
                            "Suspend",
                            NULL,
                            NULL,
                            "sst",
                            "",
                            "",
                            UINT64_C(0)) >= 0)
                return 5;
        return call(client, "Describe", NULL, NULL, NULL) < 0 ? 4 : 0;
}

static void nobody_may_look_but_not_touch(void **state) {
        struct fixture *fixture = *state;
        int status = 0;
        pid_t pid;

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

/* --- anything at all --- */

static uint32_t next_random(uint32_t *seed) {
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

/* A text of any length, UTF-8 as the library insists. */
static const char *random_text(uint32_t *seed) {
        static const char *const texts[] = {
                "", "101", "lxc-000", "*", "../../etc/passwd", "/org/phoenixd1", "\n", "%s%n",
        };
        static char longest[70000];
        uint32_t n = next_random(seed) % (PHX_ELEMENTS(texts) + 1);

        if (n < PHX_ELEMENTS(texts))
                return texts[n];
        memset(longest, 'a', sizeof(longest) - 1);
        longest[next_random(seed) % sizeof(longest)] = '\0';
        return longest;
}

static int append_random(sd_bus_message *message, uint32_t *seed) {
        uint64_t number = (uint64_t) next_random(seed) << (next_random(seed) % 40);

        switch (next_random(seed) % 8) {
        case 0:
                return sd_bus_message_append(message, "u", (uint32_t) number);
        case 1:
                return sd_bus_message_append(message, "t", number);
        case 2:
                return sd_bus_message_append(message, "b", (int) (number & 1));
        case 3:
                return sd_bus_message_append(message, "as", 2, random_text(seed), "");
        case 4:
                return sd_bus_message_append(message, "v", "s", random_text(seed));
        case 5:
                return sd_bus_message_append(message, "a{sv}", 1, random_text(seed), "t", number);
        default:
                return sd_bus_message_append(message, "s", random_text(seed));
        }
}

static int send_random(sd_bus *client, uint32_t *seed) {
        static const char *const paths[] = {
                "/",
                "/org/phoenixd1",
                "/org/phoenixd1",
                "/org/phoenixd1",
                "/org/phoenixd1/profile",
                "/org/phoenixd1/profile/lxc_2d000",
                "/org/phoenixd1/container/_3101",
                "/org/phoenixd1/container/_zz",
        };
        static const char *const interfaces[] = {
                "org.phoenixd1.Manager",
                "org.phoenixd1.Manager",
                "org.phoenixd1.Manager",
                "org.phoenixd1.Profile",
                "org.phoenixd1.Container",
                "org.freedesktop.DBus.Properties",
                "org.freedesktop.DBus.ObjectManager",
                "org.freedesktop.DBus.Introspectable",
        };
        static const char *const methods[] = {
                "Describe",   "Plan",    "Explain",   "ListProfiles",      "ListContainers",
                "GetProfile", "Reload",  "Reconcile", "ReconcileAsync",    "Suspend",
                "Resume",     "Get",     "GetAll",    "GetManagedObjects", "Set",
                "Introspect", "Restart", "Nothing",
        };
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        uint32_t arguments;
        int r;

        r = sd_bus_message_new_method_call(
                        client,
                        &message,
                        "org.phoenixd1",
                        paths[next_random(seed) % PHX_ELEMENTS(paths)],
                        interfaces[next_random(seed) % PHX_ELEMENTS(interfaces)],
                        methods[next_random(seed) % PHX_ELEMENTS(methods)]);
        arguments = next_random(seed) % 5;
        for (uint32_t i = 0; i < arguments && r >= 0; i++)
                r = append_random(message, seed);
        /* The right types of the call that changes most, so that it gets as far as it can. */
        if (r >= 0 && arguments == 0 && next_random(seed) % 4 == 0)
                r = sd_bus_message_append(
                                message,
                                "sst",
                                random_text(seed),
                                random_text(seed),
                                (uint64_t) next_random(seed) << (next_random(seed) % 40));
        return r < 0 ? r : sd_bus_send(client, message, NULL);
}

/* 0 when all of it was taken. */
static int babble(const struct fixture *fixture) {
        phx_cleanup(sd_bus_unrefp) sd_bus *client = NULL;
        uint32_t seed = 4711;

        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
            try_connect(fixture, &client) < 0)
                return 1;
        for (int i = 0; i < 3000; i++) {
                if (send_random(client, &seed) < 0)
                        return 2;
                while (sd_bus_process(client, NULL) > 0)
                        ;
                /* Every now and then the answers are waited for, as the bus holds only so many. */
                if (i % 50 == 0 && call(client, "Describe", NULL, NULL, NULL) < 0)
                        return 3;
        }
        return call(client, "Describe", NULL, NULL, NULL) < 0 ? 4 : 0;
}

static void whatever_nobody_says_changes_nothing(void **state) {
        phx_cleanup(phx_description_done) struct phx_description now = { 0 };
        struct fixture *fixture = *state;
        int status = 0;
        pid_t pid;

        start_all(fixture);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(babble(fixture));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);

        assert_int_equal(shared->looks, 1);
        now = described(fixture->client);
        assert_int_equal(now.daemon.pass.number, 1);
        assert_int_equal(now.snapshot->suspensions.count, 0);
        assert_int_equal(waitpid(fixture->manager, &status, WNOHANG), 0);
        /* And it does as root says. */
        assert_true(call(fixture->client, "Reconcile", "", NULL, NULL) >= 0);
}

static int on_answer(sd_bus_message *reply, void *data, sd_bus_error *error) {
        unsigned *answers = data;
        const char *name = sd_bus_message_is_method_error(reply, NULL) > 0
                                           ? sd_bus_message_get_error(reply)->name
                                           : "";

        answers[0]++;
        answers[1] += strcmp(name, "org.phoenixd1.Error.Busy") == 0;
        return 0;
}

static void ask_for_looks(sd_bus *client, unsigned count, unsigned *answers) {
        for (unsigned i = 0; i < count; i++)
                (void) sd_bus_call_method_async(
                                client,
                                NULL,
                                "org.phoenixd1",
                                "/org/phoenixd1",
                                "org.phoenixd1.Manager",
                                "Reconcile",
                                on_answer,
                                answers,
                                "s",
                                "");
}

static void hear_answers(sd_bus *client, unsigned count, const unsigned *answers) {
        for (int i = 0; i < 200 && answers[0] < count; i++)
                while (sd_bus_process(client, NULL) > 0 || sd_bus_wait(client, 50 * MS) > 0)
                        ;
}

static void root_may_always_wait(void **state) {
        struct fixture *fixture = *state;
        unsigned answers[2] = { 0 };

        start_all(fixture);
        shared->behaviour = LOOKS_LONG;
        ask_for_looks(fixture->client, 100, answers);
        hear_answers(fixture->client, 100, answers);
        assert_int_equal(answers[0], 100);
        assert_int_equal(answers[1], 0);
        /* They all got the same two looks at most. */
        assert_true(shared->looks <= 3);
}

/* --- polkit is silent --- */

/* Whoever has polkit's name and reads nothing. */
static sd_bus *start_silent_polkit(const struct fixture *fixture) {
        sd_bus *polkit = NULL;

        assert_true(try_connect(fixture, &polkit) >= 0);
        assert_true(sd_bus_request_name(polkit, "org.freedesktop.PolicyKit1", 0) >= 0);
        return polkit;
}

/* A user that asks COUNT times, and stays until it is ended. What was said at once is its exit
 * status: how many were refused, of up to 255. */
static _Noreturn void pester(const struct fixture *fixture, uid_t uid, unsigned count, bool stays) {
        phx_cleanup(sd_bus_unrefp) sd_bus *client = NULL;
        unsigned answers[2] = { 0 };

        /* After the change of the user, which forgets it: a test that fails leaves no process. */
        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(uid, uid, uid) < 0 ||
            prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || try_connect(fixture, &client) < 0)
                _exit(255);
        ask_for_looks(client, count, answers);
        /* The bus tells who asks in the order of the calls: twice, so that it was asked before. */
        for (unsigned i = 0; i < 2; i++)
                if (call(client, "Describe", NULL, NULL, NULL) < 0)
                        _exit(254);
        while (sd_bus_process(client, NULL) > 0)
                ;
        if (!stays)
                _exit((int) answers[1]);
        shared->pestered = answers[1] + 1;
        for (;;)
                (void) pause();
}

static int status_of_pester(const struct fixture *fixture, uid_t uid, unsigned count) {
        pid_t pid = fork();
        int status = 0;

        assert_true(pid >= 0);
        if (pid == 0)
                pester(fixture, uid, count, false);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static pid_t start_pester(const struct fixture *fixture, uid_t uid, unsigned count) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                pester(fixture, uid, count, true);
        for (int i = 0; i < 1000 && shared->pestered == 0; i++)
                (void) usleep(10 * MS);
        assert_true(shared->pestered > 0);
        return pid;
}

/* Eight users with eight requests each have all the places that there are. */
static void who_waits_for_polkit_does_not_keep_root_out(void **state) {
        phx_cleanup(sd_bus_unrefp) sd_bus *polkit = NULL;
        struct fixture *fixture = *state;
        pid_t pesters[8];

        start_all(fixture);
        polkit = start_silent_polkit(fixture);
        for (size_t i = 0; i < PHX_ELEMENTS(pesters); i++) {
                shared->pestered = 0;
                pesters[i] = start_pester(fixture, (uid_t) (DAEMON + i), 8);
                assert_int_equal(shared->pestered - 1, 0);
        }
        assert_int_equal(status_of_pester(fixture, NOBODY, 1), 1);
        assert_true(call(fixture->client, "Reconcile", "", NULL, NULL) >= 0);
        assert_true(call(fixture->client, "Plan", NULL, NULL, NULL) >= 0);
        assert_true(call(fixture->client, "Reload", NULL, NULL, NULL) >= 0);
        for (size_t i = 0; i < PHX_ELEMENTS(pesters); i++)
                end(&pesters[i]);
}

static void a_user_gets_a_few_places_and_takes_none_of_another(void **state) {
        phx_cleanup(sd_bus_unrefp) sd_bus *polkit = NULL;
        struct fixture *fixture = *state;
        pid_t pester;

        start_all(fixture);
        polkit = start_silent_polkit(fixture);
        pester = start_pester(fixture, NOBODY, 100);
        assert_int_equal(shared->pestered - 1, 100 - 8);
        assert_int_equal(status_of_pester(fixture, NOBODY, 1), 1);
        assert_int_equal(status_of_pester(fixture, DAEMON, 8), 0);
        end(&pester);
}

static void who_has_left_waits_no_longer(void **state) {
        phx_cleanup(sd_bus_unrefp) sd_bus *polkit = NULL;
        struct fixture *fixture = *state;

        start_all(fixture);
        polkit = start_silent_polkit(fixture);
        for (unsigned i = 0; i < 12; i++)
                assert_int_equal(status_of_pester(fixture, NOBODY, 8), 0);
}

/* --- coming and going --- */

static void a_bus_that_comes_late_is_taken_up(void **state) {
        struct fixture *fixture = *state;

        start_manager(fixture, LOOKS);
        for (int i = 0; i < 500 && shared->looks == 0; i++)
                (void) usleep(10 * MS);
        assert_int_equal(shared->looks, 1);
        start_bus(fixture);
        connect_client(fixture);
        wait_for_daemon(fixture->client);
        assert_int_equal(shared->missed, 0);
}

static void a_bus_that_was_lost_is_taken_up_again(void **state) {
        struct fixture *fixture = *state;

        start_all(fixture);
        fixture->client = sd_bus_close_unref(fixture->client);
        end(&fixture->bus);
        (void) usleep(300 * MS);
        assert_int_equal(shared->missed, 1);
        start_bus(fixture);
        connect_client(fixture);
        wait_for_daemon(fixture->client);
        for (int i = 0; i < 100 && shared->back == 0; i++)
                (void) usleep(10 * MS);
        assert_int_equal(shared->back, 1);
        assert_int_equal(shared->missed, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(nobody_may_look_but_not_touch, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                whatever_nobody_says_changes_nothing,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(root_may_always_wait, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                who_waits_for_polkit_does_not_keep_root_out,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                a_user_gets_a_few_places_and_takes_none_of_another,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(who_has_left_waits_no_longer, setup, teardown),
                cmocka_unit_test_setup_teardown(a_bus_that_comes_late_is_taken_up, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_bus_that_was_lost_is_taken_up_again,
                                setup,
                                teardown),
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
