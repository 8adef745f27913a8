/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/strings.h"

/* Every temporary name of ours is ".NAME.phoenixd~": no parser, editor or LXC reads it. */
#define PHX_TEMPORARY_SUFFIX ".phoenixd~"

/* Mode and owner for a new file; UID or GID -1 leave what the kernel gives. */
struct phx_file_owner {
        mode_t mode;
        uid_t uid;
        gid_t gid;
};

/* Reads a whole open file of at most LIMIT bytes; RET_DATA has a NUL behind RET_SIZE bytes and is
 * the caller's. -EFBIG beyond the limit, else a negative errno. Reads from offset 0, so may be
 * repeated. */
int phx_file_read_fd(int fd, size_t limit, char **ret_data, size_t *ret_size);

/* The same of a regular file of which fstat(2) has said that it has EXPECTED bytes: when a read
 * ends there, and the buffer had room for more, no second read checks for the end of the file. */
int phx_file_read_regular(int fd, size_t expected, size_t limit, char **ret_data, size_t *ret_size);

/* The same by name below DIR_FD (or an absolute path with AT_FDCWD). Never blocks on a FIFO:
 * -EINVAL for what is not a regular file. Follows symbolic links. */
int phx_file_read_at(int dir_fd, const char *name, size_t limit, char **ret_data, size_t *ret_size);

/* Whether two open files have the same bytes, from their beginnings: 1, 0, or a negative errno. */
int phx_file_compare(int a_fd, int b_fd);

/* Puts a new file in NAME's place: temporary name, write, fsync, mode, rename, fsync of the
 * directory. After a crash at any instruction NAME is the old file or the new one. */
int phx_file_replace_at(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

/* The same without waiting for the disk: a crash of the machine may leave a damaged file in NAME's
 * place, for who finds that out and can do without it. -EEXIST while another process writes the
 * same, and until phx_file_remove_leftovers() when one was killed. */
int phx_file_write_unsynced_at(
                int dir_fd,
                const char *name,
                const void *data,
                size_t size,
                mode_t mode);

/* 1 when the file had to be written, 0 when it already had this content, or a negative errno. */
int phx_file_ensure_at(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

/* The two halves of a replacement, for who must look at the new file before it takes the old one's
 * place. The first returns the temporary's name (the caller's to free). */
int phx_file_stage_at(
                int dir_fd,
                const char *name,
                const void *data,
                size_t size,
                const struct phx_file_owner *owner,
                char **ret_temporary);
int phx_file_commit_at(int dir_fd, const char *temporary, const char *name);

/* Removes what a crash left of the above directly in DIR_FD. Returns how many, or a negative errno
 * when some of it may still be there. */
int phx_file_remove_leftovers(int dir_fd);

/* Removes every file directly in DIR_FD whose name ends with SUFFIX and is not in NAMES. Returns
 * how many, or a negative errno when one could not be removed; the others are. */
int phx_file_remove_others(int dir_fd, const char *suffix, const struct phx_strings *names);

/* True for names that phoenixd never reads as input: leading dot, trailing tilde, and the endings
 * that dpkg, editors and the AppArmor parser itself pass over. */
bool phx_file_is_ignored_name(const char *name);

/* Whether a process has the file open for writing, so that its content may not be final. False
 * where the file system cannot tell, or the file is not the caller's. SIGIO must be ignored. */
bool phx_file_has_writer(int fd);

/* Opens the directory NAME below DIR_FD to be listed from its start; "." is DIR_FD's own, whose
 * position is left alone. 0 or a negative errno; *RET_DIRECTORY is the caller's. */
int phx_directory_open(int dir_fd, const char *name, DIR **ret_directory);

static inline void phx_closedirp(DIR **directory) {
        if (*directory)
                (void) closedir(*directory);
}

/* mkdir -p of an absolute path with MODE for what is created, whatever the umask. */
int phx_directory_ensure(const char *path, mode_t mode);
/* The same, and opens it for reading; one call where it is there. */
int phx_directory_ensure_open(const char *path, mode_t mode, int *ret_fd);
