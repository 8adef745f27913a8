/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Temporary trees for tests of what reads files: no test needs more than files and directories. */

#include <stdbool.h>
#include <stddef.h>

#include "base/strings.h"

/* Makes an empty directory and changes into nothing; the path is static per test program and is
 * removed with all that is in it by tree_done(). */
const char *tree_new(void);
void tree_done(void);

/* PATH is below the tree. All missing directories on the way are made. */
void tree_write(const char *path, const char *text);
void tree_write_bytes(const char *path, const void *data, size_t size);
void tree_mkdir(const char *path);
void tree_link(const char *path, const char *target);
void tree_remove(const char *path);
/* "TREE/PATH", in one of a few static buffers. */
const char *tree_path(const char *path);
/* The content, to be freed; fails the test when there is none. */
char *tree_read(const char *path);
/* Whether DIRECTORY, an absolute path, is among WATCHES (base/watches.h), for whatever names. */
bool tree_is_watched(const struct phx_strings *watches, const char *directory);
