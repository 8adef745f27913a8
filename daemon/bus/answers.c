/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Answers about all objects of a kind: with ten thousand of them, more work than may be done in one
 * go. Each is a reply that is written some objects at a time, in turns with everything else, and
 * sent when it is whole; one that is short is sent at once. It goes on after the key that it came
 * to: an object that comes or goes meanwhile is in it or not, and all others are in it once. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/private.h"

/* Each is read for it, and all its properties may be written: some 50 us. */
#define OBJECTS_AT_ONCE 50

struct bus_answer {
        struct bus *bus;
        sd_bus_message *call;
        sd_bus_message *reply;
        struct bus_answer_plan plan;
        enum phx_object_kind kind; /* that it is at */
        char *after;               /* the key that it came to; NULL before the first of a kind */
        struct bus_answer *next;
};

static struct bus_answer *bus_answer_free(struct bus_answer *answer) {
        if (!answer)
                return NULL;

        sd_bus_message_unref(answer->call);
        sd_bus_message_unref(answer->reply);
        free(answer->after);
        free(answer);

        return NULL;
}
PHX_DEFINE_FREEP(bus_answer)

void bus_answers_free(struct bus *bus) {
        while (bus->answers) {
                struct bus_answer *answer = bus->answers;

                bus->answers = answer->next;
                (void) bus_answer_free(answer);
        }
}

/* Some more of its objects: 1 when it is whole. */
static int answer_write(struct bus_answer *answer) {
        struct board *board = answer->bus->board;

        for (unsigned left = OBJECTS_AT_ONCE; left > 0; left--) {
                const struct shelf *shelf = &board->shelves.kinds[answer->kind];
                const char *after = answer->after ? answer->after : "";
                size_t at = shelves_from(&board->shelves, answer->kind, after);
                int r;

                if (at < shelf->count && strcmp(shelf_key(shelf->items[at]), after) == 0)
                        at++;
                if (at == shelf->count) {
                        free(PHX_TAKE(answer->after));
                        if (answer->kind == answer->plan.last)
                                return 1;
                        answer->kind++;
                        continue;
                }
                r = answer->plan.append(answer->reply, board, answer->kind, shelf->items[at]);
                if (r >= 0)
                        r = phx_replace(&answer->after, shelf_key(shelf->items[at]));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* 1 when nothing more is to be done for it. */
static int answer_go_on(struct bus_answer *answer) {
        int r = answer_write(answer);

        if (r == 0)
                return 0;
        if (r > 0)
                r = sd_bus_message_close_container(answer->reply);
        if (r >= 0)
                r = sd_bus_send(NULL, answer->reply, NULL);
        if (r < 0)
                (void) sd_bus_reply_method_errno(answer->call, r, NULL);
        return 1;
}

/* A deferred source would be dispatched before all others, again and again: it counts as pending
 * since it was made. One of time waits for its turn. */
static void answers_take_turn(struct bus *bus) {
        if (sd_event_source_set_time_relative(bus->turn, 0) >= 0)
                (void) sd_event_source_set_enabled(bus->turn, SD_EVENT_ONESHOT);
}

/* The first one, and then it is the turn of the next. */
static int on_turn(sd_event_source *source, uint64_t usec, void *data) {
        struct bus *bus = data;
        struct bus_answer *answer = bus->answers, **end = &bus->answers;

        if (!answer)
                return 0;
        bus->answers = PHX_TAKE(answer->next);
        if (answer_go_on(answer) > 0)
                answer = bus_answer_free(answer);
        while (*end)
                end = &(*end)->next;
        *end = answer;
        if (bus->answers)
                answers_take_turn(bus);
        return 0;
}

static bool answers_are_many(const struct bus *bus) {
        unsigned count = 0;

        for (const struct bus_answer *answer = bus->answers; answer; answer = answer->next)
                count++;
        return count >= BUS_ANSWERS_LIMIT;
}

int bus_answer_begin(
                struct bus *bus,
                sd_bus_message *call,
                const struct bus_answer_plan *plan,
                sd_bus_error *error) {
        phx_cleanup(bus_answer_freep) struct bus_answer *answer = NULL;
        int r;

        if (answers_are_many(bus))
                return sd_bus_error_set(
                                error,
                                BUS_ERROR_BUSY,
                                "too many requests are pending; try again later");
        answer = calloc(1, sizeof(*answer));
        if (!answer)
                return -ENOMEM;
        answer->bus = bus;
        answer->call = sd_bus_message_ref(call);
        answer->plan = *plan;
        answer->kind = plan->first;
        r = sd_bus_message_new_method_return(call, &answer->reply);
        if (r >= 0)
                r = sd_bus_message_open_container(answer->reply, 'a', plan->type);
        if (r < 0)
                return r;
        if (answer_go_on(answer) > 0)
                return 1;
        answer->next = bus->answers;
        bus->answers = PHX_TAKE(answer);
        answers_take_turn(bus);
        return 1;
}

int bus_answers_attach(struct bus *bus) {
        int r = sd_event_add_time_relative(
                        bus->event,
                        &bus->turn,
                        CLOCK_MONOTONIC,
                        0,
                        1,
                        on_turn,
                        bus);

        return r < 0 ? r : sd_event_source_set_enabled(bus->turn, SD_EVENT_OFF);
}
