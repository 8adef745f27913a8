/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"
#include "base/trust.h"
#include "source/include_scan.h"

/* One file as one look saw it: read once, with the same answer for everybody who asks in that look.
 */
struct phx_file_seen {
        char *path;
        int result; /* 0, or the negative errno of phx_trust_read() */
        char *text; /* with result 0: SIZE bytes and a NUL */
        size_t size;
        char digest[PHX_SHA256_HEX];
        bool is_linked; /* a symbolic link was on the way, so that more directories are to be
                           watched */
        struct phx_error error;
};

/* One directory, likewise. */
struct phx_directory_seen {
        char *path;
        int result;               /* 0, or the negative errno of phx_trust_open_directory() */
        struct phx_strings names; /* of all that is no directory in it; sorted */
        struct phx_error error;
};

/* What one look has read so far. */
struct phx_files;

/* TRUST is borrowed; NULL reads without asking whose a file is, as for configs that are LXC's own
 * affair. 0 or -ENOMEM. */
int phx_files_new(const struct phx_trust *trust, struct phx_files **ret_files);
struct phx_files *phx_files_free(struct phx_files *files);
PHX_DEFINE_FREEP(phx_files)

/* The file at an absolute path, of at most 1 MiB; borrowed, valid as long as FILES. NULL when
 * memory is short. */
const struct phx_file_seen *phx_files_get(struct phx_files *files, const char *path);

/* The same for a directory. */
const struct phx_directory_seen *phx_files_list(struct phx_files *files, const char *path);

/* What the file at PATH refers to, found once however many include it; borrowed. NULL when memory
 * is short, no items when it cannot be read. */
const struct phx_references *phx_files_references(struct phx_files *files, const char *path);

/* Appends the directories where a change may change the file or directory at PATH, which need not
 * exist: that which holds it, or will. 0 or -ENOMEM. */
int phx_files_watch(const struct phx_files *files, const char *path, struct phx_strings *watches);
