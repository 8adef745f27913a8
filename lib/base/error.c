/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

#undef phx_error_set /* the analyzer's, see the header */
int phx_error_set(struct phx_error *error, int code, const char *format, ...) {
        va_list arguments;

        if (!error)
                return code;

        error->code = code;
        va_start(arguments, format);
        (void) vsnprintf(error->text, sizeof(error->text), format, arguments);
        va_end(arguments);
        phx_make_visible(error->text, sizeof(error->text));

        return code;
}

int phx_error_errno(struct phx_error *error, const char *place) {
        int r = phx_errno();

        return phx_error_set(error, r, "%s: %s", place, strerrordesc_np(-r));
}

void phx_error_prefix(struct phx_error *error, const char *prefix) {
        struct phx_error inner;

        if (!error)
                return;

        inner = *error;
        (void) phx_error_set(error, inner.code, "%s: %.900s", prefix, inner.text);
}

const char *phx_error_text(const struct phx_error *error, int code) {
        if (error && error->text[0])
                return error->text;
        return strerrordesc_np(-code);
}

#undef phx_errno
int phx_errno(void) {
        return errno > 0 ? -errno : -EIO;
}
