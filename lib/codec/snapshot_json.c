/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/snapshot_json.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "codec/json.h"
#include "codec/offer_json.h"
#include "codec/snapshot_shapes.h"
#include "codec/snapshot_tree.h"

/* --- render --- */

static int snapshot_json_dump(const json_t *json, char **ret_text) {
        char *text = json_dumps(json, JSON_COMPACT);

        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}

/* Adds what is rendered to WHOLE, where parts of the same name become one. */
static int snapshot_json_add(json_t *whole, const struct phx_shape *shape, const void *object) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        int r;

        r = phx_fields_render(shape, object, &json);
        if (r < 0)
                return r;
        return json_object_update_recursive(whole, json) < 0 ? -ENOMEM : 0;
}

/* With the version before all. */
static int snapshot_json_render(
                const struct phx_shape *shape,
                const void *object,
                char **ret_text) {
        phx_cleanup(phx_json_decref)
                        json_t *whole = json_pack("{s:i}", "version", PHX_SNAPSHOT_VERSION);
        int r;

        if (!whole)
                return -ENOMEM;
        r = snapshot_json_add(whole, shape, object);
        return r < 0 ? r : snapshot_json_dump(whole, ret_text);
}

int phx_description_render(
                const struct phx_daemon *daemon,
                const struct phx_snapshot *snapshot,
                char **ret_text) {
        phx_cleanup(phx_json_decref)
                        json_t *whole = json_pack("{s:i}", "version", PHX_SNAPSHOT_VERSION);
        int r;

        if (!whole)
                return -ENOMEM;
        r = snapshot_json_add(whole, &phx_daemon_shape, daemon);
        if (r >= 0)
                r = snapshot_json_add(whole, &phx_snapshot_shape, snapshot);
        return r < 0 ? r : snapshot_json_dump(whole, ret_text);
}

int phx_snapshot_render(const struct phx_snapshot *snapshot, char **ret_text) {
        return snapshot_json_render(&phx_snapshot_shape, snapshot, ret_text);
}

int phx_snapshot_part_render(const struct phx_snapshot_part *part, char **ret_text) {
        return snapshot_json_render(&phx_snapshot_part_shape, part, ret_text);
}

int phx_snapshot_plan_render(const struct phx_snapshot *snapshot, char **ret_text) {
        phx_autofree struct phx_snapshot_drift *steps = calloc(
                        snapshot->drift_count + 1,
                        sizeof(*steps));
        struct phx_snapshot_plan plan = { snapshot->generation, snapshot->is_observing, steps, 0,
                                          snapshot->offers,     snapshot->offer_count };

        if (!steps)
                return -ENOMEM;
        for (size_t i = 0; i < snapshot->drift_count; i++)
                if (snapshot->drifts[i].action != PHX_ACTION_NONE)
                        steps[plan.step_count++] = snapshot->drifts[i];
        return snapshot_json_render(&phx_snapshot_plan_shape, &plan, ret_text);
}

/* NULL for what has no text. */
static const struct phx_shape *snapshot_json_shape(enum phx_object_kind kind) {
        static const struct phx_shape *const shapes[PHX_OBJECT_KINDS] = {
                [PHX_OBJECT_PROFILE] = &phx_snapshot_profile_shape,
                [PHX_OBJECT_CONTAINER] = &phx_snapshot_container_shape,
                [PHX_OBJECT_UNMANAGED] = &phx_snapshot_unmanaged_shape,
                [PHX_OBJECT_DRIFT] = &phx_snapshot_drift_shape,
                [PHX_OBJECT_STEP] = &phx_snapshot_step_shape,
                [PHX_OBJECT_OFFER] = &phx_offer_shape,
        };

        return shapes[kind];
}

int phx_object_render(enum phx_object_kind kind, const void *object, char **ret_text) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r;

        r = phx_fields_write(snapshot_json_shape(kind), object, &text);
        if (r >= 0)
                *ret_text = PHX_TAKE(text.data);
        return r;
}

void phx_object_digest(
                enum phx_object_kind kind,
                const void *object,
                const uint8_t key[PHX_SIPHASH_SIZE],
                uint8_t ret_digest[PHX_SIPHASH_SIZE]) {
        struct phx_siphash hash;

        phx_siphash_init(&hash, key);
        phx_fields_digest(snapshot_json_shape(kind), object, &hash);
        phx_siphash_end(&hash, ret_digest);
}

int phx_description_head_render(
                const struct phx_daemon *daemon,
                const struct phx_snapshot *snapshot,
                char **ret_text) {
        phx_cleanup(phx_json_decref)
                        json_t *whole = json_pack("{s:i}", "version", PHX_SNAPSHOT_VERSION);
        int r;

        if (!whole)
                return -ENOMEM;
        r = snapshot_json_add(whole, &phx_daemon_shape, daemon);
        if (r >= 0)
                r = snapshot_json_add(whole, &phx_snapshot_head_shape, snapshot);
        return r < 0 ? r : snapshot_json_dump(whole, ret_text);
}

int phx_description_tail_render(const struct phx_snapshot *snapshot, char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        int r;

        r = phx_fields_render(&phx_snapshot_tail_shape, snapshot, &json);
        return r < 0 ? r : snapshot_json_dump(json, ret_text);
}

int phx_plan_head_render(const struct phx_snapshot *snapshot, char **ret_text) {
        const struct phx_snapshot_plan plan = { .generation = snapshot->generation,
                                                .is_observing = snapshot->is_observing };

        return snapshot_json_render(&phx_snapshot_plan_head_shape, &plan, ret_text);
}

int phx_key_render(const char *key, char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *json = json_string(key);
        char *text = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;

        if (!json)
                return -EILSEQ;
        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}

int phx_daemon_render(
                const struct phx_daemon *daemon,
                const struct phx_snapshot *snapshot,
                const struct phx_tally *tally,
                char **ret_text) {
        phx_cleanup(phx_json_decref)
                        json_t *whole = json_pack("{s:i}", "version", PHX_SNAPSHOT_VERSION);
        int r;

        if (!whole)
                return -ENOMEM;
        r = snapshot_json_add(whole, &phx_daemon_shape, daemon);
        if (r >= 0)
                r = snapshot_json_add(whole, &phx_snapshot_head_shape, snapshot);
        if (r >= 0)
                r = snapshot_json_add(whole, &phx_snapshot_tail_shape, snapshot);
        if (r >= 0)
                r = snapshot_json_add(whole, &phx_tally_part_shape, tally);
        return r < 0 ? r : snapshot_json_dump(whole, ret_text);
}

static int snapshot_json_add_drifts(
                const struct phx_snapshot *snapshot,
                const char *object,
                json_t *array) {
        for (size_t i = 0; i < snapshot->drift_count; i++) {
                json_t *drift = NULL;
                int r;

                if (!phx_equal(snapshot->drifts[i].object, object))
                        continue;
                r = phx_fields_render(&phx_snapshot_drift_shape, &snapshot->drifts[i], &drift);
                if (r < 0)
                        return r;
                if (json_array_append_new(array, drift) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int phx_snapshot_container_render(
                const struct phx_snapshot *snapshot,
                const struct phx_snapshot_container *container,
                char **ret_text) {
        phx_cleanup(phx_json_decref)
                        json_t *json = NULL,
                               *drifts = json_array(),
                               *whole = json_pack("{s:i}", "version", PHX_SNAPSHOT_VERSION);
        int r;

        if (!drifts || !whole)
                return -ENOMEM;
        r = phx_fields_render(&phx_snapshot_container_shape, container, &json);
        if (r >= 0)
                r = snapshot_json_add_drifts(snapshot, container->id, drifts);
        if (r < 0)
                return r;
        if (json_object_update(whole, json) < 0 || json_object_set(whole, "drifts", drifts) < 0)
                return -ENOMEM;
        return snapshot_json_dump(whole, ret_text);
}

/* --- parse --- */

static int snapshot_json_parse(
                const struct phx_shape *shape,
                const char *text,
                size_t size,
                void *object,
                struct phx_error *error) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        int r;

        r = phx_snapshot_tree_load(text, size, &json, error);
        return r < 0 ? r : phx_snapshot_tree_take(shape, json, object, error);
}

int phx_snapshot_parse(
                const char *text,
                size_t size,
                struct phx_snapshot **ret_snapshot,
                struct phx_error *error) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        int r;

        if (!snapshot)
                return phx_error_set(error, -ENOMEM, "snapshot: out of memory");
        r = snapshot_json_parse(&phx_snapshot_shape, text, size, snapshot, error);
        if (r < 0)
                return r;
        *ret_snapshot = PHX_TAKE(snapshot);
        return 0;
}

int phx_description_parse(
                const char *text,
                size_t size,
                struct phx_description *ret_description,
                struct phx_error *error) {
        phx_cleanup(phx_description_done) struct phx_description description = {
                .snapshot = phx_snapshot_new(),
        };
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        int r;

        if (!description.snapshot)
                return phx_error_set(error, -ENOMEM, "snapshot: out of memory");
        r = phx_snapshot_tree_load(text, size, &json, error);
        if (r >= 0)
                r = phx_snapshot_tree_take(&phx_daemon_shape, json, &description.daemon, error);
        if (r >= 0)
                r = phx_snapshot_tree_take(&phx_snapshot_shape, json, description.snapshot, error);
        if (r < 0)
                return r;
        *ret_description = PHX_TAKE_STRUCT(description);
        return 0;
}

int phx_snapshot_plan_parse(
                const char *text,
                size_t size,
                struct phx_snapshot_plan *ret_plan,
                struct phx_error *error) {
        struct phx_snapshot_plan plan = { 0 };
        int r;

        r = snapshot_json_parse(&phx_snapshot_plan_shape, text, size, &plan, error);
        if (r < 0) {
                phx_snapshot_plan_done(&plan);
                return r;
        }
        *ret_plan = plan;
        return 0;
}

int phx_daemon_parse(
                const char *text,
                size_t size,
                struct phx_description *ret_description,
                struct phx_tally *ret_tally,
                struct phx_error *error) {
        phx_cleanup(phx_description_done) struct phx_description description = { 0 };
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        struct phx_tally tally = { 0 };
        int r;

        r = phx_rest_parse(text, size, &description.snapshot, &tally, error);
        if (r >= 0)
                r = phx_snapshot_tree_load(text, size, &json, error);
        if (r >= 0)
                r = phx_snapshot_tree_take(&phx_daemon_shape, json, &description.daemon, error);
        if (r < 0)
                return r;
        *ret_description = PHX_TAKE_STRUCT(description);
        *ret_tally = tally;
        return 0;
}

/* One object, which has no version of its own. */
static int snapshot_json_parse_object(
                const struct phx_shape *shape,
                const char *text,
                size_t size,
                void *object) {
        phx_cleanup(phx_json_decref) json_t *json = json_loadb(text, size, 0, NULL);

        return json ? phx_fields_parse(shape, json, object, NULL) : -EINVAL;
}

int phx_snapshot_profile_parse(
                const char *text,
                size_t size,
                struct phx_snapshot_profile *ret_profile) {
        const struct phx_json_text json = { .data = text, .size = size };
        struct phx_snapshot_profile profile = { 0 };
        int r;

        r = phx_fields_scan(&phx_snapshot_profile_shape, &json, 0, &profile);
        if (r == 0) {
                phx_snapshot_profile_done(&profile);
                r = snapshot_json_parse_object(&phx_snapshot_profile_shape, text, size, &profile);
        }
        if (r < 0)
                phx_snapshot_profile_done(&profile);
        else
                *ret_profile = profile;
        return r < 0 ? r : 0;
}

int phx_snapshot_container_parse(
                const char *text,
                size_t size,
                struct phx_snapshot_container *ret_container) {
        const struct phx_json_text json = { .data = text, .size = size };
        struct phx_snapshot_container container = { 0 };
        int r;

        r = phx_fields_scan(&phx_snapshot_container_shape, &json, 0, &container);
        if (r == 0) {
                phx_snapshot_container_done(&container);
                r = snapshot_json_parse_object(
                                &phx_snapshot_container_shape,
                                text,
                                size,
                                &container);
        }
        if (r < 0)
                phx_snapshot_container_done(&container);
        else
                *ret_container = container;
        return r < 0 ? r : 0;
}

/* --- pages --- */

/* Appends the COUNT ITEMS to the array, which owns what they own then. */
static int snapshot_json_append(
                void *array_pointer,
                size_t *array_count,
                void *items,
                size_t *count,
                size_t size) {
        void *array, *grown;

        if (*count == 0)
                return 0;
        memcpy(&array, array_pointer, sizeof(array));
        grown = reallocarray(array, *array_count + *count, size);
        if (!grown)
                return -ENOMEM;
        memcpy(array_pointer, &grown, sizeof(grown));
        memcpy((char *) grown + *array_count * size, items, *count * size);
        *array_count += *count;
        *count = 0;
        return 0;
}

static int snapshot_json_take_page(struct phx_snapshot *page, struct phx_snapshot *snapshot) {
        int r;

        r = snapshot_json_append(
                        &snapshot->profiles,
                        &snapshot->profile_count,
                        page->profiles,
                        &page->profile_count,
                        sizeof(*page->profiles));
        if (r >= 0)
                r = snapshot_json_append(
                                &snapshot->containers,
                                &snapshot->container_count,
                                page->containers,
                                &page->container_count,
                                sizeof(*page->containers));
        if (r >= 0)
                r = snapshot_json_append(
                                &snapshot->unmanaged,
                                &snapshot->unmanaged_count,
                                page->unmanaged,
                                &page->unmanaged_count,
                                sizeof(*page->unmanaged));
        if (r >= 0)
                r = snapshot_json_append(
                                &snapshot->drifts,
                                &snapshot->drift_count,
                                page->drifts,
                                &page->drift_count,
                                sizeof(*page->drifts));
        return r;
}

/* What a page says besides its objects. */
struct page {
        unsigned version;
        char *next;
};

static void snapshot_page_done(struct page *page) {
        free(page->next);
}

static const struct phx_field page_end_fields[] = {
        { "version", PHX_FIELD_NUMBER, offsetof(struct page, version) },
        { "next", PHX_FIELD_TEXT, offsetof(struct page, next) },
};
static const struct phx_shape page_end_shape = {
        page_end_fields,
        PHX_ELEMENTS(page_end_fields),
        sizeof(struct page),
};

/* As phx_fields_scan(). */
static int snapshot_json_scan_page(
                const char *text,
                size_t size,
                struct phx_snapshot *snapshot,
                struct page *page) {
        const struct phx_json_text json = { .data = text, .size = size };
        int r;

        r = phx_fields_scan(&page_end_shape, &json, 0, page);
        if (r > 0 && page->version != PHX_SNAPSHOT_VERSION)
                r = 0;
        return r > 0 ? phx_fields_scan(&phx_snapshot_page_shape, &json, 0, snapshot) : r;
}

static int snapshot_json_load_page(
                const char *text,
                size_t size,
                struct phx_snapshot *snapshot,
                struct page *page,
                struct phx_error *error) {
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        const char *next;
        int r;

        r = phx_snapshot_tree_load(text, size, &json, error);
        if (r >= 0)
                r = phx_snapshot_tree_take(&phx_snapshot_page_shape, json, snapshot, error);
        if (r < 0)
                return r;
        next = json_string_value(json_object_get(json, "next"));
        if (phx_replace(&page->next, next) < 0)
                return phx_error_set(error, -ENOMEM, "snapshot: out of memory");
        return 0;
}

int phx_page_parse(
                const char *text,
                size_t size,
                struct phx_snapshot *snapshot,
                char **ret_next,
                struct phx_error *error) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *objects = phx_snapshot_new();
        phx_cleanup(snapshot_page_done) struct page page = { 0 };
        int r = objects ? 0 : -ENOMEM;

        if (r >= 0)
                r = snapshot_json_scan_page(text, size, objects, &page);
        if (r == 0) {
                phx_snapshot_free(objects);
                objects = phx_snapshot_new();
                r = objects ? snapshot_json_load_page(text, size, objects, &page, error) : -ENOMEM;
        }
        if (r >= 0)
                r = snapshot_json_take_page(objects, snapshot);
        if (r == -ENOMEM)
                return phx_error_set(error, r, "snapshot: out of memory");
        if (r < 0)
                return r;
        *ret_next = PHX_TAKE(page.next);
        return 0;
}
