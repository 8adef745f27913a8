#include "system/lxc_text.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"

#define PROFILE_KEY "lxc.apparmor.profile"
#define INCLUDE_KEY "lxc.include"

/* One line of the text, borrowed from it. KEY is empty for what is no setting. */
struct line {
        const char *start;
        size_t length; /* with its newline, if it has one */
        const char *key;
        size_t key_length;
        const char *value;
        size_t value_length;
        bool is_dropped;
        const char *replacement; /* instead of the line, without a newline; or NULL */
};

struct lines {
        struct line *items;
        size_t count;
};

/* What liblxc (confile.c, parse_line) takes for white space. */
static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\n';
}

static void trim(const char **at, size_t *length) {
        while (*length > 0 && is_blank(**at)) {
                (*at)++;
                (*length)--;
        }
        while (*length > 0 && is_blank((*at)[*length - 1]))
                (*length)--;
}

static void split(struct line *line) {
        const char *equals, *at = line->start;
        size_t length = line->length;

        trim(&at, &length);
        if (length < 4 || strncmp(at, "lxc.", 4) != 0)
                return;
        equals = memchr(at, '=', length);
        if (!equals)
                return;

        line->key = at;
        line->key_length = (size_t) (equals - at);
        trim(&line->key, &line->key_length);
        line->value = equals + 1;
        line->value_length = length - (size_t) (equals + 1 - at);
        trim(&line->value, &line->value_length);
        if (line->value_length > 1 && (line->value[0] == '"' || line->value[0] == '\'') &&
            line->value[line->value_length - 1] == line->value[0]) {
                line->value++;
                line->value_length -= 2;
        }
}

static void lines_done(struct lines *lines) {
        free(lines->items);
        *lines = (struct lines){ 0 };
}

static int lines_split(const char *text, struct lines *lines) {
        while (*text) {
                struct line *line = phx_grow(&lines->items, &lines->count, sizeof(*line));

                if (!line)
                        return -ENOMEM;
                line->start = text;
                line->length = strcspn(text, "\n");
                line->length += text[line->length] == '\n';
                split(line);
                text += line->length;
        }
        return 0;
}

static bool equals(const char *span, size_t length, const char *text) {
        return strlen(text) == length && memcmp(span, text, length) == 0;
}

static bool has_key(const struct line *line, const char *key) {
        return line->key_length > 0 && equals(line->key, line->key_length, key);
}

/* WANTED is "key=value". */
static bool is_setting(const struct line *line, const char *wanted) {
        const char *equals_sign = strchr(wanted, '=');
        size_t key_length = equals_sign ? (size_t) (equals_sign - wanted) : 0;

        return key_length > 0 && line->key_length == key_length &&
               memcmp(line->key, wanted, key_length) == 0 &&
               equals(line->value, line->value_length, equals_sign + 1);
}

static bool has_setting(const struct lines *lines, const char *wanted) {
        for (size_t i = 0; i < lines->count; i++)
                if (!lines->items[i].is_dropped && is_setting(&lines->items[i], wanted))
                        return true;
        return false;
}

int phx_lxc_text_values(const char *text, const char *key, struct phx_strings *values) {
        phx_cleanup(lines_done) struct lines lines = { 0 };
        int r;

        r = lines_split(text, &lines);
        for (size_t i = 0; r >= 0 && i < lines.count; i++)
                if (has_key(&lines.items[i], key))
                        r = phx_strings_addf(
                                        values,
                                        "%.*s",
                                        (int) lines.items[i].value_length,
                                        lines.items[i].value);
        return r;
}

int phx_lxc_text_wrong(
                const char *text,
                const struct phx_lxc_managed *managed,
                struct phx_strings *wrong) {
        phx_cleanup(lines_done) struct lines lines = { 0 };
        int r;

        r = lines_split(text, &lines);
        for (size_t i = 0; r >= 0 && i < managed->lines->count; i++)
                if (!has_setting(&lines, managed->lines->items[i]))
                        r = phx_strings_addf(wrong, "+%s", managed->lines->items[i]);
        for (size_t i = 0; r >= 0 && i < managed->withdrawn->count; i++)
                if (has_setting(&lines, managed->withdrawn->items[i]))
                        r = phx_strings_addf(wrong, "-%s", managed->withdrawn->items[i]);
        return r;
}

static void drop_withdrawn(struct lines *lines, const struct phx_strings *withdrawn) {
        for (size_t i = 0; i < lines->count; i++)
                for (size_t j = 0; j < withdrawn->count; j++)
                        if (is_setting(&lines->items[i], withdrawn->items[j]))
                                lines->items[i].is_dropped = true;
}

/* Appends "key = value" for what is absent. True in RET_INCLUDES when an include is among it. */
static int add_absent(
                const struct lines *lines,
                const struct phx_strings *wanted,
                struct phx_strings *added,
                bool *ret_includes) {
        *ret_includes = false;
        for (size_t i = 0; i < wanted->count; i++) {
                const char *text = wanted->items[i], *value = strchr(text, '=');
                int r;

                if (!value || has_setting(lines, text))
                        continue;
                r = phx_strings_addf(added, "%.*s = %s", (int) (value - text), text, value + 1);
                if (r < 0)
                        return r;
                if (phx_has_prefix(text, INCLUDE_KEY "="))
                        *ret_includes = true;
        }
        return 0;
}

/* The profile's line: in place when one stands after every include, else at the end. True in
 * RET_APPEND when it has to be appended. */
static void place_profile(
                struct lines *lines,
                const char *profile,
                bool include_follows,
                bool *ret_append) {
        struct line *last = NULL;
        size_t after = 0;

        for (size_t i = 0; i < lines->count; i++)
                if (!lines->items[i].is_dropped && has_key(&lines->items[i], INCLUDE_KEY))
                        after = i + 1;
        for (size_t i = 0; i < lines->count; i++) {
                struct line *line = &lines->items[i];

                if (!has_key(line, PROFILE_KEY))
                        continue;
                line->is_dropped = true;
                if (i >= after && !include_follows)
                        last = line;
        }

        *ret_append = !last;
        if (!last)
                return;
        last->is_dropped = false;
        if (!equals(last->value, last->value_length, profile))
                last->replacement = profile;
}

static int render_line(struct phx_buffer *buffer, const struct line *line) {
        bool ends = line->length > 0 && line->start[line->length - 1] == '\n';

        if (line->is_dropped)
                return 0;
        if (line->replacement)
                return phx_buffer_addf(
                                buffer,
                                PROFILE_KEY " = %s%s",
                                line->replacement,
                                ends ? "\n" : "");
        return phx_buffer_add(buffer, line->start, line->length);
}

static int render(
                const struct lines *lines,
                const struct phx_strings *added,
                const char *profile,
                char **ret_text) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        int r = phx_buffer_add_text(&buffer, "");

        for (size_t i = 0; r >= 0 && i < lines->count; i++)
                r = render_line(&buffer, &lines->items[i]);
        if (r >= 0 && (added->count > 0 || profile) && buffer.size > 0 &&
            buffer.data[buffer.size - 1] != '\n')
                r = phx_buffer_add_text(&buffer, "\n");
        for (size_t i = 0; r >= 0 && i < added->count; i++)
                r = phx_buffer_addf(&buffer, "%s\n", added->items[i]);
        if (r >= 0 && profile)
                r = phx_buffer_addf(&buffer, PROFILE_KEY " = %s\n", profile);
        if (r < 0)
                return r;

        *ret_text = PHX_TAKE(buffer.data);
        return 0;
}

int phx_lxc_text_edit(const char *text, const struct phx_lxc_managed *managed, char **ret_text) {
        phx_cleanup(phx_strings_done) struct phx_strings added = { 0 };
        phx_cleanup(lines_done) struct lines lines = { 0 };
        bool include_follows = false, append = false;
        int r;

        r = lines_split(text, &lines);
        if (r < 0)
                return r;
        drop_withdrawn(&lines, managed->withdrawn);
        r = add_absent(&lines, managed->lines, &added, &include_follows);
        if (r < 0)
                return r;
        if (managed->profile)
                place_profile(&lines, managed->profile, include_follows, &append);
        return render(&lines, &added, append ? managed->profile : NULL, ret_text);
}
