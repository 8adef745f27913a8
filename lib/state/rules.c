/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strings.h"

#define PREFIX "PHX"

static const struct phx_rule_info rules[] = {
        [PHX_RULE_MAY_LEAVE] = { 101,
                                 "may-leave",
                                 PHX_RULE_OF_PROFILE,
                                 true,
                                 "the container may change to a profile outside its own" },
        [PHX_RULE_MAY_LEAVE_BY_EXEC] = { 102,
                                         "may-leave-by-exec",
                                         PHX_RULE_OF_PROFILE,
                                         true,
                                         "a program that the container executes leaves the "
                                         "profile" },
        [PHX_RULE_NOT_ENFORCED] = { 103,
                                    "not-enforced",
                                    PHX_RULE_OF_PROFILE,
                                    true,
                                    "the profile, or a child of it, is not enforced" },
        [PHX_RULE_OUTSIDE_TASKS] = { 104,
                                     "outside-tasks",
                                     PHX_RULE_OF_PROFILE,
                                     false,
                                     "unconfined processes may be traced or signalled" },
        [PHX_RULE_BLOCK_DEVICE_MOUNTS] = { 105,
                                           "block-device-mounts",
                                           PHX_RULE_OF_PROFILE,
                                           false,
                                           "file systems on block devices may be mounted" },
        [PHX_RULE_KERNEL_MOUNTS] = { 106,
                                     "kernel-mounts",
                                     PHX_RULE_OF_PROFILE,
                                     false,
                                     "file systems that control the kernel may be mounted" },
        [PHX_RULE_BLOCK_DEVICES] = { 107,
                                     "block-devices",
                                     PHX_RULE_OF_PROFILE,
                                     false,
                                     "block devices may be opened" },
        [PHX_RULE_KERNEL_FILES] = { 108,
                                    "kernel-files",
                                    PHX_RULE_OF_PROFILE,
                                    false,
                                    "files that control the kernel may be written" },
        [PHX_RULE_KERNEL_MEMORY] = { 109,
                                     "kernel-memory",
                                     PHX_RULE_OF_PROFILE,
                                     false,
                                     "the kernel's memory may be read or written" },
        [PHX_RULE_KERNEL_CAPABILITIES] = { 110,
                                           "kernel-capabilities",
                                           PHX_RULE_OF_PROFILE,
                                           false,
                                           "capabilities that control the kernel are allowed" },
        [PHX_RULE_NO_ABI] = { 111,
                              "no-abi",
                              PHX_RULE_OF_PROFILE,
                              false,
                              "rules depend on an abi that the profile does not name" },
        [PHX_RULE_GPU_DENIED] = { 201,
                                  "gpu-denied",
                                  PHX_RULE_OF_CONTAINER,
                                  false,
                                  "the profile denies the assigned GPU" },
        [PHX_RULE_POLICY_ADMIN] = { 202,
                                    "policy-admin",
                                    PHX_RULE_OF_CONTAINER,
                                    false,
                                    "root of the container may change the host's policy" },
        [PHX_RULE_NO_NAMESPACE] = { 203,
                                    "no-namespace",
                                    PHX_RULE_OF_CONTAINER,
                                    false,
                                    "the profile needs a policy namespace and has none" },
        [PHX_RULE_ALL_DEVICES] = { 204,
                                   "all-devices",
                                   PHX_RULE_OF_CONTAINER,
                                   false,
                                   "all devices are allowed, in a profile that makes nodes" },
        [PHX_RULE_KERNEL_MOUNTED] = { 205,
                                      "kernel-mounted",
                                      PHX_RULE_OF_CONTAINER,
                                      false,
                                      "an option mounts kernel files writable" },
        [PHX_RULE_MOUNT_DENIED] = { 206,
                                    "mount-denied",
                                    PHX_RULE_OF_CONTAINER,
                                    false,
                                    "the profile denies what an option mounts" },
};

const struct phx_rule_info *phx_rules_table(size_t *ret_count) {
        *ret_count = PHX_ELEMENTS(rules);
        return rules;
}

const struct phx_rule_info *phx_rule_info(enum phx_rule rule) {
        return &rules[rule];
}

const char *phx_rule_to_string(enum phx_rule rule) {
        return (size_t) rule < PHX_ELEMENTS(rules) ? rules[rule].name : NULL;
}

bool phx_rule_find(const char *word, enum phx_rule *ret_rule) {
        const char *digits = phx_has_prefix(word, PREFIX) ? word + strlen(PREFIX) : word;
        bool is_number = strlen(digits) == 3 && strspn(digits, "0123456789") == 3;

        for (size_t i = 0; i < PHX_ELEMENTS(rules); i++)
                if (strcmp(rules[i].name, word) == 0 ||
                    (is_number && strtoul(digits, NULL, 10) == rules[i].number)) {
                        *ret_rule = (enum phx_rule) i;
                        return true;
                }
        return false;
}
