/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The rest of a snapshot is one object, of the members of three shapes. Each look that has changed
 * something sends it, however few objects have changed, so that it is written and read without a
 * tree of its values. */

#include <errno.h>

#include "base/strings.h"
#include "codec/json.h"
#include "codec/snapshot_json.h"
#include "codec/snapshot_shapes.h"
#include "codec/snapshot_tree.h"

int phx_rest_render(
                const struct phx_snapshot *snapshot,
                const struct phx_tally *tally,
                char **ret_text) {
        const struct {
                const struct phx_shape *shape;
                const void *object;
        } parts[] = {
                { &phx_snapshot_head_shape, snapshot },
                { &phx_snapshot_tail_shape, snapshot },
                { &phx_tally_part_shape, tally },
        };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r;

        r = phx_buffer_addf(&text, "{\"version\":%d", PHX_SNAPSHOT_VERSION);
        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(parts); i++) {
                r = phx_buffer_add(&text, ",", 1);
                if (r >= 0)
                        r = phx_fields_write_members(parts[i].shape, parts[i].object, &text);
        }
        if (r >= 0)
                r = phx_buffer_add(&text, "}", 1);
        if (r < 0)
                return r;
        *ret_text = PHX_TAKE(text.data);
        return 0;
}

struct rest_version {
        unsigned number;
};

static const struct phx_field version_fields[] = {
        { "version", PHX_FIELD_NUMBER, offsetof(struct rest_version, number) },
};
static const struct phx_shape version_shape = {
        version_fields,
        PHX_ELEMENTS(version_fields),
        sizeof(struct rest_version),
};

/* As phx_fields_scan(). */
static int scan_rest(
                const char *text,
                size_t size,
                struct phx_snapshot *snapshot,
                struct phx_tally *tally) {
        const struct phx_json_text json = { .data = text, .size = size };
        struct rest_version version = { 0 };
        int r;

        r = phx_fields_scan(&version_shape, &json, 0, &version);
        if (r > 0 && version.number != PHX_SNAPSHOT_VERSION)
                r = 0;
        if (r > 0)
                r = phx_fields_scan(&phx_snapshot_head_shape, &json, 0, snapshot);
        if (r > 0)
                r = phx_fields_scan(&phx_snapshot_tail_shape, &json, 0, snapshot);
        return r > 0 ? phx_fields_scan(&phx_tally_part_shape, &json, 0, tally) : r;
}

static int load_rest(
                const char *text,
                size_t size,
                struct phx_snapshot *snapshot,
                struct phx_tally *tally,
                struct phx_error *error) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        int r;

        r = phx_snapshot_tree_load(text, size, &json, error);
        if (r >= 0)
                r = phx_snapshot_tree_take(&phx_snapshot_head_shape, json, snapshot, error);
        if (r >= 0)
                r = phx_snapshot_tree_take(&phx_snapshot_tail_shape, json, snapshot, error);
        return r < 0 ? r : phx_snapshot_tree_take(&phx_tally_part_shape, json, tally, error);
}

int phx_rest_parse(
                const char *text,
                size_t size,
                struct phx_snapshot **ret_snapshot,
                struct phx_tally *ret_tally,
                struct phx_error *error) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        struct phx_tally tally = { 0 };
        int r = snapshot ? scan_rest(text, size, snapshot, &tally) : -ENOMEM;

        if (r == 0) {
                phx_snapshot_free(snapshot);
                snapshot = phx_snapshot_new();
                tally = (struct phx_tally){ 0 };
                r = snapshot ? load_rest(text, size, snapshot, &tally, error) : -ENOMEM;
        }
        if (r == -ENOMEM)
                return phx_error_set(error, r, "snapshot: out of memory");
        if (r < 0)
                return r;
        *ret_snapshot = PHX_TAKE(snapshot);
        *ret_tally = tally;
        return 0;
}
