/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/inventory_json.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "codec/json.h"

/* Of the format. Whoever changes it in a way that an older phoenixd misreads counts up. */
#define VERSION 1

/* Reads one entry of one of the three lists. */
struct section {
        const char *key;
        int (*read)(struct phx_inventory *inventory,
                    const struct phx_json_place *place,
                    const json_t *value,
                    struct phx_error *error);
};

static int refuse_entry(int code, const struct phx_json_place *place, struct phx_error *error) {
        if (code == -ENOMEM)
                return phx_json_no_memory(error, place->text);
        return phx_json_refuse(error, place, "found a damaged entry");
}

static int inventory_json_read_file(
                struct phx_inventory *inventory,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        const char *digest = json_string_value(json_object_get(value, "digest"));
        int r = -EINVAL;

        if (digest && json_object_size(value) == 1)
                r = phx_inventory_set_file(inventory, place->key, digest);
        return r < 0 ? refuse_entry(r, place, error) : 0;
}

static int inventory_json_read_profile(
                struct phx_inventory *inventory,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        const char *source = json_string_value(json_object_get(value, "source")),
                   *key = json_string_value(json_object_get(value, "key"));
        int r = -EINVAL;

        if (source && key && json_object_size(value) == 2)
                r = phx_inventory_set_profile(inventory, place->key, source, key);
        return r < 0 ? refuse_entry(r, place, error) : 0;
}

static int inventory_json_read_container(
                struct phx_inventory *inventory,
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_error *error) {
        const struct phx_json_place list = phx_json_member(place, "lines"),
                                    others = phx_json_member(place, "foreign");
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 }, foreign = { 0 };
        const json_t *foreign_value = json_object_get(value, "foreign");
        int r;

        if (json_object_size(value) != (foreign_value ? 2 : 1))
                return refuse_entry(-EINVAL, place, error);
        r = phx_json_strings(&list, json_object_get(value, "lines"), &lines, error);
        if (r >= 0 && foreign_value)
                r = phx_json_strings(&others, foreign_value, &foreign, error);
        if (r < 0)
                return r;
        r = phx_inventory_set_container(inventory, place->key, &lines, &foreign);
        return r < 0 ? refuse_entry(r, place, error) : 0;
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
        int r;

        if (!json_is_object(entries))
                return phx_json_refuse(error, &place, "expected an object");

        json_object_foreach(entries, name, value) {
                const struct phx_json_place entry = phx_json_member(&place, name);

                r = section->read(inventory, &entry, value, error);
                if (r < 0)
                        return r;
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

static int inventory_json_read_all(
                struct phx_inventory *inventory,
                const struct phx_json_place *root,
                const json_t *object,
                struct phx_error *error) {
        static const struct section sections[] = {
                { "files", inventory_json_read_file },
                { "profiles", inventory_json_read_profile },
                { "containers", inventory_json_read_container },
        };
        int r;

        r = read_head(inventory, root, object, error);
        for (size_t i = 0; i < PHX_ELEMENTS(sections) && r >= 0; i++)
                r = read_section(inventory, &sections[i], root, object, error);
        if (r >= 0 && json_object_size(object) != PHX_ELEMENTS(sections) + 2)
                r = phx_json_refuse(error, root, "found an unknown key");
        return r;
}

/* For who wrote it there is nothing to mend: whatever is wrong with it, it is damaged. */
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

/* Rendering is by hand but for the strings: one entry a line, so that a person can read it and the
 * order is ours. */

static int inventory_json_add_string(struct phx_buffer *buffer, const char *text) {
        phx_cleanup(phx_json_decref) json_t *string = json_string(text);
        phx_autofree char *quoted = NULL;

        /* json_string() does not tell why it failed. */
        if (!string)
                return -EILSEQ;
        quoted = json_dumps(string, JSON_ENCODE_ANY);
        return quoted ? phx_buffer_add_text(buffer, quoted) : -ENOMEM;
}

/* What stands before an entry's own object. */
static int add_name(struct phx_buffer *buffer, size_t index, const char *name) {
        int r;

        r = phx_buffer_add_text(buffer, index > 0 ? ",\n    " : "\n    ");
        if (r >= 0)
                r = inventory_json_add_string(buffer, name);
        return r;
}

static int add_files(struct phx_buffer *buffer, const struct phx_inventory *inventory) {
        int r = 0;

        for (size_t i = 0; i < inventory->file_count && r >= 0; i++) {
                const struct phx_inventory_file *file = &inventory->files[i];

                r = add_name(buffer, i, file->path);
                if (r >= 0)
                        r = phx_buffer_addf(buffer, ": { \"digest\": \"%s\" }", file->digest);
        }
        return r;
}

static int inventory_json_add_profiles(
                struct phx_buffer *buffer,
                const struct phx_inventory *inventory) {
        int r = 0;

        for (size_t i = 0; i < inventory->profile_count && r >= 0; i++) {
                const struct phx_inventory_profile *profile = &inventory->profiles[i];

                r = add_name(buffer, i, profile->name);
                if (r >= 0)
                        r = phx_buffer_addf(
                                        buffer,
                                        ": { \"source\": \"%s\", \"key\": \"%s\" }",
                                        profile->source,
                                        profile->key);
        }
        return r;
}

static int add_lines(struct phx_buffer *buffer, const char *key, const struct phx_strings *lines) {
        int r;

        r = phx_buffer_addf(buffer, "\"%s\": [", key);
        for (size_t i = 0; i < lines->count && r >= 0; i++) {
                r = phx_buffer_add_text(buffer, i > 0 ? ", " : "");
                if (r >= 0)
                        r = inventory_json_add_string(buffer, lines->items[i]);
        }
        return r < 0 ? r : phx_buffer_add_text(buffer, "]");
}

static int inventory_json_add_container(
                struct phx_buffer *buffer,
                const struct phx_inventory_container *container) {
        int r;

        r = phx_buffer_add_text(buffer, ": { ");
        if (r >= 0)
                r = add_lines(buffer, "lines", &container->lines);
        if (r >= 0 && container->foreign.count > 0)
                r = phx_buffer_add_text(buffer, ", ");
        if (r >= 0 && container->foreign.count > 0)
                r = add_lines(buffer, "foreign", &container->foreign);
        return r < 0 ? r : phx_buffer_add_text(buffer, " }");
}

static int inventory_json_add_containers(
                struct phx_buffer *buffer,
                const struct phx_inventory *inventory) {
        int r = 0;

        for (size_t i = 0; i < inventory->container_count && r >= 0; i++) {
                r = add_name(buffer, i, inventory->containers[i].name);
                if (r >= 0)
                        r = inventory_json_add_container(buffer, &inventory->containers[i]);
        }
        return r;
}

int phx_inventory_render(const struct phx_inventory *inventory, char **ret_text, size_t *ret_size) {
        static const struct {
                const char *head;
                int (*add)(struct phx_buffer *buffer, const struct phx_inventory *inventory);
        } lists[] = {
                { "\"files\": {", add_files },
                { "\"profiles\": {", inventory_json_add_profiles },
                { "\"containers\": {", inventory_json_add_containers },
        };
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        int r;

        r = phx_buffer_addf(
                        &buffer,
                        "{\n  \"version\": %d,\n  \"configuration\": \"%s\"",
                        VERSION,
                        inventory->configuration);
        for (size_t i = 0; i < PHX_ELEMENTS(lists) && r >= 0; i++) {
                size_t before;

                r = phx_buffer_addf(&buffer, ",\n  %s", lists[i].head);
                before = buffer.size;
                if (r >= 0)
                        r = lists[i].add(&buffer, inventory);
                if (r >= 0)
                        r = phx_buffer_add_text(&buffer, buffer.size > before ? "\n  }" : "}");
        }
        if (r >= 0)
                r = phx_buffer_add_text(&buffer, "\n}\n");
        if (r < 0)
                return r;

        *ret_size = buffer.size;
        *ret_text = PHX_TAKE(buffer.data);
        return 0;
}
