/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strings.h"

/* A profile that some file under the deployed directory defines at its top level. */
struct phx_definition {
        char *name;    /* as written, without quotes; variables are not expanded */
        char *file;    /* relative to the directory: "lxc-containers", "lxc/lxc-default" */
        unsigned line; /* of the name */
};

/* UNREADABLE are files that could not be looked into, each as
 * "FILE: why": a name may be in one of them. */
struct phx_definitions {
        struct phx_definition *items;
        size_t count;
        struct phx_strings unreadable;
        bool is_sorted;
};

/* The first definition of NAME in a file other than BUT_FILE (may be NULL), or NULL. */
const struct phx_definition *phx_definitions_find(
                const struct phx_definitions *definitions,
                const char *name,
                const char *but_file);
void phx_definitions_done(struct phx_definitions *definitions);

/* The profiles that TEXT defines, in its order, with FILE as their file: for one text. Never fails
 * for what the text is; -ENOMEM. */
int phx_definitions_scan(
                const char *text,
                size_t size,
                const char *file,
                struct phx_definitions *ret_definitions);

/* Appends one. 0 or -ENOMEM. */
int phx_definitions_add(
                struct phx_definitions *definitions,
                const char *name,
                const char *file,
                unsigned line);
/* Appends copies of all of FROM. 0 or -ENOMEM. */
int phx_definitions_add_all(struct phx_definitions *to, const struct phx_definitions *from);
/* The same definitions in the same order, and the same unreadable files. */
bool phx_definitions_equal(const struct phx_definitions *a, const struct phx_definitions *b);
/* By name, then file, then line; what is sorted is found without a walk over all. */
void phx_definitions_sort(struct phx_definitions *definitions);
