/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The object that stands for the daemon. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/private.h"
#include "bus/property.h"

/* --- properties --- */

#define TEXT(name, expression)                                  \
        static const char *manager_##name(const void *object) { \
                const struct board *board = object;             \
                return expression;                              \
        }
#define NUMBER(name, expression)                             \
        static uint64_t manager_##name(const void *object) { \
                const struct board *board = object;          \
                return expression;                           \
        }

/* Of the tally, like every number that others show. */
#define COUNT(name, member) NUMBER(name, board->rest.tally.member)

/* No time is 0, as with systemd. */
static uint64_t time_of(uint64_t usec) {
        return usec == PHX_NEVER ? 0 : usec;
}

TEXT(version, board->daemon.version)
TEXT(mode,
     phx_mode_to_string(board->rest.snapshot->is_observing ? PHX_MODE_OBSERVE : PHX_MODE_ENFORCE))
TEXT(health, phx_health_to_string(board->daemon.health))
TEXT(status, board->daemon.status)
TEXT(doing, board->daemon.doing)
TEXT(generation, board->rest.snapshot->generation)
TEXT(observed_generation, board->rest.snapshot->observed_generation)
NUMBER(last_converged, time_of(board->daemon.last_converged_at))
NUMBER(pass_number, board->daemon.pass.number)
COUNT(profiles, profiles)
COUNT(containers, containers)
COUNT(drifts, drifts)
COUNT(confined, postures[PHX_POSTURE_CONFINED])
COUNT(unconfined, postures[PHX_POSTURE_UNCONFINED])
COUNT(stopped, postures[PHX_POSTURE_STOPPED])
COUNT(exposed, exposed)
COUNT(unmanaged, unmanaged)
COUNT(requires_restart, container_states[PHX_CONTAINER_REQUIRES_RESTART])
COUNT(quarantined, profile_states[PHX_PROFILE_QUARANTINED])
COUNT(compiling, profile_states[PHX_PROFILE_COMPILING])
NUMBER(suspended, board->rest.snapshot->suspensions.count > 0)

static const struct bus_property properties[] = {
        { "Version", .text = manager_version },
        { "Mode", .text = manager_mode },
        { "Health", .text = manager_health },
        { "Status", .text = manager_status },
        { "Doing", .text = manager_doing },
        { "Generation", .text = manager_generation },
        { "ObservedGeneration", .text = manager_observed_generation },
        { "LastConverged", .number = manager_last_converged },
        { "PassNumber", .number = manager_pass_number },
        { "NProfiles", .number = manager_profiles },
        { "NContainers", .number = manager_containers },
        { "NDrifts", .number = manager_drifts },
        { "NConfined", .number = manager_confined },
        { "NUnconfined", .number = manager_unconfined },
        { "NStopped", .number = manager_stopped },
        { "NExposed", .number = manager_exposed },
        { "NUnmanaged", .number = manager_unmanaged },
        { "NRequiresRestart", .number = manager_requires_restart },
        { "NQuarantined", .number = manager_quarantined },
        { "NCompiling", .number = manager_compiling },
        { "Suspended", .number = manager_suspended },
};

const struct bus_property *bus_manager_property(const char *name) {
        return bus_property_find(properties, PHX_ELEMENTS(properties), name);
}

static int get_property(const char *name, char type, const struct bus *bus, sd_bus_message *reply) {
        const struct bus_property *property = bus_manager_property(name);

        return property ? bus_property_append(property, bus->board, type, reply) : -ENOENT;
}

/* libsystemd does not say of which type the value is to be, and gives more parameters than ours
 * have. */
#define GETTER(type)                                              \
        static int get_##type(                                    \
                        sd_bus *connection,                       \
                        const char *path,                         \
                        const char *interface,                    \
                        const char *name,                         \
                        sd_bus_message *reply,                    \
                        void *data,                               \
                        sd_bus_error *error) {                    \
                return get_property(name, #type[0], data, reply); \
        }

GETTER(s) /* NOLINT(readability-function-size) */
GETTER(b) /* NOLINT(readability-function-size) */
GETTER(u) /* NOLINT(readability-function-size) */
GETTER(t) /* NOLINT(readability-function-size) */

void bus_manager_announce(struct bus *bus) {
        char *names[PHX_ELEMENTS(properties) + 1] = { 0 };
        size_t count = 0;

        if (!bus->has_name)
                return;
        for (size_t i = 0; i < PHX_ELEMENTS(properties); i++) {
                const struct bus_property *property = &properties[i];
                const char *text = NULL;
                char number[32];

                if (property->text) {
                        text = property->text(bus->board);
                } else {
                        (void) snprintf(number,
                                        sizeof(number),
                                        "%llu",
                                        (unsigned long long) property->number(bus->board));
                        text = number;
                }
                if (phx_equal(text, bus->announced[i]))
                        continue;
                (void) phx_replace(&bus->announced[i], text);
                memcpy(&names[count++], &property->name, sizeof(names[0]));
        }
        if (count > 0)
                (void) sd_bus_emit_properties_changed_strv(
                                bus->connection,
                                BUS_PATH,
                                BUS_MANAGER,
                                names);
}

/* --- methods that get something done --- */

static void reply_pass(struct bus_request *request, const char *error) {
        if (error)
                (void) sd_bus_reply_method_errorf(request->message, BUS_ERROR_FAILED, "%s", error);
        else
                (void) sd_bus_reply_method_return(
                                request->message,
                                "t",
                                request->bus->board->daemon.pass.number);
}

static void reply_done(struct bus_request *request, const char *error) {
        if (error)
                (void) sd_bus_reply_method_errorf(request->message, BUS_ERROR_FAILED, "%s", error);
        else
                (void) sd_bus_reply_method_return(request->message, "");
}

static void tell_token(struct bus_request *request, const char *error) {
        (void) sd_bus_emit_signal(
                        request->bus->connection,
                        BUS_PATH,
                        BUS_MANAGER,
                        "Reconciled",
                        "tbs",
                        request->token,
                        (int) !error,
                        error ? error : request->bus->board->daemon.status);
}

static void bus_manager_wait(
                struct bus_request *request,
                void (*ended)(struct bus_request *request, const char *error)) {
        int r = bus_request_wait(request, ERRAND_PASS, ended);

        if (r < 0)
                bus_request_fail(request, r);
}

static void on_reconcile_allowed(struct bus_request *request) {
        bus_manager_wait(request, reply_pass);
}

static void on_reload_allowed(struct bus_request *request) {
        bus_manager_wait(request, reply_done);
}

static void on_token_allowed(struct bus_request *request) {
        request->token = ++request->bus->tokens;
        (void) sd_bus_reply_method_return(request->message, "t", request->token);
        bus_manager_wait(request, tell_token);
}

/* "" is everything. A look always looks at everything; the name is checked, so that a
 * mistyped one is not answered as if all was well. */
static int bus_read_object(const struct bus *bus, sd_bus_message *message, sd_bus_error *error) {
        const char *object;
        int r;

        r = sd_bus_message_read(message, "s", &object);
        if (r < 0 || !*object)
                return r;
        r = bus_not_ready(bus, error);
        if (r < 0)
                return r;
        return board_has(bus->board, object) ? 0 : bus_no_such("profile or container", error);
}

static int reconcile(sd_bus_message *message, void *data, sd_bus_error *error) {
        int r;

        r = bus_read_object(data, message, error);
        return r < 0 ? r
                     : bus_request_new(data,
                                       message,
                                       "org.phoenixd1.reconcile",
                                       on_reconcile_allowed,
                                       error);
}

static int reconcile_async(sd_bus_message *message, void *data, sd_bus_error *error) {
        int r;

        r = bus_read_object(data, message, error);
        return r < 0 ? r
                     : bus_request_new(data,
                                       message,
                                       "org.phoenixd1.reconcile",
                                       on_token_allowed,
                                       error);
}

static int reload(sd_bus_message *message, void *data, sd_bus_error *error) {
        return bus_request_new(data, message, "org.phoenixd1.reload", on_reload_allowed, error);
}

/* The texts of configs and profiles may hold what is not for everybody. */
static void on_plan_allowed(struct bus_request *request) {
        static const struct bus_answer_plan plan = { .describe = board_describe_plan };
        struct bus *bus = request->bus;

        if (bus->board->is_known)
                bus_answer_begin_for(bus, request->message, request->uid, &plan);
        else
                (void) sd_bus_reply_method_errorf(
                                request->message,
                                BUS_ERROR_NOT_READY,
                                "the first pass has not ended yet");
        bus_request_free(request);
}

static int plan(sd_bus_message *message, void *data, sd_bus_error *error) {
        return bus_request_new(data, message, "org.phoenixd1.plan", on_plan_allowed, error);
}

#define METHOD(name, in, in_names, out, out_names, call) \
        SD_BUS_METHOD_WITH_NAMES(                        \
                        name,                            \
                        in,                              \
                        in_names,                        \
                        out,                             \
                        out_names,                       \
                        call,                            \
                        SD_BUS_VTABLE_UNPRIVILEGED)
#define PROPERTY(name, type) \
        SD_BUS_PROPERTY(name, #type, get_##type, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

/* Everybody may call them: who may get something done is asked for each call, without waiting. */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Describe", "", , "s", SD_BUS_PARAM(json), bus_describe),
        METHOD("DescribeDaemon", "", , "s", SD_BUS_PARAM(json), bus_describe_daemon),
        METHOD("DescribeObject",
               "s",
               SD_BUS_PARAM(name),
               "s",
               SD_BUS_PARAM(json),
               bus_describe_object),
        SD_BUS_METHOD_WITH_NAMES(
                        "DescribeObjects",
                        "ssu",
                        SD_BUS_PARAM(kind) SD_BUS_PARAM(after) SD_BUS_PARAM(count),
                        "s",
                        SD_BUS_PARAM(json),
                        bus_describe_objects,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        METHOD("Explain", "s", SD_BUS_PARAM(container), "s", SD_BUS_PARAM(json), bus_explain),
        METHOD("Plan", "", , "s", SD_BUS_PARAM(json), plan),
        METHOD("ListProfiles", "", , "a(sso)", SD_BUS_PARAM(profiles), bus_list_profiles),
        METHOD("ListContainers", "", , "a(ssso)", SD_BUS_PARAM(containers), bus_list_containers),
        METHOD("GetProfile", "s", SD_BUS_PARAM(name), "o", SD_BUS_PARAM(path), bus_get_profile),
        METHOD("GetContainer", "s", SD_BUS_PARAM(id), "o", SD_BUS_PARAM(path), bus_get_container),
        METHOD("Reconcile", "s", SD_BUS_PARAM(object), "t", SD_BUS_PARAM(pass), reconcile),
        METHOD("ReconcileAsync",
               "s",
               SD_BUS_PARAM(object),
               "t",
               SD_BUS_PARAM(token),
               reconcile_async),
        SD_BUS_METHOD("Reload", "", "", reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_NAMES(
                        "Suspend",
                        "sst",
                        SD_BUS_PARAM(object) SD_BUS_PARAM(reason) SD_BUS_PARAM(until),
                        "",
                        ,
                        bus_suspend,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_NAMES(
                        "Resume",
                        "s",
                        SD_BUS_PARAM(object),
                        "",
                        ,
                        bus_resume,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_NAMES(
                        "Restart",
                        "ss",
                        SD_BUS_PARAM(object) SD_BUS_PARAM(when),
                        "",
                        ,
                        bus_restart,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_NAMES(
                        "Reconciled",
                        "tbs",
                        SD_BUS_PARAM(token) SD_BUS_PARAM(ok) SD_BUS_PARAM(status),
                        0),
        PROPERTY("Version", s),
        PROPERTY("Mode", s),
        PROPERTY("Health", s),
        PROPERTY("Status", s),
        PROPERTY("Doing", s),
        PROPERTY("Generation", s),
        PROPERTY("ObservedGeneration", s),
        PROPERTY("LastConverged", t),
        PROPERTY("PassNumber", t),
        PROPERTY("NProfiles", u),
        PROPERTY("NContainers", u),
        PROPERTY("NDrifts", u),
        PROPERTY("NConfined", u),
        PROPERTY("NUnconfined", u),
        PROPERTY("NStopped", u),
        PROPERTY("NExposed", u),
        PROPERTY("NUnmanaged", u),
        PROPERTY("NRequiresRestart", u),
        PROPERTY("NQuarantined", u),
        PROPERTY("NCompiling", u),
        PROPERTY("Suspended", b),
        SD_BUS_VTABLE_END,
};

int bus_manager_attach(struct bus *bus) {
        return sd_bus_add_object_vtable(bus->connection, NULL, BUS_PATH, BUS_MANAGER, vtable, bus);
}
