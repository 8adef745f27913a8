/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"
#include "source/files.h"
#include "source/includes.h"
#include "source/lexer.h"

/* The statements of a profile in the order in which the compiler comes to them, those of its
 * includes where they are included: to find the place of what a message speaks of. It only looks:
 * what is wrong gives statements that make the best of it. */

/* A profile with all that it includes; borrowed. */
struct phx_source_text {
        const char *name;
        const struct phx_file_seen *profile;
        const struct phx_closure *closure;
        struct phx_files *files; /* with which CLOSURE was collected */
};

struct phx_place {
        const char *file; /* NULL: the profile itself */
        unsigned line;
        unsigned site; /* the line of the profile whose include leads to FILE; LINE without one */
};

struct phx_statement {
        enum phx_statement_kind kind;
        struct phx_place place;
        unsigned depth;   /* how many blocks it is in */
        const char *from; /* borrowed from the text; no NUL behind it */
        size_t length;
        struct phx_word include; /* of an include the <name>; empty for a path */
};

struct phx_source_walk;

/* TEXT is copied. NULL when memory is short. */
struct phx_source_walk *phx_source_walk_new(const struct phx_source_text *text);
struct phx_source_walk *phx_source_walk_free(struct phx_source_walk *walk);
PHX_DEFINE_FREEP(phx_source_walk)

/* False at the end, which is also where memory was short. */
bool phx_source_walk_next(struct phx_source_walk *walk, struct phx_statement *ret_statement);

/* The line of the text that the compiler calls COUNTED: it does not count those that end within a
 * string. */
unsigned phx_source_line(const struct phx_file_seen *seen, unsigned counted);

/* The statement in which the line of the file (NULL: the profile) is, the last one that begins
 * there or before it. With two walks of a file, that of the second. */
bool phx_source_walk_find(
                const struct phx_source_text *text,
                const struct phx_place *place,
                struct phx_statement *ret_statement);

/* The place of AT, which is within the statement. */
struct phx_place phx_statement_place_at(const struct phx_statement *statement, const char *at);

/* The next word at or behind *AT, which is moved behind it; false at the statement's end. *AT
 * begins as the statement's FROM. */
bool phx_statement_word(
                const struct phx_statement *statement,
                const char **at,
                struct phx_word *ret_word);

/* The word that says what a rule is about, behind audit, deny, allow, owner and the like; false
 * without one. *AT as above, and may be NULL. */
bool phx_statement_keyword(
                const struct phx_statement *statement,
                const char **at,
                struct phx_word *ret_word);
