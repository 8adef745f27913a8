/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Suspend and Resume: errands with a suspension. */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "bus/private.h"
#include "state/configuration.h"

#define ACTION "org.phoenixd1.suspend"

/* DONE says what is in force, once it was stored. */
static void reply(struct bus_request *request, const char *done, const char *error) {
        switch (request->end) {
        case ERRAND_DONE:
                (void) sd_bus_reply_method_return(request->message, "");
                break;
        case ERRAND_STORED:
                (void) sd_bus_reply_method_errorf(
                                request->message,
                                BUS_ERROR_PASS_FAILED,
                                "%s, but the pass failed: %s",
                                done,
                                error);
                break;
        case ERRAND_FAILED:
                (void) sd_bus_reply_method_errorf(request->message, BUS_ERROR_FAILED, "%s", error);
                break;
        }
}

static void reply_suspended(struct bus_request *request, const char *error) {
        reply(request, "the suspension is in force", error);
}

static void reply_resumed(struct bus_request *request, const char *error) {
        reply(request, "the suspension has ended", error);
}

static void on_suspend_allowed(struct bus_request *request) {
        int r;

        request->suspension.by_uid = request->uid;
        r = bus_request_wait(request, ERRAND_SUSPEND, reply_suspended);
        if (r < 0)
                bus_request_fail(request, r);
}

/* Suspended by what the last look saw, and by what was asked for since. */
static int bus_suspend_has(const struct bus *bus, const char *object) {
        phx_cleanup(phx_suspensions_done) struct phx_suspensions suspensions = { 0 };
        int r;

        r = errands_suspensions(
                        bus->handler.errands,
                        &bus->board->rest.snapshot->suspensions,
                        &suspensions);
        return r < 0 ? r : phx_suspensions_remove(&suspensions, object);
}

static void on_resume_allowed(struct bus_request *request) {
        int r = bus_suspend_has(request->bus, request->suspension.object);

        if (r == 0) {
                (void) sd_bus_reply_method_errorf(
                                request->message,
                                BUS_ERROR_NO_SUCH_OBJECT,
                                "it is not suspended");
                bus_request_free(request);
                return;
        }
        if (r > 0)
                r = bus_request_wait(request, ERRAND_RESUME, reply_resumed);
        if (r < 0)
                bus_request_fail(request, r);
}

/* Before the first look it is not known what is suspended already. */
static int bus_suspend_not_ready(sd_bus_error *error) {
        return sd_bus_error_set(error, BUS_ERROR_NOT_READY, "the first pass has not ended yet");
}

/* An object that the board has, or all. */
static int bus_suspend_read_object(
                const struct bus *bus,
                sd_bus_message *message,
                const char **ret_object,
                sd_bus_error *error) {
        const char *object;
        int r;

        r = sd_bus_message_read(message, "s", &object);
        if (r < 0)
                return r;
        if (!bus->board->is_known)
                return bus_suspend_not_ready(error);
        *ret_object = *object ? object : PHX_SUSPEND_ALL;
        if (strcmp(*ret_object, PHX_SUSPEND_ALL) == 0 || board_has(bus->board, object))
                return 0;
        return sd_bus_error_set(
                        error,
                        BUS_ERROR_NO_SUCH_OBJECT,
                        "there is no such profile or container");
}

static int take_on(
                struct bus *bus,
                sd_bus_message *message,
                const struct phx_suspension *suspension,
                void (*allowed)(struct bus_request *request),
                sd_bus_error *error) {
        phx_cleanup(phx_suspension_done) struct phx_suspension copy = { 0 };
        int r;

        r = phx_suspension_copy(&copy, suspension);
        if (r >= 0)
                r = bus_request_new(bus, message, ACTION, allowed, error);
        if (r > 0)
                bus_request_last(bus)->suspension = PHX_TAKE_STRUCT(copy);
        return r;
}

int bus_suspend(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(phx_suspension_done) struct phx_suspension suspension = { 0 };
        const char *object = NULL, *reason;
        struct bus *bus = data;
        int r;

        r = bus_suspend_read_object(bus, message, &object, error);
        if (r >= 0)
                r = sd_bus_message_read(message, "st", &reason, &suspension.until);
        if (r >= 0)
                r = phx_replace(&suspension.object, object);
        if (r >= 0)
                r = phx_replace(&suspension.reason, reason);
        if (r < 0)
                return r;
        suspension.since = bus_wall_usec(bus);
        if (suspension.until == 0)
                suspension.until = PHX_NEVER;
        if ((suspension.until > INT64_MAX && suspension.until != PHX_NEVER) ||
            !phx_suspension_is_valid(&suspension))
                return sd_bus_error_setf(
                                error,
                                SD_BUS_ERROR_INVALID_ARGS,
                                "expected a reason of at most %d bytes in one line, and 0 or a time in "
                                "the future",
                                PHX_SUSPENSION_REASON_LIMIT);
        return take_on(bus, message, &suspension, on_suspend_allowed, error);
}

int bus_resume(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(phx_suspension_done) struct phx_suspension suspension = { 0 };
        const char *object = NULL;
        struct bus *bus = data;
        int r;

        r = sd_bus_message_read(message, "s", &object);
        if (r < 0)
                return r;
        if (!bus->board->is_known)
                return bus_suspend_not_ready(error);
        /* What is suspended need not be there any more, so that only its form is checked. */
        suspension.until = PHX_NEVER;
        if (phx_replace(&suspension.object, *object ? object : PHX_SUSPEND_ALL) < 0 ||
            phx_replace(&suspension.reason, "") < 0)
                return -ENOMEM;
        if (!phx_suspension_is_valid(&suspension))
                return sd_bus_error_set(error, BUS_ERROR_NO_SUCH_OBJECT, "it is not suspended");
        return take_on(bus, message, &suspension, on_resume_allowed, error);
}
