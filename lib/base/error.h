/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <errno.h>
#include <stdbool.h>

#include "base/macros.h"
#include "base/position.h"

struct phx_findings;

/* What a person must learn about a failure. By value, no allocation: an error path must not fail.
 * Text is lower case, without a full stop, and begins with the place: "lxc-web:39: expected …". */
struct phx_error {
        int code;
        /* Borrowed; for a caller that wants every mistake and not the first one alone, see
         * findings.h. NULL without; the functions below leave it as it is. */
        struct phx_findings *all;
        bool is_listed; /* it is in ALL already; see phx_error_list() */
        /* The place, where it is known by more than its words: see struct phx_position. "" and 0
         * when it is not; a name that is too long is unknown. */
        char file[512];
        unsigned line, column;
        size_t what; /* where the words behind the place begin in TEXT */
        char text[1024];
};

/* Whether a reader looks for more behind what it has just refused. */
static inline bool phx_error_goes_on(const struct phx_error *error, int code) {
        return code == -EINVAL && error && error->all;
}

/* Sets code and text, returns the code, so that `return phx_error_set(…)` is one line. A NULL error
 * is allowed. The code is a negative errno; text beyond the buffer is cut, and what cannot be seen
 * in it is escaped, see phx_make_visible(). */
int phx_error_set(struct phx_error *error, int code, const char *format, ...) PHX_PRINTF(3, 4);
/* The same with its place before it: "FILE: line N: ", or "FILE: " without a line. */
int phx_error_set_at(
                struct phx_error *error,
                int code,
                const struct phx_position *position,
                const char *format,
                ...) PHX_PRINTF(4, 5);
/* The same of a file as a whole. */
int phx_error_set_in(struct phx_error *error, int code, const char *file, const char *format, ...)
                PHX_PRINTF(4, 5);
#ifdef __clang_analyzer__
/* The analyzer looks at one file at a time, and would take a code that comes back for any number,
 * zero included. */
#define phx_error_set(error, code, ...) ((void) (phx_error_set) (error, code, __VA_ARGS__), (code))
#define phx_error_set_at(error, code, ...) \
        ((void) (phx_error_set_at) (error, code, __VA_ARGS__), (code))
#define phx_error_set_in(error, code, ...) \
        ((void) (phx_error_set_in) (error, code, __VA_ARGS__), (code))
#endif

/* Sets "PLACE: " and what errno says, directly below the call that failed. Returns -errno, never 0.
 */
int phx_error_errno(struct phx_error *error, const char *place);

/* What FROM says of CODE, with its place. Returns CODE. */
int phx_error_copy(struct phx_error *error, int code, const struct phx_error *from);

/* A copy to keep, the caller's to free, where CODE is one of failure; else NULL, and without
 * memory.
 */
struct phx_error *phx_error_keep(const struct phx_error *error, int code);

/* Puts "PREFIX: " before the text that is there already. The place stays. */
void phx_error_prefix(struct phx_error *error, const char *prefix);

/* Puts "FILE: " before the text; FILE is the place if there is none. */
void phx_error_place(struct phx_error *error, const char *file);

/* The text, or that of the code when none was set. */
const char *phx_error_text(const struct phx_error *error, int code);

/* The same without the place. */
const char *phx_error_what(const struct phx_error *error, int code);

/* -errno, and never 0: to be called directly below the call that failed. */
int phx_errno(void);
#ifdef __clang_analyzer__
#define phx_errno() (-EIO) /* as above */
#endif
