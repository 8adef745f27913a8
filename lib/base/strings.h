/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

/* A list of strings that owns its items. The zero value is an empty list. */
struct phx_strings {
        char **items;
        size_t count;
};

/* Appends a copy. 0 or -ENOMEM. */
int phx_strings_add(struct phx_strings *strings, const char *text);
/* Appends a copy unless the list has it: 1 when it was added, 0 when it was there, or -ENOMEM. */
int phx_strings_add_once(struct phx_strings *strings, const char *text);
/* Appends a formatted string. 0 or -ENOMEM. */
int phx_strings_addf(struct phx_strings *strings, const char *format, ...) PHX_PRINTF(2, 3);
/* Appends three texts in a row, see phx_concat(). 0 or -ENOMEM. */
int phx_strings_add_concat(
                struct phx_strings *strings,
                const char *a,
                const char *b,
                const char *c);
/* Appends copies of all of OTHER. 0 or -ENOMEM. */
int phx_strings_copy(struct phx_strings *strings, const struct phx_strings *other);
bool phx_strings_has(const struct phx_strings *strings, const char *text);
/* Byte order, so that the same set always reads the same. */
void phx_strings_sort(struct phx_strings *strings);
/* The same, and each once. */
void phx_strings_unique(struct phx_strings *strings);
/* Of a list that is sorted, without walking it. */
bool phx_strings_has_sorted(const struct phx_strings *strings, const char *text);
/* Same items in the same order. */
bool phx_strings_equal(const struct phx_strings *a, const struct phx_strings *b);
void phx_strings_done(struct phx_strings *strings);

/* A formatted text, the caller's to free. 0 or -ENOMEM, and then *RET_TEXT is NULL. */
int phx_printf(char **ret_text, const char *format, ...) PHX_PRINTF(2, 3);
int phx_vprintf(char **ret_text, const char *format, va_list arguments) PHX_PRINTF(2, 0);
/* The same of three texts in a row, such as "DIRECTORY", "/" and "NAME": for what is done for each
 * object in each pass, at a fifth of the cost. */
int phx_concat(char **ret_text, const char *a, const char *b, const char *c);
/* NUMBER in decimal, for the same places: the end of TEXT, where its NUL is. */
#define PHX_DECIMAL_SIZE 24
char *phx_decimal(char text[PHX_DECIMAL_SIZE], uint64_t number);
bool phx_has_prefix(const char *text, const char *prefix);
bool phx_has_suffix(const char *text, const char *suffix);
/* A byte below 0x20 or DEL: nothing that belongs in a name, a path or a line. */
bool phx_has_control(const char *text);
/* Whether there is a NUL among the SIZE bytes, and where: both counted from 1, the column in bytes.
 */
bool phx_has_nul(const char *data, size_t size, unsigned *ret_line, unsigned *ret_column);
/* Rewrites TEXT, for messages: what cannot be seen or changes how its neighbours are seen (control
 * characters, blanks that are none, zero width, direction) becomes "\\u2060", and bytes that are no
 * UTF-8 "\\xff". In a buffer of SIZE bytes: what has no room is cut. */
void phx_make_visible(char *text, size_t size);
/* The same as a copy, whole; the caller's to free. NULL when memory is short. */
char *phx_visible(const char *text);
/* A copy of a name, which may hold any byte, that is plain UTF-8 on one line: backslashes, and what
 * the above would rewrite, become \xHH, each byte for itself. No two names give the same text, and
 * one without any of these stays as it is. The caller's to free; 0 or -ENOMEM. */
int phx_escape(const char *bytes, char **ret_text);
/* "s", unless COUNT is one: "%zu file%s". */
const char *phx_plural(size_t count);
/* Absolute, without "//", ".", "..", a slash at the end or control characters, and more than "/".
 */
bool phx_is_normal_path(const char *path);
/* PATH is in DIRECTORY, or deeper: by the texts of both alone. */
bool phx_is_below(const char *path, const char *directory);
/* Equal, where two NULLs are equal too. */
bool phx_equal(const char *a, const char *b);
/* ASCII, whatever the locale: neither a letter nor a digit; and the letter in lower case. */
bool phx_is_separator(char c);
char phx_lower(char c);
/* Equal but for the case of letters and for what is neither a letter nor a digit, as in
 * "AppArmor-Profile" and "apparmor_profile". */
bool phx_alike(const char *a, const char *b);
/* The edit distance (insert, delete, replace) of two short names; for "did you mean". */
size_t phx_distance(const char *a, const char *b);
/* Replaces *TEXT by a copy of VALUE (which may be NULL). 0 or -ENOMEM, then *TEXT is as it was. */
int phx_replace(char **text, const char *value);
