/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What cannot be done is refused here, and not left out: a container that was created without it
 * would be taken for what the entry asks for. */

#include "codec/configuration_creation.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/findings.h"
#include "codec/configuration_fields.h"

#define KEY "create"

/* 64 TiB, and more cores than the kernel knows. */
#define MEGABYTES_LIMIT 67108864
#define CORES_LIMIT 8192
#define PREFIX_DIGITS 3

/* Proxmox has room for 256 more disks; a size is less than 128 TiB, as its own are. */
#define GIGABYTES_LIMIT 131072
#define VOLUMES_LIMIT 256
#define STORAGE_EXPECTED "the name of one of Proxmox's storages"

typedef int read_field(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error);

static int creation_store(
                char **field,
                const char *text,
                const struct phx_json_place *place,
                struct phx_error *error) {
        return phx_replace(field, text) < 0 ? phx_json_no_memory(error, place->text) : 0;
}

static int read_template(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        static const char what[] = "the absolute path of an archive of a root file system: .tar, "
                                   ".tar.gz, .tgz, .tar.bz2, .tar.xz or .tar.zst; or on Proxmox "
                                   "VE STORAGE:vztmpl/NAME";
        static const char *const endings[] = { ".tar",     ".tar.gz", ".tgz",
                                               ".tar.bz2", ".tar.xz", ".tar.zst" };
        const char *text = NULL;
        int r;

        r = phx_json_string(place, value, what, &text, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < PHX_ELEMENTS(endings); i++)
                if ((phx_is_normal_path(text) || phx_creation_is_volume(text)) &&
                    phx_has_suffix(text, endings[i]))
                        return creation_store(&creation->template, text, place, error);
        return phx_json_refuse_found(error, place, "expected %s", what);
}

static int read_source(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        const char *text = NULL;
        int r;

        r = phx_json_string(place, value, "the id of a container", &text, error);
        if (r < 0)
                return r;
        if (!phx_is_container_id(text))
                return phx_json_refuse_found(error, place, "expected an id of " PHX_ID_EXPECTED);
        return creation_store(&creation->source, text, place, error);
}

static int creation_read_number(
                long *field,
                struct phx_json_range range,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        long long number = 0;
        int r;

        r = phx_json_integer(place, value, range, &number, error);
        if (r >= 0)
                *field = (long) number;
        return r;
}

static int read_memory(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        const struct phx_json_range range = { 1, MEGABYTES_LIMIT };

        return creation_read_number(&creation->memory_mb, range, place, value, error);
}

static int read_swap(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        const struct phx_json_range range = { 0, MEGABYTES_LIMIT };

        creation->has_swap = true;
        return creation_read_number(&creation->swap_mb, range, place, value, error);
}

static int read_cores(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        const struct phx_json_range range = { 1, CORES_LIMIT };

        return creation_read_number(&creation->cores, range, place, value, error);
}

/* --- the network --- */

static bool is_address(const char *text) {
        struct in6_addr any;

        return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

/* "192.0.2.1/24" */
static bool is_address_with_prefix(const char *text) {
        const char *slash = strchr(text, '/');
        phx_autofree char *address = slash ? strndup(text, (size_t) (slash - text)) : NULL;
        size_t digits = slash ? strspn(slash + 1, "0123456789") : 0;

        return address && is_address(address) && digits > 0 && digits < PREFIX_DIGITS + 1 &&
               !slash[1 + digits] &&
               strtol(slash + 1, NULL, 10) <= (strchr(address, ':') ? 128 : 32);
}

static int creation_read_text(
                char **field,
                bool (*is_right)(const char *text),
                const char *what,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        const char *text = NULL;
        int r;

        r = phx_json_string(place, value, what, &text, error);
        if (r < 0)
                return r;
        if (!is_right(text))
                return phx_json_refuse_found(error, place, "expected %s", what);
        return creation_store(field, text, place, error);
}

/* As the kernel takes it, but for what would be more than a word in LXC's config. */
static bool is_interface(const char *text) {
        size_t length = strlen(text);

        return length > 0 && length < IFNAMSIZ && strcmp(text, ".") != 0 &&
               strcmp(text, "..") != 0 && strcspn(text, "/: \t\"'#%") == length &&
               !phx_has_control(text);
}

static bool is_mac(const char *text) {
        static const char hex[] = "0123456789abcdefABCDEF";
        size_t length = strlen(text);

        if (length != sizeof("52:54:00:00:00:00") - 1)
                return false;
        for (size_t i = 0; i < length; i++)
                if (i % 3 == 2 ? text[i] != ':' : !strchr(hex, text[i]))
                        return false;
        return true;
}

static bool is_configured_address(const char *text) {
        return strcmp(text, "dhcp") == 0 || is_address_with_prefix(text);
}

static int read_mac(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        return creation_read_text(
                        &creation->mac,
                        is_mac,
                        "a hardware address, as in \"52:54:00:aa:bb:cc\"",
                        place,
                        value,
                        error);
}

static const struct network_field {
        const char *key;
        bool (*is_right)(const char *text);
        const char *what;
} network_fields[] = {
        { "name", is_interface, "the name of an interface, at most 15 bytes" },
        { "bridge", is_interface, "the name of a bridge, at most 15 bytes" },
        { "ip",
          is_configured_address,
          "\"dhcp\" or an address with its prefix, as in \"192.0.2.10/24\"" },
        { "gw", is_address, "an address, as in \"192.0.2.1\"" },
};

static const struct network_field *find_network_field(
                struct phx_creation *creation,
                const char *key,
                char ***ret_text) {
        char **const texts[] = { &creation->interface,
                                 &creation->bridge,
                                 &creation->address,
                                 &creation->gateway };

        for (size_t i = 0; i < PHX_ELEMENTS(network_fields); i++) {
                *ret_text = texts[i];
                if (strcmp(network_fields[i].key, key) == 0)
                        return &network_fields[i];
        }
        return NULL;
}

static int check_network(
                const struct phx_creation *creation,
                const struct phx_json_place *place,
                struct phx_error *error) {
        if (!creation->interface || !creation->bridge)
                return phx_json_refuse(error, place, "expected the members name and bridge");
        if (creation->gateway &&
            (!creation->address || strcmp(creation->address, "dhcp") == 0 ||
             !strchr(creation->address, ':') != !strchr(creation->gateway, ':')))
                return phx_json_refuse(
                                error,
                                place,
                                "gw needs an ip of the same family, and none that is \"dhcp\"");
        return 0;
}

static int read_network(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        const char *key;
        json_t *member;

        if (!json_is_object(value))
                return phx_json_refuse_found(error, place, "expected an object");
        json_object_foreach(value, key, member) {
                const struct phx_json_place at = phx_json_member(place, key);
                char **text = NULL;
                const struct network_field *field = find_network_field(creation, key, &text);
                int r;

                if (phx_json_is_comment(key))
                        continue;
                if (!field)
                        return phx_json_refuse(
                                        error,
                                        &at,
                                        "phoenixd cannot create a container with it; it knows "
                                        "name, bridge, ip and gw");
                r = creation_read_text(text, field->is_right, field->what, &at, member, error);
                if (r < 0)
                        return r;
        }
        return check_network(creation, place, error);
}

/* --- Proxmox's disks --- */

static bool is_storage(const char *text) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

        return text[0] && strchr(letters, text[0]) && phx_is_container_id(text);
}

static int read_storage(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        return creation_read_text(
                        &creation->storage,
                        is_storage,
                        STORAGE_EXPECTED,
                        place,
                        value,
                        error);
}

static int read_size(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        const struct phx_json_range range = { 1, GIGABYTES_LIMIT };

        return creation_read_number(&creation->size_gb, range, place, value, error);
}

/* Its value stands between commas in Proxmox's file. */
static bool is_mount_point(const char *text) {
        return strlen(text) > 1 && phx_is_normal_path(text) && !strpbrk(text, ", ");
}

static int read_volume_member(
                struct phx_creation *volume,
                const struct phx_json_place *place,
                const char *key,
                json_t *value,
                struct phx_error *error) {
        const char *text = NULL;

        if (strcmp(key, "pool") == 0)
                return read_storage(volume, place, value, error);
        if (strcmp(key, "size_gb") == 0)
                return read_size(volume, place, value, error);
        if (strcmp(key, "mount_point") == 0)
                return creation_read_text(
                                &volume->address,
                                is_mount_point,
                                "an absolute path without a comma or a blank",
                                place,
                                value,
                                error);
        if (strcmp(key, "name") == 0)
                return phx_json_string(place, value, "a name for people", &text, error);
        return phx_json_refuse(
                        error,
                        place,
                        "phoenixd cannot create a volume with it; it knows name, pool, size_gb and "
                        "mount_point");
}

/* Its members have the fields of a container's own disk, and its path is in ADDRESS. */
static int read_volume(
                struct phx_strings *volumes,
                const struct phx_json_place *place,
                json_t *object,
                struct phx_error *error) {
        phx_cleanup(phx_creation_freep) struct phx_creation *volume = calloc(1, sizeof(*volume));
        const char *key;
        json_t *member;

        if (!volume)
                return phx_json_no_memory(error, place->text);
        if (!json_is_object(object))
                return phx_json_refuse_found(error, place, "expected an object");
        json_object_foreach(object, key, member) {
                const struct phx_json_place at = phx_json_member(place, key);
                int r = phx_json_is_comment(key)
                                        ? 0
                                        : read_volume_member(volume, &at, key, member, error);

                if (r < 0)
                        return r;
        }
        if (!volume->storage || !volume->address || volume->size_gb == 0)
                return phx_json_refuse(
                                error,
                                place,
                                "expected the members pool, size_gb and mount_point");
        return phx_strings_addf(
                               volumes,
                               "%s:%ld,mp=%s",
                               volume->storage,
                               volume->size_gb,
                               volume->address) < 0
                               ? phx_json_no_memory(error, place->text)
                               : 0;
}

/* Volumes of ZFS are Proxmox's like all others. */
static int read_volumes(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                json_t *value,
                struct phx_error *error) {
        if (!json_is_array(value))
                return phx_json_refuse_found(error, place, "expected an array of objects");
        if (creation->volumes.count + json_array_size(value) > VOLUMES_LIMIT)
                return phx_json_refuse(error, place, "expected at most 256 volumes");
        for (size_t i = 0; i < json_array_size(value); i++) {
                const struct phx_json_place at = phx_json_element(place, i);
                int r = read_volume(&creation->volumes, &at, json_array_get(value, i), error);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- all of it --- */

static const struct creation_field {
        const char *key;
        read_field *read;
} creation_fields[] = {
        { KEY, NULL }, /* is read before all others */
        { "template", read_template },
        { "clone_from_ctid", read_source },
        { "memory_mb", read_memory },
        { "swap_mb", read_swap },
        { "cores", read_cores },
        { PHX_CONFIGURATION_NETWORK, read_network },
        { "mac_address", read_mac },
        { "storage_pool", read_storage },
        { "storage_size_gb", read_size },
        { PHX_CONFIGURATION_VOLUMES, read_volumes },
        { PHX_CONFIGURATION_ZFS_VOLUMES, read_volumes },
};

static const char *const proxmox_keys[] = {
        "storage_pool",
        "storage_size_gb",
        PHX_CONFIGURATION_VOLUMES,
        PHX_CONFIGURATION_ZFS_VOLUMES,
};

const char *phx_configuration_creation_key(size_t index) {
        return index < PHX_ELEMENTS(creation_fields) ? creation_fields[index].key : NULL;
}

static int read_creation_fields(
                struct phx_creation *creation,
                const struct phx_json_place *entry,
                const json_t *object,
                struct phx_error *error) {
        for (size_t i = 1; i < PHX_ELEMENTS(creation_fields); i++) {
                const struct creation_field *field = &creation_fields[i];
                const struct phx_json_place place = phx_json_member(entry, field->key);
                json_t *value = json_object_get(object, field->key);
                int r = 0;

                if (value)
                        r = field->read(creation, &place, value, error);
                if (r < 0 && !phx_error_goes_on(error, r))
                        return r;
        }
        return 0;
}

/* Which host the file is for is not known here. */
static int note_proxmox(
                struct phx_creation *creation,
                const struct phx_json_place *place,
                const json_t *object,
                struct phx_error *error) {
        for (size_t i = 0; i < PHX_ELEMENTS(proxmox_keys); i++)
                if (json_object_get(object, proxmox_keys[i]))
                        return creation_store(
                                        &creation->proxmox_key,
                                        proxmox_keys[i],
                                        place,
                                        error);
        return 0;
}

static int check_creation(
                const struct phx_container_config *container,
                const struct phx_json_place *place,
                struct phx_error *error) {
        const struct phx_creation *creation = container->creation;

        if (!creation->template == !creation->source)
                return phx_json_refuse(
                                error,
                                place,
                                "expected either template or clone_from_ctid beside it");
        if (phx_equal(creation->source, container->id))
                return phx_json_refuse(error, place, "a container cannot be cloned from itself");
        if (creation->mac && !creation->interface)
                return phx_json_refuse(error, place, "mac_address needs network_config beside it");
        return 0;
}

int phx_configuration_read_creation(
                struct phx_container_config *container,
                const struct phx_json_place *entry,
                const json_t *object,
                struct phx_error *error) {
        const struct phx_json_place place = phx_json_member(entry, KEY);
        const json_t *value = json_object_get(object, KEY);
        const size_t errors = error && error->all ? error->all->errors : 0;
        bool is_asked = false;
        int r;

        r = value ? phx_json_boolean(&place, value, &is_asked, error) : 0;
        if (r < 0 || !is_asked)
                return r;
        container->creation = calloc(1, sizeof(*container->creation));
        if (!container->creation)
                return phx_json_no_memory(error, place.text);
        container->creation->is_unprivileged = container->unprivileged;
        r = read_creation_fields(container->creation, entry, object, error);
        if (r >= 0)
                r = note_proxmox(container->creation, &place, object, error);
        if (r < 0 || (error && error->all && error->all->errors > errors))
                return r;
        return check_creation(container, &place, error);
}
