/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/seal.h"
#include "base/stamp.h"
#include "base/strings.h"
#include "base/trust.h"

/* Compiled policies, one file for each compile key, in the directory DIR_FD that is root's alone.
 * Each file carries a checksum of key and policy (base/seal.h): what a crash or a bad disk damaged
 * is treated as absent. The form of earlier versions is read as well. */

/* -ENOENT when there is none, or only a damaged one, or what is no policy of phoenixd, which is
 * removed. The blob is the caller's. RET_CHECKSUM, by which other files can say which policy they
 * are about, may be NULL. */
int phx_policy_cache_get(
                int dir_fd,
                const char *key,
                char **ret_blob,
                size_t *ret_size,
                char ret_checksum[PHX_SEAL_HEX]);
/* The same from a directory that others fill, with files of the same form: a package, or a node
 * with the same compiler. Nothing is written or removed there. The directory, the ways to it and
 * the file must be such as TRUST demands: else -EPERM or another negative errno with a text. A
 * damaged file is -EBADMSG with a text. */
int phx_policy_cache_get_shared(
                const struct phx_trust *trust,
                const char *directory,
                const char *key,
                char **ret_blob,
                size_t *ret_size,
                struct phx_error *error);
/* 1 when it was written, 0 when it was there, or a negative errno. RET_CHECKSUM may be NULL. */
int phx_policy_cache_put(
                int dir_fd,
                const char *key,
                const char *blob,
                size_t size,
                char ret_checksum[PHX_SEAL_HEX]);
/* The same without waiting for the disk: a crash may leave a damaged one, which counts as none. For
 * who can do without it. -EEXIST while another process writes the same. */
int phx_policy_cache_put_unsynced(int dir_fd, const char *key, const char *blob, size_t size);
/* By what its file can be recognized as unchanged, without the device, which may have another
 * number after a boot. False when there is none. Nothing is read, and a touch makes it another. */
bool phx_policy_cache_stamp(int dir_fd, const char *key, struct phx_stamp *ret_stamp);
/* Its last use is now: when phx_policy_cache_keep() counts its age from. */
void phx_policy_cache_touch(int dir_fd, const char *key);

/* What may stay of policies that are not in use: the most recently used ones, up to so many bytes
 * in all, and none whose last use is longer ago. */
struct phx_policy_cache_limits {
        uint64_t bytes;
        uint64_t age_sec;
};

/* Removes the policies that are beyond LIMITS, and never one whose key is in KEYS (sorted), which
 * do not count; and what is kept about policies that are not there. Returns how many policies, or a
 * negative errno when one could not be removed. */
int phx_policy_cache_keep(
                int dir_fd,
                const struct phx_strings *keys,
                const struct phx_policy_cache_limits *limits);
