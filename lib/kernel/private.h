/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "kernel/apparmorfs.h"

struct phx_kernel {
        char *apparmorfs;
        char *module;
        struct aa_features *features; /* of the last load; they do not change while a kernel runs */
};

/* The content of a small file of one line, without its line end; the caller's. 0 or a negative
 * errno. */
int phx_kernel_read_value(int dir_fd, const char *name, char **ret_text);

/* Opens NAME below apparmorfs: a descriptor, or a negative errno. */
int phx_kernel_open_below(const struct phx_kernel *kernel, const char *name, int flags);
