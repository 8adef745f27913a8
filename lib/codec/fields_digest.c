/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an object says, without its text: the same walk down the table as rendering does it, each
 * value with its size before it, so that no two objects that differ feed the same bytes. */

#include <string.h>

#include "base/strings.h"
#include "codec/fields.h"

static void digest_text(const char *text, struct phx_siphash *hash) {
        const size_t size = text ? strlen(text) : SIZE_MAX;

        phx_siphash_add(hash, &size, sizeof(size));
        if (text)
                phx_siphash_add(hash, text, size);
}

static void digest_texts(const struct phx_strings *texts, struct phx_siphash *hash) {
        phx_siphash_add(hash, &texts->count, sizeof(texts->count));
        for (size_t i = 0; i < texts->count; i++)
                digest_text(texts->items[i], hash);
}

static void digest_items(
                const struct phx_field *field,
                const void *object,
                struct phx_siphash *hash) {
        const char *items;
        size_t count;

        memcpy(&items, (const char *) object + field->offset, sizeof(items));
        memcpy(&count, (const char *) object + field->count_offset, sizeof(count));
        phx_siphash_add(hash, &count, sizeof(count));
        for (size_t i = 0; i < count; i++)
                phx_fields_digest(field->shape, items + i * field->shape->size, hash);
}

/* A list that many objects share is gone through once, and not once for each of them and for each
 * time that they are compared. Its hash has no key: what is shared is made of trusted input. */
static void digest_list(
                const struct phx_field *field,
                const void *object,
                struct phx_siphash *hash) {
        static const uint8_t no_key[PHX_SIPHASH_SIZE];
        struct phx_siphash_kept *kept = NULL;
        struct phx_siphash own;

        if (field->kept_offset > 0)
                memcpy(&kept, (const char *) object + field->kept_offset, sizeof(kept));
        if (!kept) {
                digest_items(field, object, hash);
                return;
        }
        if (!kept->is_known) {
                phx_siphash_init(&own, no_key);
                digest_items(field, object, &own);
                phx_siphash_end(&own, kept->digest);
                kept->is_known = true;
        }
        phx_siphash_add(hash, kept->digest, sizeof(kept->digest));
}

static void digest_maybe(
                const struct phx_field *field,
                const void *value,
                struct phx_siphash *hash) {
        const char *first;

        memcpy(&first, value, sizeof(first));
        phx_siphash_add(hash, first ? "1" : "0", 1);
        if (first)
                phx_fields_digest(field->shape, value, hash);
}

static void digest_kept(
                const struct phx_field *field,
                const void *object,
                struct phx_siphash *hash) {
        const char *text;

        memcpy(&text, (const char *) object + field->text_offset, sizeof(text));
        phx_siphash_add(hash, (const char *) object + field->offset, sizeof(unsigned));
        digest_text(text, hash);
}

static void digest_field(
                const struct phx_field *field,
                const void *object,
                struct phx_siphash *hash) {
        const void *value = (const char *) object + field->offset;

        switch (field->type) {
        case PHX_FIELD_TEXT:
        case PHX_FIELD_NAME:
        case PHX_FIELD_PATH:
                digest_text(*(char *const *) value, hash);
                break;
        case PHX_FIELD_BOOL:
        case PHX_FIELD_FLAG:
                phx_siphash_add(hash, value, sizeof(bool));
                break;
        case PHX_FIELD_WORD:
        case PHX_FIELD_NEWER:
        case PHX_FIELD_NUMBER:
        case PHX_FIELD_SOME:
                phx_siphash_add(hash, value, sizeof(unsigned));
                break;
        case PHX_FIELD_COUNTS:
                phx_siphash_add(hash, value, field->word_count * sizeof(unsigned));
                break;
        case PHX_FIELD_KEPT:
                digest_kept(field, object, hash);
                break;
        case PHX_FIELD_LARGE:
        case PHX_FIELD_TIME:
                phx_siphash_add(hash, value, sizeof(uint64_t));
                break;
        case PHX_FIELD_TEXTS:
        case PHX_FIELD_PATHS:
        case PHX_FIELD_EXACT:
                digest_texts(value, hash);
                break;
        case PHX_FIELD_DIGEST:
                digest_text(value, hash);
                break;
        case PHX_FIELD_STRUCT:
                phx_fields_digest(field->shape, value, hash);
                break;
        case PHX_FIELD_MAYBE:
                digest_maybe(field, value, hash);
                break;
        case PHX_FIELD_LIST:
        case PHX_FIELD_LATER:
                digest_list(field, object, hash);
                break;
        }
}

void phx_fields_digest(
                const struct phx_shape *shape,
                const void *object,
                struct phx_siphash *hash) {
        for (size_t i = 0; i < shape->field_count; i++)
                digest_field(&shape->fields[i], object, hash);
}
