/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A systemd of our own on the bus of bus-fixture.h, in the event loop of the test. It does nothing
 * but what it is told, and writes down what it is asked, one call a line. */

#include "base/buffer.h"
#include "bus-fixture.h"
#include "loop/job_unit.h"

/* What it answers. */
struct systemd {
        sd_bus *connection;
        struct phx_buffer calls;
        const char *active;      /* the state of each service; NULL: inactive */
        const char *service_job; /* that each service has; NULL: none */
        const char *own_job;     /* the same of units of jobs */
        const char *refusal;     /* of what begins something; NULL: it is begun */
        bool is_silent;          /* it keeps the call that begins something, and does not answer */
        bool ends_at_once;       /* what it begins is over before anybody can read its answer */
        unsigned begun;
};

#define SYSTEMD_JOB SYSTEMD_PATH "/job/7"

static inline void systemd_note(struct systemd *systemd, const char *text, const char *more) {
        assert_int_equal(phx_buffer_addf(&systemd->calls, "%s%s ", text, more), 0);
}

/* All that it was asked since the last time; borrowed until the next one. */
static inline const char *systemd_asked(struct systemd *systemd) {
        static char text[4096];

        (void) snprintf(text, sizeof(text), "%s", systemd->calls.data ? systemd->calls.data : "");
        phx_buffer_done(&systemd->calls);
        return text;
}

static inline void systemd_end_job(struct systemd *systemd, const char *path, const char *result) {
        assert_true(sd_bus_emit_signal(
                                    systemd->connection,
                                    SYSTEMD_PATH,
                                    SYSTEMD_MANAGER,
                                    "JobRemoved",
                                    "uoss",
                                    UINT32_C(7),
                                    path,
                                    "some.service",
                                    result) >= 0);
}

static inline int systemd_on_plain(sd_bus_message *call, void *data, sd_bus_error *error) {
        systemd_note(data, sd_bus_message_get_member(call), "");
        return sd_bus_reply_method_return(call, NULL);
}

static inline int systemd_add_unit(
                sd_bus_message *reply,
                const struct systemd *systemd,
                const char *name) {
        const bool is_own = phx_has_prefix(name, "phoenixd-");
        const char *active = is_own || !systemd->active ? "inactive" : systemd->active;
        const char *job = is_own ? systemd->own_job : systemd->service_job;

        return sd_bus_message_append(
                        reply,
                        "(ssssssouso)",
                        name,
                        "",
                        "loaded",
                        active,
                        "",
                        "",
                        SYSTEMD_PATH "/unit/a",
                        job ? UINT32_C(7) : UINT32_C(0),
                        "",
                        job ? job : "/");
}

static inline int systemd_on_list(sd_bus_message *call, void *data, sd_bus_error *error) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct systemd *systemd = data;
        const char *name;

        assert_true(sd_bus_message_new_method_return(call, &reply) >= 0);
        assert_true(sd_bus_message_open_container(reply, 'a', "(ssssssouso)") >= 0);
        assert_true(sd_bus_message_enter_container(call, 'a', "s") > 0);
        while (sd_bus_message_read(call, "s", &name) > 0) {
                systemd_note(systemd, "?", name);
                assert_true(systemd_add_unit(reply, systemd, name) >= 0);
        }
        assert_true(sd_bus_message_close_container(reply) >= 0);
        return sd_bus_send(NULL, reply, NULL);
}

/* The arguments of each line, and of each property what a text can say. */
static inline void systemd_note_property(struct systemd *systemd, sd_bus_message *call) {
        const char *name, *program, *contents;
        uint64_t usec;
        int number;
        char type;

        assert_true(sd_bus_message_read(call, "s", &name) > 0);
        assert_true(sd_bus_message_peek_type(call, &type, &contents) > 0);
        systemd_note(systemd, name, "=");
        if (strcmp(contents, "s") == 0) {
                assert_true(sd_bus_message_read(call, "v", "s", &program) > 0);
                systemd_note(systemd, program, "");
        } else if (strcmp(contents, "t") == 0) {
                assert_true(sd_bus_message_read(call, "v", "t", &usec) > 0);
                assert_true(phx_buffer_addf(&systemd->calls, "%" PRIi64 " ", (int64_t) usec) >= 0);
        } else if (strcmp(contents, "b") == 0 || strcmp(contents, "i") == 0) {
                assert_true(sd_bus_message_read(call, "v", contents, &number) > 0);
                assert_true(phx_buffer_addf(&systemd->calls, "%d ", number) >= 0);
        } else {
                assert_true(sd_bus_message_enter_container(call, 'v', "a(sasb)") > 0);
                assert_true(sd_bus_message_enter_container(call, 'a', "(sasb)") > 0);
                while (sd_bus_message_enter_container(call, 'r', "sasb") > 0) {
                        assert_true(sd_bus_message_read(call, "s", &program) > 0);
                        systemd_note(systemd, program, ":");
                        assert_true(sd_bus_message_enter_container(call, 'a', "s") > 0);
                        while (sd_bus_message_read(call, "s", &program) > 0)
                                systemd_note(systemd, program, "");
                        assert_true(sd_bus_message_exit_container(call) >= 0);
                        assert_true(sd_bus_message_read(call, "b", &number) > 0);
                        assert_false(number);
                        assert_true(sd_bus_message_exit_container(call) >= 0);
                }
                assert_true(sd_bus_message_exit_container(call) >= 0);
                assert_true(sd_bus_message_exit_container(call) >= 0);
        }
}

static inline int systemd_on_begin(sd_bus_message *call, void *data, sd_bus_error *error) {
        struct systemd *systemd = data;
        const char *unit, *mode;
        int r;

        systemd->begun++;
        assert_true(sd_bus_message_read(call, "ss", &unit, &mode) > 0);
        assert_string_equal(mode, "fail");
        systemd_note(systemd, sd_bus_message_get_member(call), "");
        systemd_note(systemd, unit, "");
        if (strcmp(sd_bus_message_get_member(call), "StartTransientUnit") == 0) {
                assert_true(sd_bus_message_enter_container(call, 'a', "(sv)") > 0);
                while (sd_bus_message_enter_container(call, 'r', "sv") > 0) {
                        systemd_note_property(systemd, call);
                        assert_true(sd_bus_message_exit_container(call) >= 0);
                }
        }
        if (systemd->is_silent)
                return 1;
        if (systemd->refusal)
                return sd_bus_error_set(error, "org.freedesktop.systemd1.No", systemd->refusal);
        r = sd_bus_reply_method_return(call, "o", SYSTEMD_JOB);
        if (systemd->ends_at_once)
                systemd_end_job(systemd, SYSTEMD_JOB, "done");
        return r;
}

static const sd_bus_vtable systemd_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Subscribe", "", "", systemd_on_plain, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Unsubscribe", "", "", systemd_on_plain, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListUnitsByNames",
                      "as",
                      "a(ssssssouso)",
                      systemd_on_list,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("StartUnit", "ss", "o", systemd_on_begin, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("StopUnit", "ss", "o", systemd_on_begin, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RestartUnit", "ss", "o", systemd_on_begin, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("StartTransientUnit",
                      "ssa(sv)a(sa(sv))",
                      "o",
                      systemd_on_begin,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
        SD_BUS_VTABLE_END,
};

/* On the bus of FIXTURE, in EVENT. */
static inline void start_systemd(
                struct systemd *systemd,
                const struct fixture *fixture,
                sd_event *event) {
        *systemd = (struct systemd){ 0 };
        assert_true(try_connect(fixture, &systemd->connection) >= 0);
        assert_true(sd_bus_add_object_vtable(
                                    systemd->connection,
                                    NULL,
                                    SYSTEMD_PATH,
                                    SYSTEMD_MANAGER,
                                    systemd_vtable,
                                    systemd) >= 0);
        assert_true(sd_bus_request_name(systemd->connection, SYSTEMD_NAME, 0) >= 0);
        assert_true(sd_bus_attach_event(systemd->connection, event, 0) >= 0);
}

static inline void stop_systemd(struct systemd *systemd) {
        systemd->connection = sd_bus_flush_close_unref(systemd->connection);
        phx_buffer_done(&systemd->calls);
}
