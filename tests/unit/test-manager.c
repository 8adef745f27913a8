/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "manager-fixture.h"

static void a_start_is_over_when_a_look_was_made(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LOOKS_FINE);
        expect(fixture, "STATUS=Starting: first pass");
        expect(fixture, "STATUS=In sync: 1 profile");
        expect(fixture, "READY=1");
        /* What was not watched at the first look is looked at once more, and then it is quiet. */
        assert_int_equal(settled_looks(fixture), 2);
        assert_int_equal(shared->full_looks, 1);
        assert_string_equal(next_message(fixture, 10 * MS), "");
        assert_int_equal(end(fixture), 0);
}

static void look_once_more(struct fixture *fixture, unsigned looks) {
        shared->looks = 0;
        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        assert_int_equal(settled_looks(fixture), looks);
        assert_int_equal(end(fixture), 0);
}

/* What a first look sees was watched before it: by the list that the run before has left, in
 * memory. */
static void a_second_run_looks_once(void **state) {
        struct fixture *fixture = *state;
        unsigned before;

        (void) snprintf(shared->runtime, sizeof(shared->runtime), "/dev/shm/test-manager-XXXXXX");
        assert_non_null(mkdtemp(shared->runtime));
        look_once_more(fixture, 2);
        look_once_more(fixture, 1);
        /* It names another directory than the list has. */
        (void) snprintf(shared->watched, sizeof(shared->watched), "%s/etc/other", fixture->root);
        assert_int_equal(mkdir(shared->watched, 0755), 0);
        look_once_more(fixture, 2);

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        before = settled_looks(fixture);
        write_file(shared->watched, "file", "text");
        assert_int_equal(settled_looks(fixture), before + 1);
        /* Killed, it leaves nothing. */
        (void) kill(fixture->manager, SIGKILL);
        (void) waitpid(fixture->manager, NULL, 0);
        fixture->manager = 0;
        look_once_more(fixture, 2);
        remove_tree(shared->runtime);
}

static void a_long_start_asks_for_patience(void **state) {
        struct fixture *fixture = *state;

        start(fixture, TALKS);
        expect(fixture, "STATUS=Starting: first pass");
        expect(fixture, "EXTEND_TIMEOUT_USEC=90000000");
        expect(fixture, "STATUS=Starting: compiling lxc-web");
        expect(fixture, "EXTEND_TIMEOUT_USEC=90000000");
        expect_later(fixture, "READY=1");
        assert_int_equal(end(fixture), 0);
}

static void an_event_means_one_look_when_the_dust_has_settled(void **state) {
        struct fixture *fixture = *state;
        unsigned before, pauses;
        uint64_t began;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        before = settled_looks(fixture);
        began = clock_usec();
        for (unsigned i = 0; i < 100; i++)
                write_file(shared->watched, "file", "text");
        /* A busy machine may keep us, or the loop, waiting for as long as dust takes to settle. */
        pauses = (unsigned) ((clock_usec() - began) / (50 * MS));
        assert_in_range(settled_looks(fixture), before + 1, before + 2 + pauses);
        assert_int_equal(shared->full_looks, 1);
        assert_int_equal(end(fixture), 0);
}

static void a_storm_means_few_looks(void **state) {
        struct fixture *fixture = *state;
        unsigned before, looks;
        uint64_t began;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        before = settled_looks(fixture);
        began = clock_usec();
        for (unsigned i = 0; i < 10000; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "file%u", i);
                write_file(shared->watched, name, "");
        }
        looks = (unsigned) ((clock_usec() - began) / (300 * MS)) + 2;
        assert_in_range(settled_looks(fixture), before + 1, before + looks);
        assert_int_equal(end(fixture), 0);
}

static void the_status_is_said_when_it_changes(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        (void) settled_looks(fixture);
        (void) snprintf(shared->status, sizeof(shared->status), "Degraded: lxc-web");
        write_file(shared->watched, "file", "text");
        expect(fixture, "STATUS=Degraded: lxc-web");
        (void) settled_looks(fixture);
        write_file(shared->watched, "file", "text");
        assert_string_equal(next_message(fixture, 500 * MS), "");
        assert_int_equal(end(fixture), 0);
}

static void a_look_that_lasts_says_what_it_is_at(void **state) {
        struct fixture *fixture = *state;

        shared->silence_usec = 60 * S;
        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        (void) settled_looks(fixture);
        shared->behaviour = DWELLS;
        write_file(shared->watched, "file", "text");
        expect(fixture, "STATUS=Reconciling: compiling lxc-web");
        expect(fixture, "STATUS=In sync: 1 profile");
        assert_string_equal(next_message(fixture, 10 * MS), "");
        assert_int_equal(end(fixture), 0);
}

static void a_reload_is_a_full_look(void **state) {
        struct fixture *fixture = *state;
        unsigned before;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        before = settled_looks(fixture);
        (void) kill(fixture->manager, SIGHUP);
        assert_true(phx_has_prefix(next_message(fixture, LONG), "RELOADING=1\nMONOTONIC_USEC="));
        expect(fixture, "READY=1");
        assert_int_equal(settled_looks(fixture), before + 1);
        assert_int_equal(shared->full_looks, 2);
        assert_int_equal(shared->asked_looks, 1);
        assert_int_equal(end(fixture), 0);
}

static void labels_alone_are_no_look_until_one_differs(void **state) {
        struct fixture *fixture = *state;

        shared->label_resync_usec = 50 * MS;
        start(fixture, LOOKS_FINE);
        wait_for_label_looks(5);
        assert_int_equal(shared->looks, 2);

        shared->label_differs = true;
        wait_for_looks(3);
        wait_for_label_looks(shared->label_looks + 3);
        assert_int_equal(shared->looks, 3);
        assert_int_equal(shared->full_looks, 1);
        assert_int_equal(end(fixture), 0);
}

static void nobody_looks_at_labels_unasked(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LOOKS_FINE);
        assert_int_equal(settled_looks(fixture), 2);
        assert_int_equal(shared->label_looks, 0);
        assert_int_equal(end(fixture), 0);
}

static void stopping_says_so_and_leaves_no_engine(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        (void) settled_looks(fixture);
        assert_int_equal(end(fixture), 0);
        expect(fixture, "STOPPING=1");
        expect(fixture, "STATUS=Stopping; profiles and containers stay unchanged");
        assert_int_equal(kill(shared->engine, 0), -1);
        assert_int_equal(errno, ESRCH);
}

static void a_stop_ends_a_look_at_its_next_sign_of_life(void **state) {
        struct fixture *fixture = *state;
        uint64_t began;

        start(fixture, TALKS_FOR_EVER);
        wait_for_looks(1);
        began = clock_usec();
        assert_int_equal(end(fixture), 0);
        /* Else it would have gone on talking for longer than that. */
        assert_true(clock_usec() - began < shared->patience_usec);
}

static void a_look_that_fails_is_said_once_and_tried_again(void **state) {
        struct fixture *fixture = *state;

        start(fixture, FAILS);
        expect(fixture, "STATUS=Starting: first pass");
        expect(fixture, "STATUS=Degraded: phoenixd.json:3: no such key");
        expect(fixture, "READY=1");
        wait_for_looks(2);
        assert_int_equal(shared->failures_told, 1);
        shared->behaviour = LOOKS_FINE;
        expect_later(fixture, "STATUS=In sync: 1 profile");
        assert_int_equal(shared->setups, 1);
        assert_int_equal(end(fixture), 0);
}

static void mended_settings_are_looked_at_without_waiting(void **state) {
        struct fixture *fixture = *state;
        unsigned before;
        char etc[96];

        start(fixture, FAILS);
        wait_for_looks(2);
        before = shared->looks;
        (void) usleep(100 * MS);
        (void) snprintf(etc, sizeof(etc), "%s/etc", fixture->root);
        shared->behaviour = LOOKS_FINE;
        write_file(etc, "phoenixd.json", "{}");
        /* The third try would have come two seconds after the second. */
        (void) usleep(1000 * MS);
        assert_true(shared->looks > before);
        expect_later(fixture, "STATUS=In sync: 1 profile");
        assert_int_equal(end(fixture), 0);
}

/* systemd kills who does not ping in time. */
static void the_watchdog_is_answered_from_the_loop(void **state) {
        struct fixture *fixture = *state;

        shared->patience_usec = 300 * MS;
        assert_int_equal(setenv("WATCHDOG_USEC", "400000", 1), 0);
        start(fixture, LOOKS_FINE);
        for (int i = 0; i < 3; i++)
                expect_later(fixture, "WATCHDOG=1");
        /* A look that hangs is not the loop's. */
        shared->behaviour = HANGS;
        (void) kill(fixture->manager, SIGHUP);
        wait_for_looks(2);
        expect_later(fixture, "WATCHDOG=1");
        assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
        assert_int_equal(end(fixture), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_start_is_over_when_a_look_was_made),
                TEST(a_second_run_looks_once),
                TEST(a_long_start_asks_for_patience),
                TEST(an_event_means_one_look_when_the_dust_has_settled),
                TEST(a_storm_means_few_looks),
                TEST(the_status_is_said_when_it_changes),
                TEST(a_look_that_lasts_says_what_it_is_at),
                TEST(a_reload_is_a_full_look),
                TEST(labels_alone_are_no_look_until_one_differs),
                TEST(nobody_looks_at_labels_unasked),
                TEST(stopping_says_so_and_leaves_no_engine),
                TEST(a_stop_ends_a_look_at_its_next_sign_of_life),
                TEST(a_look_that_fails_is_said_once_and_tried_again),
                TEST(mended_settings_are_looked_at_without_waiting),
                TEST(the_watchdog_is_answered_from_the_loop),
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
