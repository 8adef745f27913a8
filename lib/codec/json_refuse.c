/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/json_refuse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/findings.h"

/* How many bytes of a value are quoted in a message. */
#define FOUND_SHOWN 60

struct phx_json_place phx_json_member(const struct phx_json_place *parent, const char *key) {
        return (struct phx_json_place){ .text = parent->text, .parent = parent, .key = key };
}

struct phx_json_place phx_json_element(const struct phx_json_place *parent, size_t index) {
        return (struct phx_json_place){ .text = parent->text, .parent = parent, .index = index };
}

static int add_path(struct phx_buffer *path, const struct phx_json_place *place) {
        int r;

        if (!place->parent)
                return 0;
        r = add_path(path, place->parent);
        return r < 0 ? r : phx_json_path_add(path, place->key, place->index);
}

int phx_json_no_memory(struct phx_error *error, const struct phx_json_text *text) {
        return phx_error_set(error, -ENOMEM, "%s: out of memory", text->file);
}

static void find_position(
                const struct phx_json_text *text,
                size_t offset,
                struct phx_position *position) {
        *position = (struct phx_position){
                text->file,
                (unsigned) phx_json_line(text, offset),
                (unsigned) phx_json_column(text, offset),
        };
}

/* Adds it to the list, too, when there is one. */
static int refuse_position(
                struct phx_error *error,
                const struct phx_position *position,
                const char *what) {
        if (error && error->all)
                phx_findings_add(error->all, PHX_SEVERITY_ERROR, position, "%s", what);
        if (position->line == 0)
                return phx_error_set(error, -EINVAL, "%s: %s", position->file, what);
        return phx_error_set(error, -EINVAL, "%s:%u: %s", position->file, position->line, what);
}

int phx_json_refuse_line(
                struct phx_error *error,
                const struct phx_json_text *text,
                size_t line,
                size_t column,
                const char *format,
                ...) {
        const struct phx_position position = { text->file, (unsigned) line, (unsigned) column };
        char what[sizeof(error->text)];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(what, sizeof(what), format, arguments);
        va_end(arguments);
        return refuse_position(error, &position, what);
}

/* "PATH: WHAT". A message is one line. */
static int describe_at(
                const struct phx_json_place *place,
                const char *what,
                struct phx_buffer *description) {
        int r;

        r = add_path(description, place);
        if (r >= 0)
                r = phx_buffer_addf(description, "%s%s", description->size > 0 ? ": " : "", what);
        if (r < 0)
                return r;
        for (char *at = description->data; *at; at++)
                if ((unsigned char) *at < ' ' || *at == 0x7f)
                        *at = '?';
        return 0;
}

void phx_json_warn(
                struct phx_error *error,
                const struct phx_json_place *place,
                const char *format,
                ...) {
        phx_cleanup(phx_buffer_done) struct phx_buffer description = { 0 };
        struct phx_json_member member = { 0 };
        char what[sizeof(error->text)];
        struct phx_position position;
        va_list arguments;

        if (!error || !error->all)
                return;
        va_start(arguments, format);
        (void) vsnprintf(what, sizeof(what), format, arguments);
        va_end(arguments);
        (void) phx_json_find(place, &member);
        find_position(place->text, member.value.begin, &position);
        if (describe_at(place, what, &description) < 0)
                error->all->is_incomplete = true;
        else
                phx_findings_add(
                                error->all,
                                PHX_SEVERITY_WARNING,
                                &position,
                                "%s",
                                description.data);
}

/* "FILE:LINE: PATH: WHAT", where OFFSET says which line. */
static int refuse_at(
                struct phx_error *error,
                const struct phx_json_place *place,
                size_t offset,
                const char *what) {
        phx_cleanup(phx_buffer_done) struct phx_buffer description = { 0 };
        struct phx_position position;

        if (describe_at(place, what, &description) < 0)
                return phx_json_no_memory(error, place->text);
        find_position(place->text, offset, &position);
        return refuse_position(error, &position, description.data);
}

int phx_json_refuse(
                struct phx_error *error,
                const struct phx_json_place *place,
                const char *format,
                ...) {
        struct phx_json_member member = { 0 };
        char what[sizeof(error->text)];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(what, sizeof(what), format, arguments);
        va_end(arguments);

        (void) phx_json_find(place, &member);
        return refuse_at(error, place, member.value.begin, what);
}

/* As much of the text as is shown, never half a character. */
static int shown_size(const char *text, size_t size) {
        if (size <= FOUND_SHOWN)
                return (int) size;

        size = FOUND_SHOWN;
        while (size > 0 && ((unsigned char) text[size] & 0xc0) == 0x80)
                size--;
        return (int) size;
}

/* The value as the author wrote it. */
static void refuse_describe(
                const struct phx_json_place *place,
                struct phx_json_span span,
                struct phx_buffer *found) {
        const char *text = place->text->data + span.begin;
        size_t size = span.end - span.begin;
        const char *cut;

        switch (*text) {
        case '{':
                (void) phx_buffer_add_text(found, "an object");
                return;
        case '[':
                (void) phx_buffer_add_text(found, "an array");
                return;
        case '"':
                cut = size - 2 > FOUND_SHOWN ? "…" : "";
                (void) phx_buffer_addf(
                                found,
                                "'%.*s%s'",
                                shown_size(text + 1, size - 2),
                                text + 1,
                                cut);
                return;
        default:
                (void) phx_buffer_addf(found, "%.*s", shown_size(text, size), text);
        }
}

int phx_json_refuse_found(
                struct phx_error *error,
                const struct phx_json_place *place,
                const char *format,
                ...) {
        phx_cleanup(phx_buffer_done) struct phx_buffer what = { 0 };
        struct phx_json_member member = { 0 };
        char expected[sizeof(error->text)];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(expected, sizeof(expected), format, arguments);
        va_end(arguments);

        if (!phx_json_find(place, &member))
                return refuse_at(error, place, 0, expected);

        (void) phx_buffer_add_text(&what, "found ");
        refuse_describe(place, member.value, &what);
        if (phx_buffer_addf(&what, ", %s", expected) < 0)
                return phx_json_no_memory(error, place->text);
        return refuse_at(error, place, member.value.begin, what.data);
}

static int add_list(struct phx_buffer *buffer, const struct phx_strings *items) {
        int r = 0;

        for (size_t i = 0; i < items->count && r >= 0; i++)
                r = phx_buffer_addf(buffer, "%s%s", i > 0 ? ", " : "", items->items[i]);
        return r;
}

int phx_json_refuse_key(
                struct phx_error *error,
                const struct phx_json_place *place,
                const char *meant,
                const struct phx_strings *known) {
        phx_cleanup(phx_buffer_done) struct phx_buffer what = { 0 };
        struct phx_json_member member = { 0 };
        const char *key = "";
        int r, size = 0;

        if (phx_json_find(place, &member)) {
                key = place->text->data + member.key.begin + 1;
                size = shown_size(key, member.key.end - member.key.begin - 2);
        }

        r = phx_buffer_addf(&what, "unknown key '%.*s'; ", size, key);
        if (r >= 0 && meant)
                r = phx_buffer_addf(&what, "did you mean '%s'?", meant);
        else if (r >= 0)
                r = phx_buffer_add_text(&what, "known keys: ");
        if (r >= 0 && !meant)
                r = add_list(&what, known);
        if (r < 0)
                return phx_json_no_memory(error, place->text);

        return refuse_at(error, place->parent, member.key.begin, what.data);
}

/* As long as phx_distance() takes a name, and one more. */
#define NAME_SIZE 66

/* A key as its author meant it: without case, and without what stands between words. */
static void fold(const char *key, char folded[NAME_SIZE]) {
        size_t size = 0;

        for (; *key && size < NAME_SIZE - 1; key++)
                if (!phx_is_separator(*key))
                        folded[size++] = phx_lower(*key);
        folded[size] = '\0';
}

/* The least that the distance can be; most keys are so different that no more is needed. */
static size_t length_distance(const char *a, const char *b) {
        size_t one = strlen(a), two = strlen(b);

        return one > two ? one - two : two - one;
}

const char *phx_json_nearest(const char *key, const struct phx_strings *known, size_t limit) {
        char wanted[NAME_SIZE], name[NAME_SIZE];
        const char *nearest = NULL;
        size_t best = limit + 1;

        fold(key, wanted);
        for (size_t i = 0; i < known->count; i++) {
                size_t distance;

                fold(known->items[i], name);
                if (length_distance(wanted, name) >= best)
                        continue;
                distance = phx_distance(wanted, name);
                if (distance >= best)
                        continue;
                nearest = known->items[i];
                best = distance;
        }
        return nearest;
}
