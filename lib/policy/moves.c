/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Of 256 bytes a state has a transition of its own for two or three; all others lead where its
 * default says, or, where the base says so, to where they lead from the default state. So what is
 * listed is found by the transitions, which are sorted by the states that they belong to, and not
 * by asking for each byte. */

#include "policy/moves.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* See policy/automaton.c. */
#define BASE_INDEX 0x00ffffffU
#define BASE_DIFFERENCE 0x80000000U

static void unpack_wide(const uint8_t *data, uint32_t *numbers, uint32_t count) {
        for (uint32_t i = 0; i < count; i++) {
                uint32_t number;

                memcpy(&number, data + (size_t) i * sizeof(number), sizeof(number));
                numbers[i] = be32toh(number);
        }
}

static void unpack_half(const uint8_t *data, uint32_t *numbers, uint32_t count) {
        for (uint32_t i = 0; i < count; i++) {
                uint16_t number;

                memcpy(&number, data + (size_t) i * sizeof(number), sizeof(number));
                numbers[i] = be16toh(number);
        }
}

static uint32_t *unpack(const struct phx_automaton_table *table) {
        uint32_t *numbers = reallocarray(NULL, (size_t) table->count + 1, sizeof(*numbers));

        if (!numbers)
                return NULL;
        if (table->width == 4)
                unpack_wide(table->data, numbers, table->count);
        else if (table->width == 2)
                unpack_half(table->data, numbers, table->count);
        else
                for (uint32_t i = 0; i < table->count; i++)
                        numbers[i] = table->data[i];
        return numbers;
}

/* A place that no state has belongs to state 0, as far as it has a place there. */
static int sort_places(struct phx_moves *moves) {
        uint32_t at = 0;

        moves->first = calloc((size_t) moves->states + 2, sizeof(*moves->first));
        moves->places = reallocarray(NULL, (size_t) moves->transitions + 1, sizeof(*moves->places));
        if (!moves->first || !moves->places)
                return -ENOMEM;
        for (uint32_t i = 0; i < moves->transitions; i++)
                if (moves->check[i] < moves->states)
                        moves->first[moves->check[i] + 2]++;
        for (uint32_t i = 2; i < moves->states + 2; i++) {
                at += moves->first[i];
                moves->first[i] = at;
        }
        /* Each moves to its end while it is filled, and is the beginning of the next one then. */
        for (uint32_t i = 0; i < moves->transitions; i++)
                if (moves->check[i] < moves->states)
                        moves->places[moves->first[moves->check[i] + 1]++] = i;
        return 0;
}

int phx_moves_read(const struct phx_automaton *automaton, struct phx_moves *moves) {
        const struct phx_automaton_table *tables = automaton->tables,
                                         *classes = &tables[PHX_AUTOMATON_CLASSES];

        moves->states = tables[PHX_AUTOMATON_BASE].count;
        moves->transitions = tables[PHX_AUTOMATON_CHECK].count;
        moves->base = unpack(&tables[PHX_AUTOMATON_BASE]);
        moves->otherwise = unpack(&tables[PHX_AUTOMATON_DEFAULT]);
        moves->check = unpack(&tables[PHX_AUTOMATON_CHECK]);
        moves->next = unpack(&tables[PHX_AUTOMATON_NEXT]);
        if (!moves->base || !moves->otherwise || !moves->check || !moves->next)
                return -ENOMEM;
        /* The numbers of classes are below 256, however wide they are. */
        for (unsigned i = 0; i < 256; i++)
                moves->classes[i] = classes->data ? classes->data[(i + 1) * classes->width - 1]
                                                  : (uint8_t) i;
        return sort_places(moves);
}

void phx_moves_done(struct phx_moves *moves) {
        free(moves->base);
        free(moves->otherwise);
        free(moves->check);
        free(moves->next);
        free(moves->first);
        free(moves->places);
        *moves = (struct phx_moves){ 0 };
}

static uint32_t inside(const struct phx_moves *moves, uint32_t state) {
        return state < moves->states ? state : 0;
}

uint32_t phx_moves_step(const struct phx_moves *moves, uint32_t state, uint8_t byte) {
        /* Defaults are followed towards the root of a tree; in a circle this ends it. */
        uint32_t left = moves->states, index = moves->classes[byte];

        while (left-- > 0) {
                uint32_t base = moves->base[state];
                uint32_t place = (base & BASE_INDEX) + index;

                if (place < moves->transitions && moves->check[place] == state)
                        return inside(moves, moves->next[place]);
                state = inside(moves, moves->otherwise[state]);
                if (!(base & BASE_DIFFERENCE))
                        return state;
        }
        return 0;
}

/* --- all bytes of a state --- */

static const char readable[] = "/abcdefghijklmnopqrstuvwxyz0123456789-._:";

#define READABLE (sizeof(readable) - 1)

static uint8_t byte_at(unsigned i) {
        return i < READABLE ? (uint8_t) readable[i] : (uint8_t) (i - READABLE);
}

struct phx_alphabet phx_moves_alphabet(const struct phx_moves *moves, const bool has[256]) {
        struct phx_alphabet alphabet = { .count = 0 };

        memset(alphabet.positions, 0xff, sizeof(alphabet.positions));
        for (unsigned i = 0; i < READABLE + 256; i++) {
                uint8_t byte = byte_at(i);
                uint16_t *position = &alphabet.positions[moves->classes[byte]];

                if (!has[byte] || *position != UINT16_MAX)
                        continue;
                *position = (uint16_t) alphabet.count;
                alphabet.bytes[alphabet.count++] = byte;
        }
        return alphabet;
}

/* A list in the making. */
struct listing {
        const struct phx_moves *moves;
        const struct phx_alphabet *alphabet;
        struct phx_move *list; /* by position, not by byte, until it is whole */
        size_t count;
        bool has[256]; /* positions */
        unsigned left; /* how many positions are not known yet */
};

static void listing_add(struct listing *listing, unsigned position, uint32_t to) {
        struct phx_move *list = listing->list;
        size_t at;

        listing->has[position] = true;
        listing->left--;
        if (to == 0)
                return;
        for (at = listing->count++; at > 0 && list[at - 1].byte > position; at--)
                list[at] = list[at - 1];
        list[at] = (struct phx_move){ to, (uint8_t) position };
}

static void list_own(struct listing *listing, uint32_t state) {
        const struct phx_moves *moves = listing->moves;
        uint32_t base = moves->base[state] & BASE_INDEX;

        for (uint32_t i = moves->first[state]; i < moves->first[state + 1]; i++) {
                uint32_t index = moves->places[i] - base; /* huge, where it is before the base */
                unsigned position = index < 256 ? listing->alphabet->positions[index] : UINT16_MAX;

                if (position < listing->alphabet->count && !listing->has[position])
                        listing_add(listing,
                                    position,
                                    inside(moves, moves->next[moves->places[i]]));
        }
}

/* All bytes that are left lead there: the first of them is it. */
static void list_default(struct listing *listing, uint32_t state) {
        unsigned position = 0;

        while (listing->has[position])
                position++;
        listing_add(listing, position, state);
}

size_t phx_moves_list(
                const struct phx_moves *moves,
                const struct phx_alphabet *alphabet,
                uint32_t state,
                struct phx_move *list) {
        struct listing listing = { moves, alphabet, list, 0, { false }, alphabet->count };
        uint32_t left = moves->states; /* as in a step */

        while (left-- > 0 && listing.left > 0) {
                bool is_difference = moves->base[state] & BASE_DIFFERENCE;

                list_own(&listing, state);
                state = inside(moves, moves->otherwise[state]);
                if (is_difference)
                        continue;
                if (listing.left > 0)
                        list_default(&listing, state);
                break;
        }
        for (size_t i = 0; i < listing.count; i++)
                list[i].byte = alphabet->bytes[list[i].byte];
        return listing.count;
}
