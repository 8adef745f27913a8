/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/inventory.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/grow.h"
#include "base/sorted.h"
#include "state/configuration.h"

/* The three lists are kept in order by the same code: each item begins with its name, so that a
 * pointer to an item is a pointer to its name. */

static int compare_name(const void *name, const void *item) {
        return strcmp(name, *(char *const *) item);
}

static void *inventory_find(const char *name, const void *items, size_t count, size_t item_size) {
        return phx_find_sorted(name, items, count, item_size, compare_name);
}

/* Adds an item NAME, empty but for that, to the sorted ones that ITEMS_POINTER points to. NULL
 * without memory; all is then as it was. */
static void *inventory_add(void *items_pointer, size_t *count, size_t item_size, const char *name) {
        phx_autofree char *copy = strdup(name);
        unsigned char *items = NULL, *item;
        size_t at = *count;

        if (!copy || !phx_grow(items_pointer, count, item_size))
                return NULL;
        memcpy(&items, items_pointer, sizeof(items));

        /* From the end: what is read back comes in order. */
        while (at > 0 && compare_name(name, items + (at - 1) * item_size) < 0)
                at--;
        item = items + at * item_size;
        memmove(item + item_size, item, (*count - 1 - at) * item_size);
        memset(item, 0, item_size);
        *(char **) (void *) item = PHX_TAKE(copy);
        return item;
}

/* Closes the gap of ITEM, whose content is gone already. */
static void drop(void *items, size_t count, size_t item_size, void *item) {
        unsigned char *begin = item, *end = (unsigned char *) items + count * item_size;

        memmove(begin, begin + item_size, (size_t) (end - begin) - item_size);
}

static struct phx_inventory_file *find_file(
                const struct phx_inventory *inventory,
                const char *path) {
        return inventory_find(
                        path,
                        inventory->files,
                        inventory->file_count,
                        sizeof(*inventory->files));
}

static struct phx_inventory_profile *inventory_find_profile(
                const struct phx_inventory *inventory,
                const char *name) {
        return inventory_find(
                        name,
                        inventory->profiles,
                        inventory->profile_count,
                        sizeof(*inventory->profiles));
}

static struct phx_inventory_container *inventory_find_container(
                const struct phx_inventory *inventory,
                const char *name) {
        return inventory_find(
                        name,
                        inventory->containers,
                        inventory->container_count,
                        sizeof(*inventory->containers));
}

static bool is_digest_or_empty(const char *text) {
        return !*text || phx_is_sha256(text);
}

/* DIGEST is valid or empty. 1 when it was another. */
static int set_digest(char field[PHX_SHA256_HEX], const char *digest) {
        if (strcmp(field, digest) == 0)
                return 0;
        memcpy(field, digest, strlen(digest) + 1);
        return 1;
}

static void lines_done(struct phx_inventory_container *container) {
        phx_strings_done(&container->lines);
        phx_strings_done(&container->foreign);
}

void phx_inventory_done(struct phx_inventory *inventory) {
        for (size_t i = 0; i < inventory->file_count; i++)
                free(inventory->files[i].path);
        for (size_t i = 0; i < inventory->profile_count; i++)
                free(inventory->profiles[i].name);
        for (size_t i = 0; i < inventory->container_count; i++) {
                free(inventory->containers[i].name);
                lines_done(&inventory->containers[i]);
        }
        free(inventory->files);
        free(inventory->profiles);
        free(inventory->containers);
        *inventory = (struct phx_inventory){ 0 };
}

int phx_inventory_set_configuration(struct phx_inventory *inventory, const char *digest) {
        if (!is_digest_or_empty(digest))
                return -EINVAL;
        return set_digest(inventory->configuration, digest);
}

int phx_inventory_set_file(struct phx_inventory *inventory, const char *path, const char *digest) {
        struct phx_inventory_file *file;

        if (!phx_is_normal_path(path) || !phx_is_sha256(digest))
                return -EINVAL;

        file = find_file(inventory, path);
        if (!file)
                file = inventory_add(
                                &inventory->files,
                                &inventory->file_count,
                                sizeof(*file),
                                path);
        return file ? set_digest(file->digest, digest) : -ENOMEM;
}

int phx_inventory_set_profile(
                struct phx_inventory *inventory,
                const char *name,
                const char *source,
                const char *key) {
        struct phx_inventory_profile *profile = inventory_find_profile(inventory, name);

        /* What is there was valid. */
        if (profile && strcmp(profile->source, source) == 0 && strcmp(profile->key, key) == 0)
                return 0;
        if ((!phx_is_profile_name(name) && !phx_is_piece_name(name)) || !phx_is_sha256(source) ||
            !is_digest_or_empty(key))
                return -EINVAL;

        if (!profile)
                profile = inventory_add(
                                &inventory->profiles,
                                &inventory->profile_count,
                                sizeof(*profile),
                                name);
        if (!profile)
                return -ENOMEM;
        profile->is_saved = false;
        return set_digest(profile->source, source) | set_digest(profile->key, key);
}

void phx_inventory_set_saved(struct phx_inventory *inventory) {
        for (size_t i = 0; i < inventory->profile_count; i++)
                inventory->profiles[i].is_saved = true;
}

static bool are_lines(const struct phx_strings *lines) {
        for (size_t i = 0; i < lines->count; i++)
                if (!*lines->items[i] || phx_has_control(lines->items[i]))
                        return false;
        return true;
}

int phx_inventory_set_container(
                struct phx_inventory *inventory,
                const char *name,
                const struct phx_strings *lines,
                const struct phx_strings *foreign) {
        static const struct phx_strings none = { 0 };
        phx_cleanup(lines_done) struct phx_inventory_container copy = { 0 };
        struct phx_inventory_container *container;
        int r;

        if (!foreign)
                foreign = &none;
        if (!phx_is_container_id(name) || lines->count == 0 || !are_lines(lines) ||
            !are_lines(foreign))
                return -EINVAL;

        container = inventory_find_container(inventory, name);
        if (container && phx_strings_equal(&container->lines, lines) &&
            phx_strings_equal(&container->foreign, foreign))
                return 0;

        /* Before the container is added: one without lines must not be left behind. */
        r = phx_strings_copy(&copy.lines, lines);
        if (r >= 0)
                r = phx_strings_copy(&copy.foreign, foreign);
        if (r < 0)
                return r;
        if (!container)
                container = inventory_add(
                                &inventory->containers,
                                &inventory->container_count,
                                sizeof(*container),
                                name);
        if (!container)
                return -ENOMEM;

        lines_done(container);
        container->lines = PHX_TAKE_STRUCT(copy.lines);
        container->foreign = PHX_TAKE_STRUCT(copy.foreign);
        inventory->container_changes++;
        return 1;
}

const struct phx_inventory_file *phx_inventory_file(
                const struct phx_inventory *inventory,
                const char *path) {
        return find_file(inventory, path);
}

const struct phx_inventory_profile *phx_inventory_profile(
                const struct phx_inventory *inventory,
                const char *name) {
        return inventory_find_profile(inventory, name);
}

const struct phx_inventory_container *phx_inventory_container(
                const struct phx_inventory *inventory,
                const char *name) {
        return inventory_find_container(inventory, name);
}

int phx_inventory_remove_file(struct phx_inventory *inventory, const char *path) {
        struct phx_inventory_file *file = find_file(inventory, path);

        if (!file)
                return 0;
        free(file->path);
        drop(inventory->files, inventory->file_count--, sizeof(*file), file);
        return 1;
}

int phx_inventory_remove_profile(struct phx_inventory *inventory, const char *name) {
        struct phx_inventory_profile *profile = inventory_find_profile(inventory, name);

        if (!profile)
                return 0;
        free(profile->name);
        drop(inventory->profiles, inventory->profile_count--, sizeof(*profile), profile);
        return 1;
}

int phx_inventory_remove_container(struct phx_inventory *inventory, const char *name) {
        struct phx_inventory_container *container = inventory_find_container(inventory, name);

        if (!container)
                return 0;
        free(container->name);
        lines_done(container);
        drop(inventory->containers, inventory->container_count--, sizeof(*container), container);
        inventory->container_changes++;
        return 1;
}
