/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Searches in an automaton that ask it for one byte after the other, and share nothing with those
 * of policy/graph.c. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/automaton.h"
#include "policy/policy.h"

#define STATES_LIMIT 8192

struct oracle {
        const char *blob;
        size_t size;
        struct phx_policy_rules rules;
        struct phx_automaton automaton;
        uint32_t states;
        uint32_t (*to)[256];
};

struct set {
        bool has[STATES_LIMIT];
};

static inline void oracle_init(struct oracle *oracle) {
        assert_int_equal(
                        phx_automaton_read(
                                        oracle->blob + oracle->rules.offset,
                                        oracle->rules.size,
                                        &oracle->automaton,
                                        NULL),
                        0);
        oracle->states = oracle->automaton.tables[PHX_AUTOMATON_BASE].count;
        assert_true(oracle->states < STATES_LIMIT);
        oracle->to = calloc(oracle->states, sizeof(*oracle->to));
        assert_non_null(oracle->to);
        for (uint32_t state = 1; state < oracle->states; state++)
                for (unsigned i = 0; i < 256; i++) {
                        const uint8_t byte = (uint8_t) i;
                        uint32_t to = phx_automaton_run(&oracle->automaton, state, &byte, 1);

                        oracle->to[state][i] = to < oracle->states ? to : 0;
                }
}

static inline uint32_t run(
                const struct oracle *oracle,
                uint32_t state,
                const char *text,
                size_t size) {
        for (size_t i = 0; i < size; i++)
                state = oracle->to[state][(uint8_t) text[i]];
        return state;
}

static inline struct set follow(
                const struct oracle *oracle,
                const struct set *from,
                const char *text,
                size_t size) {
        struct set to = { { false } };

        for (uint32_t i = 1; i < oracle->states; i++)
                if (from->has[i])
                        to.has[run(oracle, i, text, size)] = true;
        to.has[0] = false;
        return to;
}

static inline void spread(const struct oracle *oracle, const bool bytes[256], struct set *set) {
        for (bool is_new = true; is_new;) {
                is_new = false;
                for (uint32_t i = 1; i < oracle->states; i++)
                        for (unsigned j = 0; set->has[i] && j < 256; j++)
                                if (bytes[j] && oracle->to[i][j] && !set->has[oracle->to[i][j]])
                                        is_new = set->has[oracle->to[i][j]] = true;
        }
}

/* All strings but NAME, what begins with BUT, and, where they pass, what begins with NAME//: how
 * much of that has been read is part of what is searched. OTHER: it is another string. */
#define NAME_LIMIT 64
#define OTHER (NAME_LIMIT - 1)

static inline struct set others(
                const struct oracle *oracle,
                uint32_t start,
                const char *name,
                bool passes_children,
                char but) {
        static bool is_in[NAME_LIMIT][STATES_LIMIT];
        char whole[NAME_LIMIT];
        struct set set = { { false } };
        size_t length;

        (void) snprintf(whole, sizeof(whole), "%s%s", name, passes_children ? "//" : "");
        length = strlen(whole);
        memset(is_in, 0, sizeof(is_in));
        is_in[0][start] = true;
        for (bool is_new = true; is_new;) {
                is_new = false;
                for (size_t at = 0; at < NAME_LIMIT; at++)
                        for (uint32_t i = 1; i < oracle->states; i++)
                                for (unsigned j = 1; is_in[at][i] && j < 256; j++) {
                                        uint32_t to = oracle->to[i][j];
                                        size_t next = at < length && j == (uint8_t) whole[at]
                                                                      ? at + 1
                                                                      : OTHER;

                                        if (to == 0 || is_in[next][to] ||
                                            (at == 0 && but && j == (uint8_t) but) ||
                                            (at == length && passes_children))
                                                continue;
                                        is_new = is_in[next][to] = true;
                                }
        }
        for (size_t at = 1; at < NAME_LIMIT; at++)
                for (uint32_t i = 1; i < oracle->states; i++)
                        set.has[i] |= is_in[at][i] && at != strlen(name) && at != length;
        return set;
}

static inline void all_bytes(bool bytes[256]) {
        memset(bytes, true, 256);
        bytes[0] = false;
}
