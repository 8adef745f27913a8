/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A message bus of our own, on it the manager in a process of its own with a fake engine, and the
 * test as its client. Who is root on the bus is decided by who runs this: root, as everywhere. */

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
#include "engine/sent.h"
#include "loop.h"
#include "loop/manager.h"
#include "shared/message-id.h"

enum behaviour { LOOKS, LOOKS_LONG, FAILS, STORES_AND_FAILS, DIES_ONCE };

struct shared {
        unsigned pestered; /* refused to who pesters, plus one */
        volatile enum behaviour behaviour;
        volatile unsigned looks;
        volatile unsigned asked_looks;
        volatile unsigned profiles;   /* how many there are */
        volatile unsigned containers; /* besides one */
        volatile unsigned remarks;    /* about them: one each, for the first ones */
        volatile bool is_restless;
        volatile bool wants_job;   /* "restart-web" of systemd, until it has its result */
        volatile unsigned results; /* that the last look had */
        volatile enum phx_job_outcome outcome;
        volatile bool is_observing;
        volatile bool requires_restart; /* what has the id 101 */
        char restarts[256];             /* that the last look was asked for */
        volatile unsigned missed, back; /* times that was said of the bus */
        volatile unsigned trims;        /* of the loop's memory, where a test counts them */
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

static inline void add_profiles(struct phx_snapshot *snapshot) {
        snapshot->profiles = calloc(shared->profiles + 1, sizeof(*snapshot->profiles));
        assert_non_null(snapshot->profiles);
        for (; snapshot->profile_count < shared->profiles; snapshot->profile_count++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "lxc-%03zu", snapshot->profile_count);
                (void) phx_replace(&snapshot->profiles[snapshot->profile_count].name, name);
                /* Each look finds each of them changed. */
                if (shared->is_restless)
                        snapshot->profiles[snapshot->profile_count].mode =
                                        shared->looks % 2 ? PHX_POLICY_ENFORCE
                                                          : PHX_POLICY_COMPLAIN;
        }
}

static inline void add_containers(struct phx_snapshot *snapshot) {
        for (unsigned i = 0; i < shared->containers; i++) {
                struct phx_snapshot_container *container =
                                &snapshot->containers[snapshot->container_count++];
                char id[32];

                (void) snprintf(id, sizeof(id), "c%05u", i);
                (void) phx_replace(&container->id, id);
                (void) phx_replace(&container->profile, "lxc-001");
        }
}

/* As the engine does, it keeps what it has sent last. */
static inline void take_suspensions(struct phx_suspensions *kept, const char *suspensions) {
        if (suspensions)
                assert_int_equal(
                                phx_suspensions_parse(suspensions, strlen(suspensions), kept, NULL),
                                0);
}

static struct sent shared_sent; /* of the engine */

/* One that the plan resolves, and one that it does not. */
static inline void add_drifts(struct phx_snapshot *snapshot) {
        snapshot->drifts = calloc(shared->remarks + 2, sizeof(*snapshot->drifts));
        assert_non_null(snapshot->drifts);
        snapshot->drift_count = shared->remarks + 2;
        for (size_t i = 0; i < snapshot->drift_count; i++) {
                struct phx_snapshot_drift *drift = &snapshot->drifts[i];
                char object[32] = "101";

                if (i >= 2)
                        (void) snprintf(object, sizeof(object), "c%05zu", i - 2);

                drift->layer = PHX_LAYER_CONFIG;
                drift->kind = i == 0 ? PHX_DRIFT_ASSIGNED : PHX_DRIFT_REMARK;
                drift->action = i == 0 ? PHX_ACTION_ASSIGN : PHX_ACTION_NONE;
                drift->retry_at = PHX_NEVER;
                (void) phx_replace(&drift->object, object);
                (void) phx_replace(&drift->expected, "a");
                (void) phx_replace(&drift->found, "b");
                (void) phx_replace(&drift->sentence, i == 0 ? "to do" : "to know");
                (void) phx_replace(&drift->before, "secret");
        }
}

static inline void tell_snapshot(const char *suspensions, const struct engine_answer *answer) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        struct phx_tally tally;

        take_suspensions(&shared_list, suspensions);
        assert_int_equal(phx_suspensions_copy(&snapshot->suspensions, &shared_list), 0);
        add_profiles(snapshot);
        snapshot->containers = calloc(shared->containers + 1, sizeof(*snapshot->containers));
        assert_non_null(snapshot->containers);
        snapshot->container_count = 1;
        (void) phx_replace(&snapshot->containers[0].id, "101");
        (void) phx_replace(&snapshot->containers[0].profile, "lxc-000");
        snapshot->containers[0].posture = PHX_POSTURE_UNCONFINED;
        snapshot->containers[0].is_running = true;
        if (shared->requires_restart)
                snapshot->containers[0].due = PHX_RESTART_DUE_NOW;
        snapshot->is_observing = shared->is_observing;
        add_containers(snapshot);
        add_drifts(snapshot);
        phx_tally_count(snapshot, &tally);
        assert_int_equal(
                        sent_update(&shared_sent, snapshot, &tally, answer->report, answer->sink),
                        0);
}

static inline void want_job(const struct engine_request *request, struct phx_report *report) {
        const struct phx_job_result *result = NULL;
        struct phx_job *job;

        shared->results = request->results ? (unsigned) request->results->count : 0;
        if (request->results)
                result = phx_job_results_find(request->results, "restart-web");
        if (result) {
                shared->wants_job = false;
                shared->outcome = result->outcome;
        }
        if (!shared->wants_job)
                return;
        job = phx_jobs_add(&report->jobs, "restart-web");
        assert_non_null(job);
        assert_int_equal(phx_replace(&job->service, "lxc@web.service"), 0);
}

static inline void take_restarts(const struct restart_asks *asks) {
        shared->restarts[0] = '\0';
        for (size_t i = 0; i < asks->count; i++) {
                const struct restart_ask *ask = &asks->items[i];
                size_t used = strlen(shared->restarts);

                assert_true(ask->at_usec > 0);
                (void) snprintf(shared->restarts + used,
                                sizeof(shared->restarts) - used,
                                "%s %u %s\n",
                                phx_restart_when_to_string(ask->when),
                                ask->by_uid,
                                ask->object);
        }
}

static inline int fake_look(
                void *data,
                const struct engine_request *request,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        struct phx_report *report;

        shared->looks++;
        shared->asked_looks += request->kind == LOOK_ASKED;
        if (request->restarts)
                take_restarts(request->restarts);
        if (shared->behaviour == LOOKS_LONG)
                (void) usleep(700 * MS);
        if (shared->behaviour == FAILS)
                return phx_error_set(error, -EINVAL, "phoenixd.json:3: no such key \xff");
        if (shared->behaviour == STORES_AND_FAILS) {
                take_suspensions(&shared_list, request->suspensions);
                (void) phx_suspensions_render(&shared_list, &ret_answer->suspensions);
                return phx_error_set(error, -EIO, "the kernel cannot be asked");
        }
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
        want_job(request, report);
        ret_answer->report = report;
        tell_snapshot(request->suspensions, ret_answer);
        return 0;
}

static inline int fake_setup(
                const struct work_options *options,
                const struct phx_audit *audit,
                struct engine_work *ret_work,
                struct phx_error *error) {
        *ret_work = (struct engine_work){ .look = fake_look };
        return 0;
}

static inline int count_messages(void *data, const struct iovec *fields, int count) {
        for (int i = 0; i < count; i++) {
                const char *field = fields[i].iov_base;

                shared->missed += strcmp(field, "MESSAGE_ID=" MESSAGE_BUS_MISSED) == 0;
                shared->back += strcmp(field, "MESSAGE_ID=" MESSAGE_BUS_BACK) == 0;
        }
        return 0;
}

static inline _Noreturn void run_manager(const struct fixture *fixture) {
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

static inline void start_bus(struct fixture *fixture) {
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

static inline void end(pid_t *pid) {
        int status;

        if (*pid <= 0)
                return;
        (void) kill(*pid, SIGTERM);
        assert_int_equal(waitpid(*pid, &status, 0), *pid);
        *pid = 0;
}

static inline int try_connect(const struct fixture *fixture, sd_bus **ret_client) {
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

static inline void connect_client(struct fixture *fixture) {
        for (int i = 0; i < 500 && !fixture->client; i++)
                if (try_connect(fixture, &fixture->client) < 0)
                        (void) usleep(10 * MS);
        assert_non_null(fixture->client);
}

static inline bool has_daemon(sd_bus *client) {
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

static inline void wait_for_daemon(sd_bus *client) {
        for (int i = 0; i < 500 && !has_daemon(client); i++)
                (void) usleep(10 * MS);
        assert_true(has_daemon(client));
}

static inline int setup(void **state) {
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

static inline int teardown(void **state) {
        struct fixture *fixture = *state;

        fixture->client = sd_bus_close_unref(fixture->client);
        end(&fixture->manager);
        end(&fixture->bus);
        remove_tree(fixture->root);
        free(fixture);
        return 0;
}

static inline void start_manager(struct fixture *fixture, enum behaviour behaviour) {
        shared->behaviour = behaviour;
        fixture->manager = fork();
        assert_true(fixture->manager >= 0);
        if (fixture->manager == 0)
                run_manager(fixture);
}

/* --- the client --- */

static inline int call(
                sd_bus *client,
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

static inline struct phx_description described(sd_bus *client) {
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

static inline void start_all(struct fixture *fixture) {
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
