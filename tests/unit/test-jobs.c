/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A job is begun once, whatever becomes of the bus, and its end is heard. */

#include "loop/jobs.h"
#include "systemd-fixture.h"

#define PATIENCE_USEC (200 * MS)
/* Far longer than an answer takes, on the slowest machine. */
#define LIMIT_USEC (30 * S)

struct table {
        struct fixture *bus;
        sd_event *event;
        struct systemd systemd;
        sd_bus *connection;
        struct jobs *jobs;
        struct phx_jobs wanted;
        struct phx_job_results results;
        unsigned ended;
};

static void on_ended(void *data) {
        struct table *table = data;

        table->ended++;
}

static void connect_table(struct table *table) {
        assert_true(try_connect(table->bus, &table->connection) >= 0);
        assert_true(sd_bus_attach_event(table->connection, table->event, 0) >= 0);
        jobs_connect(table->jobs, table->connection);
}

static void disconnect_table(struct table *table) {
        jobs_connect(table->jobs, NULL);
        table->connection = sd_bus_flush_close_unref(table->connection);
}

static int setup_table(void **state) {
        struct table *table = calloc(1, sizeof(*table));
        const struct jobs_handler handler = { on_ended, table };
        void *bus = NULL;

        assert_non_null(table);
        assert_int_equal(setup(&bus), 0);
        table->bus = bus;
        start_bus(table->bus);
        connect_client(table->bus);
        assert_true(sd_event_new(&table->event) >= 0);
        start_systemd(&table->systemd, table->bus, table->event);
        assert_int_equal(jobs_new(table->event, PATIENCE_USEC, &handler, &table->jobs), 0);
        *state = table;
        return 0;
}

static int teardown_table(void **state) {
        struct table *table = *state;
        void *bus = table->bus;

        (void) jobs_free(table->jobs);
        table->connection = sd_bus_flush_close_unref(table->connection);
        stop_systemd(&table->systemd);
        sd_event_unref(table->event);
        phx_jobs_done(&table->wanted);
        phx_job_results_done(&table->results);
        free(table);
        return teardown(&bus);
}

static struct phx_job *want(struct table *table, const char *name, enum phx_job_verb verb) {
        struct phx_job *job = phx_jobs_add(&table->wanted, name);

        assert_non_null(job);
        job->verb = verb;
        return job;
}

static struct phx_job *want_service(struct table *table, const char *name, enum phx_job_verb verb) {
        struct phx_job *job = want(table, name, verb);

        assert_int_equal(phx_replace(&job->service, "lxc@web.service"), 0);
        return job;
}

static void follow(struct table *table) {
        jobs_follow(table->jobs, &table->wanted);
}

/* Runs until a call of METHOD has come. */
static void run_until_asked(struct table *table, const char *method) {
        uint64_t end = clock_usec() + LIMIT_USEC;

        while (!table->systemd.calls.data || !strstr(table->systemd.calls.data, method)) {
                assert_true(clock_usec() < end);
                assert_true(sd_event_run(table->event, LIMIT_USEC) >= 0);
        }
}

/* The one result there is after COUNT have ended. */
static const struct phx_job_result *run_until_ended(struct table *table, unsigned count) {
        uint64_t end = clock_usec() + LIMIT_USEC;

        while (table->ended < count) {
                assert_true(clock_usec() < end);
                assert_true(sd_event_run(table->event, LIMIT_USEC) >= 0);
        }
        phx_job_results_done(&table->results);
        assert_int_equal(jobs_results(table->jobs, &table->results), 0);
        assert_int_equal(table->results.count, count);
        return &table->results.items[count - 1];
}

static void an_active_service_is_restarted(void **state) {
        struct table *table = *state;
        const struct phx_job_result *result;

        table->systemd.active = "active";
        assert_int_equal(
                        phx_job_add_command(
                                        want_service(table, "restart-web", PHX_JOB_RESTART),
                                        "/usr/bin/lxc-start",
                                        NULL),
                        0);
        connect_table(table);
        follow(table);
        run_until_asked(table, "RestartUnit");
        settle(table->event);
        assert_int_equal(table->ended, 0);
        assert_string_equal(
                        systemd_asked(&table->systemd),
                        "Subscribe ?phoenixd-restart-web.service ?lxc@web.service "
                        "RestartUnit lxc@web.service ");

        /* Another one's end is not its own. */
        systemd_end_job(&table->systemd, SYSTEMD_PATH "/job/8", "failed");
        settle(table->event);
        assert_int_equal(table->ended, 0);
        systemd_end_job(&table->systemd, SYSTEMD_JOB, "done");
        result = run_until_ended(table, 1);
        assert_string_equal(result->name, "restart-web");
        assert_int_equal(result->outcome, PHX_JOB_DONE);
        assert_null(result->text);
        settle(table->event);
        assert_string_equal(systemd_asked(&table->systemd), "Unsubscribe ");
}

static void where_the_service_is_not_active_the_commands_run(void **state) {
        struct table *table = *state;
        struct phx_job *job = want_service(table, "restart-web", PHX_JOB_RESTART);

        assert_int_equal(phx_replace(&job->description, "restart of web"), 0);
        assert_int_equal(phx_job_add_command(job, "/usr/bin/lxc-stop", "-n", "web", NULL), 0);
        assert_int_equal(phx_job_add_command(job, "/usr/bin/lxc-start", "-n", "web", NULL), 0);
        table->systemd.active = "failed";
        connect_table(table);
        follow(table);
        run_until_asked(table, "StartTransientUnit");
        assert_string_equal(
                        systemd_asked(&table->systemd),
                        "Subscribe ?phoenixd-restart-web.service ?lxc@web.service "
                        "StartTransientUnit phoenixd-restart-web.service "
                        "Description= restart of web Type= oneshot "
                        "CollectMode= inactive-or-failed TimeoutStartUSec= -1 "
                        "KillMode= process KillSignal= 18 SendSIGKILL= 0 "
                        "ExecStart= /usr/bin/lxc-stop: /usr/bin/lxc-stop -n web "
                        "/usr/bin/lxc-start: /usr/bin/lxc-start -n web ");
}

static void a_program_that_asks_has_a_limit_and_is_ended(void **state) {
        struct table *table = *state;
        struct phx_job *job = want(table, "health-web", PHX_JOB_RUN);
        const struct phx_job_result *result;

        assert_int_equal(phx_job_add_command(job, "/bin/health", "web", NULL), 0);
        job->limit_usec = 30 * S;
        connect_table(table);
        follow(table);
        run_until_asked(table, "StartTransientUnit");
        assert_string_equal(
                        systemd_asked(&table->systemd),
                        "Subscribe ?phoenixd-health-web.service "
                        "StartTransientUnit phoenixd-health-web.service Description= health-web "
                        "Type= oneshot CollectMode= inactive-or-failed "
                        "TimeoutStartUSec= 30000000 ExecStart= /bin/health: /bin/health web ");
        settle(table->event);
        systemd_end_job(&table->systemd, SYSTEMD_JOB, "timeout");
        result = run_until_ended(table, 1);
        assert_int_equal(result->outcome, PHX_JOB_FAILED);
        assert_string_equal(
                        result->text,
                        "phoenixd-health-web.service: systemd's job ended as \"timeout\"");
}

/* Of "$web" alone systemd would make a variable's value. */
static void an_argument_arrives_as_it_is(void **state) {
        struct table *table = *state;
        struct phx_job *job = want(table, "run", PHX_JOB_RUN);

        assert_int_equal(phx_job_add_command(job, "/bin/health", "$web", "a${b}$", NULL), 0);
        connect_table(table);
        follow(table);
        run_until_asked(table, "StartTransientUnit");
        assert_non_null(
                        strstr(systemd_asked(&table->systemd),
                               "ExecStart= /bin/health: /bin/health $$web a$${b}$$ "));
}

static void each_verb_asks_for_its_own(void **state) {
        static const struct {
                enum phx_job_verb verb;
                const char *active;
                const char *call;
        } cases[] = {
                { PHX_JOB_RESTART, "activating", "RestartUnit" },
                { PHX_JOB_STOP, "active", "StopUnit" },
                { PHX_JOB_START, "inactive", "StartUnit" },
                { PHX_JOB_START, "failed", "StartUnit" },
        };
        struct table *table = *state;

        connect_table(table);
        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                table->systemd.active = cases[i].active;
                (void) want_service(table, "a", cases[i].verb);
                follow(table);
                run_until_asked(table, cases[i].call);
                phx_jobs_done(&table->wanted);
                follow(table);
                (void) systemd_asked(&table->systemd);
        }
        assert_int_equal(table->ended, 0);
}

static void what_cannot_be_begun_is_refused(void **state) {
        struct table *table = *state;
        const struct phx_job_result *result;

        connect_table(table);
        (void) want_service(table, "a", PHX_JOB_STOP);
        follow(table);
        result = run_until_ended(table, 1);
        assert_int_equal(result->outcome, PHX_JOB_REFUSED);
        assert_string_equal(result->text, "lxc@web.service is not active");

        table->systemd.active = "active";
        table->systemd.refusal = "Transaction is destructive.";
        (void) want_service(table, "b", PHX_JOB_RESTART);
        follow(table);
        result = run_until_ended(table, 2);
        assert_int_equal(result->outcome, PHX_JOB_REFUSED);
        assert_string_equal(result->text, "Transaction is destructive.");

        (void) want(table, "c", PHX_JOB_RESTART);
        follow(table);
        result = run_until_ended(table, 3);
        assert_int_equal(result->outcome, PHX_JOB_REFUSED);
        assert_string_equal(result->text, "the job is invalid");
}

static void an_end_that_comes_with_the_answer_is_heard(void **state) {
        struct table *table = *state;

        table->systemd.active = "active";
        table->systemd.ends_at_once = true;
        (void) want_service(table, "a", PHX_JOB_RESTART);
        connect_table(table);
        follow(table);
        assert_int_equal(run_until_ended(table, 1)->outcome, PHX_JOB_DONE);
}

static void a_name_begins_once_and_its_result_stays(void **state) {
        struct table *table = *state;

        table->systemd.active = "active";
        table->systemd.ends_at_once = true;
        (void) want_service(table, "a", PHX_JOB_RESTART);
        connect_table(table);
        for (unsigned i = 0; i < 3; i++) {
                follow(table);
                (void) run_until_ended(table, 1);
        }
        assert_int_equal(table->systemd.begun, 1);
        /* Listed again after it was forgotten, it is another one. */
        phx_jobs_done(&table->wanted);
        follow(table);
        phx_job_results_done(&table->results);
        assert_int_equal(jobs_results(table->jobs, &table->results), 0);
        assert_int_equal(table->results.count, 0);
        settle(table->event);
        (void) systemd_asked(&table->systemd);
        (void) want_service(table, "a", PHX_JOB_RESTART);
        follow(table);
        run_until_asked(table, "Unsubscribe");
        assert_int_equal(table->systemd.begun, 2);
}

static void what_is_forgotten_is_not_cancelled(void **state) {
        struct table *table = *state;

        table->systemd.active = "active";
        (void) want_service(table, "a", PHX_JOB_RESTART);
        connect_table(table);
        follow(table);
        run_until_asked(table, "RestartUnit");
        settle(table->event);
        (void) systemd_asked(&table->systemd);
        phx_jobs_done(&table->wanted);
        follow(table);
        systemd_end_job(&table->systemd, SYSTEMD_JOB, "done");
        settle(table->event);
        assert_string_equal(systemd_asked(&table->systemd), "Unsubscribe ");
        assert_int_equal(table->ended, 0);
}

static void one_of_an_earlier_life_is_found_and_not_begun(void **state) {
        struct table *table = *state;
        const struct phx_job_result *result;

        table->systemd.active = "active";
        table->systemd.service_job = SYSTEMD_JOB;
        want_service(table, "a", PHX_JOB_RESTART)->is_resumed = true;
        connect_table(table);
        follow(table);
        run_until_asked(table, "?lxc@web");
        settle(table->event);
        assert_int_equal(table->ended, 0);
        systemd_end_job(&table->systemd, SYSTEMD_JOB, "done");
        assert_int_equal(run_until_ended(table, 1)->outcome, PHX_JOB_DONE);

        table->systemd.service_job = NULL;
        table->systemd.own_job = SYSTEMD_PATH "/job/9";
        want_service(table, "b", PHX_JOB_RESTART)->is_resumed = true;
        follow(table);
        run_until_asked(table, "?phoenixd-b");
        settle(table->event);
        systemd_end_job(&table->systemd, SYSTEMD_PATH "/job/9", "canceled");
        assert_int_equal(run_until_ended(table, 2)->outcome, PHX_JOB_FAILED);

        table->systemd.own_job = NULL;
        want_service(table, "c", PHX_JOB_RESTART)->is_resumed = true;
        follow(table);
        result = run_until_ended(table, 3);
        assert_int_equal(result->outcome, PHX_JOB_GONE);
        assert_string_equal(result->text, "systemd has no job of it any more");
        assert_int_equal(table->systemd.begun, 0);
}

/* Its first report came before the bus. */
static void one_that_is_withdrawn_in_time_is_not_begun(void **state) {
        struct table *table = *state;
        struct phx_job *job = want_service(table, "a", PHX_JOB_RESTART);

        follow(table);
        job->is_resumed = true;
        follow(table);
        connect_table(table);
        assert_int_equal(run_until_ended(table, 1)->outcome, PHX_JOB_GONE);
        assert_int_equal(table->systemd.begun, 0);
}

static void a_lost_connection_begins_nothing_twice(void **state) {
        struct table *table = *state;

        table->systemd.active = "active";
        (void) want_service(table, "runs", PHX_JOB_RESTART);
        connect_table(table);
        follow(table);
        run_until_asked(table, "RestartUnit");
        settle(table->event);
        disconnect_table(table);
        /* Its end is missed, as that of one that has not answered yet. */
        connect_table(table);
        assert_int_equal(run_until_ended(table, 1)->outcome, PHX_JOB_GONE);

        table->systemd.is_silent = true;
        (void) want_service(table, "begins", PHX_JOB_RESTART);
        follow(table);
        (void) systemd_asked(&table->systemd);
        run_until_asked(table, "RestartUnit");
        disconnect_table(table);
        table->systemd.service_job = SYSTEMD_JOB;
        connect_table(table);
        (void) systemd_asked(&table->systemd);
        run_until_asked(table, "?lxc@web");
        settle(table->event);
        systemd_end_job(&table->systemd, SYSTEMD_JOB, "done");
        assert_int_equal(run_until_ended(table, 2)->outcome, PHX_JOB_DONE);
        assert_int_equal(table->systemd.begun, 2);
}

static void no_answer_is_no_refusal(void **state) {
        struct table *table = *state;

        table->systemd.active = "active";
        table->systemd.is_silent = true;
        (void) want_service(table, "a", PHX_JOB_RESTART);
        connect_table(table);
        assert_true(sd_bus_set_method_call_timeout(table->connection, S) >= 0);
        follow(table);
        run_until_asked(table, "RestartUnit");
        table->systemd.service_job = SYSTEMD_JOB;
        (void) systemd_asked(&table->systemd);
        run_until_asked(table, "?lxc@web");
        settle(table->event);
        assert_int_equal(table->ended, 0);
        systemd_end_job(&table->systemd, SYSTEMD_JOB, "done");
        assert_int_equal(run_until_ended(table, 1)->outcome, PHX_JOB_DONE);
        assert_int_equal(table->systemd.begun, 1);
}

/* The end of a job, from another connection than systemd's, to the table alone: so no match of the
 * bus keeps it away. */
static void pretend_end(struct table *table, const char *path) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        sd_bus *other = table->bus->client;
        const char *name = NULL;

        assert_true(sd_bus_get_unique_name(table->connection, &name) >= 0);
        assert_true(sd_bus_message_new_signal(
                                    other,
                                    &signal,
                                    SYSTEMD_PATH,
                                    SYSTEMD_MANAGER,
                                    "JobRemoved") >= 0);
        assert_true(sd_bus_message_append(
                                    signal,
                                    "uoss",
                                    UINT32_C(7),
                                    path,
                                    "lxc@web.service",
                                    "done") >= 0);
        assert_true(sd_bus_message_set_destination(signal, name) >= 0);
        assert_true(sd_bus_send(other, signal, NULL) >= 0);
        assert_true(sd_bus_flush(other) >= 0);
}

static void only_systemd_ends_a_job(void **state) {
        struct table *table = *state;
        const struct phx_job_result *result;

        table->systemd.active = "active";
        (void) want_service(table, "a", PHX_JOB_RESTART);
        connect_table(table);
        follow(table);
        run_until_asked(table, "RestartUnit");
        settle(table->event);
        (void) systemd_asked(&table->systemd);

        /* That of no job of ours is not even looked into. */
        pretend_end(table, SYSTEMD_PATH "/job/8");
        settle(table->event);
        assert_string_equal(systemd_asked(&table->systemd), "");
        table->systemd.service_job = SYSTEMD_JOB;
        pretend_end(table, SYSTEMD_JOB);
        run_until_asked(table, "?lxc@web");
        settle(table->event);
        assert_int_equal(table->ended, 0);
        assert_string_equal(
                        systemd_asked(&table->systemd),
                        "?phoenixd-a.service ?lxc@web.service ");

        /* The true end is heard while systemd is asked about the other one. */
        table->systemd.service_job = NULL;
        pretend_end(table, SYSTEMD_JOB);
        systemd_end_job(&table->systemd, SYSTEMD_JOB, "failed");
        result = run_until_ended(table, 1);
        assert_int_equal(result->outcome, PHX_JOB_FAILED);
        assert_string_equal(result->text, "lxc@web.service: systemd's job ended as \"failed\"");
        assert_int_equal(table->systemd.begun, 1);
}

/* As after systemctl daemon-reexec. */
static void a_systemd_with_another_name_is_believed_once_it_has_answered(void **state) {
        struct table *table = *state;

        table->systemd.active = "active";
        (void) want_service(table, "a", PHX_JOB_RESTART);
        connect_table(table);
        follow(table);
        run_until_asked(table, "RestartUnit");
        settle(table->event);
        stop_systemd(&table->systemd);
        start_systemd(&table->systemd, table->bus, table->event);
        table->systemd.service_job = SYSTEMD_JOB;
        systemd_end_job(&table->systemd, SYSTEMD_JOB, "done");
        run_until_asked(table, "?lxc@web");
        settle(table->event);
        assert_int_equal(table->ended, 0);
        systemd_end_job(&table->systemd, SYSTEMD_JOB, "done");
        assert_int_equal(run_until_ended(table, 1)->outcome, PHX_JOB_DONE);
        assert_int_equal(table->systemd.begun, 0);
}

static void a_bus_that_comes_in_time_is_used(void **state) {
        struct table *table = *state;

        table->systemd.active = "active";
        table->systemd.ends_at_once = true;
        (void) want_service(table, "a", PHX_JOB_RESTART);
        follow(table);
        connect_table(table);
        assert_int_equal(run_until_ended(table, 1)->outcome, PHX_JOB_DONE);
}

static void without_a_bus_a_job_is_refused_unless_it_was_begun(void **state) {
        struct table *table = *state;
        const struct phx_job_result *result;
        uint64_t began = clock_usec();

        want_service(table, "begun", PHX_JOB_RESTART)->is_resumed = true;
        (void) want_service(table, "new", PHX_JOB_RESTART);
        /* Reports that come meanwhile make the patience no longer. */
        for (unsigned i = 0; i < 4; i++) {
                follow(table);
                assert_true(sd_event_run(table->event, PATIENCE_USEC / 4) >= 0);
        }
        result = run_until_ended(table, 1);
        assert_string_equal(result->name, "new");
        assert_int_equal(result->outcome, PHX_JOB_REFUSED);
        assert_string_equal(result->text, "the message bus is not available");
        assert_true(clock_usec() - began >= PATIENCE_USEC);
        /* Too late for it, and in time for the other one. */
        connect_table(table);
        result = run_until_ended(table, 2);
        assert_int_equal(phx_job_results_find(&table->results, "begun")->outcome, PHX_JOB_GONE);
        assert_int_equal(table->systemd.begun, 0);
}

static void a_bus_without_systemd_refuses(void **state) {
        struct table *table = *state;

        stop_systemd(&table->systemd);
        (void) want_service(table, "a", PHX_JOB_RESTART);
        connect_table(table);
        follow(table);
        assert_int_equal(run_until_ended(table, 1)->outcome, PHX_JOB_REFUSED);
        assert_non_null(strstr(table->results.items[0].text, SYSTEMD_NAME));
}

static void the_table_has_an_end(void **state) {
        struct table *table = *state;

        for (unsigned i = 0; i < PHX_JOBS_LIMIT + 10; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "job-%u", i);
                (void) want_service(table, name, PHX_JOB_RESTART);
        }
        follow(table);
        (void) run_until_ended(table, PHX_JOBS_LIMIT);
}

#define TABLE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_table, teardown_table)

int main(void) {
        const struct CMUnitTest tests[] = {
                TABLE_TEST(an_active_service_is_restarted),
                TABLE_TEST(where_the_service_is_not_active_the_commands_run),
                TABLE_TEST(a_program_that_asks_has_a_limit_and_is_ended),
                TABLE_TEST(an_argument_arrives_as_it_is),
                TABLE_TEST(each_verb_asks_for_its_own),
                TABLE_TEST(what_cannot_be_begun_is_refused),
                TABLE_TEST(an_end_that_comes_with_the_answer_is_heard),
                TABLE_TEST(a_name_begins_once_and_its_result_stays),
                TABLE_TEST(what_is_forgotten_is_not_cancelled),
                TABLE_TEST(one_of_an_earlier_life_is_found_and_not_begun),
                TABLE_TEST(one_that_is_withdrawn_in_time_is_not_begun),
                TABLE_TEST(a_lost_connection_begins_nothing_twice),
                TABLE_TEST(no_answer_is_no_refusal),
                TABLE_TEST(only_systemd_ends_a_job),
                TABLE_TEST(a_systemd_with_another_name_is_believed_once_it_has_answered),
                TABLE_TEST(a_bus_that_comes_in_time_is_used),
                TABLE_TEST(without_a_bus_a_job_is_refused_unless_it_was_begun),
                TABLE_TEST(a_bus_without_systemd_refuses),
                TABLE_TEST(the_table_has_an_end),
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
