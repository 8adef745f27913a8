/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reads a container's config and all that it includes, to see whether anything of it has changed:
 * liblxc alone says what it means. */

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"

/* A config is a few kilobytes; the limits only keep a mishap from costing us the machine. */
#define PHX_LXC_CONFIG_LIMIT ((size_t) 1024 * 1024)
#define PHX_LXC_INCLUDE_DEPTH 16
#define PHX_LXC_INCLUDE_COUNT 512

/* Who may write what decides a container's confinement: root and the group root, on a machine.
 * lxc-create makes a container's directory with mode 0770. */
struct phx_lxc_owner {
        uid_t uid;
        gid_t gid;
};

struct phx_lxc_source {
        char *text;
        size_t size;
        mode_t mode; /* of the file, with its owner: what a new version is to have */
        uid_t uid;
        gid_t gid;
        char digest[PHX_SHA256_HEX];   /* of the config file */
        char combined[PHX_SHA256_HEX]; /* of it, of every included file, listing and absence */
};

void phx_lxc_source_done(struct phx_lxc_source *source);

/* Remembers included files from one config to the next: for one look at all of them, no longer. */
struct phx_lxc_reader;

int phx_lxc_reader_new(struct phx_lxc_reader **ret_reader);
struct phx_lxc_reader *phx_lxc_reader_free(struct phx_lxc_reader *reader);
PHX_DEFINE_FREEP(phx_lxc_reader)

/* The config file in DIR_FD, which is called PATH in messages, without what it includes: COMBINED
 * stays empty. -EPERM when somebody else may write it, -EINVAL when it is not a regular file,
 * -ELOOP when it is a symbolic link, others as from open. */
int phx_lxc_read_config(
                int dir_fd,
                const char *path,
                const struct phx_lxc_owner *owner,
                struct phx_lxc_source *ret_source,
                struct phx_error *error);

/* Sets COMBINED. -ELOOP for includes
 * that are nested too deep (in themselves, most likely), -E2BIG for too many, -EINVAL for one that
 * is neither file nor directory: liblxc would crash or hang over them. */
int phx_lxc_reader_combine(
                struct phx_lxc_reader *reader,
                const char *path,
                struct phx_lxc_source *source,
                struct phx_error *error);

/* Every directory in which a change could change what was combined so far, or could not be. */
const struct phx_strings *phx_lxc_reader_watches(const struct phx_lxc_reader *reader);
