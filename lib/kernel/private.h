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

/* The profile that is ENTRY of the directory policy/profiles, and its children. 0, also when it has
 * gone away or cannot be read (the list is not COMPLETE then), or a negative errno. */
int phx_kernel_observe_entry(int dir_fd, const char *entry, struct phx_loaded_list *list);

/* How the entry of a profile is called, before its number: the first SIZE bytes of NAME without
 * what does not suit a file name. The caller's to free; NULL when memory is short. */
char *phx_kernel_entry_base(const char *name, size_t size);
