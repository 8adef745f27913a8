/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The kernel's list of all profiles of our own namespace, which has their names and modes in one
 * file, and which entry of policy/profiles belongs to which of them. */

#include "base/strings.h"
#include "kernel/apparmorfs.h"

struct phx_listed {
        char *name;
        char *base; /* of its entry, which has a number behind it */
        enum phx_policy_mode mode;
        bool is_in_doubt; /* it has children, or another is written like it */
        size_t entries;   /* how many may be its own */
};

/* Sorted by base. */
struct phx_listed_profiles {
        struct phx_listed *items;
        size_t count;
};

/* Reads the list. Negative when there is none, or one that is not understood. */
int phx_listed_read(const struct phx_kernel *kernel, struct phx_listed_profiles *ret_listed);
/* Notes ENTRIES, all the names in policy/profiles: to be called once. */
void phx_listed_match(struct phx_listed_profiles *listed, const struct phx_strings *entries);
/* The profile that ENTRY belongs to, when that is certain and it has no children; else NULL. */
const struct phx_listed *phx_listed_find(
                const struct phx_listed_profiles *listed,
                const char *entry);
void phx_listed_done(struct phx_listed_profiles *listed);
