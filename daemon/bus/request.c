/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who may change something. What is allowed becomes an errand (shared/errands.h), which answers
 * when it ends. libsystemd could ask the bus who a sender is, but it would wait for the answer, and
 * the loop must not: so both questions, who and whether, are asked as calls of our own, and the
 * request goes on when the answer is there.
 *
 * No user can keep another one out: places are counted when it is known whose they are, each user
 * has a few, and root needs none. Who leaves before it has leave gives its place back. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "bus/private.h"
#include "shared/text.h"

#define TEXT_SIZE 2048
/* polkit may ask a person. */
#define LEAVE_TIMEOUT_USEC UINT64_C(120000000)

static void unlink_request(struct bus_request *request) {
        struct bus *bus = request->bus;

        for (struct bus_request **at = &bus->requests; *at; at = &(*at)->next)
                if (*at == request) {
                        *at = request->next;
                        return;
                }
}

void bus_request_free(struct bus_request *request) {
        unlink_request(request);
        errands_disown(request->bus->handler.errands, request);
        sd_bus_slot_unref(request->slot);
        sd_bus_slot_unref(request->departure);
        sd_bus_message_unref(request->message);
        phx_suspension_done(&request->suspension);
        restart_ask_done(&request->restart);
        free(request);
}

void bus_requests_free(struct bus *bus) {
        while (bus->requests)
                bus_request_free(bus->requests);
}

static void bus_request_refuse(struct bus_request *request, const char *name, const char *text) {
        (void) sd_bus_reply_method_errorf(request->message, name, "%s", text);
        bus_request_free(request);
}

static void deny(struct bus_request *request) {
        bus_request_refuse(
                        request,
                        SD_BUS_ERROR_ACCESS_DENIED,
                        "permission denied: requires root or polkit authorization");
}

static int on_leave(sd_bus_message *reply, void *data, sd_bus_error *error) {
        struct bus_request *request = data;
        int is_authorized = 0, is_challenge = 0;

        request->slot = sd_bus_slot_unref(request->slot);
        /* No polkit, or one that does not answer: only root may. */
        if (sd_bus_message_is_method_error(reply, NULL) > 0 ||
            sd_bus_message_enter_container(reply, 'r', "bba{ss}") <= 0 ||
            sd_bus_message_read(reply, "bb", &is_authorized, &is_challenge) < 0)
                is_authorized = is_challenge = 0;
        if (is_authorized)
                request->allowed(request);
        else if (is_challenge)
                bus_request_refuse(
                                request,
                                SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                "permission denied: polkit must ask the user, and the call does not "
                                "permit that");
        else
                deny(request);
        return 0;
}

static void ask_leave(struct bus_request *request) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *question = NULL;
        uint32_t flags = sd_bus_message_get_allow_interactive_authorization(request->message) > 0;
        int r;

        request->state = BUS_REQUEST_ASKS_LEAVE;
        r = sd_bus_message_new_method_call(
                        request->bus->connection,
                        &question,
                        "org.freedesktop.PolicyKit1",
                        "/org/freedesktop/PolicyKit1/Authority",
                        "org.freedesktop.PolicyKit1.Authority",
                        "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(
                                question,
                                "(sa{sv})sa{ss}us",
                                "system-bus-name",
                                1,
                                "name",
                                "s",
                                sd_bus_message_get_sender(request->message),
                                request->action,
                                0,
                                flags,
                                "");
        if (r >= 0)
                r = sd_bus_call_async(
                                request->bus->connection,
                                &request->slot,
                                question,
                                on_leave,
                                request,
                                LEAVE_TIMEOUT_USEC);
        if (r < 0)
                deny(request);
}

static bool is_counted(const struct bus_request *request) {
        return request->state != BUS_REQUEST_ASKS_WHO && request->uid != 0;
}

/* REQUEST itself is not counted yet. */
static bool is_too_many(const struct bus_request *request) {
        const struct bus_request *other = request->bus->requests;
        unsigned same = 0, all = 0;

        for (; other; other = other->next)
                if (is_counted(other)) {
                        same += other->uid == request->uid;
                        all++;
                }
        return same >= BUS_REQUESTS_OF_USER || all >= BUS_REQUESTS_OF_USERS;
}

static int on_who(sd_bus_message *reply, void *data, sd_bus_error *error) {
        struct bus_request *request = data;

        request->slot = sd_bus_slot_unref(request->slot);
        if (sd_bus_message_is_method_error(reply, NULL) > 0 ||
            sd_bus_message_read(reply, "u", &request->uid) < 0)
                deny(request);
        else if (request->uid == 0)
                request->allowed(request);
        else if (is_too_many(request))
                bus_request_refuse(
                                request,
                                BUS_ERROR_BUSY,
                                "too many requests are pending; try again later");
        else
                ask_leave(request);
        return 0;
}

/* What it was allowed to do is done, even if nothing hears of it. */
static int on_departure(sd_bus_message *message, void *data, sd_bus_error *error) {
        struct bus_request *request = data;

        if (request->state == BUS_REQUEST_ASKS_WHO || request->state == BUS_REQUEST_ASKS_LEAVE)
                bus_request_free(request);
        return 0;
}

/* Without one, libsystemd would end the connection over a match that the bus refuses. */
static int on_match_installed(sd_bus_message *reply, void *data, sd_bus_error *error) {
        return 0;
}

int bus_watch_departure(
                struct bus *bus,
                sd_bus_message *call,
                sd_bus_slot **ret_slot,
                sd_bus_message_handler_t left,
                void *data) {
        phx_autofree char *match = NULL;

        if (phx_printf(&match,
                       "type='signal',sender='org.freedesktop.DBus',"
                       "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
                       "member='NameOwnerChanged',arg0='%s',arg2=''",
                       sd_bus_message_get_sender(call)) < 0)
                return -ENOMEM;
        return sd_bus_add_match_async(
                        bus->connection,
                        ret_slot,
                        match,
                        left,
                        on_match_installed,
                        data);
}

int bus_ask_who(struct bus *bus,
                sd_bus_message *call,
                sd_bus_slot **ret_slot,
                sd_bus_message_handler_t who,
                void *data) {
        return sd_bus_call_method_async(
                        bus->connection,
                        ret_slot,
                        "org.freedesktop.DBus",
                        "/org/freedesktop/DBus",
                        "org.freedesktop.DBus",
                        "GetConnectionUnixUser",
                        who,
                        data,
                        "s",
                        sd_bus_message_get_sender(call));
}

static bool is_flooded_by(const struct bus *bus, const char *sender) {
        unsigned count = 0;

        for (const struct bus_request *other = bus->requests; other; other = other->next)
                count += other->state == BUS_REQUEST_ASKS_WHO &&
                         phx_equal(sd_bus_message_get_sender(other->message), sender);
        return count >= BUS_REQUESTS_OF_SENDER;
}

int bus_request_new(
                struct bus *bus,
                sd_bus_message *message,
                const char *action,
                void (*allowed)(struct bus_request *request),
                sd_bus_error *error) {
        struct bus_request *request;
        int r;

        if (is_flooded_by(bus, sd_bus_message_get_sender(message)))
                return sd_bus_error_set(
                                error,
                                BUS_ERROR_BUSY,
                                "too many requests are pending; try again later");
        request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;
        request->bus = bus;
        request->message = sd_bus_message_ref(message);
        request->action = action;
        request->allowed = allowed;
        request->next = bus->requests;
        bus->requests = request;

        r = bus_watch_departure(bus, message, &request->departure, on_departure, request);
        if (r >= 0)
                r = bus_ask_who(bus, message, &request->slot, on_who, request);
        if (r < 0)
                bus_request_free(request);
        return r < 0 ? r : 1;
}

struct bus_request *bus_request_last(struct bus *bus) {
        return bus->requests;
}

/* The reply may quote anything, and what is not UTF-8 could not be sent. */
static void on_errand_ended(void *data, enum errand_end end, const char *error) {
        struct bus_request *request = data;
        char clean[TEXT_SIZE];

        if (error)
                text_clean(error, clean, sizeof(clean));
        request->end = end;
        request->ended(request, error ? clean : NULL);
        bus_request_free(request);
}

int bus_request_wait(
                struct bus_request *request,
                enum errand_kind kind,
                void (*ended)(struct bus_request *request, const char *error)) {
        const struct bus_handler *handler = &request->bus->handler;
        struct errand errand = {
                .kind = kind,
                .suspension = PHX_TAKE_STRUCT(request->suspension),
                .ended = on_errand_ended,
                .data = request,
        };
        int r;

        request->state = BUS_REQUEST_WAITS;
        request->ended = ended;
        /* The answer names it. */
        r = kind == ERRAND_RESTART ? restart_ask_copy(&errand.restart, &request->restart) : 0;
        if (r >= 0)
                r = errands_add(handler->errands, &errand);
        if (r >= 0)
                handler->look(handler->data);
        phx_suspension_done(&errand.suspension);
        restart_ask_done(&errand.restart);
        return r;
}

void bus_request_fail(struct bus_request *request, int code) {
        bus_request_refuse(request, BUS_ERROR_FAILED, strerrordesc_np(-code));
}
