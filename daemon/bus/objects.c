/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One object for each profile and each container, found on the board when it is asked for. The
 * paths are made from the board and from nothing else: no object is registered when a container
 * appears, and none is removed when it goes. libsystemd asks three questions, and each is answered
 * from the board at that moment: which paths are there (objects_list_profiles,
 * objects_list_containers), is this one of them (find_profile, objects_find_container), what is its
 * property.
 *
 * An object is a text there; a search reads it, and what was read is borrowed by libsystemd for one
 * call. The board changes only between calls, by the event loop, so it cannot end under a reader. A
 * property is an expression over the struct that was read, without state of its own.
 *
 * Signals come from the changes that the board notes (news.c): an object that is only on one side
 * is added or removed, and of one on both the properties that differ are announced. Therefore a
 * pass that changes nothing sends nothing. A signal that cannot be sent for lack of memory is lost,
 * but what it says can still be read. */

#include <errno.h>
#include <string.h>

#include "bus/private.h"
#include "bus/property.h"
#include "codec/snapshot_json.h"

#define PROFILE(name, expression)                                    \
        static const char *profile_##name(const void *object) {      \
                const struct phx_snapshot_profile *profile = object; \
                return expression;                                   \
        }
#define CONTAINER(name, expression)                                      \
        static const char *container_##name(const void *object) {        \
                const struct phx_snapshot_container *container = object; \
                return expression;                                       \
        }

PROFILE(name, profile->name)
PROFILE(state, phx_profile_state_to_string(profile->state))
PROFILE(source, phx_source_state_to_string(profile->source))
PROFILE(refusal, profile->refusal)
PROFILE(deployed, phx_deployment_to_string(profile->deployed))
PROFILE(mode, phx_policy_mode_to_string(profile->mode))
PROFILE(digest, profile->digest)
PROFILE(hash, profile->hash)

static uint64_t profile_loaded(const void *object) {
        const struct phx_snapshot_profile *profile = object;

        return profile->is_loaded;
}

static uint64_t profile_suspended(const void *object) {
        const struct phx_snapshot_profile *profile = object;

        return profile->suspended.object != NULL;
}

static const struct phx_strings *profile_containers(const void *object) {
        const struct phx_snapshot_profile *profile = object;

        return &profile->containers;
}

CONTAINER(id, container->id)
CONTAINER(name, container->name)
CONTAINER(state, phx_container_state_to_string(container->state))
CONTAINER(posture, phx_posture_to_string(container->posture))
CONTAINER(profile, container->profile)
CONTAINER(namespace, container->namespace)
CONTAINER(assigned, container->assigned)
CONTAINER(label, container->label)
CONTAINER(suggestion, container->suggestion)

static uint64_t container_running(const void *object) {
        const struct phx_snapshot_container *container = object;

        return container->is_running;
}

static uint64_t container_suspended(const void *object) {
        const struct phx_snapshot_container *container = object;

        return container->suspended.object != NULL;
}

static const struct phx_strings *container_namespace_profiles(const void *object) {
        const struct phx_snapshot_container *container = object;

        return &container->namespace_profiles;
}

static const struct bus_property profile_properties[] = {
        { "Name", .text = profile_name },
        { "State", .text = profile_state },
        { "Source", .text = profile_source },
        { "Refusal", .text = profile_refusal },
        { "Deployed", .text = profile_deployed },
        { "Loaded", .number = profile_loaded },
        { "Mode", .text = profile_mode },
        { "Digest", .text = profile_digest },
        { "Hash", .text = profile_hash },
        { "Containers", .list = profile_containers },
        { "Suspended", .number = profile_suspended },
};

static const struct bus_property container_properties[] = {
        { "Id", .text = container_id },
        { "Name", .text = container_name },
        { "State", .text = container_state },
        { "Posture", .text = container_posture },
        { "Profile", .text = container_profile },
        { "Namespace", .text = container_namespace },
        { "NamespaceProfiles", .list = container_namespace_profiles },
        { "Assigned", .text = container_assigned },
        { "Running", .number = container_running },
        { "Label", .text = container_label },
        { "Suggestion", .text = container_suggestion },
        { "Suspended", .number = container_suspended },
};

/* As many parameters as libsystemd gives. NOLINTNEXTLINE(readability-function-size) */
static int get_profile_property(
                sd_bus *connection,
                const char *path,
                const char *interface,
                const char *name,
                sd_bus_message *reply,
                void *data,
                sd_bus_error *error) {
        const struct bus_property *property = bus_property_find(
                        profile_properties,
                        PHX_ELEMENTS(profile_properties),
                        name);

        return property ? bus_property_append(property, data, 'b', reply) : -ENOENT;
}

/* As many parameters as libsystemd gives. NOLINTNEXTLINE(readability-function-size) */
static int get_container_property(
                sd_bus *connection,
                const char *path,
                const char *interface,
                const char *name,
                sd_bus_message *reply,
                void *data,
                sd_bus_error *error) {
        const struct bus_property *property = bus_property_find(
                        container_properties,
                        PHX_ELEMENTS(container_properties),
                        name);

        return property ? bus_property_append(property, data, 'b', reply) : -ENOENT;
}

/* What was found for a call is the object as it was read; its text is found by its name, on the
 * board, which hangs at the manager's object. */
static const struct board *board_of(sd_bus_message *message) {
        const struct bus *bus = sd_bus_slot_get_userdata(
                        sd_bus_get_current_slot(sd_bus_message_get_bus(message)));

        return bus->board;
}

static int describe_profile(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        const struct phx_snapshot_profile *profile = data;
        const struct board *board = board_of(message);
        const struct shelf_object *object =
                        shelves_find(&board->shelves, PHX_OBJECT_PROFILE, profile->name);
        int r;

        if (!object)
                return -ENOENT;
        r = shelf_add(&board->shelves, object, &buffer);
        return r < 0 ? r : bus_reply_text(message, &buffer);
}

static int describe_container(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        const struct phx_snapshot_container *container = data;
        const struct board *board = board_of(message);
        const struct shelf_object *object =
                        shelves_find(&board->shelves, PHX_OBJECT_CONTAINER, container->id);
        int r;

        if (!object)
                return -ENOENT;
        r = board_describe_container(board, object, &buffer);
        return r < 0 ? r : bus_reply_text(message, &buffer);
}

#define PROPERTY(name, type, get) \
        SD_BUS_PROPERTY(name, type, get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

static const sd_bus_vtable profile_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_NAMES(
                        "Describe",
                        "",
                        ,
                        "s",
                        SD_BUS_PARAM(json),
                        describe_profile,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        PROPERTY("Name", "s", get_profile_property),
        PROPERTY("State", "s", get_profile_property),
        PROPERTY("Source", "s", get_profile_property),
        PROPERTY("Refusal", "s", get_profile_property),
        PROPERTY("Deployed", "s", get_profile_property),
        PROPERTY("Loaded", "b", get_profile_property),
        PROPERTY("Mode", "s", get_profile_property),
        PROPERTY("Digest", "s", get_profile_property),
        PROPERTY("Hash", "s", get_profile_property),
        PROPERTY("Containers", "as", get_profile_property),
        PROPERTY("Suspended", "b", get_profile_property),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable container_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_NAMES(
                        "Describe",
                        "",
                        ,
                        "s",
                        SD_BUS_PARAM(json),
                        describe_container,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        PROPERTY("Id", "s", get_container_property),
        PROPERTY("Name", "s", get_container_property),
        PROPERTY("State", "s", get_container_property),
        PROPERTY("Posture", "s", get_container_property),
        PROPERTY("Profile", "s", get_container_property),
        PROPERTY("Namespace", "s", get_container_property),
        PROPERTY("NamespaceProfiles", "as", get_container_property),
        PROPERTY("Assigned", "s", get_container_property),
        PROPERTY("Running", "b", get_container_property),
        PROPERTY("Label", "s", get_container_property),
        PROPERTY("Suggestion", "s", get_container_property),
        PROPERTY("Suspended", "b", get_container_property),
        SD_BUS_VTABLE_END,
};

/* libsystemd hands out what is found as mutable; nothing here changes it. */
static int found(const void *object, void **ret_found) {
        if (!object)
                return -ENOMEM;
        memcpy(ret_found, &object, sizeof(object));
        return 1;
}

static int find_profile(
                sd_bus *connection,
                const char *path,
                const char *interface,
                void *data,
                void **ret_found,
                sd_bus_error *error) {
        const struct bus *bus = data;
        const struct shelf_object *object;
        phx_autofree char *name = NULL;
        int r;

        r = sd_bus_path_decode(path, BUS_PROFILE_PATH, &name);
        if (r <= 0)
                return r;
        object = shelves_find(&bus->board->shelves, PHX_OBJECT_PROFILE, name);
        return object ? found(board_profile(bus->board, object), ret_found) : 0;
}

static int objects_find_container(
                sd_bus *connection,
                const char *path,
                const char *interface,
                void *data,
                void **ret_found,
                sd_bus_error *error) {
        const struct bus *bus = data;
        const struct shelf_object *object;
        phx_autofree char *id = NULL;
        int r;

        r = sd_bus_path_decode(path, BUS_CONTAINER_PATH, &id);
        if (r <= 0)
                return r;
        object = shelves_find(&bus->board->shelves, PHX_OBJECT_CONTAINER, id);
        return object ? found(board_container(bus->board, object), ret_found) : 0;
}

/* libsystemd frees what it gets, half of it as well. */
static int list_paths(const char *prefix, const struct shelf *shelf, char ***ret_paths) {
        char **list = calloc(shelf->count + 1, sizeof(*list));
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < shelf->count; i++)
                r = sd_bus_path_encode(prefix, shelf_key(shelf->items[i]), &list[i]);
        if (r >= 0) {
                *ret_paths = list;
                return 0;
        }
        for (size_t i = 0; list && list[i]; i++)
                free(list[i]);
        free(list);
        return r;
}

static int objects_list_profiles(
                sd_bus *connection,
                const char *prefix,
                void *data,
                char ***ret_nodes,
                sd_bus_error *error) {
        const struct bus *bus = data;

        return list_paths(
                        BUS_PROFILE_PATH,
                        &bus->board->shelves.kinds[PHX_OBJECT_PROFILE],
                        ret_nodes);
}

static int objects_list_containers(
                sd_bus *connection,
                const char *prefix,
                void *data,
                char ***ret_nodes,
                sd_bus_error *error) {
        const struct bus *bus = data;

        return list_paths(
                        BUS_CONTAINER_PATH,
                        &bus->board->shelves.kinds[PHX_OBJECT_CONTAINER],
                        ret_nodes);
}

/* --- all of them --- */

/* One of the two kinds of objects. */
struct kind {
        const char *prefix;
        const char *interface;
        const struct bus_property *properties;
        size_t property_count;
};

static const struct kind profile_kind = {
        BUS_PROFILE_PATH,
        BUS_PROFILE,
        profile_properties,
        PHX_ELEMENTS(profile_properties),
};

static const struct kind container_kind = {
        BUS_CONTAINER_PATH,
        BUS_CONTAINER,
        container_properties,
        PHX_ELEMENTS(container_properties),
};

static const char *type_of(const struct bus_property *property) {
        return property->list ? "as" : property->text ? "s" : "b";
}

static int append_property(
                sd_bus_message *reply,
                const struct bus_property *property,
                const void *object) {
        const char *type = type_of(property);
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", property->name);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', type);
        if (r >= 0)
                r = bus_property_append(property, object, type[0], reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_interface(sd_bus_message *reply, const struct kind *kind, const void *object) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", kind->interface);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < kind->property_count; i++)
                r = append_property(reply, &kind->properties[i], object);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* One entry of GetManagedObjects(), with the interfaces that libsystemd gives every object. */
static int append_managed(
                sd_bus_message *reply,
                struct board *board,
                enum phx_object_kind kind,
                const struct shelf_object *object) {
        const bool is_profile = kind == PHX_OBJECT_PROFILE;
        const struct kind *of = is_profile ? &profile_kind : &container_kind;
        const void *read = is_profile ? (const void *) board_profile(board, object)
                                      : (const void *) board_container(board, object);
        phx_autofree char *path = NULL;
        int r;

        if (!read)
                return -ENOMEM;
        r = sd_bus_path_encode(of->prefix, shelf_key(object), &path);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "oa{sa{sv}}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "o", path);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sa{sv}}");
        if (r >= 0)
                r = sd_bus_message_append(
                                reply,
                                "{sa{sv}}{sa{sv}}{sa{sv}}",
                                "org.freedesktop.DBus.Peer",
                                0,
                                "org.freedesktop.DBus.Introspectable",
                                0,
                                "org.freedesktop.DBus.Properties",
                                0);
        if (r >= 0)
                r = append_interface(reply, of, read);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* libsystemd would answer it in one go, whatever the number of objects. */
static int on_any_message(sd_bus_message *message, void *data, sd_bus_error *error) {
        static const struct bus_answer_plan plan = {
                "{oa{sa{sv}}}",
                PHX_OBJECT_PROFILE,
                PHX_OBJECT_CONTAINER,
                append_managed,
        };

        if (sd_bus_message_is_method_call(
                            message,
                            "org.freedesktop.DBus.ObjectManager",
                            "GetManagedObjects") <= 0 ||
            !phx_equal(sd_bus_message_get_path(message), BUS_PATH) ||
            !sd_bus_message_has_signature(message, ""))
                return 0;
        return bus_answer_begin(data, message, &plan, error);
}

int bus_objects_attach(struct bus *bus) {
        sd_bus *connection = bus->connection;
        int r;

        r = sd_bus_add_object_manager(connection, NULL, BUS_PATH);
        if (r >= 0)
                r = sd_bus_add_filter(connection, NULL, on_any_message, bus);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(
                                connection,
                                NULL,
                                BUS_PROFILE_PATH,
                                BUS_PROFILE,
                                profile_vtable,
                                find_profile,
                                bus);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(
                                connection,
                                NULL,
                                BUS_CONTAINER_PATH,
                                BUS_CONTAINER,
                                container_vtable,
                                objects_find_container,
                                bus);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(
                                connection,
                                NULL,
                                BUS_PROFILE_PATH,
                                objects_list_profiles,
                                bus);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(
                                connection,
                                NULL,
                                BUS_CONTAINER_PATH,
                                objects_list_containers,
                                bus);
        return r;
}

/* --- signals --- */

/* Came or went, which takes no look at what it says. True when it did. */
static bool announce_presence(
                const struct bus *bus,
                const struct kind *kind,
                const char *path,
                const struct shelf_change *change) {
        if (!change->before)
                (void) sd_bus_emit_interfaces_added(bus->connection, path, kind->interface, NULL);
        else if (!change->now)
                (void) sd_bus_emit_interfaces_removed(bus->connection, path, kind->interface, NULL);
        return !change->before || !change->now;
}

static void announce_properties(
                const struct bus *bus,
                const struct kind *kind,
                const char *path,
                const void *before,
                const void *now) {
        char *names[PHX_ELEMENTS(profile_properties) + PHX_ELEMENTS(container_properties)] = { 0 };
        size_t count = 0;

        for (size_t i = 0; i < kind->property_count; i++)
                if (!bus_property_equal(&kind->properties[i], before, now))
                        memcpy(&names[count++], &kind->properties[i].name, sizeof(names[0]));
        if (count > 0)
                (void) sd_bus_emit_properties_changed_strv(
                                bus->connection,
                                path,
                                kind->interface,
                                names);
}

static void announce_profile(
                const struct bus *bus,
                const char *path,
                const struct shelf_change *change) {
        const struct phx_snapshot_profile *now = board_profile(bus->board, change->now);
        phx_cleanup(phx_buffer_done) struct phx_buffer json = { 0 };
        struct phx_snapshot_profile before = { 0 };

        if (!now || shelf_add(&bus->board->shelves, change->before, &json) < 0 ||
            phx_snapshot_profile_parse(json.data, json.size, &before) < 0)
                return;
        announce_properties(bus, &profile_kind, path, &before, now);
        phx_snapshot_profile_done(&before);
}

static void announce_container(
                const struct bus *bus,
                const char *path,
                const struct shelf_change *change) {
        const struct phx_snapshot_container *now = board_container(bus->board, change->now);
        phx_cleanup(phx_buffer_done) struct phx_buffer json = { 0 };
        struct phx_snapshot_container before = { 0 };

        if (!now || shelf_add(&bus->board->shelves, change->before, &json) < 0 ||
            phx_snapshot_container_parse(json.data, json.size, &before) < 0)
                return;
        announce_properties(bus, &container_kind, path, &before, now);
        phx_snapshot_container_done(&before);
}

/* A listener that gets no signal, because memory is short, can still ask. */
void bus_objects_announce(const struct bus *bus, const struct shelf_change *change) {
        const bool is_profile = change->kind == PHX_OBJECT_PROFILE;
        const struct kind *kind = is_profile ? &profile_kind : &container_kind;
        phx_autofree char *path = NULL;

        if (!is_profile && change->kind != PHX_OBJECT_CONTAINER)
                return;
        if (sd_bus_path_encode(
                            kind->prefix,
                            shelf_key(change->now ? change->now : change->before),
                            &path) < 0 ||
            announce_presence(bus, kind, path, change))
                return;
        if (is_profile)
                announce_profile(bus, path, change);
        else
                announce_container(bus, path, change);
}
