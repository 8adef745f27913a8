/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* What a compile writes to: memory, from which nothing is taken before it can no longer change. */

/* For a child to inherit. Its file gives no rights, so that it cannot be opened once more by
 * way of /proc. 0 or a negative errno, then RET_FD is -1 or the caller's to close. */
int phx_compiler_output_new(const char *name, int *ret_fd);

/* Seals it for good, and reads the whole of it: at most LIMIT bytes; RET_DATA has a NUL behind them
 * and is the caller's. -EIO with a text when it cannot be sealed, as while somebody has it mapped
 * for writing; else as phx_file_read_fd(). */
int phx_compiler_output_read(
                int fd,
                size_t limit,
                char **ret_data,
                size_t *ret_size,
                struct phx_error *error);
