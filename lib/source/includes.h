/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"
#include "source/files.h"

/* Where "include <x>" is looked for: first among the sources, of which the site's (NULL: none) are
 * the second, then where the machine's policy is. */
struct phx_include_roots {
        const char *profile_dir;
        const char *site_dir;
        const char *deployed_dir;
};

/* One name that an include may mean. */
struct phx_include {
        char *name; /* relative to the roots: "abstractions/base"; normal, see below */
        char *path; /* absolute; NULL when it is in no root */
        char digest[PHX_SHA256_HEX]; /* "directory" for one; "" when it is in no root */
};

/* All that a profile's text includes, however deep: everything that decides what it compiles to,
 * and everything that the compiler will be given to read. */
struct phx_closure {
        struct phx_include *items; /* sorted by name */
        size_t count;
        struct phx_strings
                        directories; /* absolute: where a change may change the closure; sorted */
};

/* Collects what TEXT, the profile NAME, includes. The search is lexical and takes in too much
 * rather than too little: what only looks like an include does no harm, and one that were missed
 * could not be read by the compiler, which sees nothing but the closure. A directory stands for the
 * files in it that the compiler would read, of all roots together, as they will be once deployed.
 * Includes in a circle are followed once, as the compiler does.
 *
 * -EINVAL with "NAME: line N: …" (or "NAME: PATH: line N: … (included by NAME:N)") for what cannot
 * be allowed: a name that is a path, "..", a file that is not trusted or not regular, more than
 * 1000 files, 16 MiB or 64 levels. -EBUSY when a file is being written. RET_CLOSURE is then without
 * items, but with the directories where that may change, and is to be done away with as ever. */
int phx_closure_collect(
                struct phx_files *files,
                const struct phx_include_roots *roots,
                const char *name,
                const char *text,
                struct phx_closure *ret_closure,
                struct phx_error *error);
void phx_closure_done(struct phx_closure *closure);

/* As a closure has it: without "//", "/./", "./" before it and a slash behind it, which mean the
 * same file to the compiler. "" for the directory itself. The caller's to free; NULL when memory is
 * short.
 */
char *phx_include_name(const char *name);

/* Whether an include of NAME (as above) reads the closure's item: it is the item, or the directory
 * that holds it. */
bool phx_include_means(const char *name, const char *item);

/* NULL when it includes nothing of that name. */
const struct phx_include *phx_closure_find(const struct phx_closure *closure, const char *name);

/* The digest of all that decides the result: COMPILER (its identity, flags and the kernel's
 * features), the profile's name, text and closure, by content and never by time. */
int phx_closure_key(
                const struct phx_closure *closure,
                const char *compiler,
                const char *name,
                const char *text_digest,
                char ret_key[PHX_SHA256_HEX]);
