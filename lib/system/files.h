#pragma once

#include <stddef.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/trust.h"

/* One file as one look saw it: read once, with the same answer for everybody who asks in that look.
 */
struct phx_file_seen {
        char *path;
        int result; /* 0, or the negative errno of phx_trust_read() */
        char *text; /* with result 0: SIZE bytes and a NUL */
        size_t size;
        char digest[PHX_SHA256_HEX];
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
