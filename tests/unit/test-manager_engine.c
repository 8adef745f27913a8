/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "manager-fixture.h"

static void an_engine_that_talks_is_not_killed(void **state) {
        struct fixture *fixture = *state;

        /* It says something twenty times in a span of silence. */
        shared->silence_usec = 2 * S;
        start(fixture, TALKS_FOR_EVER);
        wait_for_looks(1);
        (void) usleep(3000 * MS);
        assert_int_equal(shared->setups, 1);
        assert_int_equal(shared->restarts_told, 0);
}

static void an_engine_that_dies_of_labels_is_replaced(void **state) {
        struct fixture *fixture = *state;

        shared->label_resync_usec = 50 * MS;
        start(fixture, LOOKS_FINE);
        wait_for_label_looks(1);
        shared->label_kills = true;
        wait_for_looks(3);
        assert_int_equal(shared->setups, 2);
        assert_int_equal(shared->restarts_told, 1);
        wait_for_label_looks(shared->label_looks + 1);
        assert_int_equal(end(fixture), 0);
}

static void an_engine_that_hangs_does_not_keep_a_stop_waiting(void **state) {
        struct fixture *fixture = *state;

        shared->patience_usec = 300 * MS;
        start(fixture, HANGS);
        wait_for_looks(1);
        assert_int_equal(end(fixture), 0);
        assert_int_equal(kill(shared->engine, 0), -1);
}

static void a_silent_engine_is_replaced(void **state) {
        struct fixture *fixture = *state;

        shared->silence_usec = 400 * MS;
        start(fixture, HANGS);
        expect(fixture, "STATUS=Starting: first pass");
        wait_for_looks(1);
        shared->behaviour = LOOKS_FINE;
        shared->silence_usec = LONG;
        expect_later(fixture, "STATUS=Starting: the engine hangs; phoenixd kills it");
        expect(fixture,
               "STATUS=Degraded: the engine ended: it sent no message for 0 s; restarting it");
        expect(fixture, "STATUS=In sync: 1 profile");
        expect(fixture, "READY=1");
        assert_int_equal(shared->setups, 2);
        assert_int_equal(shared->full_looks, 2);
        assert_int_equal(shared->restarts_told, 1);
        assert_int_equal(end(fixture), 0);
}

/* A zombie that waits for the next look has ended, too. */
static bool has_ended(pid_t pid) {
        char path[64], text[256] = "";
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        file = fopen(path, "re");
        if (file) {
                (void) fread(text, 1, sizeof(text) - 1, file);
                (void) fclose(file);
        }
        return !file || strstr(text, ") Z ");
}

static void assert_ends(pid_t pid) {
        uint64_t until = clock_usec() + LONG;

        assert_true(pid > 0);
        while (!has_ended(pid) && clock_usec() < until)
                (void) usleep(10 * MS);
        assert_true(has_ended(pid));
}

static void what_left_the_engines_group_ends_with_the_look(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LEAVES_ORPHANS);
        wait_for_looks(1);
        expect_later(fixture, "STATUS=In sync: 1 profile");
        assert_ends(shared->orphan);
        assert_int_equal(shared->setups, 1);
        assert_int_equal(end(fixture), 0);
}

static void what_left_the_engines_group_ends_with_the_engine(void **state) {
        struct fixture *fixture = *state;

        shared->silence_usec = 400 * MS;
        start(fixture, HANGS_WITH_ORPHANS);
        wait_for_looks(1);
        shared->behaviour = LOOKS_FINE;
        shared->silence_usec = LONG;
        expect_later(fixture, "STATUS=Starting: the engine hangs; phoenixd kills it");
        assert_ends(shared->orphan);
        assert_int_equal(end(fixture), 0);
}

static void a_dying_engine_is_replaced_with_patience(void **state) {
        struct fixture *fixture = *state;

        start(fixture, DIES);
        expect_later(fixture,
                     "STATUS=Degraded: the engine ended: it exited with status 7; restarting");
        (void) usleep(2500 * MS);
        /* At once, after 1 s; after 2 s more is still to come. */
        assert_int_equal(shared->setups, 2);
        assert_int_equal(shared->restarts_told, 2);
        assert_int_equal(end(fixture), 0);
}

static void an_engine_killed_between_looks_is_replaced(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        (void) settled_looks(fixture);
        (void) kill(shared->engine, SIGKILL);
        expect(fixture,
               "STATUS=Degraded: the engine ended: it was killed by signal 9 (Killed); restarting "
               "it");
        expect(fixture, "STATUS=In sync: 1 profile");
        assert_int_equal(shared->setups, 2);
        assert_int_equal(shared->full_looks, 2);
        assert_int_equal(end(fixture), 0);
}

static void an_engine_that_babbles_is_replaced(void **state) {
        struct fixture *fixture = *state;

        start(fixture, BABBLES);
        wait_for_looks(1);
        shared->behaviour = LOOKS_FINE;
        expect_later(fixture, "STATUS=Degraded: the engine ended: it sent an invalid");
        expect_later(fixture, "READY=1");
        assert_int_equal(end(fixture), 0);
}

static void a_killed_manager_takes_its_engine_along(void **state) {
        struct fixture *fixture = *state;
        pid_t engine;

        start(fixture, HANGS);
        wait_for_looks(1);
        engine = shared->engine;
        (void) kill(fixture->manager, SIGKILL);
        (void) waitpid(fixture->manager, NULL, 0);
        fixture->manager = 0;
        for (int i = 0; i < 100 && kill(engine, 0) == 0; i++) {
                char path[64], text[128] = "";
                FILE *file;

                /* Where nobody reaps orphans it stays as a zombie, which is as gone. */
                (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) engine);
                file = fopen(path, "re");
                if (!file)
                        return;
                (void) fgets(text, sizeof(text), file);
                (void) fclose(file);
                if (strstr(text, ") Z "))
                        return;
                (void) usleep(10 * MS);
        }
        assert_int_equal(kill(engine, 0), -1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(an_engine_that_talks_is_not_killed),
                TEST(an_engine_that_dies_of_labels_is_replaced),
                TEST(an_engine_that_hangs_does_not_keep_a_stop_waiting),
                TEST(a_silent_engine_is_replaced),
                TEST(what_left_the_engines_group_ends_with_the_look),
                TEST(what_left_the_engines_group_ends_with_the_engine),
                TEST(a_dying_engine_is_replaced_with_patience),
                TEST(an_engine_killed_between_looks_is_replaced),
                TEST(an_engine_that_babbles_is_replaced),
                TEST(a_killed_manager_takes_its_engine_along),
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
