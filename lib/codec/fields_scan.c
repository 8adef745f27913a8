/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The same table, read straight from the text: no tree of values is made that is thrown away at
 * once, which is most of the work of parsing. It goes for what our own rendering writes, and gives
 * up on everything else: a word that is not known, a key that is missing or there twice. Parsing
 * with the tree has the last word then, and the texts for what is wrong. */

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/strings.h"
#include "codec/fields.h"
#include "codec/json.h"
#include "state/report.h"

/* One bit for each field that was found. */
#define FIELDS_LIMIT 64

struct scan {
        const struct phx_shape *shape;
        const struct phx_json_text *text;
        void *object;
        uint64_t found;
        size_t expected; /* they come in the order of the table */
        int r;           /* 1 so far, 0: given up, or a negative errno */
};

static const char *span_text(const struct phx_json_text *text, const struct phx_json_span *span) {
        return text->data + span->begin;
}

static size_t span_size(const struct phx_json_span *span) {
        return span->end - span->begin;
}

static bool span_is(
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                const char *word) {
        return span_size(span) == strlen(word) &&
               memcmp(span_text(text, span), word, span_size(span)) == 0;
}

/* Of a text that is no JSON, the walk may give what is not in it. */
static bool span_is_sound(const struct phx_json_text *text, const struct phx_json_span *span) {
        return span->begin < span->end && span->end <= text->size;
}

static bool span_is_string(const struct phx_json_text *text, const struct phx_json_span *span) {
        return span_size(span) >= 2 && text->data[span->begin] == '"' &&
               text->data[span->end - 1] == '"';
}

/* A string with escapes: rare. */
static int scan_escaped(const char *at, size_t size, char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *json = json_loadb(at, size, JSON_DECODE_ANY, NULL);

        if (!json_is_string(json))
                return 0;
        return phx_replace(ret_text, json_string_value(json)) < 0 ? -ENOMEM : 1;
}

static int scan_string(
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                char **ret_text) {
        const char *at = span_text(text, span);
        const size_t size = span_size(span);

        if (!span_is_string(text, span))
                return 0;
        if (memchr(at, '\\', size))
                return scan_escaped(at, size, ret_text);
        *ret_text = strndup(at + 1, size - 2);
        return *ret_text ? 1 : -ENOMEM;
}

static int scan_word(
                const struct phx_field *field,
                unsigned count,
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                unsigned *ret_value) {
        const bool is_null = span_is(text, span, "null");

        if (!is_null && !span_is_string(text, span))
                return 0;
        for (unsigned i = 0; i < count; i++) {
                const char *word = field->word(i);
                const struct phx_json_span inner = { span->begin + 1, span->end - 1 };

                if (is_null ? !word : word && span_is(text, &inner, word)) {
                        *ret_value = i;
                        return 1;
                }
        }
        return 0;
}

/* Digits alone. */
static int scan_number(
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                uint64_t limit,
                uint64_t *ret_number) {
        const char *at = span_text(text, span);
        uint64_t number = 0;

        if (span_size(span) == 0 || span_size(span) > 19)
                return 0;
        for (size_t i = 0; i < span_size(span); i++) {
                if (at[i] < '0' || at[i] > '9')
                        return 0;
                number = number * 10 + (uint64_t) (at[i] - '0');
        }
        if (number > limit)
                return 0;
        *ret_number = number;
        return 1;
}

static int scan_small(
                const struct phx_field *field,
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                unsigned *ret_number) {
        uint64_t number = 0;
        int r;

        if (field->type == PHX_FIELD_SOME && span_is(text, span, "null"))
                return 1;
        r = scan_number(text, span, UINT_MAX, &number);
        *ret_number = (unsigned) number;
        return r;
}

static int scan_large(
                const struct phx_field *field,
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                uint64_t *ret_number) {
        if (field->type == PHX_FIELD_TIME && span_is(text, span, "null")) {
                *ret_number = PHX_NEVER;
                return 1;
        }
        return scan_number(text, span, INT64_MAX, ret_number);
}

static int scan_bool(
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                bool *ret_value) {
        *ret_value = span_is(text, span, "true");
        return *ret_value || span_is(text, span, "false");
}

/* --- arrays --- */

struct scan_array {
        const struct phx_json_text *text;
        const struct phx_shape *shape;
        char *items;
        size_t count, allocated;
        struct phx_strings *strings;
        int r;
};

/* Room for one more item, which is zero. */
static int scan_grow(struct scan_array *array) {
        const size_t size = array->shape->size;
        size_t allocated = array->allocated * 2 + 4;
        char *items;

        if (array->count == array->allocated) {
                items = reallocarray(array->items, allocated, size);
                if (!items)
                        return -ENOMEM;
                array->items = items;
                array->allocated = allocated;
        }
        memset(array->items + array->count * size, 0, size);
        return 1;
}

static void scan_item(void *data, size_t index, size_t offset) {
        struct scan_array *array = data;

        if (array->r > 0)
                array->r = scan_grow(array);
        if (array->r > 0)
                array->r = phx_fields_scan(
                                array->shape,
                                array->text,
                                offset,
                                array->items + array->count++ * array->shape->size);
}

/* Whatever comes of it: the object frees the items. */
static int scan_list(
                const struct phx_field *field,
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                void *object) {
        struct scan_array array = { .text = text, .shape = field->shape, .r = 1 };

        if (span_size(span) < 2 || span_text(text, span)[0] != '[')
                return 0;
        phx_json_walk_array(text, span->begin, scan_item, &array);
        memcpy((char *) object + field->offset, &array.items, sizeof(array.items));
        memcpy((char *) object + field->count_offset, &array.count, sizeof(array.count));
        return array.r;
}

static void scan_text_item(void *data, const struct phx_json_member *member) {
        struct scan_array *array = data;
        phx_autofree char *text = NULL;

        if (array->r <= 0)
                return;
        array->r = span_is_sound(array->text, &member->value)
                                   ? scan_string(array->text, &member->value, &text)
                                   : 0;
        if (array->r > 0 && phx_strings_add(array->strings, text) < 0)
                array->r = -ENOMEM;
}

static int scan_texts(
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                struct phx_strings *strings) {
        struct scan_array array = { .text = text, .strings = strings, .r = 1 };

        if (span_size(span) < 2 || span_text(text, span)[0] != '[')
                return 0;
        (void) phx_json_walk_members(text, span->begin, scan_text_item, &array);
        return array.r;
}

/* --- objects --- */

static int scan_plain(
                const struct phx_field *field,
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                void *value) {
        unsigned flag = 0;
        int r;

        switch (field->type) {
        case PHX_FIELD_TEXT:
                return span_is(text, span, "null") ? 1 : scan_string(text, span, value);
        case PHX_FIELD_NAME:
                return scan_string(text, span, value);
        case PHX_FIELD_BOOL:
                return scan_bool(text, span, value);
        case PHX_FIELD_WORD:
        case PHX_FIELD_NEWER:
        case PHX_FIELD_KEPT:
                return scan_word(field, field->word_count, text, span, value);
        case PHX_FIELD_FLAG:
                r = scan_word(field, 2, text, span, &flag);
                *(bool *) value = flag != 0;
                return r;
        case PHX_FIELD_NUMBER:
        case PHX_FIELD_SOME:
                return scan_small(field, text, span, value);
        case PHX_FIELD_LARGE:
        case PHX_FIELD_TIME:
                return scan_large(field, text, span, value);
        case PHX_FIELD_TEXTS:
                return scan_texts(text, span, value);
        case PHX_FIELD_PATH:
        case PHX_FIELD_PATHS:
        case PHX_FIELD_EXACT:
        case PHX_FIELD_DIGEST:
        case PHX_FIELD_COUNTS:
        case PHX_FIELD_STRUCT:
        case PHX_FIELD_MAYBE:
        case PHX_FIELD_LIST:
        case PHX_FIELD_LATER:
                return 0;
        }
        return 0;
}

static int scan_field(
                const struct phx_field *field,
                const struct phx_json_text *text,
                const struct phx_json_span *span,
                void *object) {
        if (field->type == PHX_FIELD_LIST || field->type == PHX_FIELD_LATER)
                return scan_list(field, text, span, object);
        if (field->type == PHX_FIELD_MAYBE && span_is(text, span, "null"))
                return 1;
        if (field->type == PHX_FIELD_MAYBE)
                return phx_fields_scan(
                                field->shape,
                                text,
                                span->begin,
                                (char *) object + field->offset);
        return scan_plain(field, text, span, (char *) object + field->offset);
}

/* The field of this key; a key that is none is of a later version. */
static const struct phx_field *scan_find(struct scan *scan, const struct phx_json_span *key) {
        const struct phx_json_span inner = { key->begin + 1, key->end - 1 };
        const struct phx_shape *shape = scan->shape;

        for (size_t i = 0; i < shape->field_count; i++) {
                size_t at = (scan->expected + i) % shape->field_count;

                if (span_is(scan->text, &inner, shape->fields[at].key)) {
                        scan->expected = at + 1;
                        return &shape->fields[at];
                }
        }
        return NULL;
}

static void scan_member(void *data, const struct phx_json_member *member) {
        const struct phx_field *field;
        struct scan *scan = data;
        uint64_t bit;

        if (scan->r <= 0)
                return;
        if (!span_is_sound(scan->text, &member->key) || !span_is_string(scan->text, &member->key) ||
            !span_is_sound(scan->text, &member->value)) {
                scan->r = 0;
                return;
        }
        field = scan_find(scan, &member->key);
        if (!field)
                return;
        bit = UINT64_C(1) << (field - scan->shape->fields);
        if (scan->found & bit)
                scan->r = 0;
        else
                scan->r = scan_field(field, scan->text, &member->value, scan->object);
        scan->found |= bit;
}

int phx_fields_scan(
                const struct phx_shape *shape,
                const struct phx_json_text *text,
                size_t offset,
                void *object) {
        struct scan scan = { .shape = shape, .text = text, .object = object, .r = 1 };

        if (shape->field_count > FIELDS_LIMIT || offset >= text->size)
                return 0;
        if (!phx_json_walk_members(text, offset, scan_member, &scan))
                return 0;
        /* Of a list that only some have, none is there. */
        for (size_t i = 0; scan.r > 0 && i < shape->field_count; i++)
                if (!(scan.found & UINT64_C(1) << i) && shape->fields[i].type != PHX_FIELD_LATER)
                        scan.r = 0;
        return scan.r;
}
