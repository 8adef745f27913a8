#pragma once

#include <sys/stat.h>

#include "base/error.h"

/* Which compiler it is that is there now. Reading the program takes a while, so it is read again
 * only when it is another one: an upgrade under way makes other policies. The zero value knows
 * nothing. */
struct phx_compiler_known {
        char *identity; /* see phx_compiler_identity() */
        char *features;
        struct stat program;
};

/* Brings KNOWN up to date. */
int phx_compiler_know(
                struct phx_compiler_known *known,
                const char *parser,
                const char *features,
                struct phx_error *error);
void phx_compiler_known_done(struct phx_compiler_known *known);
