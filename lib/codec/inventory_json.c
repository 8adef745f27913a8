/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/inventory_json.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "codec/fields.h"
#include "codec/json.h"
#include "codec/json_text.h"

/* Of the format. A change of it that an older phoenixd misreads counts it up. */
#define VERSION 1
/* Only where it is true: most hosts have no use for it, and older versions do not know it. */
#define KEY_HAD_CONTAINERS "had_containers"

/* One entry as it is read; the largest first, so that all of it is zeroed. */
union entry {
        struct phx_inventory_profile profile;
        struct phx_inventory_file file;
        struct phx_inventory_container container;
};

/* One of the lists: an object of which each key is an entry's name. */
struct section {
        const char *key;
        struct phx_shape shape; /* of an entry without its name, which is its first member */
        size_t items_offset;
        size_t count_offset;
        /* Checks what was read, and copies it. */
        int (*set)(struct phx_inventory *inventory, const char *name, const union entry *entry);
};

static const struct phx_field inventory_file_fields[] = {
        { "digest", PHX_FIELD_DIGEST, offsetof(struct phx_inventory_file, digest) },
};
static const struct phx_field inventory_profile_fields[] = {
        { "source", PHX_FIELD_DIGEST, offsetof(struct phx_inventory_profile, source) },
        { "key", PHX_FIELD_DIGEST, offsetof(struct phx_inventory_profile, key) },
};
static const struct phx_field inventory_container_fields[] = {
        { "lines", PHX_FIELD_EXACT, offsetof(struct phx_inventory_container, lines) },
        { "foreign", PHX_FIELD_EXACT, offsetof(struct phx_inventory_container, foreign) },
};

static int inventory_json_set_file(
                struct phx_inventory *inventory,
                const char *name,
                const union entry *entry) {
        return phx_inventory_set_file(inventory, name, entry->file.digest);
}

static int inventory_json_set_profile(
                struct phx_inventory *inventory,
                const char *name,
                const union entry *entry) {
        return phx_inventory_set_profile(
                        inventory,
                        name,
                        entry->profile.source,
                        entry->profile.key);
}

static int inventory_json_set_container(
                struct phx_inventory *inventory,
                const char *name,
                const union entry *entry) {
        return phx_inventory_set_container(
                        inventory,
                        name,
                        &entry->container.lines,
                        &entry->container.foreign);
}

#define SECTION(entry, list, number)                                    \
        {                                                               \
                .key = #list,                                           \
                .shape = { inventory_##entry##_fields,                  \
                           PHX_ELEMENTS(inventory_##entry##_fields),    \
                           sizeof(struct phx_inventory_##entry) },      \
                .items_offset = offsetof(struct phx_inventory, list),   \
                .count_offset = offsetof(struct phx_inventory, number), \
                .set = inventory_json_set_##entry,                      \
        }

static const struct section sections[] = {
        SECTION(file, files, file_count),
        SECTION(profile, profiles, profile_count),
        SECTION(container, containers, container_count),
};

/* --- reading --- */

/* Keys that the tables do not have are not passed over: what an entry says beyond them would be
 * lost by the next writing. */
static bool has_unknown_key(const struct phx_shape *shape, const json_t *value) {
        size_t known = 0;

        for (size_t i = 0; i < shape->field_count; i++)
                known += json_object_get(value, shape->fields[i].key) != NULL;
        return json_object_size(value) != known;
}

static int set_entry(
                struct phx_inventory *inventory,
                const struct section *section,
                const char *name,
                json_t *value) {
        union entry entry = { 0 };
        int r = -EINVAL;

        if (!has_unknown_key(&section->shape, value))
                r = phx_fields_parse(&section->shape, value, &entry, NULL);
        if (r >= 0)
                r = section->set(inventory, name, &entry);
        if (section->shape.fields == inventory_container_fields) {
                phx_strings_done(&entry.container.lines);
                phx_strings_done(&entry.container.foreign);
        }
        return r;
}

static int read_section(
                struct phx_inventory *inventory,
                const struct section *section,
                const struct phx_json_place *root,
                const json_t *object,
                struct phx_error *error) {
        const struct phx_json_place place = phx_json_member(root, section->key);
        json_t *entries = json_object_get(object, section->key);
        const char *name;
        json_t *value;

        if (!json_is_object(entries))
                return phx_json_refuse(error, &place, "expected an object");

        json_object_foreach(entries, name, value) {
                const struct phx_json_place entry = phx_json_member(&place, name);
                int r = set_entry(inventory, section, name, value);

                if (r == -ENOMEM)
                        return phx_json_no_memory(error, entry.text);
                if (r < 0)
                        return phx_json_refuse(error, &entry, "found a damaged entry");
        }
        return 0;
}

static int read_head(
                struct phx_inventory *inventory,
                const struct phx_json_place *root,
                const json_t *object,
                struct phx_error *error) {
        const struct phx_json_place version = phx_json_member(root, "version"),
                                    configuration = phx_json_member(root, "configuration");
        const json_t *digest = json_object_get(object, "configuration");

        if (json_integer_value(json_object_get(object, "version")) != VERSION)
                return phx_json_refuse(
                                error,
                                &version,
                                "expected version %d; another version of phoenixd may have "
                                "written this file",
                                VERSION);
        if (!json_is_string(digest) ||
            phx_inventory_set_configuration(inventory, json_string_value(digest)) < 0)
                return phx_json_refuse(error, &configuration, "expected a SHA-256 digest");
        return 0;
}

/* 1 when the key is there. */
static int read_had_containers(
                struct phx_inventory *inventory,
                const struct phx_json_place *root,
                const json_t *object,
                struct phx_error *error) {
        const struct phx_json_place place = phx_json_member(root, KEY_HAD_CONTAINERS);
        const json_t *value = json_object_get(object, KEY_HAD_CONTAINERS);

        if (value && !json_is_true(value))
                return phx_json_refuse(error, &place, "expected true");
        inventory->had_containers = value;
        return value != NULL;
}

static int inventory_json_read_all(
                struct phx_inventory *inventory,
                const struct phx_json_place *root,
                const json_t *object,
                struct phx_error *error) {
        int r;

        r = read_head(inventory, root, object, error);
        for (size_t i = 0; i < PHX_ELEMENTS(sections) && r >= 0; i++)
                r = read_section(inventory, &sections[i], root, object, error);
        if (r >= 0)
                r = read_had_containers(inventory, root, object, error);
        if (r >= 0 && json_object_size(object) != PHX_ELEMENTS(sections) + 2 + (size_t) r)
                r = phx_json_refuse(error, root, "found an unknown key");
        return r;
}

/* No person writes it: whatever is wrong with it, it is damaged. */
static int as_damage(int code, struct phx_error *error) {
        if (code != -EINVAL && code != -EFBIG)
                return code;
        if (error)
                error->code = -EBADMSG;
        return -EBADMSG;
}

int phx_inventory_parse(
                const char *file,
                const char *text,
                size_t size,
                struct phx_inventory *ret_inventory,
                struct phx_error *error) {
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        phx_cleanup(phx_json_decref) json_t *object = NULL;
        const struct phx_json_text source = { file, text, size };
        const struct phx_json_place root = { .text = &source };
        int r;

        r = phx_json_load(&source, NULL, &object, error);
        if (r >= 0)
                r = inventory_json_read_all(&inventory, &root, object, error);
        if (r < 0)
                return as_damage(r, error);

        *ret_inventory = inventory;
        inventory = (struct phx_inventory){ 0 };
        return 0;
}

/* --- writing --- */

/* One line for each entry, so that a person can read it and a difference is small. It is written
 * whole at each change of it, so that what every entry has is written directly; the rare text in
 * which JSON has something to escape is left to jansson. */

static int inventory_json_add_escaped(struct phx_buffer *buffer, const char *text) {
        /* It does not say why it failed. */
        phx_cleanup(phx_json_decref) json_t *value = json_string(text);
        phx_autofree char *dump = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

        if (!value)
                return -EILSEQ;
        return dump ? phx_buffer_add_text(buffer, dump) : -ENOMEM;
}

static int inventory_json_add_string(struct phx_buffer *buffer, const char *text) {
        return phx_json_is_plain(text) ? phx_json_add_plain(buffer, text)
                                       : inventory_json_add_escaped(buffer, text);
}

static int inventory_json_add_strings(struct phx_buffer *buffer, const struct phx_strings *texts) {
        int r = phx_buffer_add(buffer, "[", 1);

        for (size_t i = 0; r >= 0 && i < texts->count; i++) {
                if (i > 0)
                        r = phx_buffer_add_text(buffer, ", ");
                if (r >= 0)
                        r = inventory_json_add_string(buffer, texts->items[i]);
        }
        return r < 0 ? r : phx_buffer_add(buffer, "]", 1);
}

/* SEPARATOR comes before it. What is read back as none is not written: 0, else 1. */
static int inventory_json_add_field(
                struct phx_buffer *buffer,
                const char *separator,
                const struct phx_field *field,
                const void *entry) {
        const char *value = (const char *) entry + field->offset;
        const struct phx_strings *texts = NULL;
        int r;

        if (field->type == PHX_FIELD_EXACT)
                texts = (const struct phx_strings *) (const void *) value;
        if (texts && texts->count == 0)
                return 0;
        r = phx_buffer_add_text(buffer, separator);
        if (r >= 0)
                r = inventory_json_add_string(buffer, field->key);
        if (r >= 0)
                r = phx_buffer_add_text(buffer, ": ");
        if (r >= 0)
                r = texts ? inventory_json_add_strings(buffer, texts)
                          : inventory_json_add_string(buffer, value);
        return r < 0 ? r : 1;
}

static int inventory_json_add_entry(
                struct phx_buffer *buffer,
                const struct section *section,
                const void *entry) {
        const char *name, *separator = "";
        int r;

        memcpy(&name, entry, sizeof(name));
        r = inventory_json_add_string(buffer, name);
        if (r >= 0)
                r = phx_buffer_add_text(buffer, ": { ");
        for (size_t i = 0; r >= 0 && i < section->shape.field_count; i++) {
                r = inventory_json_add_field(buffer, separator, &section->shape.fields[i], entry);
                if (r > 0)
                        separator = ", ";
        }
        return r < 0 ? r : phx_buffer_add_text(buffer, " }");
}

static int inventory_json_add_section(
                struct phx_buffer *buffer,
                const struct section *section,
                const struct phx_inventory *inventory) {
        const char *base = (const char *) inventory, *items;
        size_t count;
        int r;

        memcpy(&items, base + section->items_offset, sizeof(items));
        memcpy(&count, base + section->count_offset, sizeof(count));
        r = phx_buffer_addf(buffer, ",\n  \"%s\": {", section->key);
        for (size_t i = 0; i < count && r >= 0; i++) {
                r = phx_buffer_add_text(buffer, i > 0 ? ",\n    " : "\n    ");
                if (r >= 0)
                        r = inventory_json_add_entry(
                                        buffer,
                                        section,
                                        items + i * section->shape.size);
        }
        return r < 0 ? r : phx_buffer_add_text(buffer, count > 0 ? "\n  }" : "}");
}

int phx_inventory_render(const struct phx_inventory *inventory, char **ret_text, size_t *ret_size) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        int r;

        r = phx_buffer_addf(
                        &buffer,
                        "{\n  \"version\": %d,\n  \"configuration\": \"%s\"",
                        VERSION,
                        inventory->configuration);
        for (size_t i = 0; i < PHX_ELEMENTS(sections) && r >= 0; i++)
                r = inventory_json_add_section(&buffer, &sections[i], inventory);
        if (r >= 0 && inventory->had_containers)
                r = phx_buffer_add_text(&buffer, ",\n  \"" KEY_HAD_CONTAINERS "\": true");
        if (r >= 0)
                r = phx_buffer_add_text(&buffer, "\n}\n");
        if (r < 0)
                return r;

        *ret_size = buffer.size;
        *ret_text = PHX_TAKE(buffer.data);
        return 0;
}
