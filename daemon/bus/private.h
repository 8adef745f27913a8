/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of the bus share. */

#include <systemd/sd-bus.h>

#include "bus/bus.h"

#define BUS_NAME "org.phoenixd1"
#define BUS_PATH "/org/phoenixd1"
#define BUS_PROFILE_PATH BUS_PATH "/profile"
#define BUS_CONTAINER_PATH BUS_PATH "/container"
#define BUS_MANAGER "org.phoenixd1.Manager"
#define BUS_PROFILE "org.phoenixd1.Profile"
#define BUS_CONTAINER "org.phoenixd1.Container"

#define BUS_ERROR_NO_SUCH_OBJECT "org.phoenixd1.Error.NoSuchObject"
#define BUS_ERROR_BUSY "org.phoenixd1.Error.Busy"
#define BUS_ERROR_NOT_READY "org.phoenixd1.Error.NotReady"
#define BUS_ERROR_FAILED "org.phoenixd1.Error.Failed"
#define BUS_ERROR_PASS_FAILED "org.phoenixd1.Error.PassFailed"
#define BUS_ERROR_NOT_POSSIBLE "org.phoenixd1.Error.NotPossible"

/* How many may wait, for leave or for the end of a look: of one user, of all users but root, who is
 * not counted; and of one sender while it is not known yet who that is. */
#define BUS_REQUESTS_OF_USER 8
#define BUS_REQUESTS_OF_USERS 64
#define BUS_REQUESTS_OF_SENDER 256

/* Answers that are being written at the same time, each of which holds what it has of its objects:
 * of one user, and of all users but root, who is not counted; and those of one sender for which it
 * is not known yet who that is, and which hold nothing. */
#define BUS_ANSWERS_OF_USER 2
#define BUS_ANSWERS_OF_USERS 8
#define BUS_ANSWERS_OF_SENDER 256

enum bus_request_state {
        BUS_REQUEST_ASKS_WHO,   /* the bus was asked who sends it */
        BUS_REQUEST_ASKS_LEAVE, /* polkit was asked whether that one may */
        BUS_REQUEST_WAITS,      /* for the end of its errand */
};

/* A call that changes something, from its arrival to its answer. */
struct bus_request {
        struct bus *bus;
        enum bus_request_state state;
        sd_bus_message *message;
        sd_bus_slot *slot;      /* of the question that is open */
        sd_bus_slot *departure; /* of its sender */
        const char *action;
        /* It may: takes the request on, and answers when it is done. */
        void (*allowed)(struct bus_request *request);
        /* The errand is over; ERROR is UTF-8, NULL when it was done. */
        void (*ended)(struct bus_request *request, const char *error);
        enum errand_end end; /* then */
        uint32_t uid;
        uint64_t token;
        struct phx_suspension suspension; /* of an errand of that kind */
        struct restart_ask restart;       /* likewise */
        struct bus_request *next;
};

struct bus {
        sd_event *event;
        const char *address;
        const struct journal *journal;
        struct board *board;
        struct bus_handler handler;
        sd_bus *connection;
        sd_event_source *timer; /* of the next try, or of our patience with the first */
        unsigned failures;
        bool has_name;
        bool is_missed; /* and that was said */
        struct bus_request *requests;
        uint64_t tokens;
        char *announced[32];        /* the manager's properties, as they were announced last */
        sd_event_source *news;      /* of the next objects to announce */
        unsigned news_count;        /* announced since there were none */
        struct bus_answer *answers; /* that take more than one turn */
        sd_event_source *turn;
        sd_event_source *rest; /* after a long one */
};

/* Each adds its vtables to the connection. */
int bus_manager_attach(struct bus *bus);
int bus_objects_attach(struct bus *bus);

void bus_manager_announce(struct bus *bus);
/* An object of the board came, went or changed. */
void bus_objects_announce(const struct bus *bus, const struct shelf_change *change);

/* Announces the board's news, now and in turns with everything else. */
int bus_news_attach(struct bus *bus);
void bus_news_announce(struct bus *bus);
/* A property of the manager's object, of a struct board; NULL for another name. */
const struct bus_property *bus_manager_property(const char *name);

/* An answer that is one text, which DESCRIBE begins; or an array of items of TYPE: APPEND writes
 * that of each object of the kinds FIRST to LAST. */
struct bus_answer_plan {
        const char *type;
        enum phx_object_kind first, last;
        int (*append)(sd_bus_message *reply,
                      struct board *board,
                      enum phx_object_kind kind,
                      const struct shelf_object *object);
        int (*describe)(const struct board *board, struct board_text *ret_text);
};

int bus_answers_attach(struct bus *bus);
void bus_answers_free(struct bus *bus);
/* Answers CALL, now or in turns with everything else. As a method's handler returns. */
int bus_answer_begin(
                struct bus *bus,
                sd_bus_message *call,
                const struct bus_answer_plan *plan,
                sd_bus_error *error);
/* The same of a call that is known to be UID's: has answered it, or will. */
void bus_answer_begin_for(
                struct bus *bus,
                sd_bus_message *call,
                uint32_t uid,
                const struct bus_answer_plan *plan);

/* An answer of SIZE bytes is made: a long one takes memory that is given back when there was none
 * for a while. */
void bus_answer_made(struct bus *bus, size_t size);

/* The methods of the manager's object that only tell. */
int bus_describe(sd_bus_message *message, void *data, sd_bus_error *error);
int bus_describe_daemon(sd_bus_message *message, void *data, sd_bus_error *error);
int bus_describe_object(sd_bus_message *message, void *data, sd_bus_error *error);
int bus_describe_objects(sd_bus_message *message, void *data, sd_bus_error *error);
int bus_explain(sd_bus_message *message, void *data, sd_bus_error *error);
int bus_list_profiles(sd_bus_message *message, void *data, sd_bus_error *error);
int bus_list_containers(sd_bus_message *message, void *data, sd_bus_error *error);
int bus_get_profile(sd_bus_message *message, void *data, sd_bus_error *error);
int bus_get_container(sd_bus_message *message, void *data, sd_bus_error *error);

/* Answers with BUFFER, which is UTF-8. */
int bus_reply_text(sd_bus_message *message, const struct phx_buffer *buffer);
/* 0 when a look has ended; else what a method returns. */
int bus_not_ready(const struct bus *bus, sd_bus_error *error);
int bus_no_such(const char *what, sd_bus_error *error);
/* Of this turn of the loop, in microseconds since the epoch. */
uint64_t bus_wall_usec(const struct bus *bus);

/* Suspend() and Resume() of the manager's object. */
int bus_suspend(sd_bus_message *message, void *data, sd_bus_error *error);
int bus_resume(sd_bus_message *message, void *data, sd_bus_error *error);
/* Restart(). */
int bus_restart(sd_bus_message *message, void *data, sd_bus_error *error);

/* Calls LEFT when the sender of CALL leaves the bus. Before it is asked who that is, so that it
 * does not leave unnoticed in between. */
int bus_watch_departure(
                struct bus *bus,
                sd_bus_message *call,
                sd_bus_slot **ret_slot,
                sd_bus_message_handler_t left,
                void *data);
/* Asks the bus for the user id of the sender: WHO gets its answer, "u" or an error. */
int bus_ask_who(struct bus *bus,
                sd_bus_message *call,
                sd_bus_slot **ret_slot,
                sd_bus_message_handler_t who,
                void *data);

/* Takes on a call that needs leave for ACTION, a name of ours with polkit. ALLOWED is called when
 * it has it, and never in this call; else it is refused. Negative errno with ERROR set when it
 * cannot be taken on. */
int bus_request_new(
                struct bus *bus,
                sd_bus_message *message,
                const char *action,
                void (*allowed)(struct bus_request *request),
                sd_bus_error *error);
/* The one that was taken on last. */
struct bus_request *bus_request_last(struct bus *bus);
/* Ends it without another word. */
void bus_request_free(struct bus_request *request);
void bus_requests_free(struct bus *bus);
/* Makes an errand of it, and gets the pass made that it takes. 0 or -ENOMEM. */
int bus_request_wait(
                struct bus_request *request,
                enum errand_kind kind,
                void (*ended)(struct bus_request *request, const char *error));
/* Answers that it failed, and ends it. */
void bus_request_fail(struct bus_request *request, int code);
