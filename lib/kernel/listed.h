/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The kernel's list of all profiles, which has their names and modes in one file, and which entry
 * of policy/profiles belongs to which of them. */

#include "base/strings.h"
#include "kernel/apparmorfs.h"

struct phx_listed {
        char *name;
        enum phx_policy_mode mode;
        bool has_children;
        size_t entries; /* how many may be its own */
};

/* Those whose names the kernel shows as they are; sorted by name. */
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
