/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/pve_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "codec/json.h"

void phx_pve_guests_done(struct phx_pve_guests *guests) {
        for (size_t i = 0; i < guests->count; i++)
                free(guests->items[i].node);
        free(guests->items);
        *guests = (struct phx_pve_guests){ 0 };
}

static int guest_compare(const void *a, const void *b) {
        const struct phx_pve_guest *one = a, *other = b;

        return (one->id > other->id) - (one->id < other->id);
}

const struct phx_pve_guest *phx_pve_guests_find(const struct phx_pve_guests *guests, uint32_t id) {
        const struct phx_pve_guest wanted = { .id = id };

        if (guests->count == 0)
                return NULL;
        return bsearch(&wanted, guests->items, guests->count, sizeof(wanted), guest_compare);
}

bool phx_pve_parse_id(const char *text, size_t size, uint32_t *ret_id) {
        uint64_t id = 0;

        if (size == 0 || size > 10 || text[0] == '0')
                return false;
        for (size_t i = 0; i < size; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                id = id * 10 + (uint64_t) (text[i] - '0');
        }
        if (id > UINT32_MAX)
                return false;
        *ret_id = (uint32_t) id;
        return true;
}

static int pve_json_load(
                const char *file,
                const char *data,
                size_t size,
                json_t **ret_root,
                struct phx_error *error) {
        const struct phx_json_text text = { .file = file, .data = data, .size = size };

        return phx_json_load(&text, NULL, ret_root, error);
}

/* 1 when VALUE is a guest, 0 when not, or -ENOMEM. */
static int guest_parse(const char *key, const json_t *value, struct phx_pve_guest *ret_guest) {
        const char *node = json_string_value(json_object_get(value, "node"));
        const char *type = json_string_value(json_object_get(value, "type"));
        json_int_t version = json_integer_value(json_object_get(value, "version"));
        struct phx_pve_guest guest = { .version = version > 0 ? (uint64_t) version : 0 };

        if (!node || !type || !phx_pve_parse_id(key, strlen(key), &guest.id))
                return 0;
        guest.is_lxc = strcmp(type, "lxc") == 0;
        guest.node = strdup(node);
        if (!guest.node)
                return -ENOMEM;
        *ret_guest = guest;
        return 1;
}

int phx_pve_vmlist_parse(
                const char *file,
                const char *data,
                size_t size,
                struct phx_pve_guests *ret_guests,
                struct phx_error *error) {
        phx_cleanup(phx_pve_guests_done) struct phx_pve_guests guests = { 0 };
        phx_cleanup(phx_json_decref) json_t *root = NULL;
        json_t *ids, *value;
        const char *key;
        int r;

        r = pve_json_load(file, data, size, &root, error);
        if (r < 0)
                return r;
        ids = json_object_get(root, "ids");
        guests.items = calloc(json_object_size(ids) + 1, sizeof(*guests.items));
        if (!guests.items)
                return -ENOMEM;
        json_object_foreach(ids, key, value) {
                r = guest_parse(key, value, &guests.items[guests.count]);
                if (r < 0)
                        return r;
                guests.count += (size_t) r;
        }
        qsort(guests.items, guests.count, sizeof(*guests.items), guest_compare);
        *ret_guests = PHX_TAKE_STRUCT(guests);
        return 0;
}

int phx_pve_members_parse(
                const char *file,
                const char *data,
                size_t size,
                bool *ret_is_cluster,
                struct phx_error *error) {
        phx_cleanup(phx_json_decref) json_t *root = NULL;
        int r;

        r = pve_json_load(file, data, size, &root, error);
        if (r < 0)
                return r;
        *ret_is_cluster = json_is_object(json_object_get(root, "cluster"));
        return 0;
}

int phx_pve_version_parse(
                const char *file,
                const char *data,
                size_t size,
                uint64_t *ret_start_time,
                struct phx_error *error) {
        phx_cleanup(phx_json_decref) json_t *root = NULL;
        json_int_t start;
        int r;

        r = pve_json_load(file, data, size, &root, error);
        if (r < 0)
                return r;
        start = json_integer_value(json_object_get(root, "starttime"));
        if (start <= 0)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "%s: starttime: expected a positive whole number",
                                file);
        *ret_start_time = (uint64_t) start;
        return 0;
}
