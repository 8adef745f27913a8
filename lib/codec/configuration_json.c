/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/configuration_json.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/findings.h"
#include "codec/configuration_checks.h"
#include "codec/configuration_creation.h"
#include "codec/configuration_fields.h"
#include "codec/configuration_lines.h"
#include "codec/json.h"
#include "codec/json_index.h"

#define ROOT_KEY "lxc_configs"
/* Only near misses are taken for ours, since most keys of the file belong to other programs. */
#define MEANT_LIMIT 2
#define MEANT_LIMIT_SHORT 1
#define SHORT_KEY 5

/* The keys that there are in an object. */
struct names {
        struct phx_strings known;
        json_t *foreign; /* an object: its keys resemble none of those; they come again and again */
};

static void names_done(struct names *names) {
        phx_strings_done(&names->known);
        json_decref(names->foreign);
}

/* What the readers of all containers share. */
struct source {
        const struct phx_json_place *entries;
        const char *default_profile;
        struct names names;
};

static void source_done(struct source *source) {
        names_done(&source->names);
}

/* Of a short name even less is left when two letters differ. */
static const char *find_meant(const struct names *names, const char *key) {
        const char *meant;

        if (phx_strings_has(&names->known, key) || json_object_get(names->foreign, key))
                return NULL;
        meant = phx_json_nearest(key, &names->known, MEANT_LIMIT);
        if (meant && strlen(meant) <= SHORT_KEY)
                meant = phx_json_nearest(key, &names->known, MEANT_LIMIT_SHORT);
        if (!meant && names->foreign)
                (void) json_object_set_new(names->foreign, key, json_true());
        return meant;
}

/* Silence about a misspelt key would leave a container with the default profile. */
static int refuse_near_misses(
                const struct phx_json_place *place,
                json_t *object,
                const struct names *names,
                struct phx_error *error) {
        const char *key;
        json_t *value;
        int r;

        json_object_foreach(object, key, value) {
                const struct phx_json_place member = phx_json_member(place, key);
                const char *meant = phx_json_is_comment(key) ? NULL : find_meant(names, key);

                if (!meant)
                        continue;
                r = phx_json_refuse_key(error, &member, meant, &names->known);
                if (!phx_error_goes_on(error, r))
                        return r;
        }
        return 0;
}

static int configuration_read_container(
                const struct source *source,
                const char *id,
                json_t *object,
                struct phx_container_config *container,
                struct phx_error *error) {
        const struct phx_json_place entry = phx_json_member(source->entries, id);
        int r;

        if (!phx_is_container_id(id))
                return phx_json_refuse(error, &entry, "expected an id of " PHX_ID_EXPECTED);
        if (!json_is_object(object))
                return phx_json_refuse_found(error, &entry, "expected an object");
        if (phx_replace(&container->id, id) < 0 ||
            phx_replace(&container->profile, source->default_profile) < 0)
                return phx_json_no_memory(error, entry.text);
        container->profile_is_default = true;

        r = refuse_near_misses(&entry, object, &source->names, error);
        if (r < 0)
                return r;
        return phx_configuration_read_fields(container, &entry, object, error);
}

static int compare_containers(const void *a, const void *b) {
        const struct phx_container_config *one = a, *two = b;

        return strcmp(one->id, two->id);
}

static int read_containers(
                const struct source *source,
                json_t *object,
                struct phx_configuration *configuration,
                struct phx_error *error) {
        const char *id;
        json_t *value;
        int r;

        configuration->containers = calloc(
                        json_object_size(object) + 1,
                        sizeof(*configuration->containers));
        if (!configuration->containers)
                return phx_json_no_memory(error, source->entries->text);

        json_object_foreach(object, id, value) {
                if (phx_json_is_comment(id) && json_is_string(value))
                        continue;
                r = configuration_read_container(
                                source,
                                id,
                                value,
                                &configuration->containers[configuration->count++],
                                error);
                if (r < 0 && !phx_error_goes_on(error, r))
                        return r;
                if (r < 0) /* nothing can refer to an entry without an id */
                        phx_container_config_done(
                                        &configuration->containers[--configuration->count]);
        }

        qsort(configuration->containers,
              configuration->count,
              sizeof(*configuration->containers),
              compare_containers);
        return 0;
}

/* The object with the containers. */
static int find_entries(
                const struct phx_json_place *root,
                json_t *object,
                json_t **ret_entries,
                struct phx_error *error) {
        const struct phx_json_place place = phx_json_member(root, ROOT_KEY);
        phx_cleanup(names_done) struct names names = { 0 };
        json_t *entries;
        int r;

        if (phx_strings_add(&names.known, ROOT_KEY) < 0)
                return phx_json_no_memory(error, root->text);
        r = refuse_near_misses(root, object, &names, error);
        if (r < 0)
                return r;

        entries = json_object_get(object, ROOT_KEY);
        if (!entries)
                return phx_json_refuse(
                                error,
                                &place,
                                "not found, expected an object of containers");
        if (!json_is_object(entries))
                return phx_json_refuse_found(error, &place, "expected an object of containers");

        *ret_entries = entries;
        return 0;
}

static int parse_entries(
                struct source *source,
                json_t *entries,
                struct phx_configuration *configuration,
                struct phx_error *error) {
        int r;

        for (size_t i = 0; phx_configuration_key(i); i++)
                if (phx_strings_add(&source->names.known, phx_configuration_key(i)) < 0)
                        return phx_json_no_memory(error, source->entries->text);
        source->names.foreign = json_object();

        r = read_containers(source, entries, configuration, error);
        if (r < 0)
                return r;
        phx_configuration_note_lines(source->entries, configuration);
        if (configuration->count == 0)
                return phx_json_refuse(
                                error,
                                source->entries,
                                "found no container, expected at least one: an empty "
                                "configuration is never read as \"nothing is desired\"");
        return phx_configuration_check(source->entries, configuration, error);
}

static bool configuration_is_key(const char *key, size_t size, const char *wanted) {
        return size == strlen(wanted) && memcmp(key, wanted, size) == 0;
}

/* The containers' object, all of the containers, and of each the keys that are read. */
static bool configuration_is_ours(size_t depth, const char *key, size_t size) {
        if (depth == 1)
                return configuration_is_key(key, size, ROOT_KEY);
        if (depth != 3)
                return true;
        for (size_t i = 0; phx_configuration_key(i); i++)
                if (configuration_is_key(key, size, phx_configuration_key(i)))
                        return true;
        return configuration_is_key(key, size, PHX_CONFIGURATION_NETWORK) ||
               configuration_is_key(key, size, PHX_CONFIGURATION_VOLUMES) ||
               configuration_is_key(key, size, PHX_CONFIGURATION_ZFS_VOLUMES);
}

int phx_configuration_parse(
                const char *file,
                const char *text,
                size_t size,
                const char *default_profile,
                struct phx_configuration **ret_configuration,
                struct phx_error *error) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        phx_cleanup(phx_json_decref) json_t *object = NULL;
        phx_cleanup(phx_json_index_done) struct phx_json_index index = { 0 };
        const struct phx_json_text json = { file, text, size, &index };
        const struct phx_json_place root = { .text = &json };
        const struct phx_json_place entries = phx_json_member(&root, ROOT_KEY);
        phx_cleanup(source_done) struct source source = { .entries = &entries,
                                                          .default_profile = default_profile };
        size_t errors = error && error->all ? error->all->errors : 0;
        json_t *containers = NULL;
        int r;

        assert(phx_is_assignable_profile(default_profile));

        r = phx_json_load(&json, configuration_is_ours, &object, error);
        if (r < 0)
                return r;
        r = find_entries(&root, object, &containers, error);
        if (r < 0)
                return r;

        configuration = calloc(1, sizeof(*configuration));
        if (!configuration)
                return phx_json_no_memory(error, &json);
        phx_sha256(text, size, configuration->digest);
        r = parse_entries(&source, containers, configuration, error);
        if (r >= 0 && error && error->all && error->all->errors > errors)
                r = -EINVAL;
        if (r < 0 && !phx_error_goes_on(error, r))
                return r;

        *ret_configuration = PHX_TAKE(configuration);
        return r;
}
