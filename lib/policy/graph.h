/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/permissions.h"
#include "policy/policy.h"

/* The automaton of a compiled policy as a graph, for questions that no list of samples answers:
 * whether there is any string at all that is granted something. Sets of states take the place of
 * strings: what is reached by any string of a kind is one set. */
struct phx_policy_graph;

/* Of BLOB, which has SIZE bytes and must outlive the graph. RULES are the files' or the others' of
 * one of its profiles, and not empty. -EPROTO with a text, -ENOMEM. */
int phx_policy_graph_new(
                const void *blob,
                size_t size,
                const struct phx_policy_rules *rules,
                bool is_of_files,
                struct phx_policy_graph **ret_graph,
                struct phx_error *error);
struct phx_policy_graph *phx_policy_graph_free(struct phx_policy_graph *graph);
PHX_DEFINE_FREEP(phx_policy_graph)

/* Whether STATE is one of its states. */
bool phx_policy_graph_has(const struct phx_policy_graph *graph, uint32_t state);
/* The state that strings begin in; 0 is the one from which nothing leads anywhere. */
uint32_t phx_policy_graph_start(const struct phx_policy_graph *graph);
uint32_t phx_policy_graph_run(
                const struct phx_policy_graph *graph,
                uint32_t state,
                const void *string,
                size_t size);
struct phx_permissions phx_policy_graph_permissions(
                const struct phx_policy_graph *graph,
                uint32_t state);

/* How a state was reached first. */
struct phx_graph_step {
        uint32_t from; /* 0: it was put into the set by itself, or over the beginning of a name */
        uint16_t beginning; /* so much of the set's name, before BYTE; 1 more than that, 0 for none
                             */
        uint8_t byte;
        bool is_in;
};

#define PHX_GRAPH_NAME_SIZE 512

/* States, in the order in which they were reached. */
struct phx_graph_set {
        uint32_t *items;
        size_t count;
        struct phx_graph_step *steps;   /* a place for each state of the graph */
        char name[PHX_GRAPH_NAME_SIZE]; /* see phx_graph_others() */
};

/* Empty; 0 or -ENOMEM. */
int phx_graph_set_init(const struct phx_policy_graph *graph, struct phx_graph_set *set);
void phx_graph_set_done(struct phx_graph_set *set);
/* Empty again, for another search. */
void phx_graph_set_clear(struct phx_graph_set *set);
/* Whether both have the same states, however they were reached. */
bool phx_graph_set_equals(const struct phx_graph_set *a, const struct phx_graph_set *b);
/* The dead state is passed over. */
void phx_graph_set_add(struct phx_graph_set *set, uint32_t state);

/* Which bytes a search goes on with. */
struct phx_graph_bytes {
        bool has[256];
};

/* All but NUL. */
struct phx_graph_bytes phx_graph_any(void);

/* Adds where each of BYTES leads from STATE. */
void phx_graph_begin(
                const struct phx_policy_graph *graph,
                uint32_t state,
                const struct phx_graph_bytes *bytes,
                struct phx_graph_set *set);
/* Adds all that is reached from the set over BYTES, in any number. */
void phx_graph_close(
                const struct phx_policy_graph *graph,
                const struct phx_graph_bytes *bytes,
                struct phx_graph_set *set);
/* Adds to TO where STRING leads from each of FROM. */
void phx_graph_follow(
                const struct phx_policy_graph *graph,
                const struct phx_graph_set *from,
                const void *string,
                size_t size,
                struct phx_graph_set *to);
/* Adds all that is reached from START by any string over all bytes but NUL other than NAME, and,
 * where PASSES_CHILDREN, than what begins with NAME and "//". The empty string is none, nor is what
 * begins with BUT. SET must be empty. */
void phx_graph_others(
                const struct phx_policy_graph *graph,
                uint32_t start,
                const char *name,
                bool passes_children,
                char but,
                struct phx_graph_set *set);

/* Writes how STATE was reached from a state that was put in by itself, readably. */
void phx_graph_witness(const struct phx_graph_set *set, uint32_t state, char *witness, size_t size);
