/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who may have how many large answers at a time. */

#include <sys/prctl.h>

#include "bus-fixture.h"

#define NOBODY 65534
/* So many that none of the answers ends while others are asked for. */
#define MANY 4000U

static int on_answer(sd_bus_message *reply, void *data, sd_bus_error *error) {
        unsigned *answers = data;
        const char *name = sd_bus_message_is_method_error(reply, NULL) > 0
                                           ? sd_bus_message_get_error(reply)->name
                                           : "";

        answers[0]++;
        answers[1] += strcmp(name, "org.phoenixd1.Error.Busy") == 0;
        return 0;
}

static void ask_for_lists(sd_bus *client, unsigned count, unsigned *answers) {
        for (unsigned i = 0; i < count; i++)
                (void) sd_bus_call_method_async(
                                client,
                                NULL,
                                "org.phoenixd1",
                                "/org/phoenixd1",
                                "org.phoenixd1.Manager",
                                "ListContainers",
                                on_answer,
                                answers,
                                "");
}

static void hear_answers(sd_bus *client, unsigned count, const unsigned *answers) {
        while (answers[0] < count)
                if (sd_bus_process(client, NULL) == 0 && sd_bus_wait(client, 30 * S) <= 0)
                        break;
}

/* Another user asks COUNT times, and hears the answers or leaves when its places are known. Returns
 * how many were refused till then. */
static unsigned refused_to(const struct fixture *fixture, uid_t uid, unsigned count, bool hears) {
        phx_cleanup(sd_bus_unrefp) sd_bus *client = NULL;
        unsigned answers[2] = { 0 };
        int status = 0;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid > 0) {
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status));
                return (unsigned) WEXITSTATUS(status);
        }
        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(uid, uid, uid) < 0 ||
            prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || try_connect(fixture, &client) < 0)
                _exit(255);
        ask_for_lists(client, count, answers);
        for (unsigned i = 0; i < 2; i++)
                if (call(client, "DescribeDaemon", NULL, NULL, NULL) < 0)
                        _exit(254);
        if (hears)
                hear_answers(client, count, answers);
        while (sd_bus_process(client, NULL) > 0)
                ;
        _exit(hears && answers[0] < count ? 253 : (int) answers[1]);
}

static int setup_many(void **state) {
        int r = setup(state);

        shared->containers = MANY;
        start_all(*state);
        return r;
}

static void a_user_has_few_at_a_time(void **state) {
        struct fixture *fixture = *state;

        assert_int_equal(refused_to(fixture, NOBODY, 2, true), 0);
        assert_in_range(refused_to(fixture, NOBODY, 20, true), 1, 18);
        assert_int_equal(refused_to(fixture, NOBODY, 2, true), 0);
}

static void root_is_not_counted(void **state) {
        struct fixture *fixture = *state;
        unsigned answers[2] = { 0 };

        ask_for_lists(fixture->client, 20, answers);
        assert_int_equal(refused_to(fixture, NOBODY, 2, true), 0);
        hear_answers(fixture->client, 20, answers);
        assert_int_equal(answers[0], 20);
        assert_int_equal(answers[1], 0);
}

static void who_has_left_has_none(void **state) {
        struct fixture *fixture = *state;

        for (unsigned i = 0; i < 10; i++)
                assert_int_equal(refused_to(fixture, NOBODY, 2, false), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_user_has_few_at_a_time, setup_many, teardown),
                cmocka_unit_test_setup_teardown(root_is_not_counted, setup_many, teardown),
                cmocka_unit_test_setup_teardown(who_has_left_has_none, setup_many, teardown),
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
