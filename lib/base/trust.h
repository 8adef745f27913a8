/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/stamp.h"

/* Proxmox's cluster file system. A call below it may wait for ever and cannot be interrupted then,
 * so that only one process of ours (pve/worker.h) ever names a path there. All others walk paths by
 * the functions of this header, or of base/watches.h, which stop before it, by whatever link or
 * ".." a path leads there. */
#define PHX_REMOTE_ROOT "/etc/pve"
/* The directory there that is ours. */
#define PHX_REMOTE_OURS PHX_REMOTE_ROOT "/phoenixd"

/* PATH, a path without links, is PHX_REMOTE_ROOT or below it. */
bool phx_is_remote(const char *path);

/* Input is believed only when its owner alone could have written it: every directory from the
 * root down, every symbolic link on the way and the file itself belong to OWNER and are not
 * writable by group or others, and the file is regular. Checked on the descriptors that are used,
 * not on names.
 *
 * ROOT is "/" on a machine and a temporary directory in a test; absolute links stay below it. OWNER
 * (root on a machine) is always accepted, and so is ROOT's own directory: what lies above it is not
 * looked at. */
struct phx_trust {
        const char *root;
        uid_t owner;
        /* For looking at files that are not in force, a working copy say: any user may own or
         * write them. All else holds. */
        bool anyone;
        /* Where a way that comes to PHX_REMOTE_ROOT goes on: a local copy of what is below it.
         * NULL: it ends there, with -EREMOTE. */
        const char *remote_copy;
        bool *is_remote_met; /* set when a way came there; may be NULL */
        bool *is_link_met;   /* set when a way went over a symbolic link; may be NULL */
};

/* What a path that ends with a trusted link to /dev/null is answered with: by such a link an
 * administrator hides a file of the same name elsewhere. */
#define PHX_TRUST_MASKED ENOMEDIUM

/* Opens whatever is there with O_PATH; RET_MODE is its type and permissions. ".." is followed only
 * where any owner will do (ANYONE). -PHX_TRUST_MASKED; others as below. */
int phx_trust_open_path(
                const struct phx_trust *trust,
                const char *path,
                int *ret_fd,
                mode_t *ret_mode,
                struct phx_error *error);

/* Whether there is nothing at PATH, and no link that leads nowhere: what that leads to may not be
 * mounted yet. What cannot be looked at is not absent. */
bool phx_trust_is_absent(const struct phx_trust *trust, const char *path);

/* Opens a directory. -EPERM when it is not trusted, with the component at fault in the text;
 * -ENOTDIR when it is none; -EREMOTE; -ENOENT and others as from open. */
int phx_trust_open_directory(
                const struct phx_trust *trust,
                const char *path,
                int *ret_fd,
                struct phx_error *error);

/* Whether owner and permissions of ST are such as TRUST demands. */
bool phx_trust_accepts(const struct phx_trust *trust, const struct stat *st);

/* A file as it was read. */
struct phx_trust_file {
        char *data; /* SIZE bytes and a NUL; the caller's */
        size_t size;
        struct phx_stamp stamp;
        bool is_settled; /* see phx_stamp_is_settled() */
};

/* As phx_trust_read(). DIR_FD: the directory that holds the file, which was judged already, with
 * the way to it (see base/ways.h); -1: the way is to be judged. With a directory, a file that is a
 * link is -ELOOP, and one that is not trusted has no text: read it without, then. */
int phx_trust_read_file(
                const struct phx_trust *trust,
                int dir_fd,
                const char *path,
                size_t limit,
                struct phx_trust_file *ret_file,
                struct phx_error *error);

/* Reads a trusted file whole, at most LIMIT bytes, with the same codes; -EINVAL when it is not
 * regular (a FIFO, say, which is never waited for). -EBUSY while somebody has it open for writing
 * (its content is not final) or when it changed under the read: the write's end is an event, and
 * will be looked at then. */
int phx_trust_read(
                const struct phx_trust *trust,
                const char *path,
                size_t limit,
                char **ret_data,
                size_t *ret_size,
                struct phx_error *error);

/* Opens a trusted file to be read, with the same codes, when no process has it open for writing.
 * RET_ST is of the open file. */
int phx_trust_open_file(
                const struct phx_trust *trust,
                const char *path,
                int *ret_fd,
                struct stat *ret_st,
                struct phx_error *error);
/* Whether the file is still as it was opened so: what was read in between is its content. */
bool phx_trust_is_unchanged(int fd, const struct stat *st);
