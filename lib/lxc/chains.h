/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What configs include: a list of paths that many of them have, so that it is followed once a look
 * for all, and compared with what it was. */

#include "base/buffer.h"
#include "lxc/reader.h"

struct phx_lxc_chain {
        struct phx_strings targets; /* in their order */
        struct phx_buffer facts;    /* all that a digest says of them: see lxc/walk.h */
        int code;                   /* not 0: FACTS could not be collected */
        unsigned long version;      /* of FACTS; no two have the same, and none is 0 */
        unsigned long looked_at;    /* in which look */
        bool is_used;               /* while that is found out */
        size_t number;              /* while they are written */
};

struct phx_lxc_chains {
        struct phx_lxc_reader *reader;
        struct phx_lxc_chain **items; /* sorted by their targets; each stays where it is */
        size_t count;
        unsigned long last_version;
        unsigned long look;
};

/* 0 or -ENOMEM. */
int phx_lxc_chains_init(struct phx_lxc_chains *chains);
void phx_lxc_chains_done(struct phx_lxc_chains *chains);
/* Drops all chains. */
void phx_lxc_chains_forget(struct phx_lxc_chains *chains);

/* A look begins and ends, as in lxc/reader.h; all chains are followed at its beginning. 0 or
 * -ENOMEM. */
int phx_lxc_chains_begin(struct phx_lxc_chains *chains, const struct phx_scope *scope);
/* Those that are not marked as used are dropped. */
void phx_lxc_chains_end(struct phx_lxc_chains *chains);

/* The chain of TARGETS, which is made when it is new, and followed. NULL when memory is short. */
struct phx_lxc_chain *phx_lxc_chains_get(
                struct phx_lxc_chains *chains,
                const struct phx_strings *targets);
/* The chain of TARGETS as it was saved: not followed yet. */
struct phx_lxc_chain *phx_lxc_chains_add(
                struct phx_lxc_chains *chains,
                const struct phx_strings *targets);
/* 0, -ENOMEM, or why it cannot be followed, which is tried again each time: PATH is that of a
 * config, for the message. */
int phx_lxc_chain_follow(
                struct phx_lxc_chains *chains,
                struct phx_lxc_chain *chain,
                const char *path,
                struct phx_error *error);

/* Whether CHAIN (NULL is none) says what it did when its version was this. */
static inline bool phx_lxc_chain_is_same(const struct phx_lxc_chain *chain, unsigned long version) {
        return !chain || (chain->code == 0 && chain->version == version);
}
