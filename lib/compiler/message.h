/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "source/walk.h"

/* What the compiler said. */
struct phx_compiler_said {
        const char *parser; /* the program; for its version */
        const char *stage;  /* where it read its copies; paths are given back as the originals' */
        const char *output;
};

/* What it said, in one line for the operator, and in words that say what to do where we know them:
 * "NAME: line 39: …", or "NAME: /etc/apparmor.d/abstractions/x: line 12: … (included by NAME:3)"
 * when the place is in an include. Where the compiler names no place, or one that is not the
 * author's, it is looked for in TEXT. Returns CODE. */
int phx_compiler_message(
                const struct phx_source_text *text,
                const struct phx_compiler_said *said,
                int code,
                struct phx_error *error);
