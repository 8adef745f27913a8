/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The automaton of a compiled policy, as the kernel runs it (security/apparmor/match.c): a state is
 * a number, a string leads from one to the next, and each has a word of permissions. Tables are
 * big-endian, and borrowed from the bytes that they were read from. */

struct phx_automaton_table {
        const uint8_t *data; /* NULL: the automaton has none */
        uint32_t count;
        uint16_t width; /* bytes of an element: 1, 2 or 4 */
};

/* Numbers of the tables: flex's, and the parser's own for the second word of permissions. */
enum phx_automaton_table_id {
        PHX_AUTOMATON_ACCEPT = 1,
        PHX_AUTOMATON_BASE = 2,
        PHX_AUTOMATON_CHECK = 3,
        PHX_AUTOMATON_DEFAULT = 4,
        PHX_AUTOMATON_CLASSES = 5,
        PHX_AUTOMATON_ACCEPT_MORE = 7,
        PHX_AUTOMATON_NEXT = 8,
        PHX_AUTOMATON_TABLES,
};

struct phx_automaton {
        struct phx_automaton_table tables[PHX_AUTOMATON_TABLES];
};

/* Where a string starts when the policy does not say. */
#define PHX_AUTOMATON_START 1U

/* Any bytes may be given: -EPROTO with a text for what is no automaton; nothing outside of them is
 * read, then or later. */
int phx_automaton_read(
                const void *data,
                size_t size,
                struct phx_automaton *ret_automaton,
                struct phx_error *error);

/* The state behind STRING; 0 is the one from which nothing leads anywhere. */
uint32_t phx_automaton_run(
                const struct phx_automaton *automaton,
                uint32_t state,
                const void *string,
                size_t size);

/* The word of permissions of a state. */
uint32_t phx_automaton_accept(const struct phx_automaton *automaton, uint32_t state);
/* The second one, of flags; 0 where the automaton has none. */
uint32_t phx_automaton_accept_more(const struct phx_automaton *automaton, uint32_t state);
