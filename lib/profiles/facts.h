/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/seal.h"
#include "base/stamp.h"
#include "base/texts.h"
#include "policy/policy.h"
#include "state/lint.h"

/* What is known of a compiled policy and of the text that it was compiled from, so that neither
 * need be read again. It is kept in the cache beside the policy of KEY. */
struct phx_facts {
        struct phx_policy policy;    /* no entries: nothing is known */
        size_t size;                 /* of the policy, in bytes */
        char checksum[PHX_SEAL_HEX]; /* of the policy in the cache; "" when it is not there */
        /* Of the files of the two, when they were written or read: see phx_policy_cache_stamp(). */
        struct phx_stamp policy_stamp, text_stamp;
        unsigned line;          /* of the text, that begins the profile; 0: unknown */
        struct phx_lints lints; /* what of them breaks the rules of state/rules.h, … */
        bool is_linted;         /* … once these were asked */
};

void phx_facts_done(struct phx_facts *facts);

/* PROGRAM is the one that has found the facts (base/program.h): another one may have other rules,
 * and another reader of policies. */

/* Best effort, and without waiting for the disk: what is not kept is found out again. */
void phx_facts_keep(
                int dir_fd,
                const char *program,
                const char *key,
                const struct phx_facts *facts);
/* Only if they are whole, and were found by this very PROGRAM, with hashes of this KIND
 * (PHX_HASH_NONE: of any). 0, -ENOENT when they are to be found out, or -ENOMEM. */
int phx_facts_recall(
                int dir_fd,
                const char *program,
                const char *key,
                enum phx_hash_kind kind,
                struct phx_facts *ret_facts);
/* The same as texts among others. 0 or -ENOMEM; and 0, -ENOENT or -ENOMEM. */
int phx_facts_add(struct phx_buffer *bytes, const struct phx_facts *facts);
int phx_facts_next(struct phx_texts *texts, struct phx_facts *ret_facts);

/* They are about another policy than that of KEY. */
void phx_facts_remove(int dir_fd, const char *key);
