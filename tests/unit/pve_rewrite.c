/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve_rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const struct phx_pve_line *line, const char *const *names) {
        for (; *names; names++)
                if (phx_pve_is(line->key, line->key_size, *names))
                        return true;
        return false;
}

static bool is_number(const char *value, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (value[i] < '0' || value[i] > '9')
                        return false;
        return size > 0;
}

static bool is_boolean(const char *value, size_t size) {
        static const char *const words[] = { "1", "on", "yes", "true", "0", "off", "no", "false" };

        for (size_t i = 0; i < PHX_ELEMENTS(words); i++)
                if (size == strlen(words[i]) && strncasecmp(value, words[i], size) == 0)
                        return true;
        return false;
}

int pve_add_value(const struct phx_pve_line *line, struct phx_buffer *value) {
        static const char *const booleans[] = { "console",  "debug",        "onboot", "protection",
                                                "template", "unprivileged", NULL };
        static const char *const integers[] = { "cores", "cpuunits", "memory", "snaptime",
                                                "swap",  "tty",      NULL };
        const char *start = line->value;
        size_t size = line->value_size;

        if (is_one_of(line, booleans) && is_boolean(start, size))
                return phx_buffer_add_text(value, phx_pve_is_yes(start, size) ? "1" : "0");
        if (is_one_of(line, integers) && is_number(start, size))
                for (; size > 1 && *start == '0'; size--)
                        start++;
        return phx_buffer_add(value, start, size);
}

static int digit(char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

static int add_decoded(const char *text, size_t size, struct phx_buffer *buffer) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < size; i++) {
                char c = text[i];

                if (c == '%' && i + 2 < size && digit(text[i + 1]) >= 0 &&
                    digit(text[i + 2]) >= 0) {
                        c = (char) (digit(text[i + 1]) * 16 + digit(text[i + 2]));
                        i += 2;
                }
                r = phx_buffer_add(buffer, &c, 1);
        }
        return r;
}

int pve_add_notes(
                const struct phx_pve_text *text,
                const struct phx_pve_section *section,
                struct phx_buffer *notes) {
        int r = 0;

        for (size_t i = section->first; r >= 0 && i < section->first + section->count; i++) {
                const struct phx_pve_line *line = &text->lines[i];

                if (line->kind != PHX_PVE_NOTE && line->kind != PHX_PVE_DESCRIPTION)
                        continue;
                r = add_decoded(line->value, line->value_size, notes);
                if (r >= 0 && line->kind == PHX_PVE_NOTE)
                        r = phx_buffer_add_text(notes, "\n");
        }
        return r;
}

static int add_encoded(const char *text, size_t size, struct phx_buffer *buffer) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < size; i++) {
                unsigned char c = (unsigned char) text[i];

                if (c < ' ' || c >= 0x7f || c == '%' || c == ':')
                        r = phx_buffer_addf(buffer, "%%%02X", c);
                else
                        r = phx_buffer_add(buffer, &text[i], 1);
        }
        return r;
}

/* Empty lines at the end are lost. */
static int write_notes(
                const struct phx_pve_text *text,
                const struct phx_pve_section *section,
                struct phx_buffer *rewritten) {
        phx_cleanup(phx_buffer_done) struct phx_buffer notes = { 0 };
        const char *at;
        int r;

        r = pve_add_notes(text, section, &notes);
        while (notes.size > 0 && notes.data[notes.size - 1] == '\n')
                notes.size--;
        at = notes.data;
        while (r >= 0 && at && at < notes.data + notes.size) {
                size_t left = (size_t) (notes.data + notes.size - at);
                const char *end = memchr(at, '\n', left);
                size_t size = end ? (size_t) (end - at) : left;

                r = phx_buffer_add_text(rewritten, "#");
                if (r >= 0)
                        r = add_encoded(at, size, rewritten);
                if (r >= 0)
                        r = phx_buffer_add_text(rewritten, "\n");
                at += size + 1;
        }
        return r;
}

static int compare_lines(const void *a, const void *b) {
        const struct phx_pve_line *x = *(const struct phx_pve_line *const *) a;
        const struct phx_pve_line *y = *(const struct phx_pve_line *const *) b;
        size_t size = x->key_size < y->key_size ? x->key_size : y->key_size;
        int order = memcmp(x->key, y->key, size);

        if (order == 0)
                order = (x->key_size > y->key_size) - (x->key_size < y->key_size);
        return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

/* The first word of a mount point is its volume. */
static bool is_volume_of(const struct phx_pve_line *mount, const struct phx_pve_line *unused) {
        bool is_mount = phx_pve_is(mount->key, mount->key_size, "rootfs") ||
                        (mount->key_size > 2 && memcmp(mount->key, "mp", 2) == 0);

        return is_mount && mount->value_size >= unused->value_size &&
               memcmp(mount->value, unused->value, unused->value_size) == 0 &&
               (mount->value_size == unused->value_size || mount->value[unused->value_size] == ',');
}

/* A disk that is unused, and yet in use. */
static bool is_used(
                const struct phx_pve_line *const *lines,
                size_t count,
                const struct phx_pve_line *line) {
        static const char unused[] = "unused";

        if (line->key_size < strlen(unused) || memcmp(line->key, unused, strlen(unused)) != 0)
                return false;
        for (size_t i = 0; i < count; i++)
                if (is_volume_of(lines[i], line))
                        return true;
        return false;
}

static int write_line(const struct phx_pve_line *line, struct phx_buffer *rewritten) {
        int r;

        r = phx_buffer_add(rewritten, line->key, line->key_size);
        if (r >= 0)
                r = phx_buffer_add_text(rewritten, ": ");
        if (r >= 0)
                r = line->kind == PHX_PVE_KEY
                                    ? pve_add_value(line, rewritten)
                                    : phx_buffer_add(rewritten, line->value, line->value_size);
        return r < 0 ? r : phx_buffer_add_text(rewritten, "\n");
}

static int write_keys(
                const struct phx_pve_text *text,
                const struct phx_pve_section *section,
                struct phx_buffer *rewritten) {
        phx_autofree const struct phx_pve_line **lines = calloc(
                        section->count + 1,
                        sizeof(struct phx_pve_line *));
        const bool is_main = section->kind == PHX_PVE_MAIN;
        size_t count = 0;
        int r = 0;

        if (!lines)
                return -ENOMEM;
        for (size_t i = section->first; i < section->first + section->count; i++)
                if (text->lines[i].kind == PHX_PVE_KEY)
                        lines[count++] = &text->lines[i];
        qsort(lines, count, sizeof(struct phx_pve_line *), compare_lines);
        for (size_t i = 0; r >= 0 && i < count; i++) {
                bool is_last = i + 1 == count || lines[i]->key_size != lines[i + 1]->key_size ||
                               memcmp(lines[i]->key, lines[i + 1]->key, lines[i]->key_size) != 0;

                if (!is_last || (is_main && (phx_pve_line_sets(lines[i], "snapstate") ||
                                             is_used(lines, count, lines[i]))))
                        continue;
                r = write_line(lines[i], rewritten);
        }
        return r;
}

static int write_lxc(
                const struct phx_pve_text *text,
                const struct phx_pve_section *section,
                bool is_runtime,
                struct phx_buffer *rewritten) {
        int r = 0;

        for (size_t i = section->first; r >= 0 && i < section->first + section->count; i++) {
                const struct phx_pve_line *line = &text->lines[i];

                if (line->kind == PHX_PVE_LXC &&
                    phx_pve_line_sets(line, PHX_PVE_KEY_RUNTIME) == is_runtime)
                        r = write_line(line, rewritten);
        }
        return r;
}

static int write_section(
                const struct phx_pve_text *text,
                const struct phx_pve_section *section,
                struct phx_buffer *rewritten) {
        int r = write_notes(text, section, rewritten);

        if (r >= 0)
                r = write_keys(text, section, rewritten);
        if (r >= 0)
                r = write_lxc(text, section, true, rewritten);
        return r < 0 ? r : write_lxc(text, section, false, rewritten);
}

static bool is_empty(const struct phx_pve_text *text, const struct phx_pve_section *section) {
        for (size_t i = section->first; i < section->first + section->count; i++)
                if (text->lines[i].kind != PHX_PVE_BLANK && text->lines[i].kind != PHX_PVE_DROPPED)
                        return false;
        return true;
}

static int compare_sections(const void *a, const void *b) {
        const struct phx_pve_section *x = *(const struct phx_pve_section *const *) a;
        const struct phx_pve_section *y = *(const struct phx_pve_section *const *) b;
        size_t size = x->name_size < y->name_size ? x->name_size : y->name_size;
        int order = memcmp(x->name, y->name, size);

        return order != 0 ? order : (x->name_size > y->name_size) - (x->name_size < y->name_size);
}

static int write_snapshots(const struct phx_pve_text *text, struct phx_buffer *rewritten) {
        phx_autofree const struct phx_pve_section **sections = calloc(
                        text->n_sections,
                        sizeof(struct phx_pve_section *));
        size_t count = 0;
        int r = 0;

        if (!sections)
                return -ENOMEM;
        for (size_t i = 0; i < text->n_sections; i++)
                if (text->sections[i].kind == PHX_PVE_SNAPSHOT && !text->sections[i].is_overruled)
                        sections[count++] = &text->sections[i];
        qsort(sections, count, sizeof(struct phx_pve_section *), compare_sections);
        for (size_t i = 0; r >= 0 && i < count; i++) {
                r = phx_buffer_addf(
                                rewritten,
                                "\n[%.*s]\n",
                                (int) sections[i]->name_size,
                                sections[i]->name);
                if (r >= 0)
                        r = write_section(text, sections[i], rewritten);
        }
        return r;
}

int pve_rewrite(const struct phx_pve_text *text, struct phx_buffer *ret_rewritten) {
        phx_cleanup(phx_buffer_done) struct phx_buffer rewritten = { 0 };
        const struct phx_pve_section *pending = phx_pve_text_pending(text);
        int r = phx_buffer_add_text(&rewritten, "");

        if (r >= 0)
                r = write_section(text, &text->sections[0], &rewritten);
        if (r >= 0 && pending && !is_empty(text, pending)) {
                r = phx_buffer_add_text(&rewritten, "\n[pve:pending]\n");
                if (r >= 0)
                        r = write_section(text, pending, &rewritten);
        }
        if (r >= 0)
                r = write_snapshots(text, &rewritten);
        if (r < 0)
                return r;
        *ret_rewritten = PHX_TAKE_STRUCT(rewritten);
        return 0;
}
