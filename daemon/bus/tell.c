/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The methods of the daemon's object that only tell: each answers from the board at once. */

#include <errno.h>
#include <string.h>

#include "bus/private.h"
#include "state/configuration.h"

/* A page: what copying so many takes is far from being noticed. */
#define PAGE_LIMIT 1000

int bus_reply_text(sd_bus_message *message, const struct phx_buffer *buffer) {
        phx_cleanup(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        char *text = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append_string_space(reply, buffer->size, &text);
        if (r < 0)
                return r;
        memcpy(text, buffer->data, buffer->size);
        return sd_bus_send(NULL, reply, NULL);
}

int bus_describe(sd_bus_message *message, void *data, sd_bus_error *error) {
        static const struct bus_answer_plan plan = { .describe = board_describe };

        return bus_answer_begin(data, message, &plan, error);
}

int bus_describe_daemon(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        const struct bus *bus = data;
        int r;

        r = board_describe_daemon(bus->board, &buffer);
        return r < 0 ? r : bus_reply_text(message, &buffer);
}

int bus_not_ready(const struct bus *bus, sd_bus_error *error) {
        if (bus->board->is_known)
                return 0;
        return sd_bus_error_set(error, BUS_ERROR_NOT_READY, "the first pass has not ended yet");
}

/* Whatever a client says is a name, or it is nothing. */
int bus_no_such(const char *what, sd_bus_error *error) {
        return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_OBJECT, "there is no such %s", what);
}

uint64_t bus_wall_usec(const struct bus *bus) {
        uint64_t now = 0;

        (void) sd_event_now(bus->event, CLOCK_REALTIME, &now);
        return now;
}

int bus_describe_object(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        const struct bus *bus = data;
        const char *name;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r >= 0)
                r = bus_not_ready(bus, error);
        if (r < 0)
                return r;
        if (!board_has(bus->board, name))
                return bus_no_such("profile or container", error);
        r = board_describe_object(bus->board, name, &buffer);
        return r < 0 ? r : bus_reply_text(message, &buffer);
}

/* The texts of a plan are not for everybody. */
static bool is_for_all(enum phx_object_kind kind) {
        return kind <= PHX_OBJECT_DRIFT;
}

int bus_describe_objects(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        enum phx_object_kind kind = PHX_OBJECT_PROFILE;
        struct bus *bus = data;
        const char *name, *after;
        uint32_t count;
        int r;

        r = sd_bus_message_read(message, "ssu", &name, &after, &count);
        if (r < 0)
                return r;
        if (!phx_object_kind_from_string(name, &kind) || !is_for_all(kind))
                return sd_bus_error_set(
                                error,
                                SD_BUS_ERROR_INVALID_ARGS,
                                "expected profiles, containers, unmanaged or drifts");
        r = board_describe_objects(
                        bus->board,
                        kind,
                        after,
                        count == 0 || count > PAGE_LIMIT ? PAGE_LIMIT : count,
                        &buffer);
        bus_answer_made(bus, buffer.size);
        return r < 0 ? r : bus_reply_text(message, &buffer);
}

static int bus_read_container(
                const struct bus *bus,
                sd_bus_message *message,
                const struct shelf_object **ret_container,
                sd_bus_error *error) {
        const char *id;
        int r;

        r = sd_bus_message_read(message, "s", &id);
        if (r >= 0)
                r = bus_not_ready(bus, error);
        if (r < 0)
                return r;
        if (phx_is_container_id(id))
                *ret_container = shelves_find(&bus->board->shelves, PHX_OBJECT_CONTAINER, id);
        return *ret_container ? 0 : bus_no_such("container", error);
}

int bus_explain(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        const struct shelf_object *container = NULL;
        const struct bus *bus = data;
        int r;

        r = bus_read_container(bus, message, &container, error);
        if (r >= 0)
                r = board_describe_container(bus->board, container, &buffer);
        return r < 0 ? r : bus_reply_text(message, &buffer);
}

static int reply_path(sd_bus_message *message, const char *prefix, const char *name) {
        phx_autofree char *path = NULL;
        int r;

        r = sd_bus_path_encode(prefix, name, &path);
        return r < 0 ? r : sd_bus_reply_method_return(message, "o", path);
}

int bus_get_container(sd_bus_message *message, void *data, sd_bus_error *error) {
        const struct shelf_object *container = NULL;
        int r;

        r = bus_read_container(data, message, &container, error);
        return r < 0 ? r : reply_path(message, BUS_CONTAINER_PATH, shelf_key(container));
}

int bus_get_profile(sd_bus_message *message, void *data, sd_bus_error *error) {
        const struct bus *bus = data;
        const char *name;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r >= 0)
                r = bus_not_ready(bus, error);
        if (r < 0)
                return r;
        return shelves_find(&bus->board->shelves, PHX_OBJECT_PROFILE, name)
                               ? reply_path(message, BUS_PROFILE_PATH, name)
                               : bus_no_such("profile", error);
}

static int append_profile(
                sd_bus_message *reply,
                struct board *board,
                enum phx_object_kind kind,
                const struct shelf_object *object) {
        const struct phx_snapshot_profile *profile = board_profile(board, object);
        phx_autofree char *path = NULL;
        int r;

        if (!profile)
                return -ENOMEM;
        r = sd_bus_path_encode(BUS_PROFILE_PATH, profile->name, &path);
        return r < 0 ? r
                     : sd_bus_message_append(
                                       reply,
                                       "(sso)",
                                       profile->name,
                                       phx_profile_state_to_string(profile->state),
                                       path);
}

static int append_container(
                sd_bus_message *reply,
                struct board *board,
                enum phx_object_kind kind,
                const struct shelf_object *object) {
        const struct phx_snapshot_container *container = board_container(board, object);
        phx_autofree char *path = NULL;
        int r;

        if (!container)
                return -ENOMEM;
        r = sd_bus_path_encode(BUS_CONTAINER_PATH, container->id, &path);
        return r < 0 ? r
                     : sd_bus_message_append(
                                       reply,
                                       "(ssso)",
                                       container->id,
                                       phx_container_state_to_string(container->state),
                                       container->profile,
                                       path);
}

int bus_list_profiles(sd_bus_message *message, void *data, sd_bus_error *error) {
        static const struct bus_answer_plan plan = {
                "(sso)",
                PHX_OBJECT_PROFILE,
                PHX_OBJECT_PROFILE,
                append_profile,
        };

        return bus_answer_begin(data, message, &plan, error);
}

int bus_list_containers(sd_bus_message *message, void *data, sd_bus_error *error) {
        static const struct bus_answer_plan plan = {
                "(ssso)",
                PHX_OBJECT_CONTAINER,
                PHX_OBJECT_CONTAINER,
                append_container,
        };

        return bus_answer_begin(data, message, &plan, error);
}
