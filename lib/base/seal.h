/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/buffer.h"

/* Files that a program keeps for itself: "MAGIC CHECKSUM\n", and then the content. The checksum
 * finds what a crash or a bad disk has damaged, and a file that has another one's name. It is no
 * protection against a program that may write there: only for directories that are root's alone. */

/* Lower-case hexadecimal with its NUL. */
#define PHX_SEAL_HEX 33

/* Of the content under this KEY, a text: what the file is about. */
void phx_seal_checksum(
                const char *key,
                const void *data,
                size_t size,
                char ret_checksum[PHX_SEAL_HEX]);

/* Appends the whole file. 0 or -ENOMEM. */
int phx_seal_render(
                struct phx_buffer *buffer,
                const char *magic,
                const char *checksum,
                const void *data,
                size_t size);

/* The content, which is borrowed from the FILE of SIZE bytes; RET_CHECKSUM may be NULL. NULL when
 * the file is damaged, of another form, or about another key. */
const char *phx_seal_open(
                const char *magic,
                const char *key,
                const char *file,
                size_t size,
                size_t *ret_size,
                char ret_checksum[PHX_SEAL_HEX]);
