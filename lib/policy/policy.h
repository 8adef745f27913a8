/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"
#include "state/mode.h"

/* Of a policy, as the kernel shows it. */
enum phx_hash_kind {
        PHX_HASH_NONE,   /* the kernel shows none, or does not let us see it */
        PHX_HASH_SHA1,   /* up to Linux 6.7 */
        PHX_HASH_SHA256, /* from 6.8 on */
};

/* Where an automaton is among the bytes of a compiled policy, and its first state; see
 * policy/automaton.h. */
struct phx_policy_rules {
        size_t offset;
        size_t size; /* 0: the policy has none */
        uint32_t start;
        /* Of newer parsers: the words of the automaton are indexes into a table of PERMS entries
         * that begins here; see policy/permissions.h. 0 entries: the words are the permissions. */
        size_t perms_offset;
        uint32_t perms;
};

/* One profile of a compiled policy: a profile, a child or a hat, each on its own. */
struct phx_policy_entry {
        char *name;    /* as the kernel will show it: children are "parent//child" */
        size_t offset; /* where it begins among the bytes, its version included */
        enum phx_policy_mode mode;
        bool has_attachment;   /* attaches to executables by path, not only by being named */
        uint64_t capabilities; /* that it allows: bit N is number N of linux/capability.h */
        struct phx_policy_rules files;
        struct phx_policy_rules others; /* mounts, network, signals, … */
        /* What execution may lead to by name, as rules of files number them: "other", "&stacked",
         * "lxc-x//child". */
        struct phx_strings transitions;
        /* What the kernel will show as policy/profiles/NAME/sha1 or sha256: the hash of
         * le32(version word) and the bytes from the profile struct's name tag to its closing
         * STRUCTEND (security/apparmor/crypto.c, aa_calc_profile_hash). "" where none was asked
         * for. */
        char hash[PHX_SHA256_HEX];
};

/* In the order of the bytes: the parser writes parents before their children. */
struct phx_policy {
        struct phx_policy_entry *entries;
        size_t count;
        enum phx_hash_kind hash_kind; /* of the entries' hashes */
};

/* Reads what `apparmor_parser -o` wrote. Any bytes may be given; nothing outside of them is read.
 * Hashes take far longer than all the rest: HASH_KIND is the only one that is computed.
 * -ENODATA when there are none (a source without a profile compiles to nothing), -EPROTONOSUPPORT
 * for a format outside versions 5 to 9, -EINVAL when it is for a policy namespace, -EPROTO when it
 * is malformed; each with a text. */
int phx_policy_parse(
                const void *blob,
                size_t size,
                enum phx_hash_kind hash_kind,
                struct phx_policy *ret_policy,
                struct phx_error *error);

/* NULL when there is none of that name. */
const struct phx_policy_entry *phx_policy_find(const struct phx_policy *policy, const char *name);

void phx_policy_done(struct phx_policy *policy);
