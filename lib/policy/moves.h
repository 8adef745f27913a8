/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/automaton.h"

/* Where the states of an automaton lead, in the machine's own numbers, for those who ask about all
 * of them. */

struct phx_moves {
        uint32_t states;
        uint32_t transitions;
        uint32_t *base;
        uint32_t *otherwise;
        uint32_t *check;
        uint32_t *next;
        /* The transitions that are a state's own: the places of state I are PLACES[FIRST[I]] up to
         * PLACES[FIRST[I + 1]]. */
        uint32_t *first;
        uint32_t *places;
        uint8_t classes[256];
};

/* 0 or -ENOMEM; phx_moves_done() in either case. */
int phx_moves_read(const struct phx_automaton *automaton, struct phx_moves *moves);
void phx_moves_done(struct phx_moves *moves);

/* Always one of the states. */
uint32_t phx_moves_step(const struct phx_moves *moves, uint32_t state, uint8_t byte);

/* Bytes as a search tries them: of all that lead to the same states the first, those that people
 * can read before others, so that examples are such. */
struct phx_alphabet {
        uint8_t bytes[256];
        unsigned count;
        uint16_t positions[256]; /* in BYTES, of each class; COUNT or more: there is none */
};

/* Of those bytes for which HAS is true. */
struct phx_alphabet phx_moves_alphabet(const struct phx_moves *moves, const bool has[256]);

struct phx_move {
        uint32_t to;
        uint8_t byte;
};

#define PHX_MOVES_LIMIT 256

/* Where the bytes of ALPHABET lead from STATE, each place with the first byte that leads there, in
 * the alphabet's order; a place may come again with a later byte, and the dead state does not.
 * Returns how many; LIST has room for PHX_MOVES_LIMIT. */
size_t phx_moves_list(
                const struct phx_moves *moves,
                const struct phx_alphabet *alphabet,
                uint32_t state,
                struct phx_move *list);
