/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/siphash.h"
#include "state/rules.h"

/* The acceptance of one rule for one profile or container, of phoenixd.json. Owned strings. */
struct phx_acceptance {
        enum phx_rule rule;
        char *object;  /* a profile's name or a container's id, as the rule's subject is */
        char *reason;  /* for people; never empty */
        unsigned line; /* of the settings */
};

struct phx_acceptances {
        struct phx_acceptance *items;
        size_t count;
};

/* One rule that a profile or an entry breaks. Owned strings. */
struct phx_lint {
        enum phx_rule rule;
        char *text; /* what may be done: one clause, without a place */
        /* The line of the object's own file that brings it: of the profile, or of the
         * configuration; 0 when it is not known. */
        unsigned line;
        char *source; /* the rule's own words there; NULL when they are not known */
        /* Where LINE is an include: the file and the line that SOURCE stands in. NULL otherwise. */
        char *included_file;
        unsigned included_line;
        unsigned column; /* of an entry's; 0: unknown */
        char *key;       /* of an entry: which of its keys; NULL for a profile */
        char *accepted;  /* the reason of the acceptance; NULL: it is a warning */
};

/* What lists with the same items have in common. */
struct phx_lints_shared {
        struct phx_siphash_kept hash; /* of the items, for comparisons by it; the first member */
        size_t holders;               /* how many have them */
};

/* A value, of which copies share the items until one of them is changed: what goes from picture to
 * picture unchanged is neither copied nor compared, see phx_lints_are_same(). Within one thread. */
struct phx_lints {
        struct phx_lint *items;
        size_t count;
        struct phx_lints_shared *shared; /* NULL: they were not made by phx_lints_add() */
};

/* Appends a zeroed one with its text copied; borrowed, valid until the next, and until LINTS is
 * copied. NULL when memory is short. */
struct phx_lint *phx_lints_add(struct phx_lints *lints, enum phx_rule rule, const char *text);
/* Appends copies of all of FROM. 0 or -ENOMEM. */
int phx_lints_copy(struct phx_lints *lints, const struct phx_lints *from);
/* Whether one is a copy of the other, with nothing changed since: true at once, and false says
 * nothing about what they contain. */
bool phx_lints_are_same(const struct phx_lints *a, const struct phx_lints *b);
/* Whether they contain the same. */
bool phx_lints_equal(const struct phx_lints *a, const struct phx_lints *b);
void phx_lints_done(struct phx_lints *lints);

/* Those that no acceptance names. */
size_t phx_lints_warnings(const struct phx_lints *lints);

/* What they say about whether the profile can be left. */
enum phx_escape {
        PHX_ESCAPE_NONE,     /* it cannot, as far as the rules know */
        PHX_ESCAPE_ACCEPTED, /* it can, and an acceptance says that it may */
        PHX_ESCAPE_POSSIBLE, /* it can */
};

/* "may-leave-accepted", "may-leave", NULL for none. */
const char *phx_escape_to_string(enum phx_escape escape);
enum phx_escape phx_lints_escape(const struct phx_lints *lints);

/* "TEXT (by the include at NAME:3: FILE:12: 'change_profile -> unconfined') [PHX101 may-leave]",
 * with ": accepted: REASON" behind an accepted one; the caller's, NULL when memory is short. OBJECT
 * is what the lint's own line is called: a profile's name, or NULL to leave it out. */
char *phx_lint_sentence(const struct phx_lint *lint, const char *object);

/* Appends a copy. 0 or -ENOMEM. */
int phx_acceptances_add(
                struct phx_acceptances *acceptances,
                const struct phx_acceptance *acceptance);
void phx_acceptances_done(struct phx_acceptances *acceptances);
/* Marks what the acceptances name among LINTS of OBJECT, and in USED, which has a place for each
 * acceptance, those that were of use. 0 or -ENOMEM. */
int phx_acceptances_apply(
                const struct phx_acceptances *acceptances,
                const char *object,
                struct phx_lints *lints,
                bool *used);
