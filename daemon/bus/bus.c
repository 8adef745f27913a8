/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The connection: how it comes, goes and comes back. With watch_bind, libsystemd itself waits for
 * the socket where there is none, so that a machine without a bus is not woken for it; the timer is
 * for a bus that is there and ended the connection. */

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "bus/private.h"
#include "shared/message-id.h"

#define SECOND UINT64_C(1000000)
#define FIRST_TRY_USEC SECOND
#define LAST_TRY_USEC (300 * SECOND)
/* How long the bus may take to come before that is worth a word. */
#define PATIENCE_USEC (20 * SECOND)
#define ACCURACY_USEC SECOND
/* Of the bus's answers to who asks for a name, the only one that will do. */
#define NAME_IS_OURS 1

static void set_timer(const struct bus *bus, uint64_t delay_usec) {
        if (sd_event_source_set_time_relative(bus->timer, delay_usec) >= 0)
                (void) sd_event_source_set_enabled(bus->timer, SD_EVENT_ONESHOT);
}

static void miss(struct bus *bus, const char *why) {
        if (bus->is_missed)
                return;
        bus->is_missed = true;
        journal_say(bus->journal,
                    MESSAGE_BUS_MISSED,
                    LOG_NOTICE,
                    "not available on the message bus: %s; passes continue",
                    why);
}

static void bus_pass_on(const struct bus *bus, sd_bus *connection) {
        if (bus->handler.connected)
                bus->handler.connected(bus->handler.data, connection);
}

static void bus_disconnect(struct bus *bus) {
        bus->has_name = false;
        bus_pass_on(bus, NULL);
        bus_requests_free(bus);
        bus_answers_free(bus);
        bus->connection = sd_bus_close_unref(bus->connection);
}

static void try_later(struct bus *bus) {
        uint64_t delay = FIRST_TRY_USEC;

        for (unsigned i = 0; i < bus->failures && delay < LAST_TRY_USEC; i++)
                delay *= 2;
        bus->failures++;
        set_timer(bus, delay < LAST_TRY_USEC ? delay : LAST_TRY_USEC);
}

/* libsystemd is still at work on the connection: it is dropped when the timer fires. */
static int on_disconnected(sd_bus_message *message, void *data, sd_bus_error *error) {
        struct bus *bus = data;

        bus->has_name = false;
        bus_pass_on(bus, NULL);
        miss(bus, "the connection was lost");
        try_later(bus);
        return 0;
}

static int on_name(sd_bus_message *reply, void *data, sd_bus_error *error) {
        struct bus *bus = data;
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);
        uint32_t result = 0;

        /* Whatever it says of the name. */
        bus_pass_on(bus, bus->connection);
        if (refusal) {
                miss(bus, refusal->message ? refusal->message : refusal->name);
                return 0;
        }
        if (sd_bus_message_read(reply, "u", &result) < 0 || result != NAME_IS_OURS) {
                miss(bus, "another program has the name org.phoenixd1");
                return 0;
        }
        bus->has_name = true;
        bus->failures = 0;
        (void) sd_event_source_set_enabled(bus->timer, SD_EVENT_OFF);
        if (bus->is_missed)
                journal_say(bus->journal,
                            MESSAGE_BUS_BACK,
                            LOG_NOTICE,
                            "resolved: available on the message bus");
        bus->is_missed = false;
        bus_manager_announce(bus);
        return 0;
}

static int bus_prepare(struct bus *bus) {
        int r;

        r = sd_bus_set_address(bus->connection, bus->address);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus->connection, true);
        if (r >= 0)
                r = sd_bus_set_watch_bind(bus->connection, true);
        if (r >= 0)
                r = sd_bus_set_description(bus->connection, "phoenixd");
        if (r >= 0)
                r = sd_bus_start(bus->connection);
        if (r < 0)
                return r;
        /* Only of our own library, so it needs no leave. */
        r = sd_bus_match_signal_async(
                        bus->connection,
                        NULL,
                        "org.freedesktop.DBus.Local",
                        "/org/freedesktop/DBus/Local",
                        "org.freedesktop.DBus.Local",
                        "Disconnected",
                        on_disconnected,
                        NULL,
                        bus);
        if (r >= 0)
                r = bus_manager_attach(bus);
        if (r >= 0)
                r = bus_objects_attach(bus);
        if (r >= 0)
                r = sd_bus_request_name_async(bus->connection, NULL, BUS_NAME, 0, on_name, bus);
        return r < 0 ? r : sd_bus_attach_event(bus->connection, bus->event, 0);
}

static void connect_bus(struct bus *bus) {
        int r;

        bus_disconnect(bus);
        r = sd_bus_new(&bus->connection);
        if (r >= 0)
                r = bus_prepare(bus);
        if (r < 0) {
                bus_disconnect(bus);
                miss(bus, strerrordesc_np(-r));
                try_later(bus);
        }
}

static int bus_on_timer(sd_event_source *source, uint64_t usec, void *data) {
        struct bus *bus = data;

        if (bus->connection && sd_bus_is_open(bus->connection) > 0 && !bus->has_name)
                miss(bus, "there is no bus yet");
        else if (!bus->has_name)
                connect_bus(bus);
        return 0;
}

int bus_new(sd_event *event,
            const char *address,
            const struct journal *journal,
            struct board *board,
            const struct bus_handler *handler,
            struct bus **ret_bus) {
        phx_cleanup(bus_freep) struct bus *bus = calloc(1, sizeof(*bus));
        int r;

        if (!bus)
                return -ENOMEM;
        bus->event = sd_event_ref(event);
        bus->address = address;
        bus->journal = journal;
        bus->board = board;
        bus->handler = *handler;
        r = sd_event_add_time_relative(
                        event,
                        &bus->timer,
                        CLOCK_MONOTONIC,
                        PATIENCE_USEC,
                        ACCURACY_USEC,
                        bus_on_timer,
                        bus);
        if (r < 0)
                return r;
        r = bus_news_attach(bus);
        if (r >= 0)
                r = bus_answers_attach(bus);
        if (r < 0)
                return r;
        if (address)
                connect_bus(bus);
        else
                (void) sd_event_source_set_enabled(bus->timer, SD_EVENT_OFF);

        *ret_bus = PHX_TAKE(bus);
        return 0;
}

struct bus *bus_free(struct bus *bus) {
        if (!bus)
                return NULL;

        bus_disconnect(bus);
        sd_event_source_disable_unref(bus->timer);
        sd_event_source_disable_unref(bus->news);
        sd_event_source_disable_unref(bus->turn);
        sd_event_source_disable_unref(bus->rest);
        sd_event_unref(bus->event);
        for (size_t i = 0; i < PHX_ELEMENTS(bus->announced); i++)
                free(bus->announced[i]);
        free(bus);

        return NULL;
}

void bus_announce(struct bus *bus) {
        bus_news_announce(bus);
        bus_manager_announce(bus);
}
