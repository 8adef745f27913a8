/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Restart: an errand with the container that is to be restarted. The engine alone knows whether a
 * restart is required, so that the answer waits for its pass; and what came of that is read off the
 * board. */

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "bus/private.h"
#include "state/configuration.h"

#define ACTION "org.phoenixd1.restart"

static void restart_refuse(struct bus_request *request, const char *text) {
        (void) sd_bus_reply_method_errorf(request->message, BUS_ERROR_NOT_POSSIBLE, "%s", text);
}

/* After its pass. */
static void restart_answer(struct bus_request *request) {
        const char *object = request->restart.object;
        struct board *board = request->bus->board;
        const struct phx_snapshot_container *container;
        const struct shelf_object *found;

        if (strcmp(object, RESTART_ASK_ALL) == 0) {
                (void) sd_bus_reply_method_return(request->message, "");
                return;
        }
        found = shelves_find(&board->shelves, PHX_OBJECT_CONTAINER, object);
        container = found ? board_container(board, found) : NULL;
        if (!found)
                restart_refuse(request, "it is not configured any more");
        else if (!container)
                (void) sd_bus_reply_method_errno(request->message, -ENOMEM, NULL);
        else if (container->due == PHX_RESTART_DUE_NONE)
                restart_refuse(request, "no restart is required");
        else
                (void) sd_bus_reply_method_return(request->message, "");
}

static void reply_restart(struct bus_request *request, const char *error) {
        if (error)
                (void) sd_bus_reply_method_errorf(request->message, BUS_ERROR_FAILED, "%s", error);
        else
                restart_answer(request);
}

/* By what the last look saw, and what was asked for since: 1, 0 or -ENOMEM. */
static int restart_is_suspended(const struct bus *bus, const char *object) {
        phx_cleanup(phx_suspensions_done) struct phx_suspensions suspensions = { 0 };
        int r;

        r = errands_suspensions(
                        bus->handler.errands,
                        &bus->board->rest.snapshot->suspensions,
                        &suspensions);
        return r < 0 ? r : phx_suspensions_find(&suspensions, object) != NULL;
}

static void on_restart_allowed(struct bus_request *request) {
        const struct bus *bus = request->bus;
        int r;

        request->restart.by_uid = request->uid;
        request->restart.at_usec = bus_wall_usec(bus);
        r = restart_is_suspended(bus, request->restart.object);
        if (r > 0)
                restart_refuse(request, "it is suspended: see phoenixctl resume");
        else if (r == 0 && bus->board->rest.snapshot->is_observing)
                restart_refuse(request,
                               "phoenixd restarts nothing while mode is \"observe\" in its "
                               "settings");
        else if (r == 0) {
                r = bus_request_wait(request, ERRAND_RESTART, reply_restart);
                if (r >= 0)
                        return;
        }
        if (r < 0)
                bus_request_fail(request, r);
        else
                bus_request_free(request);
}

static int restart_read_when(
                sd_bus_message *message,
                enum phx_restart_when *ret_when,
                sd_bus_error *error) {
        const char *word;
        int r;

        r = sd_bus_message_read(message, "s", &word);
        if (r < 0)
                return r;
        for (unsigned when = PHX_RESTART_NOW; when <= PHX_RESTART_IN_WINDOW; when++)
                if (strcmp(word, phx_restart_when_to_string((enum phx_restart_when) when)) == 0) {
                        *ret_when = (enum phx_restart_when) when;
                        return 0;
                }
        return sd_bus_error_set(
                        error,
                        SD_BUS_ERROR_INVALID_ARGS,
                        "expected \"now\" or \"in-window\"");
}

int bus_restart(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(restart_ask_done) struct restart_ask ask = { 0 };
        const char *object = NULL;
        struct bus *bus = data;
        int r;

        r = sd_bus_message_read(message, "s", &object);
        if (r >= 0)
                r = restart_read_when(message, &ask.when, error);
        if (r >= 0)
                r = bus_not_ready(bus, error);
        if (r < 0)
                return r;
        if (*object && (!phx_is_container_id(object) ||
                        !shelves_find(&bus->board->shelves, PHX_OBJECT_CONTAINER, object)))
                return bus_no_such("container", error);
        if (phx_replace(&ask.object, *object ? object : RESTART_ASK_ALL) < 0)
                return -ENOMEM;
        r = bus_request_new(bus, message, ACTION, on_restart_allowed, error);
        if (r > 0)
                bus_request_last(bus)->restart = PHX_TAKE_STRUCT(ask);
        return r;
}
