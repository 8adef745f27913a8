/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

/* A set of strings that owns them, for many: each question costs the logarithm of how many there
 * are. The zero value is empty. */
struct phx_set {
        void *root; /* tsearch(3) */
        size_t count;
};

/* Adds a copy: 1 when it was added, 0 when it was there, or -ENOMEM. */
int phx_set_add(struct phx_set *set, const char *text);
/* 1 when it was there, else 0. */
int phx_set_remove(struct phx_set *set, const char *text);
bool phx_set_has(const struct phx_set *set, const char *text);
void phx_set_done(struct phx_set *set);
