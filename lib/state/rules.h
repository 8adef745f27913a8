/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The rules of the lint: what a profile, or an entry of the configuration together with its
 * profile, may do and hardly ought to. Numbers and names never change their meaning, and none is
 * used again. phoenixd-rules(7) says for each why it matters, and what to do. */
enum phx_rule {
        /* Of a profile, asked of what it compiles to. */
        PHX_RULE_MAY_LEAVE,
        PHX_RULE_MAY_LEAVE_BY_EXEC,
        PHX_RULE_NOT_ENFORCED,
        PHX_RULE_OUTSIDE_TASKS,
        PHX_RULE_BLOCK_DEVICE_MOUNTS,
        PHX_RULE_KERNEL_MOUNTS,
        PHX_RULE_BLOCK_DEVICES,
        PHX_RULE_KERNEL_FILES,
        PHX_RULE_KERNEL_MEMORY,
        PHX_RULE_KERNEL_CAPABILITIES,
        PHX_RULE_NO_ABI,
        /* Of an entry, with its profile. */
        PHX_RULE_GPU_DENIED,
        PHX_RULE_POLICY_ADMIN,
        PHX_RULE_NO_NAMESPACE,
        PHX_RULE_ALL_DEVICES,
        PHX_RULE_KERNEL_MOUNTED,
        PHX_RULE_MOUNT_DENIED,
};

enum phx_rule_subject {
        PHX_RULE_OF_PROFILE,
        PHX_RULE_OF_CONTAINER,
};

struct phx_rule_info {
        unsigned number; /* shown as PHX101 */
        const char *name;
        enum phx_rule_subject subject;
        bool leaves; /* what runs in such a profile can get rid of it */
        const char *summary;
};

/* In the order of the enum. */
const struct phx_rule_info *phx_rules_table(size_t *ret_count);
const struct phx_rule_info *phx_rule_info(enum phx_rule rule);

/* NULL for a number that is no rule. */
const char *phx_rule_to_string(enum phx_rule rule);

/* By its name ("may-leave") or number ("PHX101", "101"). */
bool phx_rule_find(const char *word, enum phx_rule *ret_rule);
