/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The file in which leftovers.c marks what changes; for these two files alone. */

#include "pve/leftovers.h"

/* How much confines what is in force, the weakest first. */
enum phx_pve_rank {
        PHX_PVE_RANK_UNCONFINED,
        PHX_PVE_RANK_UNCHANGED,
        PHX_PVE_RANK_NESTING, /* LXC's profile for nesting */
        PHX_PVE_RANK_WRITTEN, /* "generated" or nothing, by a line: without Proxmox's own rules */
        PHX_PVE_RANK_DEFAULT, /* what Proxmox generates */
        PHX_PVE_RANK_NAMED,
};

struct phx_pve_entry {
        bool is_gone;
        char *written; /* in the line's place */
        char *added;   /* before it, as a line of its own */
};

struct phx_pve_draft {
        const struct phx_pve_text *text;
        const struct phx_pve_meaning *meaning;
        const struct phx_pve_wanted *wanted;
        struct phx_pve_entry *entries;
        struct phx_pve_change *changes;
        size_t count;
};

/* What decides in one section. */
struct phx_pve_reach {
        const struct phx_pve_line *decider; /* as the draft has it; NULL: none */
        enum phx_pve_strength strength;
        bool has_nesting;    /* behind it, or without one */
        bool ends_nesting;   /* the last of them: what is in force */
        bool has_other;      /* likewise: what liblxc reads is not known */
        bool has_any;        /* the same anywhere in the section */
        bool denies_nesting; /* the section takes back what the features allow */
};

void phx_pve_draft_done(struct phx_pve_draft *draft);

/* The number of the line's entry. */
size_t phx_pve_draft_index(const struct phx_pve_draft *draft, const struct phx_pve_line *line);

/* Adds a change to the list. 0 or -ENOMEM, as all that follow. */
int phx_pve_draft_tell(
                struct phx_pve_draft *draft,
                enum phx_leftover kind,
                const struct phx_pve_line *line);
/* The same, and the line is gone; nothing when it is gone already. */
int phx_pve_draft_remove(
                struct phx_pve_draft *draft,
                enum phx_leftover kind,
                const struct phx_pve_line *line);
/* "KEY: VALUE" and a line feed; the caller's to free. */
int phx_pve_draft_print(const char *key, const char *value, size_t size, char **ret_line);

/* Of a section as the draft has it: what decides, and behind which entry its last line that is not
 * blank stands. */
struct phx_pve_reach phx_pve_draft_reach(const struct phx_pve_draft *draft, size_t section);
size_t phx_pve_draft_end(const struct phx_pve_draft *draft, size_t section);

/* Whether liblxc reads a second line in the value. */
bool phx_pve_has_return(const struct phx_pve_line *line);

enum phx_pve_rank phx_pve_rank_of_strength(enum phx_pve_strength strength);
/* What is not known gets the rank OTHERWISE. */
enum phx_pve_rank phx_pve_rank_of(const struct phx_pve_reach *reach, enum phx_pve_rank otherwise);

/* Adds the new text. */
int phx_pve_draft_render(const struct phx_pve_draft *draft, struct phx_buffer *text);
