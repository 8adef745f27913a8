#include "system/lxc_text.h"

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

static bool is_blank(char c) {
        return c != '\0' && strchr(blanks, c);
}

static struct slice trim(struct slice slice) {
        while (slice.size > 0 && is_blank(slice.start[0])) {
                slice.start++;
                slice.size--;
        }
        while (slice.size > 0 && is_blank(slice.start[slice.size - 1]))
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

static struct phx_lxc_line parse_line(const char *start, size_t size) {
        static const char prefix[] = "lxc.";
        struct phx_lxc_line line = { .start = start, .size = size };
        struct slice content = trim(without_end((struct slice){ start, size })), part;
        const char *equals;

        if (content.size < strlen(prefix) || memcmp(content.start, prefix, strlen(prefix)) != 0)
                return line;
        equals = memchr(content.start, '=', content.size);
        if (!equals)
                return line;

        part = trim((struct slice){ content.start, (size_t) (equals - content.start) });
        line.key = part.start;
        line.key_size = part.size;
        part.start = equals + 1;
        part.size = content.size - (size_t) (part.start - content.start);
        part = unquote(trim(part));
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

        *ret_line = parse_line(start, length);
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
        phx_strings_done(&edit->wanted);
        phx_strings_done(&edit->withdrawn);
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
        bool *present;  /* for each wanted item */
        size_t profile; /* the line that stays, or NOWHERE */
};

static void draft_done(struct draft *draft) {
        free(draft->entries);
        free(draft->present);
}

static struct phx_lxc_line parse_item(const char *item) {
        return parse_line(item, strlen(item));
}

static bool is_same(const struct phx_lxc_line *a, const struct phx_lxc_line *b) {
        return a->key && b->key && a->key_size == b->key_size && a->value_size == b->value_size &&
               memcmp(a->key, b->key, a->key_size) == 0 &&
               memcmp(a->value, b->value, a->value_size) == 0;
}

/* The first item that says the same, or NOWHERE. */
static size_t find_item(const struct phx_strings *items, const struct phx_lxc_line *line) {
        for (size_t i = 0; i < items->count; i++) {
                struct phx_lxc_line item = parse_item(items->items[i]);

                if (is_same(&item, line))
                        return i;
        }
        return NOWHERE;
}

static int check_items(const struct phx_strings *items, struct phx_error *error) {
        for (size_t i = 0; i < items->count; i++) {
                const char *item = items->items[i];

                if (strpbrk(item, "\r\n") || !parse_item(item).key)
                        return phx_error_set(
                                        error,
                                        -EINVAL,
                                        "'%s': expected one line of the form lxc.KEY=VALUE",
                                        item);
        }
        return 0;
}

/* What would be another value once it was written and read again is no name. */
static int check_profile(const char *profile, struct phx_error *error) {
        struct slice whole;

        if (!profile)
                return 0;
        whole = (struct slice){ profile, strlen(profile) };
        if (whole.size == 0 || strpbrk(profile, "\r\n") || trim(whole).size != whole.size ||
            unquote(whole).size != whole.size)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "'%s': expected the name of a profile",
                                profile);
        return 0;
}

static int split(struct draft *draft, const char *text, size_t size) {
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

static void mark_options(struct draft *draft) {
        for (size_t i = 0; i < draft->count; i++) {
                struct entry *entry = &draft->entries[i];
                size_t item;

                if (!entry->line.key || phx_lxc_line_is(&entry->line, PHX_LXC_KEY_PROFILE))
                        continue;
                item = find_item(&draft->edit->wanted, &entry->line);
                if (item == NOWHERE) {
                        item = find_item(&draft->edit->withdrawn, &entry->line);
                        entry->is_dropped = item != NOWHERE;
                        continue;
                }
                entry->is_dropped = draft->present[item];
                draft->present[item] = true;
        }
}

/* After the options: a withdrawn include is none. */
static void mark_profile(struct draft *draft) {
        const char *profile = draft->edit->profile;
        size_t after = 0;

        draft->profile = NOWHERE;
        for (size_t i = 0; i < draft->count; i++)
                if (!draft->entries[i].is_dropped &&
                    phx_lxc_line_is(&draft->entries[i].line, PHX_LXC_KEY_INCLUDE))
                        after = i + 1;

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

static int draft_init(
                struct draft *draft,
                const char *text,
                size_t size,
                const struct phx_lxc_edit *edit,
                struct phx_error *error) {
        int r;

        draft->edit = edit;
        draft->present = calloc(edit->wanted.count + 1, sizeof(*draft->present));
        if (!draft->present)
                return -ENOMEM;

        r = check_items(&edit->wanted, error);
        if (r >= 0)
                r = check_items(&edit->withdrawn, error);
        if (r >= 0)
                r = check_profile(edit->profile, error);
        if (r < 0)
                return r;
        if (size > 0 && memchr(text, '\0', size))
                return phx_error_set(
                                error,
                                -EINVAL,
                                "contains a NUL byte, at which liblxc stops to read");
        r = split(draft, text, size);
        if (r < 0)
                return r;
        mark_options(draft);
        mark_profile(draft);
        return 0;
}

/* An item that says the same as an earlier one never counts as present, and is not missing. */
static bool is_missing(const struct draft *draft, size_t item) {
        struct phx_lxc_line line = parse_item(draft->edit->wanted.items[item]);

        return !draft->present[item] && !phx_lxc_line_is(&line, PHX_LXC_KEY_PROFILE) &&
               find_item(&draft->edit->wanted, &line) == item;
}

static int add_line(struct phx_buffer *text, const char *key, int key_size, const char *value) {
        bool is_broken = text->size > 0 && text->data[text->size - 1] != '\n';

        return phx_buffer_addf(text, "%s%.*s = %s\n", is_broken ? "\n" : "", key_size, key, value);
}

static int add_missing(const struct draft *draft, struct phx_buffer *text) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < draft->edit->wanted.count; i++) {
                const char *item = draft->edit->wanted.items[i], *value;
                struct phx_lxc_line line = parse_item(item);

                if (!is_missing(draft, i))
                        continue;
                value = strchr(item, '=') + 1;
                r = add_line(text, line.key, (int) line.key_size, value + strspn(value, blanks));
        }
        return r;
}

static int render(const struct draft *draft, struct phx_buffer *text) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < draft->count; i++) {
                const struct entry *entry = &draft->entries[i];

                if (i == draft->profile)
                        r = add_missing(draft, text);
                if (r >= 0 && !entry->is_dropped)
                        r = phx_buffer_add(text, entry->line.start, entry->line.size);
        }
        if (r < 0 || draft->profile != NOWHERE)
                return r;

        r = add_missing(draft, text);
        if (r < 0 || !draft->edit->profile)
                return r;
        return add_line(text,
                        PHX_LXC_KEY_PROFILE,
                        (int) strlen(PHX_LXC_KEY_PROFILE),
                        draft->edit->profile);
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
                r = render(&draft, &result);
        if (r < 0)
                return r;

        r = result.size != size || (size > 0 && memcmp(result.data, text, size) != 0);
        *ret_text = result;
        result = (struct phx_buffer){ 0 };
        return r;
}

int phx_lxc_text_check(
                const char *text,
                size_t size,
                const struct phx_lxc_edit *edit,
                struct phx_strings *wrong,
                struct phx_error *error) {
        phx_cleanup(draft_done) struct draft draft = { 0 };
        int r;

        r = draft_init(&draft, text, size, edit, error);
        for (size_t i = 0; r >= 0 && i < edit->wanted.count; i++)
                if (is_missing(&draft, i))
                        r = phx_strings_addf(wrong, "+%s", edit->wanted.items[i]);

        for (size_t i = 0; r >= 0 && i < draft.count; i++) {
                const struct phx_lxc_line *line = &draft.entries[i].line;

                if (draft.entries[i].is_dropped && !phx_lxc_line_is(line, PHX_LXC_KEY_PROFILE))
                        r = phx_strings_addf(
                                        wrong,
                                        "-%.*s=%.*s",
                                        (int) line->key_size,
                                        line->key,
                                        (int) line->value_size,
                                        line->value);
        }
        return r < 0 ? r : 0;
}
