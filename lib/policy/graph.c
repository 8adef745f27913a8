/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A compiled policy answers whether one string is allowed. The rules ask more: is there any string
 * at all, such as a path below /proc that may be written, and which? The automaton is a graph of
 * states, so that is a search: begin with a set of states, close it over all bytes that the string
 * may have, and look for a state whose permissions grant the thing.
 *
 * A set has its states in the order in which they were reached, and for each the state and byte
 * that led there first (steps). That is a breadth-first tree, from which phx_graph_witness() reads
 * a shortest example; readable bytes are tried first, so that the example is one. Membership is a
 * mark for each state, so a closure costs as much as there are transitions, and ends whatever the
 * graph is like. Who searches often empties a set and uses it again.
 *
 * phx_graph_others() is the difficult one: "any name but NAME". In a minimal automaton the state
 * after NAME may also be the one after other names, so excluding the state would lose them.
 * Instead the search walks along NAME and leaves it at each position by any other byte (diverge).
 *
 * Where a state leads is listed by its own transitions (policy/moves.c), of which it has few, and
 * not by asking for each byte; and where strings of any bytes are searched for again and again, all
 * places that a state leads to are listed once (links). State 0 is the dead one: it is in no set.
 * Blob and rules are borrowed; each set is freed by its owner. */

#include "policy/graph.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/automaton.h"
#include "policy/moves.h"

struct phx_policy_graph {
        const void *blob;
        size_t size;
        struct phx_policy_rules rules;
        bool is_of_files;
        struct phx_automaton automaton;
        struct phx_moves moves;
        /* Where any byte but NUL leads, each place once with the first byte that leads there: of
         * state I, from LINKED[I] up to LINKED[I + 1]. NULL: not known. */
        struct phx_move *links;
        size_t *linked;
};

/* For each state; a policy's have less than three. With more than this they are not worth it. */
#define LINKS_EACH 16

struct phx_graph_bytes phx_graph_any(void) {
        struct phx_graph_bytes bytes;

        memset(&bytes, true, sizeof(bytes));
        bytes.has[0] = false;
        return bytes;
}

/* MARKS has a place for each state, with the last one from which it was linked. */
static size_t link_state(
                struct phx_policy_graph *graph,
                const struct phx_alphabet *alphabet,
                uint32_t state,
                uint32_t *marks) {
        size_t at = graph->linked[state];
        size_t count = phx_moves_list(&graph->moves, alphabet, state, graph->links + at), kept = at;

        for (size_t i = at; i < at + count; i++) {
                if (marks[graph->links[i].to] == state + 1)
                        continue;
                marks[graph->links[i].to] = state + 1;
                graph->links[kept++] = graph->links[i];
        }
        return kept;
}

static void forget_links(struct phx_policy_graph *graph) {
        free(graph->links);
        free(graph->linked);
        graph->links = NULL;
        graph->linked = NULL;
}

/* Room for COUNT links and those of one state more. */
static bool make_room(struct phx_policy_graph *graph, size_t count, size_t *room) {
        size_t wanted = count + PHX_MOVES_LIMIT;
        struct phx_move *links;

        if (wanted <= *room)
                return true;
        wanted += *room > 0 ? *room : graph->moves.transitions;
        links = reallocarray(graph->links, wanted, sizeof(*links));
        if (!links)
                return false;
        graph->links = links;
        *room = wanted;
        return true;
}

static int link_all(struct phx_policy_graph *graph) {
        const struct phx_graph_bytes any = phx_graph_any();
        const struct phx_alphabet alphabet = phx_moves_alphabet(&graph->moves, any.has);
        uint32_t states = graph->moves.states;
        phx_autofree uint32_t *marks = calloc((size_t) states + 1, sizeof(*marks));
        size_t limit = (size_t) states * LINKS_EACH, room = 0;

        graph->linked = calloc((size_t) states + 1, sizeof(*graph->linked));
        if (!marks || !graph->linked)
                return -ENOMEM;
        for (uint32_t i = 0; i < states; i++) {
                if (!make_room(graph, graph->linked[i], &room))
                        return -ENOMEM;
                graph->linked[i + 1] = link_state(graph, &alphabet, i, marks);
                if (graph->linked[i + 1] > limit) {
                        forget_links(graph);
                        return 0;
                }
        }
        return 0;
}

int phx_policy_graph_new(
                const void *blob,
                size_t size,
                const struct phx_policy_rules *rules,
                bool is_of_files,
                struct phx_policy_graph **ret_graph,
                struct phx_error *error) {
        phx_cleanup(phx_policy_graph_freep) struct phx_policy_graph *graph = calloc(
                        1,
                        sizeof(*graph));
        int r;

        if (!graph)
                return -ENOMEM;
        graph->blob = blob;
        graph->size = size;
        graph->rules = *rules;
        graph->is_of_files = is_of_files;
        r = phx_automaton_read(
                        (const char *) blob + rules->offset,
                        rules->size,
                        &graph->automaton,
                        error);
        if (r >= 0)
                r = phx_moves_read(&graph->automaton, &graph->moves);
        /* What files are asked for begins somewhere, and goes on with few bytes. */
        if (r >= 0 && !is_of_files)
                r = link_all(graph);
        if (r < 0)
                return r;
        *ret_graph = PHX_TAKE(graph);
        return 0;
}

struct phx_policy_graph *phx_policy_graph_free(struct phx_policy_graph *graph) {
        if (!graph)
                return NULL;

        phx_moves_done(&graph->moves);
        forget_links(graph);
        free(graph);

        return NULL;
}

bool phx_policy_graph_has(const struct phx_policy_graph *graph, uint32_t state) {
        return state < graph->moves.states;
}

uint32_t phx_policy_graph_start(const struct phx_policy_graph *graph) {
        return graph->rules.start < graph->moves.states ? graph->rules.start : 0;
}

uint32_t phx_policy_graph_run(
                const struct phx_policy_graph *graph,
                uint32_t state,
                const void *string,
                size_t size) {
        const uint8_t *bytes = string;

        for (size_t i = 0; i < size && state != 0; i++)
                state = phx_moves_step(&graph->moves, state, bytes[i]);
        return state;
}

struct phx_permissions phx_policy_graph_permissions(
                const struct phx_policy_graph *graph,
                uint32_t state) {
        return (graph->is_of_files ? phx_permissions_of_file : phx_permissions_of_other)(
                        graph->blob,
                        graph->size,
                        &graph->rules,
                        &graph->automaton,
                        state);
}

/* --- sets --- */

int phx_graph_set_init(const struct phx_policy_graph *graph, struct phx_graph_set *set) {
        *set = (struct phx_graph_set){
                .items = reallocarray(NULL, graph->moves.states, sizeof(*set->items)),
                .steps = calloc(graph->moves.states, sizeof(*set->steps)),
        };
        if (set->items && set->steps)
                return 0;
        phx_graph_set_done(set);
        return -ENOMEM;
}

void phx_graph_set_clear(struct phx_graph_set *set) {
        for (size_t i = 0; i < set->count; i++)
                set->steps[set->items[i]] = (struct phx_graph_step){ 0 };
        set->count = 0;
        set->name[0] = '\0';
}

bool phx_graph_set_equals(const struct phx_graph_set *a, const struct phx_graph_set *b) {
        bool is_equal = a->count == b->count;

        for (size_t i = 0; i < a->count && is_equal; i++)
                is_equal = b->steps[a->items[i]].is_in;
        return is_equal;
}

void phx_graph_set_done(struct phx_graph_set *set) {
        free(set->items);
        free(set->steps);
        *set = (struct phx_graph_set){ 0 };
}

static void reach(struct phx_graph_set *set, uint32_t from, uint8_t byte, uint32_t state) {
        if (state == 0 || set->steps[state].is_in)
                return;
        set->steps[state] = (struct phx_graph_step){ from, 0, byte, true };
        set->items[set->count++] = state;
}

void phx_graph_set_add(struct phx_graph_set *set, uint32_t state) {
        reach(set, 0, 0, state);
}

static void close_over_any(const struct phx_policy_graph *graph, struct phx_graph_set *set) {
        for (size_t i = 0; i < set->count; i++) {
                uint32_t from = set->items[i];

                for (size_t j = graph->linked[from]; j < graph->linked[from + 1]; j++)
                        reach(set, from, graph->links[j].byte, graph->links[j].to);
        }
}

static void close_over(
                const struct phx_policy_graph *graph,
                const struct phx_graph_bytes *bytes,
                struct phx_graph_set *set) {
        const struct phx_alphabet alphabet = phx_moves_alphabet(&graph->moves, bytes->has);
        struct phx_move moves[PHX_MOVES_LIMIT];

        for (size_t i = 0; i < set->count; i++) {
                uint32_t from = set->items[i];
                size_t count = phx_moves_list(&graph->moves, &alphabet, from, moves);

                for (size_t j = 0; j < count; j++)
                        reach(set, from, moves[j].byte, moves[j].to);
        }
}

void phx_graph_close(
                const struct phx_policy_graph *graph,
                const struct phx_graph_bytes *bytes,
                struct phx_graph_set *set) {
        const struct phx_graph_bytes any = phx_graph_any();

        if (graph->links && memcmp(bytes, &any, sizeof(any)) == 0)
                close_over_any(graph, set);
        else
                close_over(graph, bytes, set);
}

void phx_graph_follow(
                const struct phx_policy_graph *graph,
                const struct phx_graph_set *from,
                const void *string,
                size_t size,
                struct phx_graph_set *to) {
        for (size_t i = 0; i < from->count; i++)
                phx_graph_set_add(to, phx_policy_graph_run(graph, from->items[i], string, size));
}

/* What leaves the set's name after LENGTH of its bytes, by any byte but the next of its own. */
static void diverge(
                const struct phx_policy_graph *graph,
                uint32_t state,
                size_t length,
                const struct phx_graph_bytes *bytes,
                struct phx_graph_set *set) {
        const struct phx_alphabet alphabet = phx_moves_alphabet(&graph->moves, bytes->has);
        struct phx_move moves[PHX_MOVES_LIMIT];
        size_t count = phx_moves_list(&graph->moves, &alphabet, state, moves);

        for (size_t i = 0; i < count; i++) {
                if (set->steps[moves[i].to].is_in)
                        continue;
                reach(set, 0, moves[i].byte, moves[i].to);
                set->steps[moves[i].to].beginning = (uint16_t) (length + 1);
        }
}

void phx_graph_begin(
                const struct phx_policy_graph *graph,
                uint32_t state,
                const struct phx_graph_bytes *bytes,
                struct phx_graph_set *set) {
        diverge(graph, state, 0, bytes, set);
}

/* A beginning of the name is another name, but is not searched on from: that would lead to it. */
static void add_beginnings(
                const struct phx_policy_graph *graph,
                uint32_t start,
                size_t length,
                struct phx_graph_set *set) {
        uint32_t state = start;

        for (size_t i = 0; set->name[i] && state != 0; i++) {
                state = phx_moves_step(&graph->moves, state, (uint8_t) set->name[i]);
                if (i + 1 == length || !set->name[i + 1] || state == 0 || set->steps[state].is_in)
                        continue;
                reach(set, 0, (uint8_t) set->name[i], state);
                set->steps[state].beginning = (uint16_t) (i + 1);
        }
}

/* As an automaton is minimal, one state may stand for NAME and for other strings at once. So the
 * search follows NAME on its own: what leaves it, at any place, is searched as ever. */
void phx_graph_others(
                const struct phx_policy_graph *graph,
                uint32_t start,
                const char *name,
                bool passes_children,
                char but,
                struct phx_graph_set *set) {
        const struct phx_graph_bytes any = phx_graph_any();
        struct phx_graph_bytes bytes;
        uint32_t state = start;
        size_t i;

        (void) snprintf(set->name, sizeof(set->name), "%s%s", name, passes_children ? "//" : "");
        for (i = 0; set->name[i] && state != 0; i++) {
                bytes = phx_graph_any();
                bytes.has[(uint8_t) set->name[i]] = false;
                if (i == 0 && but)
                        bytes.has[(uint8_t) but] = false;
                diverge(graph, state, i, &bytes, set);
                state = phx_moves_step(&graph->moves, state, (uint8_t) set->name[i]);
        }
        if (!passes_children && state != 0)
                diverge(graph, state, i, &any, set);
        phx_graph_close(graph, &any, set);
        add_beginnings(graph, start, strlen(name), set);
}

/* What is before the first byte that was searched. */
static size_t beginning_of(const struct phx_graph_set *set, uint32_t state) {
        return set->steps[state].beginning > 0 ? set->steps[state].beginning - 1U : 0;
}

static bool is_root(const struct phx_graph_set *set, uint32_t state) {
        return set->steps[state].from == 0;
}

void phx_graph_witness(
                const struct phx_graph_set *set,
                uint32_t state,
                char *witness,
                size_t size) {
        size_t length = 0, at, beginning;
        uint32_t i = state;

        for (; !is_root(set, i); i = set->steps[i].from)
                length++;
        beginning = beginning_of(set, i);
        length += set->steps[i].byte ? 1 : 0;
        at = beginning + length;
        (void) snprintf(witness, size, "%.*s", (int) beginning, set->name);
        for (i = state; at > beginning; i = set->steps[i].from) {
                uint8_t byte = set->steps[i].byte;

                if (--at < size - 1)
                        witness[at] = (char) (byte < ' ' || byte > '~' ? '?' : byte);
        }
        witness[beginning + length < size - 1 ? beginning + length : size - 1] = '\0';
}
