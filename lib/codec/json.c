/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state/configuration.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static bool json_is_blank(const struct phx_json_text *text) {
        for (size_t i = 0; i < text->size; i++)
                if (!strchr(" \t\r\n", text->data[i]) || !text->data[i])
                        return false;
        return true;
}

static int check_text(const struct phx_json_text *text, struct phx_error *error) {
        const char *nul;

        if (text->size > PHX_JSON_LIMIT)
                return phx_error_set(
                                error,
                                -EFBIG,
                                "%s: is larger than %zu MiB",
                                text->file,
                                PHX_JSON_LIMIT / (1024UL * 1024));
        if (json_is_blank(text))
                return phx_json_refuse_line(error, text, 0, 0, "is empty");

        nul = memchr(text->data, '\0', text->size);
        if (nul)
                return phx_json_refuse_line(
                                error,
                                text,
                                phx_json_line(text, (size_t) (nul - text->data)),
                                phx_json_column(text, (size_t) (nul - text->data)),
                                "found a NUL byte, expected UTF-8 text");
        if (text->size >= strlen(BYTE_ORDER_MARK) &&
            memcmp(text->data, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
                return phx_json_refuse_line(
                                error,
                                text,
                                1,
                                1,
                                "found a byte order mark, expected UTF-8 without one");

        return 0;
}

static int refuse_duplicate(
                const struct phx_json_text *text,
                const json_error_t *cause,
                struct phx_error *error) {
        size_t line = (size_t) cause->line, column = (size_t) cause->column;
        phx_cleanup(phx_buffer_done) struct phx_buffer path = { 0 };
        struct phx_json_span first;

        if (!phx_json_find_duplicate(text, (size_t) cause->position, &path, &first))
                return phx_json_refuse_line(error, text, line, column, "duplicate key");

        return phx_json_refuse_line(
                        error,
                        text,
                        line,
                        column,
                        "%s: duplicate key, first given in line %zu",
                        path.data,
                        phx_json_line(text, first.begin));
}

int phx_json_load(
                const struct phx_json_text *text,
                phx_json_is_ours *is_ours,
                json_t **ret_root,
                struct phx_error *error) {
        const struct phx_json_place place = { .text = text };
        phx_cleanup(phx_json_decref) json_t *root = NULL;
        phx_autofree char *copy = NULL;
        json_error_t cause = { 0 };
        int r;

        r = check_text(text, error);
        if (r < 0)
                return r;
        copy = malloc(text->size);
        if (!copy)
                return phx_json_no_memory(error, text);
        memcpy(copy, text->data, text->size);
        r = phx_json_soften(text, is_ours, copy, error);
        if (r < 0)
                return r;

        /* What else could be wrong with the text has been found already. */
        root = json_loadb(copy, text->size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &cause);
        if (!root && json_error_code(&cause) == json_error_duplicate_key)
                return refuse_duplicate(text, &cause, error);
        if (!root)
                return phx_json_no_memory(error, text);
        if (!json_is_object(root))
                return phx_json_refuse_found(error, &place, "expected an object");

        *ret_root = PHX_TAKE(root);
        return 0;
}

bool phx_json_is_comment(const char *key) {
        return phx_has_prefix(key, "//") || phx_has_prefix(key, "$");
}

int phx_json_boolean(
                const struct phx_json_place *place,
                const json_t *value,
                bool *ret,
                struct phx_error *error) {
        if (!json_is_boolean(value))
                return phx_json_refuse_found(error, place, "expected true or false");

        *ret = json_is_true(value);
        return 0;
}

int phx_json_integer(
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_json_range range,
                long long *ret,
                struct phx_error *error) {
        long long number = json_integer_value(value);

        if (!json_is_integer(value) || number < range.lowest || number > range.highest)
                return phx_json_refuse_found(
                                error,
                                place,
                                "expected a whole number from %lld to %lld",
                                range.lowest,
                                range.highest);

        *ret = number;
        return 0;
}

int phx_json_string(
                const struct phx_json_place *place,
                const json_t *value,
                const char *what,
                const char **ret,
                struct phx_error *error) {
        if (!json_is_string(value))
                return phx_json_refuse_found(error, place, "expected %s", what);

        *ret = json_string_value(value);
        return 0;
}

/* What a value that LXC itself knows would do; empty for any other. */
static const char *json_why_no_profile(const char *text) {
        if (!*text)
                return "; an empty value would mean LXC's own default";
        if (strcmp(text, "generated") == 0)
                return "; \"generated\" would make LXC generate a profile that has not been "
                       "reviewed";
        if (strcmp(text, "unchanged") == 0)
                return "; \"unchanged\" would leave the container in the profile of lxc-start";
        return "";
}

int phx_json_profile(
                const struct phx_json_place *place,
                const json_t *value,
                const char **ret,
                struct phx_error *error) {
        static const char what[] = "\"unconfined\" or a profile name that begins with \"lxc-\"";
        const char *text = "";
        int r;

        r = phx_json_string(place, value, what, &text, error);
        if (r < 0)
                return r;
        if (!phx_is_assignable_profile(text) && phx_has_prefix(text, "lxc-"))
                return phx_json_refuse_found(
                                error,
                                place,
                                "expected at most 128 letters, digits, '.', '_', '+' and '-'");
        if (!phx_is_assignable_profile(text))
                return phx_json_refuse_found(
                                error,
                                place,
                                "expected %s%s",
                                what,
                                json_why_no_profile(text));

        *ret = text;
        return 0;
}

int phx_json_strings(
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_strings *ret,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings strings = { 0 };
        const json_t *item;
        size_t i;
        int r;

        if (!json_is_array(value))
                return phx_json_refuse_found(error, place, "expected an array of strings");

        json_array_foreach(value, i, item) {
                const struct phx_json_place element = phx_json_element(place, i);
                const char *text = json_string_value(item);

                if (!text || !*text || phx_has_control(text)) {
                        r = phx_json_refuse_found(
                                        error,
                                        &element,
                                        "expected a non-empty string without control characters");
                        if (!phx_error_goes_on(error, r))
                                return r;
                } else if (phx_strings_add(&strings, text) < 0)
                        return phx_json_no_memory(error, place->text);
        }

        *ret = strings;
        strings = (struct phx_strings){ 0 };
        return 0;
}
