/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

/* As much of a name as stands before a text: what is wrong must not be cut away for it. */
#define NAME_SHOWN 600

/* Begins again, with POSITION if it is not NULL. */
static void error_begin(struct phx_error *error, int code, const struct phx_position *position) {
        error->code = code;
        error->is_listed = false;
        error->file[0] = error->text[0] = '\0';
        error->line = error->column = 0;
        error->what = 0;
        if (!position)
                return;
        if (position->line > 0)
                (void) snprintf(error->text,
                                sizeof(error->text),
                                "%.*s: line %u: ",
                                NAME_SHOWN,
                                position->file,
                                position->line);
        else
                (void) snprintf(error->text,
                                sizeof(error->text),
                                "%.*s: ",
                                NAME_SHOWN,
                                position->file);
        phx_make_visible(error->text, sizeof(error->text));
        error->what = strlen(error->text);
        if (strlen(position->file) >= sizeof(error->file))
                return;
        memcpy(error->file, position->file, strlen(position->file) + 1);
        error->line = position->line;
        error->column = position->column;
}

static void PHX_PRINTF(2, 0)
                error_end(struct phx_error *error, const char *format, va_list arguments) {
        char *what = error->text + error->what;
        size_t size = sizeof(error->text) - error->what;

        (void) vsnprintf(what, size, format, arguments);
        phx_make_visible(what, size);
        if (!error->file[0])
                error->what = 0;
}

#undef phx_error_set /* the analyzer's, see the header */
int phx_error_set(struct phx_error *error, int code, const char *format, ...) {
        va_list arguments;

        if (!error)
                return code;

        error_begin(error, code, NULL);
        va_start(arguments, format);
        error_end(error, format, arguments);
        va_end(arguments);

        return code;
}

#undef phx_error_set_at
int phx_error_set_at(
                struct phx_error *error,
                int code,
                const struct phx_position *position,
                const char *format,
                ...) {
        va_list arguments;

        if (!error)
                return code;

        error_begin(error, code, position);
        va_start(arguments, format);
        error_end(error, format, arguments);
        va_end(arguments);

        return code;
}

#undef phx_error_set_in
int phx_error_set_in(struct phx_error *error, int code, const char *file, const char *format, ...) {
        const struct phx_position position = { .file = file };
        va_list arguments;

        if (!error)
                return code;

        error_begin(error, code, &position);
        va_start(arguments, format);
        error_end(error, format, arguments);
        va_end(arguments);

        return code;
}

int phx_error_errno(struct phx_error *error, const char *place) {
        int r = phx_errno();

        return phx_error_set_in(error, r, place, "%s", strerrordesc_np(-r));
}

int phx_error_copy(struct phx_error *error, int code, const struct phx_error *from) {
        struct phx_findings *all;

        if (!error)
                return code;
        if (!from)
                return phx_error_set(error, code, "%s", strerrordesc_np(-code));

        all = error->all;
        *error = *from;
        error->all = all;
        error->code = code;
        error->is_listed = false;
        return code;
}

struct phx_error *phx_error_keep(const struct phx_error *error, int code) {
        struct phx_error *kept = code < 0 ? malloc(sizeof(*kept)) : NULL;

        if (kept)
                *kept = *error;
        return kept;
}

/* Returns the size of what was put before. */
static size_t error_prepend(struct phx_error *error, const char *prefix) {
        struct phx_error inner = *error;
        size_t size;

        (void) snprintf(error->text, sizeof(error->text), "%.*s: ", NAME_SHOWN, prefix);
        phx_make_visible(error->text, sizeof(error->text));
        size = strlen(error->text);
        (void) snprintf(error->text + size, sizeof(error->text) - size, "%s", inner.text);
        /* What was cut may have been cut within a character. */
        phx_make_visible(error->text + size, sizeof(error->text) - size);
        if (inner.file[0])
                error->what = inner.what + size;
        return size;
}

void phx_error_prefix(struct phx_error *error, const char *prefix) {
        if (error)
                (void) error_prepend(error, prefix);
}

void phx_error_place(struct phx_error *error, const char *file) {
        size_t size;

        if (!error)
                return;
        size = error_prepend(error, file);
        if (error->file[0] || strlen(file) >= sizeof(error->file))
                return;
        memcpy(error->file, file, strlen(file) + 1);
        error->what = size;
}

const char *phx_error_text(const struct phx_error *error, int code) {
        if (error && error->text[0])
                return error->text;
        return strerrordesc_np(-code);
}

const char *phx_error_what(const struct phx_error *error, int code) {
        return phx_error_text(error, code) + (error && error->text[0] ? error->what : 0);
}

#undef phx_errno
int phx_errno(void) {
        return errno > 0 ? -errno : -EIO;
}
