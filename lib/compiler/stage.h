/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "source/files.h"
#include "source/includes.h"

/* The private copy that a compile reads: the profile and its closure, byte for byte as they were
 * checked and hashed, in the layout in which they were found. So what is compiled is what was
 * judged, whatever happens to the originals meanwhile. */

/* What is put there; all borrowed. */
struct phx_stage_content {
        const char *name; /* of the profile, and so of its file */
        const struct phx_file_seen *profile;
        const struct phx_closure *closure;
        struct phx_files *files; /* with which CLOSURE was collected */
};

/* Makes DIRECTORY (absolute, its parent exists) and fills it with COUNT CONTENTS, which agree
 * (source/agree.h), to be read by GROUP alone. An older one of that name is removed first. */
int phx_stage_create(
                const char *directory,
                gid_t group,
                const struct phx_stage_content *contents,
                size_t count,
                struct phx_error *error);

/* One file more, NAME in DIRECTORY (which exists), to be read by GROUP alone; an older one of that
 * name is removed first. */
int phx_stage_add(
                const char *directory,
                const char *name,
                gid_t group,
                const char *text,
                struct phx_error *error);
/* Whether that is there, with that group: all other changes take root. */
bool phx_stage_has(const char *directory, const char *name, gid_t group);
/* Removes it. 0, also when it is not there. */
int phx_stage_subtract(const char *directory, const char *name);

/* Removes the directory with all that is in it, following no link. 0, also when it is not there. */
int phx_stage_remove(const char *directory);
