/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* All the lines of a config in the order in which liblxc reads them: an included file's stand where
 * the include does, and of a directory every "*.conf", hidden ones too, as the directory lists
 * them. For people, and for what an include may set: what is in force says liblxc. */

#include <stddef.h>

#include "lxc/text.h"

struct phx_lxc_place {
        const char *file;
        unsigned line;
        const char *directory; /* the outermost include of a directory that led here, or NULL */
};

/* TEXT is that of the config at PATH. CALLED may return a negative errno, which ends it. Includes
 * that cannot be read have no lines; nor has what is nested too deep, or comes after too many. */
int phx_lxc_walk(
                const char *path,
                const char *text,
                size_t size,
                int (*called)(void *data,
                              const struct phx_lxc_place *place,
                              const struct phx_lxc_line *line),
                void *data);
