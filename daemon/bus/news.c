/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a look has changed is announced some objects at a time, so that ten thousand changes keep
 * nothing else waiting. Between the turns the loop answers. What the bus does not take yet waits on
 * the board, where an object has one change at most, and not in libsystemd's queue, which would
 * grow with each pass that a slow bus does not read. */

#include <malloc.h>

#include "bus/private.h"

/* An object that came costs most: some 0.1 ms, as all its properties are sent. */
#define NEWS_AT_ONCE 16
/* Without anybody to hear of it, a change is only freed. */
#define FREED_AT_ONCE 512
/* Messages that libsystemd may keep for us. */
#define QUEUE_LIMIT 64
/* Whose memory is worth the while of giving it back. */
#define MANY_NEWS 1000
#define RETRY_USEC UINT64_C(20000)

static bool is_held_up(const struct bus *bus) {
        uint64_t count = 0;

        return bus->has_name && sd_bus_get_n_queued_write(bus->connection, &count) >= 0 &&
               count > QUEUE_LIMIT;
}

/* Some of the news. */
static void news_step(struct bus *bus) {
        const unsigned limit = bus->has_name ? NEWS_AT_ONCE : FREED_AT_ONCE;

        for (unsigned i = 0; i < limit && !is_held_up(bus); i++) {
                const struct shelf_change *change = shelves_take_news(&bus->board->shelves);

                if (!change)
                        return;
                bus->news_count++;
                if (bus->has_name)
                        bus_objects_announce(bus, change);
        }
}

static void news_go_on(struct bus *bus) {
        if (!shelves_has_news(&bus->board->shelves)) {
                /* Frees the last one. */
                (void) shelves_take_news(&bus->board->shelves);
                /* The texts of before lie between those that stay. */
                if (bus->news_count > MANY_NEWS)
                        (void) malloc_trim(0);
                bus->news_count = 0;
                (void) sd_event_source_set_enabled(bus->news, SD_EVENT_OFF);
                return;
        }
        if (sd_event_source_set_time_relative(bus->news, is_held_up(bus) ? RETRY_USEC : 0) >= 0)
                (void) sd_event_source_set_enabled(bus->news, SD_EVENT_ONESHOT);
}

static int on_news(sd_event_source *source, uint64_t usec, void *data) {
        struct bus *bus = data;

        news_step(bus);
        news_go_on(bus);
        return 0;
}

int bus_news_attach(struct bus *bus) {
        int r;

        r = sd_event_add_time_relative(bus->event, &bus->news, CLOCK_MONOTONIC, 0, 1, on_news, bus);
        return r < 0 ? r : sd_event_source_set_enabled(bus->news, SD_EVENT_OFF);
}

void bus_news_announce(struct bus *bus) {
        news_step(bus);
        news_go_on(bus);
}
