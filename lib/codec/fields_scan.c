/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The same table, read straight from the text, each byte once: no tree of values is made that is
 * thrown away at once, which is most of the work of parsing. It goes for what our own rendering
 * writes, and gives up on everything else: a word that is not known, a key that is missing or there
 * twice. Parsing with the tree has the last word then, and the texts for what is wrong. */

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

/* A text that is read once, from its beginning to its end. */
struct scan {
        const struct phx_json_text *text;
        size_t at;
};

static int scan_object(const struct phx_shape *shape, struct scan *scan, void *object);

static bool scan_is_blank(char c) {
        return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The next byte that is not blank; NUL at the end. */
static char scan_peek(struct scan *scan) {
        const char *data = scan->text->data;
        const size_t size = scan->text->size;

        while (scan->at < size && scan_is_blank(data[scan->at]))
                scan->at++;
        return scan->at < size ? data[scan->at] : '\0';
}

static bool scan_take(struct scan *scan, char c) {
        if (scan_peek(scan) != c)
                return false;
        scan->at++;
        return true;
}

/* From the byte AT inside of the string on, with escapes. */
static bool scan_pass_escaped(struct scan *scan, size_t at) {
        const char *data = scan->text->data;

        for (; at < scan->text->size; at++) {
                if (data[at] == '"') {
                        scan->at = at + 1;
                        return true;
                }
                at += data[at] == '\\';
        }
        return false;
}

/* From its quote on. False where there is no end. */
static bool scan_pass_string(struct scan *scan) {
        const char *begin = scan->text->data + scan->at + 1;
        const char *end = memchr(begin, '"', scan->text->size - scan->at - 1);

        if (!end)
                return false;
        if (end[-1] == '\\')
                return scan_pass_escaped(scan, scan->at + 1);
        scan->at = (size_t) (end + 1 - scan->text->data);
        return true;
}

static bool scan_is_of_literal(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '+' ||
               c == '.' || c == 'E';
}

/* A string, a number, or a word such as null. */
static bool scan_take_scalar(struct scan *scan, struct phx_json_span *ret_span) {
        const char first = scan_peek(scan), *data = scan->text->data;
        const size_t size = scan->text->size;

        ret_span->begin = scan->at;
        if (first == '"') {
                if (!scan_pass_string(scan))
                        return false;
        } else
                while (scan->at < size && scan_is_of_literal(data[scan->at]))
                        scan->at++;
        ret_span->end = scan->at;
        return ret_span->end > ret_span->begin;
}

/* A value of a field that is not known, whatever it is. */
static bool scan_pass_value(struct scan *scan) {
        struct phx_json_span scalar;
        size_t depth = 0;

        do {
                const char c = scan_peek(scan);

                if (c == '{' || c == '[')
                        depth++;
                else if (depth > 0 && (c == '}' || c == ']'))
                        depth--;
                else if (depth == 0 || (c != ',' && c != ':')) {
                        if (!scan_take_scalar(scan, &scalar))
                                return false;
                        continue;
                }
                scan->at++;
        } while (depth > 0);
        return true;
}

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

/* Room for one more item, which is zero. */
static int scan_grow(char **items, size_t count, size_t *allocated, size_t size) {
        if (count == *allocated) {
                size_t wanted = *allocated * 2 + 4;
                char *grown = reallocarray(*items, wanted, size);

                if (!grown)
                        return -ENOMEM;
                *items = grown;
                *allocated = wanted;
        }
        memset(*items + count * size, 0, size);
        return 1;
}

/* Whatever comes of it: the object frees the items. */
static int scan_list(const struct phx_field *field, struct scan *scan, void *object) {
        size_t count = 0, allocated = 0;
        char *items = NULL;
        int r = scan_take(scan, '[');

        if (r > 0 && scan_take(scan, ']'))
                return 1;
        while (r > 0) {
                r = scan_grow(&items, count, &allocated, field->shape->size);
                if (r > 0)
                        r = scan_object(field->shape, scan, items + count++ * field->shape->size);
                if (r > 0 && !scan_take(scan, ',')) {
                        r = scan_take(scan, ']');
                        break;
                }
        }
        memcpy((char *) object + field->offset, &items, sizeof(items));
        memcpy((char *) object + field->count_offset, &count, sizeof(count));
        return r;
}

static int scan_texts(struct scan *scan, struct phx_strings *strings) {
        struct phx_json_span span;
        int r = scan_take(scan, '[');

        if (r > 0 && scan_take(scan, ']'))
                return 1;
        while (r > 0) {
                phx_autofree char *text = NULL;

                r = scan_take_scalar(scan, &span) ? scan_string(scan->text, &span, &text) : 0;
                if (r > 0 && phx_strings_add(strings, text) < 0)
                        r = -ENOMEM;
                if (r > 0 && !scan_take(scan, ','))
                        return scan_take(scan, ']');
        }
        return r;
}

/* --- objects --- */

/* A key, with what separates it from its value. */
static bool scan_take_key(struct scan *scan, struct phx_json_span *ret_key) {
        return scan_take_scalar(scan, ret_key) && span_is_string(scan->text, ret_key) &&
               scan_take(scan, ':');
}

/* Which of the names it is, or their number. */
static unsigned scan_find_word(
                const struct phx_field *field,
                const struct phx_json_text *text,
                const struct phx_json_span *key) {
        const struct phx_json_span inner = { key->begin + 1, key->end - 1 };
        unsigned i = 0;

        while (i < field->word_count && !span_is(text, &inner, field->word(i)))
                i++;
        return i;
}

/* One name with its number; a later version may have others. */
static int scan_count(
                const struct phx_field *field,
                struct scan *scan,
                unsigned *counts,
                uint64_t *found) {
        struct phx_json_span key, span;
        uint64_t number = 0;
        unsigned word;

        if (!scan_take_key(scan, &key))
                return 0;
        word = scan_find_word(field, scan->text, &key);
        if (word == field->word_count)
                return scan_pass_value(scan);
        if (*found & UINT64_C(1) << word || !scan_take_scalar(scan, &span) ||
            scan_number(scan->text, &span, UINT_MAX, &number) == 0)
                return 0;
        *found |= UINT64_C(1) << word;
        counts[word] = (unsigned) number;
        return 1;
}

static int scan_counts(const struct phx_field *field, struct scan *scan, unsigned *counts) {
        uint64_t found = 0;
        int r = field->word_count <= FIELDS_LIMIT && scan_take(scan, '{');

        if (r > 0 && scan_take(scan, '}'))
                return 1;
        while (r > 0) {
                r = scan_count(field, scan, counts, &found);
                if (r > 0 && !scan_take(scan, ','))
                        return scan_take(scan, '}');
        }
        return r;
}

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

static int scan_field(const struct phx_field *field, struct scan *scan, void *object) {
        void *value = (char *) object + field->offset;
        struct phx_json_span span;

        if (field->type == PHX_FIELD_LIST || field->type == PHX_FIELD_LATER)
                return scan_list(field, scan, object);
        if (field->type == PHX_FIELD_TEXTS)
                return scan_texts(scan, value);
        if (field->type == PHX_FIELD_COUNTS)
                return scan_counts(field, scan, value);
        if (field->type == PHX_FIELD_STRUCT ||
            (field->type == PHX_FIELD_MAYBE && scan_peek(scan) == '{'))
                return scan_object(field->shape, scan, value);
        if (!scan_take_scalar(scan, &span))
                return 0;
        if (field->type == PHX_FIELD_MAYBE)
                return span_is(scan->text, &span, "null");
        return scan_plain(field, scan->text, &span, value);
}

/* The field of this key, which is most often that at EXPECTED; a key that is none is of a later
 * version. */
static const struct phx_field *scan_find(
                const struct phx_shape *shape,
                const struct scan *scan,
                const struct phx_json_span *key,
                size_t expected) {
        const struct phx_json_span inner = { key->begin + 1, key->end - 1 };

        for (size_t i = 0; i < shape->field_count; i++) {
                size_t at = expected + i;

                if (at >= shape->field_count)
                        at -= shape->field_count;
                if (span_is(scan->text, &inner, shape->fields[at].key))
                        return &shape->fields[at];
        }
        return NULL;
}

/* A member, from its key on. EXPECTED, and what was FOUND before it, go on with it. */
static int scan_member(
                const struct phx_shape *shape,
                struct scan *scan,
                void *object,
                size_t *expected,
                uint64_t *found) {
        const struct phx_field *field;
        struct phx_json_span key;
        uint64_t bit;

        if (!scan_take_key(scan, &key))
                return 0;
        field = scan_find(shape, scan, &key, *expected);
        if (!field)
                return scan_pass_value(scan);
        *expected = (size_t) (field - shape->fields) + 1;
        bit = UINT64_C(1) << (field - shape->fields);
        if (*found & bit)
                return 0;
        *found |= bit;
        return scan_field(field, scan, object);
}

/* 1, 0: given up, or a negative errno. */
static int scan_object(const struct phx_shape *shape, struct scan *scan, void *object) {
        size_t expected = 0;
        uint64_t found = 0;
        int r = shape->field_count <= FIELDS_LIMIT && scan_take(scan, '{');
        bool is_over = r > 0 && scan_take(scan, '}');

        while (r > 0 && !is_over) {
                r = scan_member(shape, scan, object, &expected, &found);
                is_over = r > 0 && !scan_take(scan, ',');
                if (is_over)
                        r = scan_take(scan, '}');
        }
        /* Of a list that only some have, none is there. */
        for (size_t i = 0; r > 0 && i < shape->field_count; i++)
                if (!(found & UINT64_C(1) << i) && shape->fields[i].type != PHX_FIELD_LATER)
                        r = 0;
        return r;
}

int phx_fields_scan(
                const struct phx_shape *shape,
                const struct phx_json_text *text,
                size_t offset,
                void *object) {
        struct scan scan = { .text = text, .at = offset };

        return scan_object(shape, &scan, object);
}
