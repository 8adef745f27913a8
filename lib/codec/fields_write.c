/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The text of an object, written while going down its table. What needs more than to be copied (a
 * text with something to escape, bytes that are no UTF-8, a number that does not fit) is left to
 * phx_field_render() and jansson: there is one place for each rule, and these are rare. */

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "codec/fields.h"
#include "codec/json.h"
#include "codec/json_text.h"
#include "state/report.h"

static int write_rendered(
                const struct phx_field *field,
                const void *object,
                struct phx_buffer *buffer) {
        phx_cleanup(phx_json_decref) json_t *value = NULL;
        phx_autofree char *text = NULL;
        int r = phx_field_render(field, object, &value);

        if (r < 0)
                return r;
        text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        return text ? phx_buffer_add_text(buffer, text) : -ENOMEM;
}

static int write_word(const char *text, struct phx_buffer *buffer) {
        return text ? phx_json_add_plain(buffer, text) : phx_buffer_add_text(buffer, "null");
}

static int write_text(
                const struct phx_field *field,
                const void *object,
                const char *text,
                struct phx_buffer *buffer) {
        if (text && !phx_json_is_plain(text))
                return write_rendered(field, object, buffer);
        return write_word(text, buffer);
}

static int write_number(uint64_t number, struct phx_buffer *buffer) {
        char text[PHX_DECIMAL_SIZE];

        return phx_buffer_add(buffer, text, (size_t) (phx_decimal(text, number) - text));
}

static int write_large(
                const struct phx_field *field,
                const void *object,
                uint64_t number,
                struct phx_buffer *buffer) {
        return number > INT64_MAX ? write_rendered(field, object, buffer)
                                  : write_number(number, buffer);
}

static int write_texts(
                const struct phx_field *field,
                const void *object,
                const struct phx_strings *texts,
                struct phx_buffer *buffer) {
        int r;

        for (size_t i = 0; i < texts->count; i++)
                if (!phx_json_is_plain(texts->items[i]))
                        return write_rendered(field, object, buffer);
        r = phx_buffer_add(buffer, "[", 1);
        for (size_t i = 0; r >= 0 && i < texts->count; i++) {
                if (i > 0)
                        r = phx_buffer_add(buffer, ",", 1);
                if (r >= 0)
                        r = phx_json_add_plain(buffer, texts->items[i]);
        }
        return r < 0 ? r : phx_buffer_add(buffer, "]", 1);
}

static int write_list(
                const struct phx_field *field,
                const void *object,
                struct phx_buffer *buffer) {
        const char *items;
        size_t count;
        int r;

        memcpy(&items, (const char *) object + field->offset, sizeof(items));
        memcpy(&count, (const char *) object + field->count_offset, sizeof(count));
        r = phx_buffer_add(buffer, "[", 1);
        for (size_t i = 0; r >= 0 && i < count; i++) {
                if (i > 0)
                        r = phx_buffer_add(buffer, ",", 1);
                if (r >= 0)
                        r = phx_fields_write(field->shape, items + i * field->shape->size, buffer);
        }
        return r < 0 ? r : phx_buffer_add(buffer, "]", 1);
}

static int write_counts(
                const struct phx_field *field,
                const unsigned *counts,
                struct phx_buffer *buffer) {
        int r = phx_buffer_add(buffer, "{", 1);

        for (unsigned i = 0; r >= 0 && i < field->word_count; i++) {
                if (i > 0)
                        r = phx_buffer_add(buffer, ",", 1);
                if (r >= 0)
                        r = phx_json_add_plain(buffer, field->word(i));
                if (r >= 0)
                        r = phx_buffer_add(buffer, ":", 1);
                if (r >= 0)
                        r = write_number(counts[i], buffer);
        }
        return r < 0 ? r : phx_buffer_add(buffer, "}", 1);
}

static int write_maybe(
                const struct phx_field *field,
                const void *value,
                struct phx_buffer *buffer) {
        const char *first;

        memcpy(&first, value, sizeof(first));
        return first ? phx_fields_write(field->shape, value, buffer)
                     : phx_buffer_add_text(buffer, "null");
}

static int write_field(
                const struct phx_field *field,
                const void *object,
                struct phx_buffer *buffer) {
        const void *value = (const char *) object + field->offset;

        switch (field->type) {
        case PHX_FIELD_TEXT:
        case PHX_FIELD_NAME:
        case PHX_FIELD_PATH:
                return write_text(field, object, *(char *const *) value, buffer);
        case PHX_FIELD_DIGEST:
                return write_text(field, object, value, buffer);
        case PHX_FIELD_BOOL:
                return phx_buffer_add_text(buffer, *(const bool *) value ? "true" : "false");
        case PHX_FIELD_WORD:
        case PHX_FIELD_NEWER:
                return write_word(field->word(*(const unsigned *) value), buffer);
        case PHX_FIELD_FLAG:
                return write_word(field->word(*(const bool *) value), buffer);
        case PHX_FIELD_SOME:
                if (*(const unsigned *) value == 0)
                        return phx_buffer_add_text(buffer, "null");
                return write_number(*(const unsigned *) value, buffer);
        case PHX_FIELD_NUMBER:
                return write_number(*(const unsigned *) value, buffer);
        case PHX_FIELD_LARGE:
        case PHX_FIELD_TIME:
                return write_large(field, object, *(const uint64_t *) value, buffer);
        case PHX_FIELD_TEXTS:
        case PHX_FIELD_PATHS:
        case PHX_FIELD_EXACT:
                return write_texts(field, object, value, buffer);
        case PHX_FIELD_STRUCT:
                return phx_fields_write(field->shape, value, buffer);
        case PHX_FIELD_MAYBE:
                return write_maybe(field, value, buffer);
        case PHX_FIELD_LIST:
        case PHX_FIELD_LATER:
                return write_list(field, object, buffer);
        case PHX_FIELD_COUNTS:
                return write_counts(field, value, buffer);
        case PHX_FIELD_KEPT:
                break;
        }
        return write_rendered(field, object, buffer);
}

int phx_fields_write_members(
                const struct phx_shape *shape,
                const void *object,
                struct phx_buffer *buffer) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < shape->field_count; i++) {
                if (i > 0)
                        r = phx_buffer_add(buffer, ",", 1);
                if (r >= 0)
                        r = phx_json_add_plain(buffer, shape->fields[i].key);
                if (r >= 0)
                        r = phx_buffer_add(buffer, ":", 1);
                if (r >= 0)
                        r = write_field(&shape->fields[i], object, buffer);
        }
        return r;
}

int phx_fields_write(const struct phx_shape *shape, const void *object, struct phx_buffer *buffer) {
        int r = phx_buffer_add(buffer, "{", 1);

        if (r >= 0)
                r = phx_fields_write_members(shape, object, buffer);
        return r < 0 ? r : phx_buffer_add(buffer, "}", 1);
}

int phx_fields_render_text(const struct phx_shape *shape, const void *object, char **ret_text) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        int r = phx_fields_write(shape, object, &buffer);

        if (r < 0)
                return r;
        *ret_text = PHX_TAKE(buffer.data);
        return 0;
}
