/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/strings.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/sorted.h"

static int append_taken(struct phx_strings *strings, char *text) {
        char **items;

        items = phx_make_room(strings->items, strings->count, sizeof(*items));
        if (!items) {
                free(text);
                return -ENOMEM;
        }

        strings->items = items;
        strings->items[strings->count++] = text;
        return 0;
}

int phx_strings_add(struct phx_strings *strings, const char *text) {
        char *copy = strdup(text);

        return copy ? append_taken(strings, copy) : -ENOMEM;
}

int phx_strings_add_once(struct phx_strings *strings, const char *text) {
        int r;

        if (phx_strings_has(strings, text))
                return 0;

        r = phx_strings_add(strings, text);
        return r < 0 ? r : 1;
}

int phx_strings_addf(struct phx_strings *strings, const char *format, ...) {
        char *text = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = phx_vprintf(&text, format, arguments);
        va_end(arguments);

        return r < 0 ? r : append_taken(strings, text);
}

int phx_strings_add_concat(
                struct phx_strings *strings,
                const char *a,
                const char *b,
                const char *c) {
        char *text = NULL;
        int r = phx_concat(&text, a, b, c);

        return r < 0 ? r : append_taken(strings, text);
}

int phx_strings_copy(struct phx_strings *strings, const struct phx_strings *other) {
        for (size_t i = 0; i < other->count; i++) {
                int r = phx_strings_add(strings, other->items[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

bool phx_strings_has(const struct phx_strings *strings, const char *text) {
        for (size_t i = 0; i < strings->count; i++)
                if (strcmp(strings->items[i], text) == 0)
                        return true;
        return false;
}

static int strings_compare_items(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool strings_are_sorted(const struct phx_strings *strings) {
        for (size_t i = 1; i < strings->count; i++)
                if (strcmp(strings->items[i - 1], strings->items[i]) > 0)
                        return false;
        return true;
}

void phx_strings_sort(struct phx_strings *strings) {
        if (!strings_are_sorted(strings))
                qsort(strings->items,
                      strings->count,
                      sizeof(*strings->items),
                      strings_compare_items);
}

void phx_strings_unique(struct phx_strings *strings) {
        size_t kept = 0;

        phx_strings_sort(strings);
        for (size_t i = 0; i < strings->count; i++) {
                if (kept > 0 && strcmp(strings->items[kept - 1], strings->items[i]) == 0)
                        free(strings->items[i]);
                else
                        strings->items[kept++] = strings->items[i];
        }
        strings->count = kept;
}

bool phx_strings_has_sorted(const struct phx_strings *strings, const char *text) {
        return phx_find_sorted(
                        &text,
                        strings->items,
                        strings->count,
                        sizeof(*strings->items),
                        strings_compare_items);
}

bool phx_strings_equal(const struct phx_strings *a, const struct phx_strings *b) {
        if (a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++)
                if (strcmp(a->items[i], b->items[i]) != 0)
                        return false;
        return true;
}

void phx_strings_done(struct phx_strings *strings) {
        for (size_t i = 0; i < strings->count; i++)
                free(strings->items[i]);
        free(strings->items);
        *strings = (struct phx_strings){ 0 };
}

int phx_vprintf(char **ret_text, const char *format, va_list arguments) {
        if (vasprintf(ret_text, format, arguments) >= 0)
                return 0;
        *ret_text = NULL;
        return -ENOMEM;
}

int phx_printf(char **ret_text, const char *format, ...) {
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = phx_vprintf(ret_text, format, arguments);
        va_end(arguments);
        return r;
}

int phx_concat(char **ret_text, const char *a, const char *b, const char *c) {
        const size_t sizes[] = { strlen(a), strlen(b), strlen(c) };
        char *text = malloc(sizes[0] + sizes[1] + sizes[2] + 1);

        *ret_text = text;
        if (!text)
                return -ENOMEM;
        memcpy(text, a, sizes[0]);
        memcpy(text + sizes[0], b, sizes[1]);
        memcpy(text + sizes[0] + sizes[1], c, sizes[2] + 1);
        return 0;
}

char *phx_decimal(char text[PHX_DECIMAL_SIZE], uint64_t number) {
        char digits[PHX_DECIMAL_SIZE], *first = digits + sizeof(digits);
        size_t size;

        do {
                *--first = (char) ('0' + number % 10);
                number /= 10;
        } while (number > 0);
        size = (size_t) (digits + sizeof(digits) - first);
        memcpy(text, first, size);
        text[size] = '\0';
        return text + size;
}

bool phx_has_prefix(const char *text, const char *prefix) {
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool phx_has_suffix(const char *text, const char *suffix) {
        size_t length = strlen(text), tail = strlen(suffix);

        return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

bool phx_has_control(const char *text) {
        for (; *text; text++)
                if ((unsigned char) *text < ' ' || *text == 0x7f)
                        return true;
        return false;
}

bool phx_has_nul(const char *data, size_t size, unsigned *ret_line, unsigned *ret_column) {
        const char *nul = memchr(data, '\0', size), *start = data;

        if (!nul)
                return false;
        *ret_line = 1;
        for (const char *at = data; at < nul; at++)
                if (*at == '\n') {
                        start = at + 1;
                        (*ret_line)++;
                }
        *ret_column = (unsigned) (nul - start) + 1;
        return true;
}

const char *phx_plural(size_t count) {
        return count == 1 ? "" : "s";
}

bool phx_is_normal_path(const char *path) {
        if (*path != '/' || strlen(path) >= PATH_MAX || phx_has_control(path))
                return false;

        while (*path == '/') {
                size_t length = strcspn(++path, "/");

                if (length == 0 || (length == 1 && path[0] == '.') ||
                    (length == 2 && path[0] == '.' && path[1] == '.'))
                        return false;
                path += length;
        }
        return true;
}

bool phx_is_below(const char *path, const char *directory) {
        size_t size = strlen(directory);

        return strncmp(path, directory, size) == 0 && path[size] == '/';
}

bool phx_equal(const char *a, const char *b) {
        if (!a || !b)
                return a == b;
        return strcmp(a, b) == 0;
}

bool phx_is_separator(char c) {
        return (unsigned char) c < 0x80 && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
               !(c >= 'A' && c <= 'Z');
}

char phx_lower(char c) {
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

bool phx_alike(const char *a, const char *b) {
        for (;;) {
                while (*a && phx_is_separator(*a))
                        a++;
                while (*b && phx_is_separator(*b))
                        b++;
                if (phx_lower(*a) != phx_lower(*b))
                        return false;
                if (!*a)
                        return true;
                a++;
                b++;
        }
}

static size_t least(size_t a, size_t b, size_t c) {
        size_t ab = a < b ? a : b;

        return ab < c ? ab : c;
}

size_t phx_distance(const char *a, const char *b) {
        size_t row[65], rows = strlen(a), columns = strlen(b);

        if (columns >= PHX_ELEMENTS(row) || rows >= PHX_ELEMENTS(row))
                return SIZE_MAX;

        for (size_t j = 0; j <= columns; j++)
                row[j] = j;
        for (size_t i = 1; i <= rows; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= columns; j++) {
                        size_t above = row[j];

                        row[j] = least(above + 1,
                                       row[j - 1] + 1,
                                       diagonal + (a[i - 1] != b[j - 1]));
                        diagonal = above;
                }
        }
        return row[columns];
}

int phx_replace(char **text, const char *value) {
        char *copy = NULL;

        if (value) {
                copy = strdup(value);
                if (!copy)
                        return -ENOMEM;
        }
        free(*text);
        *text = copy;
        return 0;
}
