/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Answers about all objects of a kind: with ten thousand of them, more work than may be done in one
 * go. Each is a reply that is written some objects at a time, in turns with everything else, and
 * sent when it is whole; one that is short is sent at once.
 *
 * An array goes on after the key that it came to: an object that comes or goes meanwhile is in it
 * or not, and all others are in it once. A text is of one pass (board.h), and is written to its
 * place in the reply, for which libsystemd has made room.
 *
 * No user can make the daemon hold many of them, or keep another one out: for one that is not short
 * the bus is asked first whose it is, as in request.c, and meanwhile nothing of it is held. */

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "bus/private.h"

/* Each is read for it, and all its properties may be written: some 50 us. */
#define OBJECTS_AT_ONCE 50
/* Bytes of a text: about half a millisecond. */
#define TEXT_AT_ONCE ((size_t) 256 * 1024)
/* Bytes of a long answer, and how long none comes until its memory is given back. */
#define LONG_ANSWER ((size_t) 64 * 1024)
#define REST_USEC 2000000
#define TOO_MANY "too many requests are pending; try again later"

struct bus_answer {
        struct bus *bus;
        sd_bus_message *call;
        sd_bus_message *reply;
        sd_bus_slot *who;       /* of the question whose it is */
        sd_bus_slot *departure; /* of its sender */
        uint32_t uid;
        bool is_known; /* whose it is: it has a place */
        struct bus_answer_plan plan;
        enum phx_object_kind kind; /* that it is at */
        char *after;               /* the key that it came to; NULL before the first of a kind */
        struct board_text text;
        char *text_at; /* in the reply: what comes next */
        struct bus_answer *next;
};

static void answer_unlink(struct bus_answer *answer) {
        struct bus *bus = answer->bus;

        for (struct bus_answer **at = &bus->answers; *at; at = &(*at)->next)
                if (*at == answer) {
                        *at = PHX_TAKE(answer->next);
                        return;
                }
}

static struct bus_answer *bus_answer_free(struct bus_answer *answer) {
        if (!answer)
                return NULL;

        answer_unlink(answer);
        sd_bus_slot_unref(answer->who);
        sd_bus_slot_unref(answer->departure);
        sd_bus_message_unref(answer->call);
        sd_bus_message_unref(answer->reply);
        free(answer->after);
        board_text_done(&answer->text);
        free(answer);

        return NULL;
}
PHX_DEFINE_FREEP(bus_answer)

void bus_answers_free(struct bus *bus) {
        while (bus->answers)
                (void) bus_answer_free(bus->answers);
}

/* At the beginning. */
static int answer_open(struct bus_answer *answer) {
        int r;

        answer->kind = answer->plan.first;
        r = sd_bus_message_new_method_return(answer->call, &answer->reply);
        if (r < 0)
                return r;
        if (!answer->plan.describe)
                return sd_bus_message_open_container(answer->reply, 'a', answer->plan.type);
        r = answer->plan.describe(answer->bus->board, &answer->text);
        if (r < 0 || (answer->text.size > TEXT_AT_ONCE && !answer->is_known))
                return r;
        return sd_bus_message_append_string_space(
                        answer->reply,
                        answer->text.size,
                        &answer->text_at);
}

static void answer_drop(struct bus_answer *answer) {
        answer->reply = sd_bus_message_unref(answer->reply);
        free(PHX_TAKE(answer->after));
        board_text_done(&answer->text);
}

/* Some more of it: 1 when it is whole. */
static int text_write(struct bus_answer *answer) {
        if (!answer->text_at)
                return 0;
        answer->text_at = board_text_write(
                        answer->bus->board,
                        &answer->text,
                        TEXT_AT_ONCE,
                        answer->text_at);
        return answer->text.is_whole;
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
        int r = answer->plan.describe ? text_write(answer) : answer_write(answer);

        if (r == 0)
                return 0;
        if (answer->is_known)
                bus_answer_made(answer->bus, LONG_ANSWER);
        if (r > 0 && !answer->plan.describe)
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

/* That can go on. */
static struct bus_answer *answers_first(const struct bus *bus) {
        struct bus_answer *answer = bus->answers;

        while (answer && !answer->is_known)
                answer = answer->next;
        return answer;
}

/* The first one, and then it is the turn of the next. */
static int on_turn(sd_event_source *source, uint64_t usec, void *data) {
        struct bus *bus = data;
        struct bus_answer *answer = answers_first(bus), **end = &bus->answers;

        if (!answer)
                return 0;
        answer_unlink(answer);
        if (answer_go_on(answer) > 0)
                answer = bus_answer_free(answer);
        while (*end)
                end = &(*end)->next;
        *end = answer;
        if (answers_first(bus))
                answers_take_turn(bus);
        return 0;
}

/* ANSWER itself is not counted yet. */
static bool answer_is_too_much(const struct bus_answer *answer) {
        const struct bus_answer *other = answer->bus->answers;
        unsigned same = 0, all = 0;

        for (; other; other = other->next)
                if (other->is_known && other->uid != 0) {
                        same += other->uid == answer->uid;
                        all++;
                }
        return answer->uid != 0 && (same >= BUS_ANSWERS_OF_USER || all >= BUS_ANSWERS_OF_USERS);
}

static bool answers_flood(const struct bus *bus, const char *sender) {
        unsigned count = 0;

        for (const struct bus_answer *other = bus->answers; other; other = other->next)
                count += !other->is_known &&
                         phx_equal(sd_bus_message_get_sender(other->call), sender);
        return count >= BUS_ANSWERS_OF_SENDER;
}

/* When it is known whose it is: begins it again, for the turns that it will take. */
static int answer_go_on_for(struct bus_answer *answer, uint32_t uid) {
        int r;

        answer->uid = uid;
        if (answer_is_too_much(answer))
                return -EBUSY;
        answer->is_known = true;
        r = answer_open(answer);
        if (r < 0)
                return r;
        answers_take_turn(answer->bus);
        return 0;
}

static void answer_refuse(sd_bus_message *call, int code) {
        if (code == -EBUSY)
                (void) sd_bus_reply_method_errorf(call, BUS_ERROR_BUSY, "%s", TOO_MANY);
        else
                (void) sd_bus_reply_method_errno(call, code, NULL);
}

static int answer_on_who(sd_bus_message *reply, void *data, sd_bus_error *error) {
        struct bus_answer *answer = data;
        uint32_t uid = 0;
        int r;

        answer->who = sd_bus_slot_unref(answer->who);
        r = sd_bus_message_is_method_error(reply, NULL) > 0 ? -EACCES
                                                            : sd_bus_message_read(reply, "u", &uid);
        if (r >= 0)
                r = answer_go_on_for(answer, uid);
        if (r < 0) {
                answer_refuse(answer->call, r);
                (void) bus_answer_free(answer);
        }
        return 0;
}

static int answer_on_departure(sd_bus_message *message, void *data, sd_bus_error *error) {
        (void) bus_answer_free(data);
        return 0;
}

static struct bus_answer *answer_new(
                struct bus *bus,
                sd_bus_message *call,
                const struct bus_answer_plan *plan) {
        struct bus_answer *answer = calloc(1, sizeof(*answer));

        if (!answer)
                return NULL;
        answer->bus = bus;
        answer->call = sd_bus_message_ref(call);
        answer->plan = *plan;
        return answer;
}

/* To those that take more than one turn. */
static void answers_add(struct bus_answer *answer) {
        answer->next = answer->bus->answers;
        answer->bus->answers = answer;
}

int bus_answer_begin(
                struct bus *bus,
                sd_bus_message *call,
                const struct bus_answer_plan *plan,
                sd_bus_error *error) {
        phx_cleanup(bus_answer_freep) struct bus_answer *answer = NULL;
        int r;

        if (answers_flood(bus, sd_bus_message_get_sender(call)))
                return sd_bus_error_set(error, BUS_ERROR_BUSY, TOO_MANY);
        answer = answer_new(bus, call, plan);
        if (!answer)
                return -ENOMEM;
        r = answer_open(answer);
        if (r < 0)
                return r;
        if (answer_go_on(answer) > 0)
                return 1;
        answer_drop(answer);
        r = bus_watch_departure(bus, call, &answer->departure, answer_on_departure, answer);
        if (r >= 0)
                r = bus_ask_who(bus, call, &answer->who, answer_on_who, answer);
        if (r < 0)
                return r;
        answers_add(PHX_TAKE(answer));
        return 1;
}

void bus_answer_begin_for(
                struct bus *bus,
                sd_bus_message *call,
                uint32_t uid,
                const struct bus_answer_plan *plan) {
        phx_cleanup(bus_answer_freep) struct bus_answer *answer = answer_new(bus, call, plan);
        int r = answer ? answer_go_on_for(answer, uid) : -ENOMEM;

        if (r >= 0)
                r = bus_watch_departure(bus, call, &answer->departure, answer_on_departure, answer);
        if (r < 0)
                answer_refuse(call, r);
        else
                answers_add(PHX_TAKE(answer));
}

static int on_rest(sd_event_source *source, uint64_t usec, void *data) {
        (void) malloc_trim(0);
        return 0;
}

void bus_answer_made(struct bus *bus, size_t size) {
        if (size >= LONG_ANSWER && sd_event_source_set_time_relative(bus->rest, REST_USEC) >= 0)
                (void) sd_event_source_set_enabled(bus->rest, SD_EVENT_ONESHOT);
}

static int answers_add_timer(
                struct bus *bus,
                sd_event_source **ret_source,
                uint64_t accuracy_usec,
                sd_event_time_handler_t handler) {
        int r = sd_event_add_time_relative(
                        bus->event,
                        ret_source,
                        CLOCK_MONOTONIC,
                        0,
                        accuracy_usec,
                        handler,
                        bus);

        return r < 0 ? r : sd_event_source_set_enabled(*ret_source, SD_EVENT_OFF);
}

int bus_answers_attach(struct bus *bus) {
        int r = answers_add_timer(bus, &bus->turn, 1, on_turn);

        return r < 0 ? r : answers_add_timer(bus, &bus->rest, REST_USEC, on_rest);
}
