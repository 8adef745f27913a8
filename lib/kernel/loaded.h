#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strings.h"
#include "policy/policy.h"

enum phx_hash_kind {
        PHX_HASH_NONE, /* the kernel shows none, or does not let us see it */
        PHX_HASH_SHA1,
        PHX_HASH_SHA256,
};

/* A profile as the kernel has it. */
struct phx_loaded {
        char *name;                /* with all parents: "parent//child" */
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

/* Appends and takes LOADED's name, which is then NULL; keep the order by a sort at the end. 0 or
 * -ENOMEM. */
int phx_loaded_list_add(struct phx_loaded_list *list, struct phx_loaded *loaded);
void phx_loaded_list_sort(struct phx_loaded_list *list);
/* NULL when it is not in the list, which must be sorted. */
const struct phx_loaded *phx_loaded_find(const struct phx_loaded_list *list, const char *name);
void phx_loaded_done(struct phx_loaded *loaded);
void phx_loaded_list_done(struct phx_loaded_list *list);

/* How a loaded profile stands to the compiled one. Ordered by how much is wrong. */
enum phx_kernel_match {
        PHX_KERNEL_SAME,
        PHX_KERNEL_UNKNOWN, /* the kernel shows no hash, or not even the name: cannot tell */
        PHX_KERNEL_HASH_DIFFERS,
        PHX_KERNEL_MODE_DIFFERS,
        PHX_KERNEL_ABSENT,
};

/* "same", "unknown", "hash differs", "mode differs" or "absent". */
const char *phx_kernel_match_to_string(enum phx_kernel_match match);

/* One profile of the expected policy. EXPECTED and FOUND are for reports: "enforce, sha1 3f2…",
 * "not loaded". */
struct phx_kernel_finding {
        char *name;
        enum phx_kernel_match match;
        char *expected;
        char *found;
};

/* FINDINGS are in the policy's order. MATCH is the worst of them: unless it is PHX_KERNEL_SAME the
 * policy has to be loaded. LEFTOVERS are children of the policy's profiles that the kernel still
 * has and the policy has not: a replace leaves them, and taking them away would take a removal, so
 * they are only to be reported. */
struct phx_kernel_comparison {
        enum phx_kernel_match match;
        struct phx_kernel_finding *findings;
        size_t count;
        struct phx_strings leftovers;
};

/* Pure. 0 or -ENOMEM. */
int phx_kernel_compare(
                const struct phx_loaded_list *loaded,
                const struct phx_policy *expected,
                struct phx_kernel_comparison *ret_comparison);
void phx_kernel_comparison_done(struct phx_kernel_comparison *comparison);
