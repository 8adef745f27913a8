/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* What the kernel's matcher is asked: the string that it runs through a profile's automaton, and
 * the permissions that must be found at its end. The layouts are those of the hooks in
 * security/apparmor (file.c, mount.c, net.c, ipc.c, domain.c), and were tried on the kernel. */

/* enum of the first byte: security/apparmor/include/apparmor.h. */
enum phx_query_class {
        PHX_QUERY_FILE = 2,
        PHX_QUERY_MOUNT = 7,
        PHX_QUERY_PTRACE = 9,
        PHX_QUERY_SIGNAL = 10,
        PHX_QUERY_NETWORK = 14,
        /* No class of the automaton: a bit in the compiled policy's masks. */
        PHX_QUERY_CAPABILITY = 256,
};

/* Bits of the answers that have no name in sys/apparmor.h. */
#define PHX_QUERY_PIVOT_ROOT 0x1U
#define PHX_QUERY_MOUNT_IT 0x2U
#define PHX_QUERY_UMOUNT 0x4U
#define PHX_QUERY_TRACE 0x2U
#define PHX_QUERY_READ 0x4U
#define PHX_QUERY_TRACED_BY 0x8U
#define PHX_QUERY_READ_BY 0x10U
#define PHX_QUERY_SEND 0x2U
#define PHX_QUERY_RECEIVE 0x4U
#define PHX_QUERY_CREATE 0x10U

struct phx_policy_query {
        enum phx_query_class class;
        struct phx_buffer match; /* class byte first; empty for a capability */
        uint32_t mask;           /* AA_MAY_… of sys/apparmor.h, or the bits above */
        unsigned capability;     /* its number */
        char *what;              /* for people: "w /proc/kcore" */
};

void phx_policy_query_done(struct phx_policy_query *query);

/* 'r', 'w', 'a', 'x', 'm', 'k' or 'l': its bit; 0 for any other. */
uint32_t phx_query_file_mask(char permission);

/* Each fills the match string of a zeroed query with its class; mask and words are the caller's.
 * 0 or -ENOMEM. */
int phx_query_file(struct phx_policy_query *query, const char *path);
int phx_query_change_profile(struct phx_policy_query *query, const char *profile);
/* SOURCE and TYPE may be NULL where the call has none: a bind has no type, a remount neither. */
int phx_query_mount(
                struct phx_policy_query *query,
                const char *source,
                const char *target,
                const char *type,
                uint32_t flags);
int phx_query_umount(struct phx_policy_query *query, const char *target);
int phx_query_pivot_root(struct phx_policy_query *query, const char *new_root, const char *put_old);
int phx_query_ptrace(struct phx_policy_query *query, const char *peer);
int phx_query_signal(struct phx_policy_query *query, unsigned signal, const char *peer);
int phx_query_network(struct phx_policy_query *query, unsigned family, unsigned socket);
