/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/snapshot_tree.h"

#include <errno.h>

#include "codec/json.h"

int phx_snapshot_tree_load(
                const char *text,
                size_t size,
                json_t **ret_json,
                struct phx_error *error) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        json_error_t where;

        json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
        if (!json)
                return phx_error_set(error, -EINVAL, "snapshot: %s", where.text);
        if (json_integer_value(json_object_get(json, "version")) != PHX_SNAPSHOT_VERSION)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "snapshot: expected version %d; the daemon may be a newer version",
                                PHX_SNAPSHOT_VERSION);
        *ret_json = PHX_TAKE(json);
        return 0;
}

int phx_snapshot_tree_take(
                const struct phx_shape *shape,
                json_t *json,
                void *object,
                struct phx_error *error) {
        struct phx_error inner = { 0 };
        int r;

        r = phx_fields_parse(shape, json, object, &inner);
        return r < 0 ? phx_error_set(error, r, "snapshot: %s", phx_error_text(&inner, r)) : 0;
}
