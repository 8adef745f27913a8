/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each line is tried in the order in which Proxmox tries it, and the first form that fits decides:
 *
 *   1. nothing but blanks
 *   2. a header, which opens a section: the lines below go there. Of two equal sections the later
 *      one replaces the earlier one whole
 *   3. '#' in the first column: a note
 *   4. lxc.KEY, then ':', or '=' with blanks before it, then any value, which may be empty; dropped
 *      when Proxmox does not take the key
 *   5. description, then snapstate (anywhere in the line: that form is not anchored), then delete,
 *      which is for pending changes
 *   6. an ordinary key: letters, '_' and digits behind them, then ':' and a value. A value of only
 *      blanks is one blank
 *
 * What fits nowhere is dropped. It is taken apart once more, by looser rules, for the reason and
 * for what its author meant: an operator who indents the profile's line believes the container to
 * be confined. */

#include "pve/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "pve/slice.h"

/* --- headers --- */

static bool is_pending_name(struct phx_pve_slice name) {
        static const char pending[] = "pve:pending";

        if (name.size != strlen(pending))
                return false;
        for (size_t i = 0; i < name.size; i++)
                if (phx_lower(name.start[i]) != pending[i])
                        return false;
        return true;
}

static bool is_snapshot_name(struct phx_pve_slice name) {
        if (name.size < 2 || !phx_pve_is_lower(phx_lower(name.start[0])))
                return false;
        for (size_t i = 1; i < name.size; i++) {
                char c = phx_lower(name.start[i]);

                if (c == '.' || !phx_pve_is_lxc_char(c))
                        return false;
        }
        return true;
}

/* The name between the brackets, which begin in the first column and have only blanks behind. */
static bool read_header(struct phx_pve_slice content, struct phx_pve_slice *ret_name) {
        const char *end;

        if (content.size == 0 || content.start[0] != '[')
                return false;
        end = memchr(content.start, ']', content.size);
        if (!end ||
            phx_pve_skip_blanks(phx_pve_skip(content, (size_t) (end - content.start) + 1)).size > 0)
                return false;
        *ret_name = (struct phx_pve_slice){ content.start + 1, (size_t) (end - content.start) - 1 };
        return is_pending_name(*ret_name) || is_snapshot_name(*ret_name);
}

static void open_section(
                struct phx_pve_text *text,
                const struct phx_pve_line *header,
                struct phx_pve_slice name) {
        struct phx_pve_section *section = &text->sections[text->n_sections++];

        section->kind = PHX_PVE_PENDING;
        section->line = header->number;
        section->first = text->count;
        if (!is_pending_name(name)) {
                section->kind = PHX_PVE_SNAPSHOT;
                section->name = name.start;
                section->name_size = name.size;
        }
}

/* By kind and name, and of equal ones by their order. */
static int compare_sections(const void *a, const void *b) {
        const struct phx_pve_section *x = *(struct phx_pve_section *const *) a;
        const struct phx_pve_section *y = *(struct phx_pve_section *const *) b;
        int order;

        if (x->kind != y->kind)
                return x->kind < y->kind ? -1 : 1;
        if (x->name_size != y->name_size)
                return x->name_size < y->name_size ? -1 : 1;
        order = x->name_size > 0 ? memcmp(x->name, y->name, x->name_size) : 0;
        return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static bool is_same_section(const struct phx_pve_section *a, const struct phx_pve_section *b) {
        return a->kind == b->kind && a->name_size == b->name_size &&
               (a->name_size == 0 || memcmp(a->name, b->name, a->name_size) == 0);
}

/* Proxmox keeps its pending changes, and each snapshot by its name, under one place. */
static int mark_overruled(struct phx_pve_text *text) {
        phx_autofree struct phx_pve_section **sections = calloc(
                        text->n_sections,
                        sizeof(struct phx_pve_section *));

        if (!sections)
                return -ENOMEM;
        for (size_t i = 0; i < text->n_sections; i++)
                sections[i] = &text->sections[i];
        qsort(sections, text->n_sections, sizeof(struct phx_pve_section *), compare_sections);
        for (size_t i = 0; i + 1 < text->n_sections; i++)
                sections[i]->is_overruled = is_same_section(sections[i], sections[i + 1]);
        return 0;
}

/* --- lines that are read --- */

static bool read_lxc(struct phx_pve_slice content, struct phx_pve_line *line) {
        struct phx_pve_slice key = content, rest;

        if (!phx_pve_begins(content, "lxc."))
                return false;
        key.size = 0;
        while (key.size < content.size && phx_pve_is_lxc_char(content.start[key.size]))
                key.size++;
        rest = phx_pve_skip(content, key.size);
        if (key.size == strlen("lxc."))
                return false;
        if (rest.size == 0 || rest.start[0] != ':') {
                rest = phx_pve_skip_blanks(rest);
                if (rest.size == 0 || rest.start[0] != '=')
                        return false;
        }
        phx_pve_set_key(line, key, phx_pve_trim(phx_pve_skip(rest, 1)));

        line->kind = PHX_PVE_LXC;
        switch (phx_pve_lxc_key(key.start, key.size)) {
        case PHX_PVE_LXC_TAKEN:
        case PHX_PVE_LXC_GONE:
                return true;
        case PHX_PVE_LXC_GENERATED:
                line->drop = PHX_PVE_DROP_GENERATED;
                break;
        case PHX_PVE_LXC_UNKNOWN:
                line->drop = PHX_PVE_DROP_UNKNOWN;
                break;
        }
        line->kind = PHX_PVE_DROPPED;
        return true;
}

/* "snapstate:" and one of two words at the end of the line, wherever it phx_pve_begins. */
static bool read_snapstate(struct phx_pve_slice content, struct phx_pve_line *line) {
        static const char *const words[] = { "delete", "prepare" };
        static const char name[] = "snapstate";
        const struct phx_pve_slice whole = phx_pve_trim(content);

        for (size_t i = 0; i < PHX_ELEMENTS(words); i++) {
                struct phx_pve_slice head = whole, value;

                if (whole.size < strlen(words[i]))
                        continue;
                head.size -= strlen(words[i]);
                value = (struct phx_pve_slice){ whole.start + head.size, strlen(words[i]) };
                if (memcmp(value.start, words[i], value.size) != 0)
                        continue;
                while (head.size > 0 && phx_pve_is_blank(head.start[head.size - 1]))
                        head.size--;
                if (head.size <= strlen(name) || head.start[head.size - 1] != ':')
                        continue;
                head = phx_pve_skip(head, head.size - 1 - strlen(name));
                head.size--;
                if (!phx_pve_begins(head, name))
                        continue;
                line->kind = PHX_PVE_KEY;
                phx_pve_set_key(line, head, value);
                return true;
        }
        return false;
}

/* The name and all behind the ':'. */
static bool split_ordinary(
                struct phx_pve_slice content,
                struct phx_pve_slice *ret_key,
                struct phx_pve_slice *ret_rest) {
        size_t size = 0;

        if (content.size == 0 || !phx_pve_is_lower(content.start[0]))
                return false;
        while (size < content.size &&
               (phx_pve_is_lower(content.start[size]) || content.start[size] == '_'))
                size++;
        while (size < content.size && phx_pve_is_digit(content.start[size]))
                size++;
        if (size == content.size || content.start[size] != ':')
                return false;
        *ret_key = (struct phx_pve_slice){ content.start, size };
        *ret_rest = phx_pve_skip(content, size + 1);
        return true;
}

static bool is_reserved(struct phx_pve_slice key) {
        static const char *const names[] = { "digest", "lxc", "pending", "snapname", "snapshots" };

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                if (phx_pve_is(key.start, key.size, names[i]))
                        return true;
        return false;
}

/* Proxmox compares the name of the section, and a snapshot may have the one that it gives to the
 * pending changes. */
static bool may_delete(const struct phx_pve_section *section) {
        return section->kind == PHX_PVE_PENDING ||
               (section->kind == PHX_PVE_SNAPSHOT &&
                phx_pve_is(section->name, section->name_size, "pending"));
}

static bool read_ordinary(
                struct phx_pve_slice content,
                const struct phx_pve_section *section,
                struct phx_pve_line *line) {
        struct phx_pve_slice key, rest, value;

        if (!split_ordinary(content, &key, &rest))
                return false;
        value = phx_pve_trim(rest);
        if (value.size == 0) {
                if (rest.size == 0)
                        return false;
                value = phx_pve_skip(rest, rest.size - 1);
        }
        phx_pve_set_key(line, key, value);

        line->kind = PHX_PVE_KEY;
        if (phx_pve_is(key.start, key.size, "description"))
                line->kind = PHX_PVE_DESCRIPTION;
        else if (phx_pve_is(key.start, key.size, "delete") && !phx_pve_is_blank(value.start[0]) &&
                 !may_delete(section))
                line->drop = PHX_PVE_DROP_MISPLACED;
        else if (is_reserved(key))
                line->drop = PHX_PVE_DROP_RESERVED;
        if (line->drop != PHX_PVE_NOT_DROPPED)
                line->kind = PHX_PVE_DROPPED;
        return true;
}

static bool is_description(struct phx_pve_slice content) {
        static const char name[] = "description:";

        return phx_pve_begins(content, name) &&
               phx_pve_skip_blanks(phx_pve_skip(content, strlen(name))).size > 0;
}

/* --- the text --- */

static void pve_read_line(
                struct phx_pve_slice content,
                const struct phx_pve_section *section,
                struct phx_pve_line *line) {
        if (phx_pve_skip_blanks(content).size == 0)
                return;
        if (content.start[0] == '#') {
                line->kind = PHX_PVE_NOTE;
                line->value = content.start + 1;
                line->value_size = content.size - 1;
                return;
        }
        if (read_lxc(content, line) ||
            (!is_description(content) && read_snapstate(content, line)) ||
            read_ordinary(content, section, line))
                return;
        phx_pve_read_dropped(content, line);
}

static void pve_add_line(
                struct phx_pve_text *text,
                const char *start,
                size_t size,
                size_t content_size) {
        struct phx_pve_line *line = &text->lines[text->count++];
        const struct phx_pve_slice content = { start, content_size };
        struct phx_pve_slice name;
        size_t section;

        line->number = (unsigned) text->count;
        line->start = start;
        line->size = size;
        if (read_header(content, &name)) {
                line->kind = PHX_PVE_HEADER;
                line->key = name.start;
                line->key_size = name.size;
                open_section(text, line, name);
                line->section = text->n_sections - 1;
                return;
        }
        section = text->n_sections - 1;
        line->section = section;
        pve_read_line(content, &text->sections[section], line);
        text->sections[section].count++;
}

/* Room for all at once: a file may be nothing but lines, or nothing but headers. */
static int pve_make_room(struct phx_pve_text *text) {
        size_t lines = 1, sections = 2;

        for (size_t i = 0; i < text->size; i++) {
                lines += text->data[i] == '\n';
                sections += text->data[i] == '\n' && text->data[i + 1] == '[';
        }
        text->lines = calloc(lines, sizeof(*text->lines));
        text->sections = calloc(sections, sizeof(*text->sections));
        return text->lines && text->sections ? 0 : -ENOMEM;
}

static void pve_text_split(struct phx_pve_text *text) {
        const char *at = text->data, *end = text->data + text->size;

        text->n_sections = 1;
        while (at < end) {
                const char *feed = memchr(at, '\n', (size_t) (end - at));
                size_t content_size = (size_t) ((feed ? feed : end) - at);
                size_t size = content_size + (feed ? 1 : 0);

                pve_add_line(text, at, size, content_size);
                at += size;
        }
}

int phx_pve_text_parse(const char *data, size_t size, struct phx_pve_text *ret_text) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { .size = size };
        int r;

        assert(data || size == 0);
        assert(ret_text);

        text.data = malloc(size + 1);
        if (!text.data)
                return -ENOMEM;
        if (size > 0)
                memcpy(text.data, data, size);
        text.data[size] = '\0';
        phx_sha1_two(text.data, size, "", 0, text.digest);

        r = pve_make_room(&text);
        if (r < 0)
                return r;
        pve_text_split(&text);
        r = mark_overruled(&text);
        if (r < 0)
                return r;
        *ret_text = PHX_TAKE_STRUCT(text);
        return 0;
}

void phx_pve_text_done(struct phx_pve_text *text) {
        free(text->data);
        free(text->lines);
        free(text->sections);
        *text = (struct phx_pve_text){ 0 };
}

/* --- questions --- */

bool phx_pve_line_sets(const struct phx_pve_line *line, const char *key) {
        return (line->kind == PHX_PVE_KEY || line->kind == PHX_PVE_LXC) &&
               phx_pve_is(line->key, line->key_size, key);
}

bool phx_pve_line_meant(const struct phx_pve_line *line, const char *key) {
        if (line->kind != PHX_PVE_DROPPED || !line->key || line->key_size != strlen(key))
                return false;
        for (size_t i = 0; i < line->key_size; i++)
                if (phx_lower(line->key[i]) != key[i])
                        return false;
        return true;
}

const struct phx_pve_line *phx_pve_text_key(
                const struct phx_pve_text *text,
                size_t section,
                const char *key) {
        const struct phx_pve_section *place = &text->sections[section];

        for (size_t i = place->first + place->count; i-- > place->first;)
                if (text->lines[i].kind == PHX_PVE_KEY && phx_pve_line_sets(&text->lines[i], key))
                        return &text->lines[i];
        return NULL;
}

const struct phx_pve_section *phx_pve_text_pending(const struct phx_pve_text *text) {
        for (size_t i = text->n_sections; i-- > 1;)
                if (text->sections[i].kind == PHX_PVE_PENDING)
                        return &text->sections[i];
        return NULL;
}

bool phx_pve_is_yes(const char *value, size_t size) {
        static const char *const no[] = { "false", "no", "off" };

        for (size_t i = 0; i < PHX_ELEMENTS(no); i++)
                if (size == strlen(no[i]) && strncasecmp(value, no[i], size) == 0)
                        return false;
        return phx_pve_is_true(value, size);
}

bool phx_pve_is_true(const char *value, size_t size) {
        return size > 0 && !phx_pve_is(value, size, "0");
}

const struct phx_pve_line *phx_pve_text_lock(const struct phx_pve_text *text) {
        const struct phx_pve_line *line = phx_pve_text_key(text, 0, "lock");

        return line && phx_pve_is_true(line->value, line->value_size) ? line : NULL;
}

static bool has_lxc_behind(const struct phx_pve_text *text, size_t index) {
        const struct phx_pve_section *section = &text->sections[text->lines[index].section];

        for (size_t i = index + 1; i < section->first + section->count; i++)
                if (text->lines[i].kind == PHX_PVE_LXC)
                        return true;
        return false;
}

/* Whether Proxmox fails over the reserved line. One in the place of the lxc lines is in its way
 * when it adds another to them, or writes them. Of the others, a header that opens the pending
 * changes puts things right again, and in a snapshot nothing looks at them. */
static bool is_fatal(const struct phx_pve_text *text, size_t index) {
        const struct phx_pve_line *line = &text->lines[index];
        const struct phx_pve_section *section = &text->sections[line->section];

        if (phx_pve_is(line->key, line->key_size, "lxc"))
                return !section->is_overruled || has_lxc_behind(text, index);
        if (section->kind == PHX_PVE_SNAPSHOT || section->is_overruled)
                return false;
        if (phx_pve_is(line->key, line->key_size, "pending"))
                return section->kind == PHX_PVE_PENDING || !phx_pve_text_pending(text);
        return phx_pve_is(line->key, line->key_size, "snapshots");
}

const struct phx_pve_line *phx_pve_text_fatal(const struct phx_pve_text *text) {
        for (size_t i = 0; i < text->count; i++)
                if (text->lines[i].drop == PHX_PVE_DROP_RESERVED && is_fatal(text, i))
                        return &text->lines[i];
        return NULL;
}
