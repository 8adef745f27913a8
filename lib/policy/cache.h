/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/strings.h"

/* Compiled policies, one file for each compile key, in the directory DIR_FD that is ours alone.
 * Each file carries a digest of its policy: what a crash or a bad disk damaged is treated as
 * absent. */

/* -ENOENT when there is none, or only a damaged one, which is removed. The blob is the caller's. */
int phx_policy_cache_get(int dir_fd, const char *key, char **ret_blob, size_t *ret_size);
/* 1 when it was written, 0 when it was there, or a negative errno. */
int phx_policy_cache_put(int dir_fd, const char *key, const char *blob, size_t size);
/* Removes every policy whose key is not in KEYS. Returns how many, or a negative errno when one
 * could not be removed. */
int phx_policy_cache_keep(int dir_fd, const struct phx_strings *keys);
