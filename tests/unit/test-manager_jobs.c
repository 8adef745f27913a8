/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an engine wants of systemd comes to it, and its result comes back, with the looks that lead
 * to it and no others. */

#include "systemd-fixture.h"

#define LIMIT_USEC (30 * S)

struct host {
        struct fixture *bus;
        sd_event *event;
        struct systemd systemd;
};

static int setup_host(void **state) {
        struct host *host = calloc(1, sizeof(*host));
        void *bus = NULL;

        assert_non_null(host);
        assert_int_equal(setup(&bus), 0);
        host->bus = bus;
        start_bus(host->bus);
        connect_client(host->bus);
        assert_true(sd_event_new(&host->event) >= 0);
        start_systemd(&host->systemd, host->bus, host->event);
        host->systemd.active = "active";
        *state = host;
        return 0;
}

static int teardown_host(void **state) {
        struct host *host = *state;
        void *bus = host->bus;

        stop_systemd(&host->systemd);
        sd_event_unref(host->event);
        free(host);
        return teardown(&bus);
}

static void run_until_told(struct host *host, const char *call) {
        uint64_t end = clock_usec() + LIMIT_USEC;

        while (!host->systemd.calls.data || !strstr(host->systemd.calls.data, call)) {
                assert_true(clock_usec() < end);
                assert_true(sd_event_run(host->event, 100 * MS) >= 0);
        }
}

static void a_job_goes_there_and_its_result_comes_back(void **state) {
        struct host *host = *state;
        unsigned looks;

        shared->wants_job = true;
        start_manager(host->bus, LOOKS);
        run_until_told(host, "RestartUnit lxc@web.service");
        settle(host->event);
        looks = shared->looks;
        assert_true(shared->wants_job);
        systemd_end_job(&host->systemd, SYSTEMD_JOB, "done");
        run_until_told(host, "Unsubscribe");
        for (int i = 0; i < 3000 && shared->wants_job; i++)
                (void) usleep(10 * MS);
        assert_false(shared->wants_job);
        assert_int_equal(shared->outcome, PHX_JOB_DONE);
        assert_int_equal(shared->looks, looks + 1);

        /* What the engine does not list is forgotten, and so its result is. */
        assert_true(call(host->bus->client, "Reconcile", "", NULL, NULL) >= 0);
        assert_int_equal(shared->results, 0);
        assert_int_equal(host->systemd.begun, 1);
}

static void an_engine_that_is_new_begins_nothing_twice(void **state) {
        struct host *host = *state;

        shared->wants_job = true;
        start_manager(host->bus, LOOKS);
        run_until_told(host, "RestartUnit lxc@web.service");
        settle(host->event);
        /* An engine that dies takes nothing with it, as the loop has the table. */
        shared->behaviour = DIES_ONCE;
        assert_true(call(host->bus->client, "Reconcile", "", NULL, NULL) >= 0);
        assert_true(shared->wants_job);
        assert_int_equal(host->systemd.begun, 1);
        systemd_end_job(&host->systemd, SYSTEMD_JOB, "failed");
        for (int i = 0; i < 3000 && shared->wants_job; i++)
                (void) sd_event_run(host->event, 10 * MS);
        assert_int_equal(shared->outcome, PHX_JOB_FAILED);
        assert_int_equal(host->systemd.begun, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                a_job_goes_there_and_its_result_comes_back,
                                setup_host,
                                teardown_host),
                cmocka_unit_test_setup_teardown(
                                an_engine_that_is_new_begins_nothing_twice,
                                setup_host,
                                teardown_host),
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
