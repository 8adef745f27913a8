/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A compiled policy answers whether one string is allowed. The rules ask more: is there any string
 * at all, such as a path below /proc that may be written, and which? The automaton is a graph of
 * states, so that is a search: begin with a set of states, close it over all bytes that the string
 * may have, and look for a state whose permissions grant the thing.
 *
 * A set has its states in the order in which they were reached, and for each the state and byte
 * that led there first (steps). That is a breadth-first tree, from which phx_graph_witness() reads
 * a shortest example; readable bytes are tried first, so that the example is one. Membership is a
 * mark for each state, so a closure costs states times bytes and ends whatever the graph is like.
 *
 * phx_graph_others() is the difficult one: "any name but NAME". In a minimal automaton the state
 * after NAME may also be the one after other names, so excluding the state would lose them.
 * Instead the search walks along NAME and leaves it at each position by any other byte (diverge).
 *
 * The tables are unpacked once for each graph, in the machine's byte order, as a search reads
 * every transition. Most bytes lead from a state to the same few others: bytes of one class to the
 * same ones from every state (alphabet), and where strings of any bytes are searched for again and
 * again, all places that a state leads to are listed once (links). State 0 is the dead one: it is
 * in no set. Blob and rules are borrowed; each set is freed by its owner. */

#include "policy/graph.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/automaton.h"

/* See policy/automaton.c. */
#define BASE_INDEX 0x00ffffffU
#define BASE_DIFFERENCE 0x80000000U

/* The automaton's tables in the machine's own numbers: a search asks for every byte of every state.
 */
struct phx_policy_graph {
        const void *blob;
        size_t size;
        struct phx_policy_rules rules;
        bool is_of_files;
        struct phx_automaton automaton;
        uint32_t states;
        uint32_t transitions;
        uint32_t *base;
        uint32_t *otherwise;
        uint32_t *check;
        uint32_t *next;
        uint8_t classes[256];
        /* Where any byte but NUL leads, each place once with the first byte that leads there: of
         * state I, from LINKED[I] up to LINKED[I + 1]. NULL: not known. */
        struct link *links;
        size_t *linked;
};

struct link {
        uint32_t to;
        uint8_t byte;
};

/* For each state; a policy's have less than two. With more than this they are not worth it. */
#define LINKS_EACH 16

struct phx_graph_bytes phx_graph_any(void) {
        struct phx_graph_bytes bytes;

        memset(&bytes, true, sizeof(bytes));
        bytes.has[0] = false;
        return bytes;
}

static uint32_t graph_element(const struct phx_automaton_table *table, uint32_t index) {
        const uint8_t *at = table->data + (size_t) index * table->width;
        uint32_t value = 0;

        for (size_t i = 0; i < table->width; i++)
                value = value << 8 | at[i];
        return value;
}

static uint32_t *unpack(const struct phx_automaton *automaton, enum phx_automaton_table_id id) {
        const struct phx_automaton_table *table = &automaton->tables[id];
        uint32_t *numbers = calloc((size_t) table->count + 1, sizeof(*numbers));

        for (uint32_t i = 0; numbers && i < table->count; i++)
                numbers[i] = graph_element(table, i);
        return numbers;
}

static int unpack_all(struct phx_policy_graph *graph) {
        const struct phx_automaton_table *classes = &graph->automaton.tables[PHX_AUTOMATON_CLASSES];

        graph->states = graph->automaton.tables[PHX_AUTOMATON_BASE].count;
        graph->transitions = graph->automaton.tables[PHX_AUTOMATON_CHECK].count;
        graph->base = unpack(&graph->automaton, PHX_AUTOMATON_BASE);
        graph->otherwise = unpack(&graph->automaton, PHX_AUTOMATON_DEFAULT);
        graph->check = unpack(&graph->automaton, PHX_AUTOMATON_CHECK);
        graph->next = unpack(&graph->automaton, PHX_AUTOMATON_NEXT);
        for (unsigned i = 0; i < 256; i++)
                graph->classes[i] = (uint8_t) (classes->data ? graph_element(classes, i) : i);
        return graph->base && graph->otherwise && graph->check && graph->next ? 0 : -ENOMEM;
}

/* Always a state of the graph. */
static uint32_t graph_step(const struct phx_policy_graph *graph, uint32_t state, uint8_t byte) {
        /* Defaults are followed towards the root of a tree; in a circle this ends it. */
        uint32_t left = graph->states, index = graph->classes[byte], to;

        while (left-- > 0) {
                uint32_t base = graph->base[state];
                uint32_t place = (base & BASE_INDEX) + index;

                if (place < graph->transitions && graph->check[place] == state) {
                        to = graph->next[place];
                        return to < graph->states ? to : 0;
                }
                to = graph->otherwise[state];
                state = to < graph->states ? to : 0;
                if (!(base & BASE_DIFFERENCE))
                        return state;
        }
        return 0;
}

/* Bytes that people can read come first, so that examples are such. */
static const char readable[] = "/abcdefghijklmnopqrstuvwxyz0123456789-._:";

#define READABLE (sizeof(readable) - 1)

static uint8_t byte_at(unsigned i) {
        return i < READABLE ? (uint8_t) readable[i] : (uint8_t) (i - READABLE);
}

/* The first of all bytes that lead to the same states: in a policy there are some dozens of such.
 */
struct alphabet {
        uint8_t bytes[256];
        unsigned count;
};

static struct alphabet alphabet_of(
                const struct phx_policy_graph *graph,
                const struct phx_graph_bytes *bytes) {
        struct alphabet alphabet = { .count = 0 };
        bool has_class[256] = { false };

        for (unsigned i = 0; i < READABLE + 256; i++) {
                uint8_t byte = byte_at(i), class = graph->classes[byte];

                if (!bytes->has[byte] || has_class[class])
                        continue;
                has_class[class] = true;
                alphabet.bytes[alphabet.count++] = byte;
        }
        return alphabet;
}

/* MARKS has a place for each state, with the last one from which it was linked. */
static size_t link_state(
                struct phx_policy_graph *graph,
                const struct alphabet *alphabet,
                uint32_t state,
                uint32_t *marks) {
        size_t at = graph->linked[state];

        for (unsigned i = 0; i < alphabet->count; i++) {
                uint32_t to = graph_step(graph, state, alphabet->bytes[i]);

                if (to == 0 || marks[to] == state + 1)
                        continue;
                marks[to] = state + 1;
                graph->links[at++] = (struct link){ to, alphabet->bytes[i] };
        }
        return at;
}

static void forget_links(struct phx_policy_graph *graph) {
        free(graph->links);
        free(graph->linked);
        graph->links = NULL;
        graph->linked = NULL;
}

static int link_all(struct phx_policy_graph *graph) {
        const struct phx_graph_bytes any = phx_graph_any();
        const struct alphabet alphabet = alphabet_of(graph, &any);
        phx_autofree uint32_t *marks = calloc((size_t) graph->states + 1, sizeof(*marks));
        size_t limit = (size_t) graph->states * LINKS_EACH;

        graph->linked = calloc((size_t) graph->states + 1, sizeof(*graph->linked));
        graph->links = calloc(limit + 256, sizeof(*graph->links));
        if (!marks || !graph->linked || !graph->links)
                return -ENOMEM;
        for (uint32_t i = 0; i < graph->states; i++) {
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
                r = unpack_all(graph);
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

        free(graph->base);
        free(graph->otherwise);
        free(graph->check);
        free(graph->next);
        forget_links(graph);
        free(graph);

        return NULL;
}

bool phx_policy_graph_has(const struct phx_policy_graph *graph, uint32_t state) {
        return state < graph->states;
}

uint32_t phx_policy_graph_start(const struct phx_policy_graph *graph) {
        return graph->rules.start < graph->states ? graph->rules.start : 0;
}

uint32_t phx_policy_graph_run(
                const struct phx_policy_graph *graph,
                uint32_t state,
                const void *string,
                size_t size) {
        const uint8_t *bytes = string;

        for (size_t i = 0; i < size && state != 0; i++)
                state = graph_step(graph, state, bytes[i]);
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
                .items = calloc(graph->states, sizeof(*set->items)),
                .steps = calloc(graph->states, sizeof(*set->steps)),
        };
        if (set->items && set->steps)
                return 0;
        phx_graph_set_done(set);
        return -ENOMEM;
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
        const struct alphabet alphabet = alphabet_of(graph, bytes);

        for (size_t i = 0; i < set->count; i++)
                for (unsigned j = 0; j < alphabet.count; j++)
                        reach(set,
                              set->items[i],
                              alphabet.bytes[j],
                              graph_step(graph, set->items[i], alphabet.bytes[j]));
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
        const struct alphabet alphabet = alphabet_of(graph, bytes);

        for (unsigned i = 0; i < alphabet.count; i++) {
                uint32_t to = graph_step(graph, state, alphabet.bytes[i]);

                if (to == 0 || set->steps[to].is_in)
                        continue;
                reach(set, 0, alphabet.bytes[i], to);
                set->steps[to].beginning = (uint16_t) (length + 1);
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
                state = graph_step(graph, state, (uint8_t) set->name[i]);
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
                state = graph_step(graph, state, (uint8_t) set->name[i]);
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
