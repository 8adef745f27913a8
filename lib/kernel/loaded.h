/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strings.h"
#include "policy/policy.h"

/* A profile as the kernel has it. */
struct phx_loaded {
        char *name;                /* with all parents: "parent//child" */
        char *entry;               /* where it, or its outermost parent, is in policy/profiles */
        enum phx_policy_mode mode; /* PHX_POLICY_UNKNOWN when it could not be read */
        enum phx_hash_kind hash_kind;
        char hash[PHX_SHA256_HEX]; /* "" without a hash */
};

/* Sorted by name. COMPLETE is false when something is loaded whose name could not be read: then a
 * name that is not in the list is unknown and not absent. */
struct phx_loaded_list {
        struct phx_loaded *items;
        size_t count;
        bool complete;
};

/* Appends and takes LOADED's texts, which are then NULL; keep the order by a sort at the end. 0 or
 * -ENOMEM. */
int phx_loaded_list_add(struct phx_loaded_list *list, struct phx_loaded *loaded);
void phx_loaded_list_sort(struct phx_loaded_list *list);
/* NULL when it is not in the list, which must be sorted. */
const struct phx_loaded *phx_loaded_find(const struct phx_loaded_list *list, const char *name);
void phx_loaded_done(struct phx_loaded *loaded);
void phx_loaded_list_done(struct phx_loaded_list *list);
