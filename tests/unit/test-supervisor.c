/* SPDX-License-Identifier: GPL-2.0-or-later */

/* However much an engine has to tell, the loop takes some of it at a time. */

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "loop.h"
#include "loop/supervisor.h"

#define OBJECTS 10000U
/* As many messages as may be taken before everything else gets its turn. */
#define AT_ONCE 64

static struct shared {
        volatile bool dies; /* when it has told everything */
        volatile bool babbles;
} * shared;

struct fixture {
        sd_event *event;
        struct supervisor *supervisor;
        unsigned objects, at_once, most_at_once;
        unsigned reports, lost;
};

/* --- the engine --- */

static int look(void *data,
                const struct engine_request *request,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        const struct engine_sink *sink = ret_answer->sink;
        int r = 0;

        ret_answer->report = calloc(1, sizeof(*ret_answer->report));
        if (!ret_answer->report)
                return -ENOMEM;
        for (unsigned i = 0; r >= 0 && i < OBJECTS; i++) {
                char key[16];

                /* One that goes is short: many fit into what is read at once. */
                (void) snprintf(key, sizeof(key), "c%05u", i);
                r = sink->object(sink->data, PHX_OBJECT_CONTAINER, key, i % 4 ? NULL : "{}");
        }
        return r;
}

static int look_and_die(
                void *data,
                const struct engine_request *request,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        int r = look(data, request, ret_answer, error);

        /* So much is more than was collected: some of it is sent. */
        if (shared->dies)
                _exit(r < 0 ? 1 : 7);
        return r;
}

static int setup_work(
                const struct work_options *options,
                const struct phx_audit *audit,
                struct engine_work *ret_work,
                struct phx_error *error) {
        *ret_work = (struct engine_work){ .look = look_and_die };
        return 0;
}

/* --- the loop --- */

static void on_progress(void *data, const char *text) {
}

static int on_seen(void *data, const struct channel_message *message) {
        struct fixture *fixture = data;

        fixture->objects++;
        if (++fixture->at_once > fixture->most_at_once)
                fixture->most_at_once = fixture->at_once;
        return shared->babbles && fixture->objects == 100 ? -EBADMSG : 0;
}

static void on_suspended(void *data, struct phx_suspensions *suspensions) {
}

static void on_report(void *data, const struct phx_report *report) {
        struct fixture *fixture = data;

        fixture->reports++;
}

static void on_labels(void *data, bool differs) {
}

static void on_compiled(void *data) {
}

static void on_failure(void *data, const char *text) {
        fail_msg("%s", text);
}

static void on_lost(void *data, const char *text) {
        struct fixture *fixture = data;

        fixture->lost++;
}

static void on_stopped(void *data) {
}

static void send_nothing(void *data, const struct iovec *fields, int count) {
}

static int setup(void **state) {
        static const struct journal journal = { .send = send_nothing };
        static const struct engine_plan plan = { setup_work, NULL, &journal };
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct supervisor_handler handler = {
                on_progress, on_seen,    on_suspended, on_report,  on_labels,
                on_compiled, on_failure, on_lost,      on_stopped, fixture,
        };

        assert_non_null(fixture);
        *shared = (struct shared){ 0 };
        assert_int_equal(sd_event_new(&fixture->event), 0);
        assert_int_equal(supervisor_new(&plan, 60 * S, &handler, &fixture->supervisor), 0);
        assert_int_equal(supervisor_attach(fixture->supervisor, fixture->event), 0);
        *state = fixture;
        return 0;
}

static int teardown(void **state) {
        struct fixture *fixture = *state;

        (void) supervisor_free(fixture->supervisor);
        sd_event_unref(fixture->event);
        free(fixture);
        return 0;
}

/* Until the look has ended in some way. */
static void run(struct fixture *fixture) {
        const unsigned ended = fixture->reports + fixture->lost;

        assert_int_equal(
                        supervisor_look(fixture->supervisor,
                                        &(struct engine_request){ LOOK_PLAIN }),
                        0);
        while (fixture->reports + fixture->lost == ended) {
                fixture->at_once = 0;
                assert_true(sd_event_run(fixture->event, 30 * S) > 0);
        }
}

static void much_is_taken_in_turns(void **state) {
        struct fixture *fixture = *state;

        for (unsigned i = 1; i <= 2; i++) {
                run(fixture);
                assert_int_equal(fixture->reports, i);
                assert_int_equal(fixture->objects, i * OBJECTS);
        }
        assert_true(fixture->most_at_once <= AT_ONCE);
        assert_int_equal(fixture->lost, 0);
}

/* What an engine has sent before it died is taken in turns, too, and its end comes after that. */
static void the_end_waits_for_what_was_said(void **state) {
        struct fixture *fixture = *state;
        unsigned objects;

        shared->dies = true;
        run(fixture);
        assert_int_equal(fixture->reports, 0);
        assert_int_equal(fixture->lost, 1);
        assert_true(fixture->most_at_once <= AT_ONCE);
        objects = fixture->objects;
        assert_true(objects > 0 && objects < OBJECTS);
        /* Nothing of it comes later. */
        shared->dies = false;
        run(fixture);
        assert_int_equal(fixture->reports, 1);
        assert_int_equal(fixture->objects, objects + OBJECTS);
}

static void who_cannot_be_understood_is_replaced(void **state) {
        struct fixture *fixture = *state;

        shared->babbles = true;
        run(fixture);
        assert_int_equal(fixture->objects, 100);
        assert_int_equal(fixture->lost, 1);
        shared->babbles = false;
        run(fixture);
        assert_int_equal(fixture->reports, 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(much_is_taken_in_turns),
                TEST(the_end_waits_for_what_was_said),
                TEST(who_cannot_be_understood_is_replaced),
        };

        block_signals();
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
