/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/json_scan.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/strings.h"
#include "codec/json.h"
#include "codec/json_index.h"
#include "codec/json_syntax.h"

#define KEY_SHOWN 64

struct cursor {
        const struct phx_json_text *text;
        size_t at;
};

static char json_scan_peek(const struct cursor *cursor) {
        if (cursor->at >= cursor->text->size)
                return '\0';
        return cursor->text->data[cursor->at];
}

static bool json_scan_is_blank(char c) {
        return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void json_scan_skip_blanks(struct cursor *cursor) {
        while (json_scan_is_blank(json_scan_peek(cursor)))
                cursor->at++;
}

static void json_scan_skip_string(struct cursor *cursor) {
        cursor->at++;
        while (json_scan_peek(cursor) && json_scan_peek(cursor) != '"')
                cursor->at += json_scan_peek(cursor) == '\\' ? 2 : 1;
        cursor->at++;
}

static void skip_literal(struct cursor *cursor) {
        for (char c = json_scan_peek(cursor); c && !json_scan_is_blank(c);
             c = json_scan_peek(cursor)) {
                if (c == ',' || c == ':' || c == ']' || c == '}')
                        return;
                cursor->at++;
        }
}

/* One token, where a bracket counts as one. Returns by how much it nests deeper. */
static int skip_token(struct cursor *cursor) {
        switch (json_scan_peek(cursor)) {
        case '"':
                json_scan_skip_string(cursor);
                return 0;
        case '{':
        case '[':
                cursor->at++;
                return 1;
        case '}':
        case ']':
                cursor->at++;
                return -1;
        case ',':
        case ':':
                cursor->at++;
                return 0;
        default:
                skip_literal(cursor);
                return 0;
        }
}

static struct phx_json_span json_scan_take_value(struct cursor *cursor) {
        struct phx_json_span span;
        int depth = 0;

        json_scan_skip_blanks(cursor);
        span.begin = cursor->at;
        do {
                json_scan_skip_blanks(cursor);
                depth += skip_token(cursor);
        } while (depth > 0 && json_scan_peek(cursor));
        span.end = cursor->at < cursor->text->size ? cursor->at : cursor->text->size;

        return span;
}

/* Steps over the comma, or the bracket that opens. False at the end of the object or array. */
static bool enter_next(struct cursor *cursor) {
        json_scan_skip_blanks(cursor);
        if (!json_scan_peek(cursor) || strchr("]}", json_scan_peek(cursor)))
                return false;
        cursor->at++;
        json_scan_skip_blanks(cursor);
        return json_scan_peek(cursor) && !strchr("]}", json_scan_peek(cursor));
}

/* To be begun with the cursor on the opening bracket. */
static bool next_member(struct cursor *cursor, bool is_object, struct phx_json_member *member) {
        *member = (struct phx_json_member){ 0 };
        if (!enter_next(cursor))
                return false;

        if (is_object) {
                member->key = json_scan_take_value(cursor);
                json_scan_skip_blanks(cursor);
                cursor->at++;
        }
        member->value = json_scan_take_value(cursor);
        return true;
}

/* The key as phx_json_load() reads it; NULL without memory. */
static json_t *decode_key(const struct phx_json_text *text, struct phx_json_span span) {
        size_t size = span.end - span.begin;
        phx_autofree char *key = strndup(text->data + span.begin, size);

        if (!key)
                return NULL;
        phx_json_soften_string(key, size);
        return json_loadb(key, size, JSON_DECODE_ANY, NULL);
}

int phx_json_decode_key(
                const struct phx_json_text *text,
                struct phx_json_span span,
                char **ret_key) {
        phx_cleanup(phx_json_decref) json_t *decoded = NULL;

        *ret_key = NULL;
        if (!memchr(text->data + span.begin, '\\', span.end - span.begin))
                return 0;
        decoded = decode_key(text, span);
        return decoded ? phx_replace(ret_key, json_string_value(decoded)) : -ENOMEM;
}

static bool json_scan_is_key(
                const struct phx_json_text *text,
                struct phx_json_span span,
                const char *key) {
        const char *raw = text->data + span.begin + 1;
        json_t *decoded;
        size_t size;
        bool same;

        if (span.end < span.begin + 2)
                return false;
        size = span.end - span.begin - 2;

        if (!memchr(raw, '\\', size))
                return strlen(key) == size && memcmp(raw, key, size) == 0;

        decoded = decode_key(text, span);
        same = decoded && strcmp(json_string_value(decoded), key) == 0;
        json_decref(decoded);
        return same;
}

static bool find_below(
                const struct phx_json_place *place,
                size_t begin,
                struct phx_json_member *ret_member) {
        struct cursor cursor = { place->text, begin };
        struct phx_json_member member;
        bool is_object = json_scan_peek(&cursor) == '{';
        size_t i = 0;

        if (json_scan_peek(&cursor) != (place->key ? '{' : '['))
                return false;

        while (next_member(&cursor, is_object, &member)) {
                if (is_object ? json_scan_is_key(place->text, member.key, place->key)
                              : i == place->index) {
                        *ret_member = member;
                        return true;
                }
                i++;
        }
        return false;
}

bool phx_json_find(const struct phx_json_place *place, struct phx_json_member *ret_member) {
        struct phx_json_member above;
        int r = place->text->index ? phx_json_index_find(place, ret_member) : -ENOMEM;

        if (r >= 0)
                return r;
        if (!place->parent) {
                struct cursor cursor = { place->text, 0 };

                *ret_member = (struct phx_json_member){ .value = json_scan_take_value(&cursor) };
                return true;
        }

        return phx_json_find(place->parent, &above) &&
               find_below(place, above.value.begin, ret_member);
}

void phx_json_walk(
                const struct phx_json_place *place,
                const char *inner,
                void (*called)(void *data, const char *key, size_t key_size, size_t offset),
                void *data) {
        const struct phx_json_place below = { .text = place->text, .parent = place, .key = inner };
        struct cursor cursor = { place->text, 0 };
        struct phx_json_member member, found;

        if (!phx_json_find(place, &member))
                return;
        cursor.at = member.value.begin;
        if (json_scan_peek(&cursor) != '{')
                return;
        while (next_member(&cursor, true, &member)) {
                size_t offset = member.value.begin;

                if (find_below(&below, offset, &found))
                        offset = found.value.begin;
                if (member.key.end > member.key.begin + 1)
                        called(data,
                               place->text->data + member.key.begin + 1,
                               member.key.end - member.key.begin - 2,
                               offset);
        }
}

void phx_json_walk_array(
                const struct phx_json_text *text,
                size_t offset,
                void (*called)(void *data, size_t index, size_t offset),
                void *data) {
        struct cursor cursor = { text, offset };
        struct phx_json_member member;
        size_t i = 0;

        if (json_scan_peek(&cursor) != '[')
                return;
        while (next_member(&cursor, false, &member))
                called(data, i++, member.value.begin);
}

bool phx_json_walk_members(
                const struct phx_json_text *text,
                size_t offset,
                void (*called)(void *data, const struct phx_json_member *member),
                void *data) {
        struct cursor cursor = { text, offset };
        struct phx_json_member member;
        bool is_object = json_scan_peek(&cursor) == '{';

        if (!is_object && json_scan_peek(&cursor) != '[')
                return false;
        while (next_member(&cursor, is_object, &member))
                called(data, &member);
        return is_object;
}

int phx_json_path_add(struct phx_buffer *path, const char *key, size_t index) {
        phx_autofree char *shown = NULL;
        bool odd;

        if (!key)
                return phx_buffer_addf(path, "[%zu]", index);

        shown = strndup(key, KEY_SHOWN);
        if (!shown)
                return -ENOMEM;
        for (char *at = shown; *at; at++)
                if ((unsigned char) *at < ' ' || *at == 0x7f)
                        *at = '?';

        odd = !*key || strpbrk(key, " .[]\"'") || strcmp(shown, key) != 0;
        if (odd)
                return phx_buffer_addf(path, "[\"%s\"]", shown);
        return phx_buffer_addf(path, "%s%s", path->size > 0 ? "." : "", shown);
}

/* Adds the step from an object or array down to MEMBER. */
static bool add_step(
                const struct phx_json_text *text,
                const struct phx_json_member *member,
                size_t index,
                struct phx_buffer *path) {
        json_t *key;
        bool added;

        if (member->key.end == 0)
                return phx_json_path_add(path, NULL, index) >= 0;

        key = decode_key(text, member->key);
        added = key && phx_json_path_add(path, json_string_value(key), 0) >= 0;
        json_decref(key);
        return added;
}

static bool find_first(
                const struct phx_json_text *text,
                size_t begin,
                struct phx_json_span second,
                struct phx_json_span *ret_first) {
        struct cursor cursor = { text, begin };
        struct phx_json_member member;
        json_t *key = decode_key(text, second);
        bool found = false;

        while (key && !found && next_member(&cursor, true, &member))
                found = json_scan_is_key(text, member.key, json_string_value(key));
        json_decref(key);
        if (!found)
                return false;

        *ret_first = member.key;
        return true;
}

bool phx_json_find_duplicate(
                const struct phx_json_text *text,
                size_t end,
                struct phx_buffer *path,
                struct phx_json_span *ret_first) {
        struct cursor cursor = { text, 0 };
        struct phx_json_member member;
        size_t begin, i = 0;
        bool is_object;

        json_scan_skip_blanks(&cursor);
        begin = cursor.at;
        is_object = json_scan_peek(&cursor) == '{';
        while (next_member(&cursor, is_object, &member)) {
                if (member.key.end == end)
                        return add_step(text, &member, i, path) &&
                               find_first(text, begin, member.key, ret_first);
                if (member.value.end < end) {
                        i++;
                        continue;
                }
                /* The duplicate is inside this value: go on with its members. */
                if (!add_step(text, &member, i, path))
                        return false;
                begin = member.value.begin;
                cursor.at = begin;
                is_object = json_scan_peek(&cursor) == '{';
                i = 0;
        }
        return false;
}

/* The line, counted from 1, and where it begins. */
static size_t find_line(const struct phx_json_text *text, size_t offset, size_t *ret_begin) {
        size_t line = 1;

        *ret_begin = 0;
        if (text->index && phx_json_index_line(text, offset, &line, ret_begin) >= 0)
                return line;
        for (size_t i = 0; i < offset; i++)
                if (text->data[i] == '\n') {
                        line++;
                        *ret_begin = i + 1;
                }
        return line;
}

size_t phx_json_column(const struct phx_json_text *text, size_t offset) {
        size_t begin, at = offset < text->size ? offset : text->size;

        (void) find_line(text, at, &begin);
        return at - begin + 1;
}

size_t phx_json_line(const struct phx_json_text *text, size_t offset) {
        size_t begin;

        return find_line(text, offset < text->size ? offset : text->size, &begin);
}
