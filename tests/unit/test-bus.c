/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#include "base/strings.h"
#include "codec/snapshot_json.h"
#include "codec/suspensions_json.h"
#include "config.h"
#include "loop.h"
#include "loop/manager.h"
#include "shared/message-id.h"

/* A message bus of our own, on it the manager in a process of its own with a fake engine, and the
 * test as its client. Who is root on the bus is decided by who runs this: root, as everywhere. */

enum { DAEMON = 1, NOBODY = 65534 };

enum behaviour { LOOKS, LOOKS_LONG, FAILS, DIES_ONCE };

struct shared {
        unsigned pestered; /* refused to who pesters, plus one */
        volatile enum behaviour behaviour;
        volatile unsigned looks;
        volatile unsigned asked_looks;
        volatile unsigned profiles; /* how many there are */
        volatile bool is_restless;
        volatile unsigned missed, back; /* times that was said of the bus */
};

static struct shared *shared;
static struct phx_suspensions shared_list; /* of the engine */

struct fixture {
        char root[64];
        char address[128];
        pid_t bus, manager;
        sd_bus *client;
};

/* --- the engine --- */

static void add_profiles(struct phx_snapshot *snapshot) {
        snapshot->profiles = calloc(shared->profiles + 1, sizeof(*snapshot->profiles));
        assert_non_null(snapshot->profiles);
        for (; snapshot->profile_count < shared->profiles; snapshot->profile_count++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "lxc-%03zu", snapshot->profile_count);
                (void) phx_replace(&snapshot->profiles[snapshot->profile_count].name, name);
                /* Each look finds each of them changed. */
                if (shared->is_restless)
                        (void) phx_replace(
                                        &snapshot->profiles[snapshot->profile_count].mode,
                                        shared->looks % 2 ? "enforce" : "complain");
        }
}

/* As the engine does, it keeps what it was told last. */
static void take_suspensions(struct phx_suspensions *kept, const char *suspensions) {
        if (suspensions)
                assert_int_equal(
                                phx_suspensions_parse(suspensions, strlen(suspensions), kept, NULL),
                                0);
}

static char *new_snapshot(const char *suspensions) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        char *text = NULL;

        take_suspensions(&shared_list, suspensions);
        assert_int_equal(phx_suspensions_copy(&snapshot->suspensions, &shared_list), 0);
        add_profiles(snapshot);
        snapshot->containers = calloc(1, sizeof(*snapshot->containers));
        assert_non_null(snapshot->containers);
        snapshot->container_count = 1;
        (void) phx_replace(&snapshot->containers[0].id, "101");
        (void) phx_replace(&snapshot->containers[0].profile, "lxc-000");
        snapshot->containers[0].posture = PHX_POSTURE_UNCONFINED;
        snapshot->containers[0].is_running = true;
        (void) phx_snapshot_render(snapshot, &text);
        return text;
}

static int fake_look(
                void *data,
                enum look_kind kind,
                const char *suspensions,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        struct phx_report *report;

        shared->looks++;
        shared->asked_looks += kind == LOOK_ASKED;
        if (shared->behaviour == LOOKS_LONG)
                (void) usleep(700 * MS);
        if (shared->behaviour == FAILS)
                return phx_error_set(error, -EINVAL, "phoenixd.json:3: no such key \xff");
        if (shared->behaviour == DIES_ONCE) {
                shared->behaviour = LOOKS;
                _exit(7);
        }
        report = calloc(1, sizeof(*report));
        if (!report)
                return -ENOMEM;
        report->retry_usec = PHX_NEVER;
        report->debounce_usec = 50 * MS;
        report->longest_delay_usec = 300 * MS;
        report->resync_usec = 600 * S;
        (void) phx_replace(&report->status, "In sync: caf\xe9");
        ret_answer->report = report;
        ret_answer->snapshot = new_snapshot(suspensions);
        (void) phx_replace(&ret_answer->plan, "the plan");
        return 0;
}

static int fake_setup(
                const struct work_options *options,
                const struct phx_audit *audit,
                struct engine_work *ret_work,
                struct phx_error *error) {
        *ret_work = (struct engine_work){ .look = fake_look };
        return 0;
}

static void count_messages(void *data, const struct iovec *fields, int count) {
        for (int i = 0; i < count; i++) {
                const char *field = fields[i].iov_base;

                shared->missed += strcmp(field, "MESSAGE_ID=" MESSAGE_BUS_MISSED) == 0;
                shared->back += strcmp(field, "MESSAGE_ID=" MESSAGE_BUS_BACK) == 0;
        }
}

static _Noreturn void run_manager(const struct fixture *fixture) {
        const struct journal journal = { .send = count_messages };
        const struct engine_plan plan = { fake_setup, NULL, &journal };
        phx_cleanup(manager_freep) struct manager *manager = NULL;
        struct manager_options options;
        char settings[128];
        int r;

        block_signals();
        (void) snprintf(settings, sizeof(settings), "%s/phoenixd.json", fixture->root);
        manager_options_init(&options, settings);
        options.revision = "/nonexistent/revision";
        options.bus_address = fixture->address;
        options.patience_usec = 300 * MS;

        r = manager_new(&options, &plan, &manager);
        if (r >= 0)
                r = manager_run(manager);
        manager = manager_free(manager);
        _exit(r < 0 ? 1 : 0);
}

/* --- the bus --- */

static void start_bus(struct fixture *fixture) {
        char path[128], text[1024];

        (void) snprintf(text,
                        sizeof(text),
                        "<busconfig><listen>unix:path=%s/bus</listen>"
                        "<auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/>"
                        "<allow own=\"*\"/><allow send_type=\"*\"/>"
                        "<allow receive_type=\"*\"/></policy></busconfig>",
                        fixture->root);
        write_file(fixture->root, "bus.conf", text);
        (void) snprintf(path, sizeof(path), "--config-file=%s/bus.conf", fixture->root);
        fixture->bus = fork();
        assert_true(fixture->bus >= 0);
        if (fixture->bus == 0) {
                (void) execlp("dbus-daemon", "dbus-daemon", path, "--nofork", "--nopidfile", NULL);
                _exit(127);
        }
}

static void end(pid_t *pid) {
        int status;

        if (*pid <= 0)
                return;
        (void) kill(*pid, SIGTERM);
        assert_int_equal(waitpid(*pid, &status, 0), *pid);
        *pid = 0;
}

static int try_connect(const struct fixture *fixture, sd_bus **ret_client) {
        phx_cleanup(sd_bus_unrefp) sd_bus *client = NULL;
        int r;

        r = sd_bus_new(&client);
        if (r >= 0)
                r = sd_bus_set_address(client, fixture->address);
        if (r >= 0)
                r = sd_bus_set_bus_client(client, true);
        if (r >= 0)
                r = sd_bus_start(client);
        /* Waits until the bus has answered. */
        if (r >= 0)
                r = sd_bus_get_unique_name(client, &(const char *){ NULL });
        if (r >= 0)
                *ret_client = PHX_TAKE(client);
        return r;
}

static void connect_client(struct fixture *fixture) {
        for (int i = 0; i < 500 && !fixture->client; i++)
                if (try_connect(fixture, &fixture->client) < 0)
                        (void) usleep(10 * MS);
        assert_non_null(fixture->client);
}

static bool has_daemon(sd_bus *client) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int has = 0;

        assert_true(sd_bus_call_method(
                                    client,
                                    "org.freedesktop.DBus",
                                    "/org/freedesktop/DBus",
                                    "org.freedesktop.DBus",
                                    "NameHasOwner",
                                    NULL,
                                    &reply,
                                    "s",
                                    "org.phoenixd1") >= 0);
        assert_true(sd_bus_message_read(reply, "b", &has) >= 0);
        return has;
}

static void wait_for_daemon(sd_bus *client) {
        for (int i = 0; i < 500 && !has_daemon(client); i++)
                (void) usleep(10 * MS);
        assert_true(has_daemon(client));
}

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));

        assert_non_null(fixture);
        *shared = (struct shared){ .profiles = 2 };
        (void) snprintf(fixture->root, sizeof(fixture->root), "/tmp/test-bus-XXXXXX");
        make_directory(fixture->root);
        assert_int_equal(chmod(fixture->root, 0755), 0);
        (void) snprintf(fixture->address,
                        sizeof(fixture->address),
                        "unix:path=%s/bus",
                        fixture->root);
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        *state = fixture;
        return 0;
}

static int teardown(void **state) {
        struct fixture *fixture = *state;

        fixture->client = sd_bus_close_unref(fixture->client);
        end(&fixture->manager);
        end(&fixture->bus);
        remove_tree(fixture->root);
        free(fixture);
        return 0;
}

static void start_manager(struct fixture *fixture, enum behaviour behaviour) {
        shared->behaviour = behaviour;
        fixture->manager = fork();
        assert_true(fixture->manager >= 0);
        if (fixture->manager == 0)
                run_manager(fixture);
}

/* --- the client --- */

static int call(sd_bus *client,
                const char *method,
                const char *argument,
                sd_bus_error *error,
                sd_bus_message **ret_reply) {
        return sd_bus_call_method(
                        client,
                        "org.phoenixd1",
                        "/org/phoenixd1",
                        "org.phoenixd1.Manager",
                        method,
                        error,
                        ret_reply,
                        argument ? "s" : "",
                        argument);
}

static struct phx_description described(sd_bus *client) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct phx_description description = { 0 };
        struct phx_error error = { 0 };
        const char *text;

        assert_true(call(client, "Describe", NULL, NULL, &reply) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &text) >= 0);
        if (phx_description_parse(text, strlen(text), &description, &error) < 0)
                fail_msg("%s", error.text);
        return description;
}

static void start_all(struct fixture *fixture) {
        start_bus(fixture);
        connect_client(fixture);
        start_manager(fixture, LOOKS);
        wait_for_daemon(fixture->client);
        for (int i = 0; i < 500; i++) {
                phx_cleanup(phx_description_done) struct phx_description description = described(
                                fixture->client);

                if (description.daemon.health != PHX_HEALTH_STARTING)
                        return;
                (void) usleep(10 * MS);
        }
        fail_msg("the first look does not end");
}

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
        assert_int_equal(shared->asked_looks, 2);

        shared->behaviour = LOOKS;
        assert_true(call(fixture->client, "Reload", NULL, NULL, NULL) >= 0);
        assert_int_equal(shared->asked_looks, 3);

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
        struct fixture *fixture = *state;
        const char *text = NULL;

        start_all(fixture);
        assert_true(call(fixture->client, "Plan", NULL, NULL, &reply) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &text) >= 0);
        assert_string_equal(text, "the plan");
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
                "Introspect", "Nothing",
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

        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(uid, uid, uid) < 0 ||
            try_connect(fixture, &client) < 0)
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

static void who_waits_for_polkit_does_not_keep_root_out(void **state) {
        phx_cleanup(sd_bus_unrefp) sd_bus *polkit = NULL;
        struct fixture *fixture = *state;
        pid_t pester;

        start_all(fixture);
        polkit = start_silent_polkit(fixture);
        pester = start_pester(fixture, NOBODY, 100);
        assert_true(call(fixture->client, "Reconcile", "", NULL, NULL) >= 0);
        assert_true(call(fixture->client, "Plan", NULL, NULL, NULL) >= 0);
        assert_true(call(fixture->client, "Reload", NULL, NULL, NULL) >= 0);
        end(&pester);
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
                cmocka_unit_test_setup_teardown(what_is_known_is_told_at_any_time, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                for_99_of_100_answers_the_loop_reads_what_it_knows_a_few_times,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                a_name_is_a_name_of_ours_or_nothing,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                an_object_stands_for_each_profile_and_container,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                who_asks_for_a_look_is_answered_when_it_is_over,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                a_look_that_is_lost_is_made_again_for_who_waits,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(the_plan_is_told_to_root, setup, teardown),
                cmocka_unit_test_setup_teardown(
                                a_token_is_named_when_its_look_is_over,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                listeners_are_told_of_what_has_changed_alone,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                what_is_suspended_is_added_to_what_was,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                what_cannot_be_suspended_is_refused_at_once,
                                setup,
                                teardown),
                cmocka_unit_test_setup_teardown(
                                a_suspension_is_not_lost_with_the_engine,
                                setup,
                                teardown),
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
