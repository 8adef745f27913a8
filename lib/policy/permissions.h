/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sys/apparmor.h> /* AA_MAY_…, for callers that ask about permissions */

#include "policy/automaton.h"
#include "policy/policy.h"

/* What a state of a compiled policy's automaton grants, in the kernel's own bits, whichever parser
 * wrote it: up to version 4.0 the words of the automaton are the permissions, newer ones may have
 * indexes into a table there (security/apparmor/policy_compat.c, policy_unpack.c in the kernel). */

/* Where the execution of a program leads: AA_X_ of the kernel's domain.h. */
#define PHX_EXEC_INDEX 0x00ffffffU /* of phx_policy_entry.transitions */
#define PHX_EXEC_NAME 0x04000000U  /* a profile that attaches to the program */
#define PHX_EXEC_TABLE 0x08000000U
#define PHX_EXEC_CHILD 0x20000000U      /* of the profile, by name */
#define PHX_EXEC_INHERIT 0x40000000U    /* where there is none: stays in the profile */
#define PHX_EXEC_UNCONFINED 0x80000000U /* where there is none, or at once: in no profile */

struct phx_permissions {
        uint32_t allow; /* AA_MAY_…, PHX_QUERY_…; asked as root about what is root's */
        /* Of the file's owner, and of others; only where it may be executed, else 0. */
        uint32_t exec[2];
        bool may_exec[2];
};

/* RULES are the files' or the others', of BLOB, which has SIZE bytes. */
struct phx_permissions phx_permissions_of_file(
                const void *blob,
                size_t size,
                const struct phx_policy_rules *rules,
                const struct phx_automaton *automaton,
                uint32_t state);
struct phx_permissions phx_permissions_of_other(
                const void *blob,
                size_t size,
                const struct phx_policy_rules *rules,
                const struct phx_automaton *automaton,
                uint32_t state);
