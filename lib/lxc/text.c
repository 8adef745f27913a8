/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A config is edited as text, because its lines are the operator's: order, comments and spelling
 * stay byte by byte. An edit works on a draft: the text cut into lines (entries that borrow from
 * it), of which some are dropped, and two positions, of the profile's line and of the tail.
 *
 *   1. drop the lines to be removed: for each item the last line that reads so, byte for byte as
 *      phoenixd would write it. A line that means the same but is written differently is the
 *      operator's
 *   2. choose the profile's line: the one there may be at most, after every lxc.include, since
 *      liblxc obeys the last word and an include may set another profile. One that is right and
 *      stands there keeps its place, others are dropped
 *   3. place the tail, the lines to be added: at the end, or before the profile's line where that
 *      is the last
 *   4. render, and compare with the original: 1 only when a byte differs
 *
 * Applied to its own result, an edit changes nothing: the fuzz target lxc-text requires that. A
 * text that liblxc would read differently from this file (a NUL, an item that is not one line) is
 * refused instead of guessed at. */

#include "lxc/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

static const char blanks[] = " \t";

struct slice {
        const char *start;
        size_t size;
};

static bool lxc_text_is_blank(char c) {
        return c != '\0' && strchr(blanks, c);
}

static struct slice lxc_text_trim(struct slice slice) {
        while (slice.size > 0 && lxc_text_is_blank(slice.start[0])) {
                slice.start++;
                slice.size--;
        }
        while (slice.size > 0 && lxc_text_is_blank(slice.start[slice.size - 1]))
                slice.size--;
        return slice;
}

static bool is_end(char c) {
        return c == '\n' || c == '\r';
}

static struct slice without_end(struct slice slice) {
        while (slice.size > 0 && is_end(slice.start[slice.size - 1]))
                slice.size--;
        return slice;
}

static struct slice unquote(struct slice slice) {
        if (slice.size < 2 || (slice.start[0] != '\'' && slice.start[0] != '"') ||
            slice.start[slice.size - 1] != slice.start[0])
                return slice;
        return (struct slice){ slice.start + 1, slice.size - 2 };
}

static bool slice_is(const char *start, size_t size, const char *text) {
        return strlen(text) == size && memcmp(start, text, size) == 0;
}

static struct phx_lxc_line lxc_text_parse_line(const char *start, size_t size) {
        static const char prefix[] = "lxc.";
        struct phx_lxc_line line = { .start = start, .size = size };
        struct slice content = lxc_text_trim(without_end((struct slice){ start, size })), part;
        const char *equals;

        if (content.size < strlen(prefix) || memcmp(content.start, prefix, strlen(prefix)) != 0)
                return line;
        equals = memchr(content.start, '=', content.size);
        if (!equals)
                return line;

        part = lxc_text_trim((struct slice){ content.start, (size_t) (equals - content.start) });
        line.key = part.start;
        line.key_size = part.size;
        part.start = equals + 1;
        part.size = content.size - (size_t) (part.start - content.start);
        part = unquote(lxc_text_trim(part));
        line.value = part.start;
        line.value_size = part.size;
        return line;
}

bool phx_lxc_text_next(
                const char *text,
                size_t size,
                size_t *offset,
                struct phx_lxc_line *ret_line) {
        const char *start;
        size_t left, length = 0;

        if (*offset >= size || text[*offset] == '\0')
                return false;

        start = text + *offset;
        left = size - *offset;
        while (length < left && start[length] != '\0' && !is_end(start[length]))
                length++;
        if (length < left && start[length] != '\0')
                length += length + 1 < left && start[length] == '\r' && start[length + 1] == '\n'
                                          ? 2
                                          : 1;

        *ret_line = lxc_text_parse_line(start, length);
        *offset += length;
        return true;
}

bool phx_lxc_line_is(const struct phx_lxc_line *line, const char *key) {
        return line->key && slice_is(line->key, line->key_size, key);
}

int phx_lxc_text_values(
                const char *text,
                size_t size,
                const char *key,
                struct phx_strings *values) {
        struct phx_lxc_line line;
        size_t offset = 0;

        while (phx_lxc_text_next(text, size, &offset, &line)) {
                int r;

                if (!phx_lxc_line_is(&line, key) || line.value_size == 0)
                        continue;
                r = phx_strings_addf(values, "%.*s", (int) line.value_size, line.value);
                if (r < 0)
                        return r;
        }
        return 0;
}

void phx_lxc_edit_done(struct phx_lxc_edit *edit) {
        phx_strings_done(&edit->removed);
        phx_strings_done(&edit->tail);
        *edit = (struct phx_lxc_edit){ 0 };
}

/* A text taken apart for one edit. */

#define NOWHERE ((size_t) -1)

struct entry {
        struct phx_lxc_line line;
        bool is_dropped;
};

struct draft {
        const struct phx_lxc_edit *edit;
        struct entry *entries;
        size_t count;
        size_t profile; /* the line that stays, or NOWHERE */
        size_t tail;    /* the line before which the tail goes, or COUNT */
};

static void draft_done(struct draft *draft) {
        free(draft->entries);
}

static struct phx_lxc_line parse_item(const char *item) {
        return lxc_text_parse_line(item, strlen(item));
}

static bool is_item(const char *item) {
        return !strpbrk(item, "\r\n") && parse_item(item).key;
}

static int check_items(const struct phx_strings *items, struct phx_error *error) {
        for (size_t i = 0; i < items->count; i++)
                if (!is_item(items->items[i]))
                        return phx_error_set(
                                        error,
                                        -EINVAL,
                                        "'%s': expected one line of the form lxc.KEY=VALUE",
                                        items->items[i]);
        return 0;
}

static bool item_is(const char *item, const char *key) {
        const struct phx_lxc_line line = parse_item(item);

        return phx_lxc_line_is(&line, key);
}

/* What would be another value once it was written and read again is no name. */
static int lxc_text_check_profile(const char *profile, struct phx_error *error) {
        struct slice whole;

        if (!profile)
                return 0;
        whole = (struct slice){ profile, strlen(profile) };
        if (whole.size == 0 || strpbrk(profile, "\r\n") ||
            lxc_text_trim(whole).size != whole.size || unquote(whole).size != whole.size)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "'%s': expected the name of a profile",
                                profile);
        return 0;
}

static int lxc_text_split(struct draft *draft, const char *text, size_t size) {
        struct phx_lxc_line line;
        size_t offset = 0;

        while (phx_lxc_text_next(text, size, &offset, &line)) {
                struct entry *entry = phx_grow(&draft->entries, &draft->count, sizeof(*entry));

                if (!entry)
                        return -ENOMEM;
                entry->line = line;
        }
        return 0;
}

/* "KEY = VALUE", as it is written. */
static int lxc_text_add_item(struct phx_buffer *text, const char *item) {
        struct phx_lxc_line line = parse_item(item);
        const char *value = strchr(item, '=') + 1;

        return phx_buffer_addf(
                        text,
                        "%.*s = %s",
                        (int) line.key_size,
                        line.key,
                        value + strspn(value, blanks));
}

/* Byte for byte: an operator who respells a line has made it the config's own. */
static bool is_written(const struct phx_lxc_line *line, const struct phx_buffer *item) {
        struct slice content = without_end((struct slice){ line->start, line->size });

        return content.size == item->size && memcmp(content.start, item->data, item->size) == 0;
}

size_t phx_lxc_text_copies(const char *text, size_t size, const char *item) {
        phx_cleanup(phx_buffer_done) struct phx_buffer written = { 0 };
        struct phx_lxc_line line;
        size_t offset = 0, count = 0;

        if (!is_item(item) || lxc_text_add_item(&written, item) < 0)
                return 0;
        while (phx_lxc_text_next(text, size, &offset, &line))
                count += is_written(&line, &written);
        return count;
}

/* The last one that is still there. */
static int drop_item(struct draft *draft, const char *item) {
        phx_cleanup(phx_buffer_done) struct phx_buffer written = { 0 };

        if (item_is(item, PHX_LXC_KEY_PROFILE))
                return 0;
        if (lxc_text_add_item(&written, item) < 0)
                return -ENOMEM;
        for (size_t i = draft->count; i-- > 0;) {
                struct entry *entry = &draft->entries[i];

                if (entry->is_dropped || !is_written(&entry->line, &written))
                        continue;
                entry->is_dropped = true;
                return 0;
        }
        return 0;
}

/* The first line behind every include, which might overrule it. */
static size_t behind_includes(const struct draft *draft) {
        size_t after = 0;

        for (size_t i = 0; i < draft->count; i++)
                if (!draft->entries[i].is_dropped &&
                    phx_lxc_line_is(&draft->entries[i].line, PHX_LXC_KEY_INCLUDE))
                        after = i + 1;
        return after;
}

static bool is_last(const struct draft *draft, size_t index) {
        for (size_t i = index + 1; i < draft->count; i++)
                if (!draft->entries[i].is_dropped && draft->entries[i].line.key)
                        return false;
        return true;
}

static bool lxc_text_has_include(const struct phx_strings *items) {
        for (size_t i = 0; i < items->count; i++)
                if (item_is(items->items[i], PHX_LXC_KEY_INCLUDE))
                        return true;
        return false;
}

/* After what is removed: an include of that is none. */
static void mark_profile(struct draft *draft) {
        const char *profile = draft->edit->profile;
        size_t after = behind_includes(draft);

        draft->profile = NOWHERE;
        for (size_t i = 0; i < draft->count; i++) {
                struct entry *entry = &draft->entries[i];

                if (!phx_lxc_line_is(&entry->line, PHX_LXC_KEY_PROFILE))
                        continue;
                /* Left alone, the last one is only a place to put other lines before. */
                if (!profile || (i >= after && draft->profile == NOWHERE &&
                                 slice_is(entry->line.value, entry->line.value_size, profile)))
                        draft->profile = i;
                else
                        entry->is_dropped = true;
        }
}

/* Behind all others; only the profile's line may come later, and does so where it can. */
static void place_tail(struct draft *draft) {
        draft->tail = draft->count;
        if (draft->profile == NOWHERE)
                return;
        if (is_last(draft, draft->profile))
                draft->tail = draft->profile;
        else if (draft->edit->profile && lxc_text_has_include(&draft->edit->tail)) {
                draft->entries[draft->profile].is_dropped = true;
                draft->profile = NOWHERE;
        }
}

static int draft_init(
                struct draft *draft,
                const char *text,
                size_t size,
                const struct phx_lxc_edit *edit,
                struct phx_error *error) {
        unsigned line, column;
        int r;

        draft->edit = edit;
        r = check_items(&edit->removed, error);
        if (r >= 0)
                r = check_items(&edit->tail, error);
        if (r >= 0)
                r = lxc_text_check_profile(edit->profile, error);
        if (r < 0)
                return r;
        if (size > 0 && phx_has_nul(text, size, &line, &column))
                return phx_error_set(
                                error,
                                -EINVAL,
                                "line %u, column %u: found a NUL byte, where liblxc stops reading",
                                line,
                                column);
        r = lxc_text_split(draft, text, size);
        for (size_t i = 0; r >= 0 && i < edit->removed.count; i++)
                r = drop_item(draft, edit->removed.items[i]);
        if (r < 0)
                return r;
        mark_profile(draft);
        place_tail(draft);
        return 0;
}

static int end_line(struct phx_buffer *text) {
        bool is_broken = text->size > 0 && text->data[text->size - 1] != '\n';

        return is_broken ? phx_buffer_add_text(text, "\n") : 0;
}

static int add_tail(const struct draft *draft, struct phx_buffer *text) {
        const struct phx_strings *tail = &draft->edit->tail;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < tail->count; i++) {
                if (item_is(tail->items[i], PHX_LXC_KEY_PROFILE))
                        continue;
                r = end_line(text);
                if (r >= 0)
                        r = lxc_text_add_item(text, tail->items[i]);
                if (r >= 0)
                        r = phx_buffer_add_text(text, "\n");
        }
        return r;
}

static int lxc_text_render(const struct draft *draft, struct phx_buffer *text) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < draft->count; i++) {
                const struct entry *entry = &draft->entries[i];

                if (i == draft->tail)
                        r = add_tail(draft, text);
                if (r >= 0 && !entry->is_dropped)
                        r = phx_buffer_add(text, entry->line.start, entry->line.size);
        }
        if (r >= 0 && draft->tail == draft->count)
                r = add_tail(draft, text);
        if (r < 0 || draft->profile != NOWHERE || !draft->edit->profile)
                return r;
        r = end_line(text);
        return r < 0 ? r
                     : phx_buffer_addf(text, PHX_LXC_KEY_PROFILE " = %s\n", draft->edit->profile);
}

int phx_lxc_text_edit(
                const char *text,
                size_t size,
                const struct phx_lxc_edit *edit,
                struct phx_buffer *ret_text,
                struct phx_error *error) {
        phx_cleanup(draft_done) struct draft draft = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer result = { 0 };
        int r;

        assert(edit && ret_text);

        r = draft_init(&draft, text, size, edit, error);
        if (r >= 0)
                r = lxc_text_render(&draft, &result);
        if (r < 0)
                return r;

        r = result.size != size || (size > 0 && memcmp(result.data, text, size) != 0);
        *ret_text = PHX_TAKE_STRUCT(result);
        return r;
}
