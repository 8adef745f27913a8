/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The way of liblxc through a config and all that it includes: an included file is read where the
 * include stands, and of a directory every "*.conf", as the directory lists them. */

#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "lxc/reader.h"
#include "lxc/text.h"

struct phx_lxc_place {
        const char *file;
        unsigned line;
        const char *directory; /* the outermost include of a directory that led here, or NULL */
};

/* All the lines of TEXT, that of the config at PATH, and of its includes. For people, and for what
 * an include may set: what is in force says liblxc. CALLED may return a negative errno, which ends
 * it. Includes that cannot be read have no lines; nor has what is nested too deep, or comes after
 * too many. */
int phx_lxc_walk(
                struct phx_lxc_reader *reader,
                const char *path,
                const char *text,
                size_t size,
                int (*called)(void *data,
                              const struct phx_lxc_place *place,
                              const struct phx_lxc_line *line),
                void *data);

/* Sets COMBINED of the config at PATH. -ELOOP for includes that are nested too deep (in themselves,
 * most likely), -E2BIG for too many, -EINVAL for one that is neither file nor directory: liblxc
 * would crash or hang over them; others as from open. */
int phx_lxc_combine(
                struct phx_lxc_reader *reader,
                const char *path,
                struct phx_lxc_source *source,
                struct phx_error *error);

/* The same in two steps, for a config whose text is not at hand: TARGETS are the paths that it
 * includes, and FACTS all that the digest says of them; PATH is for messages. */
int phx_lxc_walk_facts(
                struct phx_lxc_reader *reader,
                const char *path,
                const struct phx_strings *targets,
                struct phx_buffer *ret_facts,
                struct phx_error *error);
/* 0 or -ENOMEM. */
int phx_lxc_combine_facts(
                const char *digest,
                const struct phx_buffer *facts,
                char combined[PHX_SHA256_HEX]);
