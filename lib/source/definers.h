/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/scope.h"
#include "base/texts.h"
#include "source/definitions.h"

/* What was found in each file when it was last read. */
struct phx_definers;

int phx_definers_new(struct phx_definers **ret_definers);
struct phx_definers *phx_definers_free(struct phx_definers *definers);
PHX_DEFINE_FREEP(phx_definers)

/* The next look reads every file. */
void phx_definers_forget(struct phx_definers *definers);

/* Which profiles the files in the directory DIR_FD define: those directly in it and those in its
 * sub-directories, but for the ones that hold pieces and links (abstractions, tunables, local, abi,
 * disable, force-complain, cache). Names that AppArmor passes over are passed over; links to
 * files are followed. A file with the stamp of the last look is not opened; a large look therefore
 * costs a stat for each file. With a SCOPE (NULL: everything) that names files of the last look
 * which define the same as then, only these are looked at. 1 when that is something else than
 * before, or other directories were walked; 0, or a negative errno. */
int phx_definers_look(
                struct phx_definers *definers,
                int dir_fd,
                const struct phx_scope *scope,
                struct phx_error *error);

/* Whether a look at DIRECTORY, of which DIR_FD is to be a descriptor, may find anything else than
 * the last one, as far as SCOPE says that it may not. Notes that DIRECTORY is looked at from now
 * on. */
bool phx_definers_is_due(
                struct phx_definers *definers,
                const char *directory,
                const struct phx_scope *scope);

/* The sub-directories that the last look has walked, as paths from DIRECTORY: where a file may
 * come. Borrowed until the next; after one that failed those of the one before. */
const struct phx_strings *phx_definers_directories(const struct phx_definers *definers);

/* What the last look has found; borrowed until the next. Nothing after one that failed. */
const struct phx_definitions *phx_definers_found(const struct phx_definers *definers);

/* The stamp that FILE, a path from DIRECTORY, was seen with by a walk since the last
 * phx_definers_is_due(), and before phx_definers_rest(): for who looks at the same files in the
 * same pass. NULL when it was not seen, or something there is a link. Borrowed until the next look.
 */
const struct phx_stamp *phx_definers_stamp(
                struct phx_definers *definers,
                const char *directory,
                const char *file);
void phx_definers_rest(struct phx_definers *definers);

/* A look, and a copy of what it has found. */
int phx_definers_observe(
                struct phx_definers *definers,
                int dir_fd,
                struct phx_definitions *ret_definitions,
                struct phx_error *error);

/* What was found in each file, as texts for another process; and the other way round, into new
 * DEFINERS: the first look there believes it by the stamps. 0, -EBADMSG or -ENOMEM, and then
 * nothing is known. */
int phx_definers_render(const struct phx_definers *definers, struct phx_buffer *bytes);
int phx_definers_parse(struct phx_definers *definers, struct phx_texts *reader);
