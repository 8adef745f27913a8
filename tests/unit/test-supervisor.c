/* SPDX-License-Identifier: GPL-2.0-or-later */

/* However much an engine has to tell, the loop takes some of it at a time. */

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codec/suspensions_json.h"
#include "loop.h"
#include "loop/supervisor.h"

#define OBJECTS 10000U
/* Each as large as it may be: far more than a socket takes at once. */
#define SUSPENSIONS 3000U
#define PATHS 1000U
/* As many messages as may be taken before everything else gets its turn. */
#define AT_ONCE 64

static struct shared {
        volatile bool dies; /* when it has told everything */
        volatile bool babbles;
        volatile bool hangs; /* before it reads anything */
        /* What the last request had. */
        volatile size_t suspensions, paths;
} * shared;

struct fixture {
        sd_event *event;
        struct supervisor *supervisor;
        unsigned objects, at_once, most_at_once;
        unsigned reports, lost;
        char why[160]; /* the last one was */
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
        phx_cleanup(phx_suspensions_done) struct phx_suspensions suspensions = { 0 };
        int r = look(data, request, ret_answer, error);

        if (r >= 0 && request->suspensions)
                r = phx_suspensions_parse(
                                request->suspensions,
                                strlen(request->suspensions),
                                &suspensions,
                                NULL);
        shared->suspensions = suspensions.count;
        shared->paths = request->scope ? request->scope->paths.count : 0;

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
        while (shared->hangs)
                (void) pause();
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
        (void) snprintf(fixture->why, sizeof(fixture->why), "%s", text);
}

static void on_stopped(void *data) {
}

static int send_nothing(void *data, const struct iovec *fields, int count) {
        return 0;
}

static void start_supervisor(struct fixture *fixture, uint64_t silence_usec) {
        static const struct journal journal = { .send = send_nothing };
        static const struct engine_plan plan = { setup_work, NULL, &journal };
        const struct supervisor_handler handler = {
                on_progress, on_seen,    on_suspended, on_report,  on_labels,
                on_compiled, on_failure, on_lost,      on_stopped, fixture,
        };

        fixture->supervisor = supervisor_free(fixture->supervisor);
        assert_int_equal(supervisor_new(&plan, silence_usec, &handler, &fixture->supervisor), 0);
        assert_int_equal(supervisor_attach(fixture->supervisor, fixture->event), 0);
}

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));

        assert_non_null(fixture);
        *shared = (struct shared){ 0 };
        assert_int_equal(sd_event_new(&fixture->event), 0);
        start_supervisor(fixture, 60 * S);
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
static void run_request(struct fixture *fixture, const struct engine_request *request) {
        const unsigned ended = fixture->reports + fixture->lost;

        assert_int_equal(supervisor_look(fixture->supervisor, request), 0);
        while (fixture->reports + fixture->lost == ended) {
                fixture->at_once = 0;
                assert_true(sd_event_run(fixture->event, 30 * S) > 0);
        }
}

static void run(struct fixture *fixture) {
        run_request(fixture, &(struct engine_request){ LOOK_PLAIN });
}

static char *many_suspensions(void) {
        phx_cleanup(phx_suspensions_done) struct phx_suspensions suspensions = { 0 };
        char object[32], reason[PHX_SUSPENSION_REASON_LIMIT + 1], *text = NULL;

        memset(reason, 'r', sizeof(reason) - 1);
        reason[sizeof(reason) - 1] = '\0';
        for (unsigned i = 0; i < SUSPENSIONS; i++) {
                const struct phx_suspension suspension = { object, reason, 1, PHX_NEVER, 0 };

                (void) snprintf(object, sizeof(object), "c%05u", i);
                assert_int_equal(phx_suspensions_set(&suspensions, &suspension), 0);
        }
        assert_int_equal(phx_suspensions_render(&suspensions, &text), 0);
        return text;
}

static void add_many_paths(struct phx_scope *scope) {
        char path[1024];

        memset(path, 'p', sizeof(path));
        for (unsigned i = 0; i < PATHS; i++) {
                (void) snprintf(path + sizeof(path) - 8, 8, "/%05u", i);
                path[0] = '/';
                phx_scope_add(scope, path);
        }
        assert_int_equal(scope->paths.count, PATHS);
}

static void a_request_may_be_more_than_the_channel_takes(void **state) {
        phx_cleanup(phx_scope_done) struct phx_scope scope = { 0 };
        phx_autofree char *suspensions = many_suspensions();
        struct fixture *fixture = *state;
        const struct engine_request request = { LOOK_PLAIN, suspensions, &scope };

        add_many_paths(&scope);
        run_request(fixture, &request);
        assert_int_equal(fixture->lost, 0);
        assert_int_equal(fixture->reports, 1);
        assert_int_equal(shared->suspensions, SUSPENSIONS);
        assert_int_equal(shared->paths, PATHS);
        run(fixture);
        assert_int_equal(fixture->reports, 2);
        assert_int_equal(shared->suspensions, 0);
        assert_int_equal(shared->paths, 0);
}

/* What it has not read is not for the next one. */
static void who_reads_nothing_is_replaced(void **state) {
        phx_autofree char *suspensions = many_suspensions();
        struct fixture *fixture = *state;
        const struct engine_request request = { LOOK_PLAIN, suspensions, NULL };

        shared->hangs = true;
        start_supervisor(fixture, 8 * S);
        run_request(fixture, &request);
        assert_int_equal(fixture->lost, 1);
        assert_string_equal(fixture->why, "it sent no message for 8 s");
        shared->hangs = false;
        run_request(fixture, &request);
        assert_int_equal(fixture->reports, 1);
        assert_int_equal(shared->suspensions, SUSPENSIONS);
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
                TEST(a_request_may_be_more_than_the_channel_takes),
                TEST(who_reads_nothing_is_replaced),
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
