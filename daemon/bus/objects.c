/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One object for each profile and each container, found in the snapshot when it is asked for. The
 * paths are made from the snapshot on the board and from nothing else: no object is registered
 * when a container appears, and none is removed when it goes. libsystemd asks three questions, and
 * each is answered from the snapshot at that moment: which paths are there (objects_list_profiles,
 * objects_list_containers), is this one of them (find_profile, objects_find_container), what is its
 * property.
 *
 * What a search returns is borrowed by libsystemd for one call; the snapshot is replaced only
 * between calls, by the event loop, so it cannot end under a reader. A property is an expression
 * over the snapshot's struct, without state of its own.
 *
 * Signals come from comparing two snapshots, the one before and the present one: an object that is
 * only in one of them is added or removed, and of one in both the properties that differ are
 * announced. Therefore a pass that changes nothing sends nothing. A signal that cannot be sent for
 * lack of memory is lost, but what it says can still be read. */

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

static int describe_profile(sd_bus_message *message, void *data, sd_bus_error *error) {
        phx_autofree char *text = NULL;
        int r;

        r = phx_snapshot_profile_render(data, &text);
        return r < 0 ? r : sd_bus_reply_method_return(message, "s", text);
}

/* The userdata is the container; the whole, for its drifts, hangs at the manager's object. */
static int describe_container(sd_bus_message *message, void *data, sd_bus_error *error) {
        const struct bus *bus = sd_bus_slot_get_userdata(
                        sd_bus_get_current_slot(sd_bus_message_get_bus(message)));
        phx_autofree char *text = NULL;
        int r;

        r = phx_snapshot_container_render(bus->board->snapshot, data, &text);
        return r < 0 ? r : sd_bus_reply_method_return(message, "s", text);
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
                return 0;
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
        phx_autofree char *name = NULL;
        int r;

        r = sd_bus_path_decode(path, BUS_PROFILE_PATH, &name);
        return r <= 0 ? r : found(phx_snapshot_find_profile(bus->board->snapshot, name), ret_found);
}

static int objects_find_container(
                sd_bus *connection,
                const char *path,
                const char *interface,
                void *data,
                void **ret_found,
                sd_bus_error *error) {
        const struct bus *bus = data;
        phx_autofree char *id = NULL;
        int r;

        r = sd_bus_path_decode(path, BUS_CONTAINER_PATH, &id);
        return r <= 0 ? r : found(phx_snapshot_find_container(bus->board->snapshot, id), ret_found);
}

/* libsystemd frees what it gets, half of it as well. */
static int list_paths(
                const char *prefix,
                size_t count,
                const char *(*name)(const struct phx_snapshot *snapshot, size_t i),
                const struct phx_snapshot *snapshot,
                char ***ret_paths) {
        phx_cleanup(phx_strings_done) struct phx_strings paths = { 0 };
        char **list;
        int r = 0;

        for (size_t i = 0; i < count && r >= 0; i++) {
                phx_autofree char *path = NULL;

                r = sd_bus_path_encode(prefix, name(snapshot, i), &path);
                if (r >= 0)
                        r = phx_strings_add(&paths, path);
        }
        if (r < 0)
                return r;
        list = calloc(count + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                list[i] = PHX_TAKE(paths.items[i]);
        *ret_paths = list;
        return 0;
}

static const char *name_of_profile(const struct phx_snapshot *snapshot, size_t i) {
        return snapshot->profiles[i].name;
}

static const char *name_of_container(const struct phx_snapshot *snapshot, size_t i) {
        return snapshot->containers[i].id;
}

static int objects_list_profiles(
                sd_bus *connection,
                const char *prefix,
                void *data,
                char ***ret_nodes,
                sd_bus_error *error) {
        const struct bus *bus = data;
        const struct phx_snapshot *snapshot = bus->board->snapshot;

        return list_paths(
                        BUS_PROFILE_PATH,
                        snapshot->profile_count,
                        name_of_profile,
                        snapshot,
                        ret_nodes);
}

static int objects_list_containers(
                sd_bus *connection,
                const char *prefix,
                void *data,
                char ***ret_nodes,
                sd_bus_error *error) {
        const struct bus *bus = data;
        const struct phx_snapshot *snapshot = bus->board->snapshot;

        return list_paths(
                        BUS_CONTAINER_PATH,
                        snapshot->container_count,
                        name_of_container,
                        snapshot,
                        ret_nodes);
}

int bus_objects_attach(struct bus *bus) {
        sd_bus *connection = bus->connection;
        int r;

        r = sd_bus_add_object_manager(connection, NULL, BUS_PATH);
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

/* BEFORE or NOW is NULL for an object that came or went. A listener that gets no signal, because
 * memory is short, can still ask. */
static void announce(
                const struct bus *bus,
                const struct kind *kind,
                const char *name,
                const void *before,
                const void *now) {
        char *names[PHX_ELEMENTS(profile_properties) + PHX_ELEMENTS(container_properties)] = { 0 };
        phx_autofree char *path = NULL;
        size_t count = 0;

        if (sd_bus_path_encode(kind->prefix, name, &path) < 0)
                return;
        if (!before) {
                (void) sd_bus_emit_interfaces_added(bus->connection, path, kind->interface, NULL);
                return;
        }
        if (!now) {
                (void) sd_bus_emit_interfaces_removed(bus->connection, path, kind->interface, NULL);
                return;
        }
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

void bus_objects_announce(struct bus *bus, const struct phx_snapshot *before) {
        const struct phx_snapshot *now = bus->board->snapshot;

        for (size_t i = 0; i < before->profile_count; i++) {
                const char *name = before->profiles[i].name;

                announce(bus,
                         &profile_kind,
                         name,
                         &before->profiles[i],
                         phx_snapshot_find_profile(now, name));
        }
        for (size_t i = 0; i < now->profile_count; i++)
                if (!phx_snapshot_find_profile(before, now->profiles[i].name))
                        announce(bus, &profile_kind, now->profiles[i].name, NULL, now);
        for (size_t i = 0; i < before->container_count; i++) {
                const char *id = before->containers[i].id;

                announce(bus,
                         &container_kind,
                         id,
                         &before->containers[i],
                         phx_snapshot_find_container(now, id));
        }
        for (size_t i = 0; i < now->container_count; i++)
                if (!phx_snapshot_find_container(before, now->containers[i].id))
                        announce(bus, &container_kind, now->containers[i].id, NULL, now);
}
