/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/macros.h"
#include "base/strings.h"

/* What a look must read again. All else may be believed as it was read before, as its events would
 * have been seen. The zero value is nothing at all; for all that ask, NULL is everything. */
struct phx_scope {
        bool is_whole;            /* everything, whatever the rest says */
        bool has_policy;          /* what is loaded in the kernel */
        bool has_tasks;           /* which containers run, and in which profiles */
        struct phx_strings paths; /* absolute, sorted, each once: DIR/NAME for the entry of a
                                     directory, DIR for the directory itself */
};

/* PATH itself is to be read again. */
bool phx_scope_has(const struct phx_scope *scope, const char *path);
/* DIRECTORY, or anything below it, is. */
bool phx_scope_has_below(const struct phx_scope *scope, const char *directory);
/* DIRECTORY, or anything below it, may have changed: it is, or one that it is in. */
bool phx_scope_concerns(const struct phx_scope *scope, const char *directory);
/* Nothing is. */
bool phx_scope_is_empty(const struct phx_scope *scope);

/* Adds a copy of PATH, or all that OTHER has. Without memory, SCOPE becomes whole instead, which
 * is always right. */
void phx_scope_add(struct phx_scope *scope, const char *path);
void phx_scope_join(struct phx_scope *scope, const struct phx_scope *other);
void phx_scope_done(struct phx_scope *scope);
