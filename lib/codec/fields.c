/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One table of members describes a struct for both directions, so that reading and writing cannot
 * differ. Rendering goes down the table and makes a JSON value for each member, by its type;
 * parsing goes down the same table and looks each key up.
 *
 *   - Keys that the table does not have are ignored when parsing: a newer program may have written
 *     them. A key that is missing is an error, unless its type may be null or is LATER.
 *   - An enum is written by its name. A name that is not known is an error, not a default.
 *   - Text that is not UTF-8 (a file name may be anything) is written with '?' for the bytes at
 *     fault, so that one name cannot make a whole report impossible. EXACT texts are those that
 *     the program reads back and acts on: another text would be worse than none.
 *   - A list is a pointer and a count in the same struct. Both are set before the first element is
 *     parsed, and the elements are zeroed, so that the caller's free function handles a failure in
 *     the middle of it.
 *
 * Memory: a rendered value is a new reference of the caller's. A parsed object owns its strings
 * and lists, also when parsing failed half way; the caller frees it as always. An error names the
 * path of the key (containers[3].state). */

#include "codec/fields.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/digest.h"
#include "base/grow.h"
#include "base/strings.h"
#include "codec/bytes_json.h"
#include "codec/json.h"
#include "state/report.h"

static const void *member(const void *object, const struct phx_field *field) {
        return (const char *) object + field->offset;
}

static void *member_of(void *object, size_t offset) {
        return (char *) object + offset;
}

/* --- render --- */

/* What json_string() refuses is not UTF-8: the bytes at fault are found by trying. */
static json_t *render_damaged(const char *text) {
        phx_autofree char *clean = strdup(text);

        for (char *c = clean; clean && *c;) {
                size_t length = 1;

                if ((unsigned char) *c < 0x80) {
                        c++;
                        continue;
                }
                for (length = 2; length <= 4 && strnlen(c, length) == length; length++) {
                        phx_cleanup(phx_json_decref) json_t *one = json_stringn(c, length);

                        if (one)
                                break;
                }
                if (length > 4 || strnlen(c, length) < length) {
                        *c = '?';
                        length = 1;
                }
                c += length;
        }
        return clean ? json_string(clean) : NULL;
}

static json_t *fields_render_text(const char *text) {
        json_t *json;

        if (!text)
                return json_null();
        json = json_string(text);
        return json ? json : render_damaged(text);
}

static json_t *fields_render_texts(const struct phx_strings *texts) {
        phx_cleanup(phx_json_decref) json_t *array = json_array();

        for (size_t i = 0; array && i < texts->count; i++)
                if (json_array_append_new(array, fields_render_text(texts->items[i])) < 0)
                        return NULL;
        return PHX_TAKE(array);
}

static json_t *render_paths(const struct phx_strings *paths) {
        phx_cleanup(phx_json_decref) json_t *array = json_array();

        for (size_t i = 0; array && i < paths->count; i++)
                if (json_array_append_new(array, phx_bytes_render(paths->items[i])) < 0)
                        return NULL;
        return PHX_TAKE(array);
}

static int render_exact(const struct phx_strings *texts, json_t **ret_json) {
        phx_cleanup(phx_json_decref) json_t *array = json_array();

        for (size_t i = 0; array && i < texts->count; i++) {
                json_t *text = json_string(texts->items[i]);

                /* It does not say why it failed. */
                if (!text)
                        return -EILSEQ;
                if (json_array_append_new(array, text) < 0)
                        return -ENOMEM;
        }
        *ret_json = PHX_TAKE(array);
        return 0;
}

static int render_list(const struct phx_field *field, const void *object, json_t **ret_json) {
        phx_cleanup(phx_json_decref) json_t *array = json_array();
        const char *items;
        size_t count;

        memcpy(&items, member(object, field), sizeof(items));
        memcpy(&count, (const char *) object + field->count_offset, sizeof(count));
        for (size_t i = 0; array && i < count; i++) {
                json_t *item = NULL;
                int r = phx_fields_render(field->shape, items + i * field->shape->size, &item);

                if (r < 0)
                        return r;
                if (json_array_append_new(array, item) < 0)
                        return -ENOMEM;
        }
        *ret_json = PHX_TAKE(array);
        return 0;
}

static int render_large(const struct phx_field *field, const void *value, json_t **ret_json) {
        uint64_t number = *(const uint64_t *) value;

        if (field->type == PHX_FIELD_TIME && number == PHX_NEVER)
                *ret_json = json_null();
        else if (number > INT64_MAX)
                return -ERANGE;
        else
                *ret_json = json_integer((json_int_t) number);
        return 0;
}

static json_t *render_number(const struct phx_field *field, unsigned number) {
        if (field->type == PHX_FIELD_SOME && number == 0)
                return json_null();
        return json_integer((json_int_t) number);
}

static json_t *render_counts(const struct phx_field *field, const unsigned *counts) {
        phx_cleanup(phx_json_decref) json_t *object = json_object();

        for (unsigned i = 0; object && i < field->word_count; i++)
                if (json_object_set_new(object, field->word(i), json_integer(counts[i])) < 0)
                        return NULL;
        return PHX_TAKE(object);
}

static int render_struct(const struct phx_field *field, const void *value, json_t **ret_json) {
        const char *first = NULL;

        if (field->type == PHX_FIELD_MAYBE) {
                memcpy(&first, value, sizeof(first));
                if (!first) {
                        *ret_json = json_null();
                        return 0;
                }
        }
        return phx_fields_render(field->shape, value, ret_json);
}

static const char *kept_word(const struct phx_field *field, const void *object) {
        const char *text;

        memcpy(&text, (const char *) object + field->text_offset, sizeof(text));
        return text ? text : field->word(*(const unsigned *) member(object, field));
}

int phx_field_render(const struct phx_field *field, const void *object, json_t **ret_json) {
        const void *value = member(object, field);

        switch (field->type) {
        case PHX_FIELD_TEXT:
        case PHX_FIELD_NAME:
                *ret_json = fields_render_text(*(char *const *) value);
                return 0;
        case PHX_FIELD_BOOL:
                *ret_json = json_boolean(*(const bool *) value);
                return 0;
        case PHX_FIELD_WORD:
        case PHX_FIELD_NEWER:
                *ret_json = fields_render_text(field->word(*(const unsigned *) value));
                return 0;
        case PHX_FIELD_KEPT:
                *ret_json = fields_render_text(kept_word(field, object));
                return 0;
        case PHX_FIELD_FLAG:
                *ret_json = fields_render_text(field->word(*(const bool *) value));
                return 0;
        case PHX_FIELD_NUMBER:
        case PHX_FIELD_SOME:
                *ret_json = render_number(field, *(const unsigned *) value);
                return 0;
        case PHX_FIELD_COUNTS:
                *ret_json = render_counts(field, value);
                return 0;
        case PHX_FIELD_LARGE:
        case PHX_FIELD_TIME:
                return render_large(field, value, ret_json);
        case PHX_FIELD_TEXTS:
                *ret_json = fields_render_texts(value);
                return 0;
        case PHX_FIELD_PATH:
                *ret_json = phx_bytes_render(*(char *const *) value);
                return 0;
        case PHX_FIELD_PATHS:
                *ret_json = render_paths(value);
                return 0;
        case PHX_FIELD_EXACT:
                return render_exact(value, ret_json);
        case PHX_FIELD_DIGEST:
                *ret_json = fields_render_text(value);
                return 0;
        case PHX_FIELD_STRUCT:
        case PHX_FIELD_MAYBE:
                return render_struct(field, value, ret_json);
        case PHX_FIELD_LIST:
        case PHX_FIELD_LATER:
                return render_list(field, object, ret_json);
        }
        return -EINVAL;
}

int phx_fields_render(const struct phx_shape *shape, const void *object, json_t **ret_json) {
        phx_cleanup(phx_json_decref) json_t *json = json_object();

        if (!json)
                return -ENOMEM;
        for (size_t i = 0; i < shape->field_count; i++) {
                json_t *value = NULL;
                int r = phx_field_render(&shape->fields[i], object, &value);

                if (r < 0)
                        return r;
                if (json_object_set_new(json, shape->fields[i].key, value) < 0)
                        return -ENOMEM;
        }
        *ret_json = PHX_TAKE(json);
        return 0;
}

/* --- parse --- */

static int fields_parse_text(const json_t *json, char **text) {
        if (json_is_null(json))
                return 0;
        if (!json_is_string(json))
                return -EINVAL;
        return phx_replace(text, json_string_value(json));
}

static int parse_digest(const json_t *json, char digest[PHX_SHA256_HEX]) {
        size_t length = json_string_length(json);

        if (!json_is_string(json) || length >= PHX_SHA256_HEX)
                return -EINVAL;
        memcpy(digest, json_string_value(json), length + 1);
        return 0;
}

static int parse_word(const struct phx_field *field, const json_t *json, unsigned *ret_value) {
        if (!json_is_string(json) && !json_is_null(json))
                return -EINVAL;
        for (unsigned i = 0; i < field->word_count; i++)
                if (phx_equal(field->word(i), json_string_value(json))) {
                        *ret_value = i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_newer(const struct phx_field *field, const json_t *json, unsigned *ret_value) {
        if (!json_is_string(json) && !json_is_null(json))
                return -EINVAL;
        if (parse_word(field, json, ret_value) < 0)
                *ret_value = json_is_null(json) ? 0 : field->otherwise;
        return 0;
}

static int parse_kept(const struct phx_field *field, const json_t *json, void *object) {
        unsigned *value = member_of(object, field->offset);

        if (!json_is_string(json))
                return -EINVAL;
        if (parse_word(field, json, value) >= 0)
                return 0;
        *value = field->word_count - 1;
        return fields_parse_text(json, member_of(object, field->text_offset));
}

static int parse_flag(const struct phx_field *field, const json_t *json, bool *ret_value) {
        unsigned value = 0;
        int r;

        r = parse_word(field, json, &value);
        if (r >= 0)
                *ret_value = value != 0;
        return r;
}

static bool is_number(const json_t *json) {
        return json_is_integer(json) && json_integer_value(json) >= 0 &&
               json_integer_value(json) <= UINT_MAX;
}

static int parse_number(const struct phx_field *field, const json_t *json, unsigned *ret_number) {
        if (field->type == PHX_FIELD_SOME && json_is_null(json))
                return 0;
        if (!is_number(json))
                return -EINVAL;
        *ret_number = (unsigned) json_integer_value(json);
        return 0;
}

static int parse_counts(const struct phx_field *field, const json_t *json, unsigned *counts) {
        if (!json_is_object(json))
                return -EINVAL;
        for (unsigned i = 0; i < field->word_count; i++) {
                const json_t *number = json_object_get(json, field->word(i));

                if (number && !is_number(number))
                        return -EINVAL;
                counts[i] = (unsigned) json_integer_value(number);
        }
        return 0;
}

static int parse_large(const struct phx_field *field, const json_t *json, uint64_t *ret_number) {
        if (field->type == PHX_FIELD_TIME && json_is_null(json)) {
                *ret_number = PHX_NEVER;
                return 0;
        }
        if (!json_is_integer(json) || json_integer_value(json) < 0)
                return -EINVAL;
        *ret_number = (uint64_t) json_integer_value(json);
        return 0;
}

static int parse_texts(const json_t *json, struct phx_strings *texts) {
        const json_t *item;
        size_t i;

        if (!json_is_array(json))
                return -EINVAL;
        json_array_foreach(json, i, item) {
                int r = json_is_string(item) ? phx_strings_add(texts, json_string_value(item))
                                             : -EINVAL;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_paths(const json_t *json, struct phx_strings *paths) {
        const json_t *item;
        size_t i;

        if (!json_is_array(json))
                return -EINVAL;
        json_array_foreach(json, i, item) {
                phx_autofree char *path = NULL;
                int r;

                r = phx_bytes_parse(item, &path);
                if (r >= 0)
                        r = path ? phx_strings_add(paths, path) : -EINVAL;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* All items at once: what is behind the last one that was read is zero, and may be freed. */
static int parse_list(
                const struct phx_field *field,
                const json_t *json,
                void *object,
                struct phx_error *error) {
        size_t count = json_array_size(json);
        char *items;

        if (!json_is_array(json))
                return -EINVAL;
        if (count == 0)
                return 0;
        items = calloc(count, field->shape->size);
        if (!items)
                return -ENOMEM;
        memcpy(member_of(object, field->offset), &items, sizeof(items));
        memcpy(member_of(object, field->count_offset), &count, sizeof(count));

        for (size_t i = 0; i < count; i++) {
                int r = phx_fields_parse(
                                field->shape,
                                json_array_get(json, i),
                                items + i * field->shape->size,
                                error);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_struct(
                const struct phx_field *field,
                json_t *json,
                void *object,
                struct phx_error *error) {
        void *value = member_of(object, field->offset);

        if (field->type == PHX_FIELD_LIST || field->type == PHX_FIELD_LATER)
                return parse_list(field, json, object, error);
        if (field->type == PHX_FIELD_MAYBE && json_is_null(json))
                return 0;
        return phx_fields_parse(field->shape, json, value, error);
}

static int parse_bool(const json_t *json, bool *ret_value) {
        if (!json_is_boolean(json))
                return -EINVAL;
        *ret_value = json_is_true(json);
        return 0;
}

static bool may_be_null(enum phx_field_type type) {
        return type == PHX_FIELD_TEXT || type == PHX_FIELD_PATH || type == PHX_FIELD_SOME ||
               type == PHX_FIELD_TIME || type == PHX_FIELD_MAYBE || type == PHX_FIELD_NEWER;
}

/* A key that differs from FIELD's in case or hyphens alone was meant to be it. */
static const char *find_alike(const struct phx_field *field, json_t *object) {
        const char *key;
        json_t *value;

        json_object_foreach(object, key, value)
                if (phx_alike(key, field->key))
                        return key;
        return NULL;
}

static int parse_field(
                const struct phx_field *field,
                json_t *json,
                void *object,
                struct phx_error *error) {
        void *value = member_of(object, field->offset);

        /* A key that an earlier version does not know yet; no texts are in OBJECT already. */
        if (!json && (field->type == PHX_FIELD_TEXTS || field->type == PHX_FIELD_EXACT ||
                      field->type == PHX_FIELD_LATER || field->type == PHX_FIELD_COUNTS))
                return 0;
        if (!json && may_be_null(field->type))
                json = json_null();
        if (!json)
                return -EINVAL;
        switch (field->type) {
        case PHX_FIELD_NAME:
        case PHX_FIELD_TEXT:
                if (field->type == PHX_FIELD_NAME && json_is_null(json))
                        return -EINVAL;
                return fields_parse_text(json, value);
        case PHX_FIELD_BOOL:
                return parse_bool(json, value);
        case PHX_FIELD_WORD:
                return parse_word(field, json, value);
        case PHX_FIELD_NEWER:
                return parse_newer(field, json, value);
        case PHX_FIELD_KEPT:
                return parse_kept(field, json, object);
        case PHX_FIELD_FLAG:
                return parse_flag(field, json, value);
        case PHX_FIELD_NUMBER:
        case PHX_FIELD_SOME:
                return parse_number(field, json, value);
        case PHX_FIELD_COUNTS:
                return parse_counts(field, json, value);
        case PHX_FIELD_LARGE:
        case PHX_FIELD_TIME:
                return parse_large(field, json, value);
        case PHX_FIELD_PATH:
                return phx_bytes_parse(json, value);
        case PHX_FIELD_PATHS:
                return parse_paths(json, value);
        case PHX_FIELD_DIGEST:
                return parse_digest(json, value);
        case PHX_FIELD_TEXTS:
        case PHX_FIELD_EXACT:
                return parse_texts(json, value);
        case PHX_FIELD_STRUCT:
        case PHX_FIELD_MAYBE:
        case PHX_FIELD_LIST:
        case PHX_FIELD_LATER:
                return parse_struct(field, json, object, error);
        }
        return -EINVAL;
}

/* The innermost one names what is wrong; those around it only where. */
static int fields_refuse(const struct phx_field *field, int code, struct phx_error *error) {
        if (!error)
                return code;
        if (error->code == 0)
                return phx_error_set(
                                error,
                                code,
                                "%s: %s",
                                field->key,
                                code == -EINVAL ? "missing or invalid" : "out of memory");
        phx_error_prefix(error, field->key);
        return code;
}

int phx_fields_parse(
                const struct phx_shape *shape,
                json_t *json,
                void *object,
                struct phx_error *error) {
        if (!json_is_object(json))
                return -EINVAL;
        for (size_t i = 0; i < shape->field_count; i++) {
                const struct phx_field *field = &shape->fields[i];
                json_t *value = json_object_get(json, field->key);
                const char *alike = value ? NULL : find_alike(field, json);
                int r;

                if (alike)
                        return phx_error_set(
                                        error,
                                        -EINVAL,
                                        "unknown key '%s'; did you mean '%s'?",
                                        alike,
                                        field->key);
                r = parse_field(field, value, object, error);
                if (r < 0)
                        return fields_refuse(field, r, error);
        }
        return 0;
}
