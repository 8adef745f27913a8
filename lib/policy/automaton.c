/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The format: a header with a magic number, then tables, each at a multiple of eight bytes from the
 * header:
 *
 *      u32 magic  u32 size of the header  u32 size of all  u16 flags  version  NUL …
 *      u16 number of the table  u16 width  u32 higher count  u32 lower count  elements …
 *
 * A transition is found at base + byte, unless another state has that place; then the default state
 * is next, or, where the base says so, the default state's own transition is taken. */

#include "policy/automaton.h"

#include <errno.h>
#include <stdbool.h>

#define MAGIC 0x1B5E783DU
#define HEADER_SIZE 16U
#define TABLE_HEADER_SIZE 12U
#define ALIGNMENT 8U

/* Of a base: see struct aa_dfa in the kernel's match.h. */
#define BASE_INDEX 0x00ffffffU
#define BASE_DIFFERENCE 0x80000000U
/* An automaton that uses others of the flags is of a kind that 3.0 and 4.1 do not write for files.
 */
#define BASE_UNKNOWN 0x7f000000U

static uint32_t number(const uint8_t *data, size_t size) {
        uint32_t value = 0;

        for (size_t i = 0; i < size; i++)
                value = value << 8 | data[i];
        return value;
}

static uint32_t automaton_element(
                const struct phx_automaton *automaton,
                enum phx_automaton_table_id id,
                uint32_t index) {
        const struct phx_automaton_table *table = &automaton->tables[id];

        return index < table->count
                               ? number(table->data + (size_t) index * table->width, table->width)
                               : 0;
}

static int malformed(struct phx_error *error, const char *what) {
        return phx_error_set(error, -EPROTO, "compiled policy: automaton: %s", what);
}

/* RET_SIZE is of the table with its header, without what fills up to the next one. */
static int read_table(
                const uint8_t *data,
                size_t size,
                struct phx_automaton *automaton,
                size_t *ret_size,
                struct phx_error *error) {
        struct phx_automaton_table table = { 0 };
        uint32_t id;
        size_t bytes;

        if (size < TABLE_HEADER_SIZE)
                return malformed(error, "a table is truncated");
        id = number(data, 2);
        table.width = (uint16_t) number(data + 2, 2);
        table.count = number(data + 8, 4);
        if (table.width != 1 && table.width != 2 && table.width != 4)
                return malformed(error, "a table has elements of an unknown size");
        bytes = (size_t) table.count * table.width;
        if (number(data + 4, 4) != 0 || bytes > size - TABLE_HEADER_SIZE)
                return malformed(error, "a table is truncated");

        table.data = data + TABLE_HEADER_SIZE;
        if (id < PHX_AUTOMATON_TABLES)
                automaton->tables[id] = table;
        *ret_size = TABLE_HEADER_SIZE + bytes;
        return 0;
}

static bool is_complete(const struct phx_automaton *automaton) {
        const struct phx_automaton_table *tables = automaton->tables;
        uint32_t states = tables[PHX_AUTOMATON_BASE].count;

        return states > 0 && tables[PHX_AUTOMATON_DEFAULT].count == states &&
               tables[PHX_AUTOMATON_ACCEPT].count == states &&
               tables[PHX_AUTOMATON_CHECK].count > 0 &&
               tables[PHX_AUTOMATON_NEXT].count == tables[PHX_AUTOMATON_CHECK].count &&
               (!tables[PHX_AUTOMATON_CLASSES].data || tables[PHX_AUTOMATON_CLASSES].count == 256);
}

/* What would be looked up later stays inside by automaton_element(); this is what would be
 * misunderstood. */
static int check_bases(const struct phx_automaton *automaton, struct phx_error *error) {
        for (uint32_t i = 0; i < automaton->tables[PHX_AUTOMATON_BASE].count; i++)
                if (automaton_element(automaton, PHX_AUTOMATON_BASE, i) & BASE_UNKNOWN)
                        return malformed(error, "has transitions of an unknown kind");
        return 0;
}

int phx_automaton_read(
                const void *data,
                size_t size,
                struct phx_automaton *ret_automaton,
                struct phx_error *error) {
        struct phx_automaton automaton = { 0 };
        const uint8_t *bytes = data;
        size_t at = 0;
        int r;

        /* It is aligned in the policy that it is taken from, with zeros before it. */
        while (at < ALIGNMENT && at < size && bytes[at] == 0)
                at++;
        bytes += at;
        size -= at;
        if (size < HEADER_SIZE || number(bytes, 4) != MAGIC)
                return malformed(error, "has no header");
        at = number(bytes + 4, 4);
        if (at < HEADER_SIZE || at % ALIGNMENT != 0)
                return malformed(error, "has a header of an unknown size");

        while (at < size) {
                size_t length = 0;

                r = read_table(bytes + at, size - at, &automaton, &length, error);
                if (r < 0)
                        return r;
                at += (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }
        if (!is_complete(&automaton))
                return malformed(error, "its tables are inconsistent");
        r = check_bases(&automaton, error);
        if (r < 0)
                return r;
        *ret_automaton = automaton;
        return 0;
}

static uint32_t automaton_step(
                const struct phx_automaton *automaton,
                uint32_t state,
                uint32_t byte) {
        /* Defaults are followed towards the root of a tree; in a circle this ends it. */
        uint32_t left = automaton->tables[PHX_AUTOMATON_BASE].count;

        while (left-- > 0) {
                uint32_t base = automaton_element(automaton, PHX_AUTOMATON_BASE, state);
                uint32_t place = (base & BASE_INDEX) + byte;

                if (place < automaton->tables[PHX_AUTOMATON_CHECK].count &&
                    automaton_element(automaton, PHX_AUTOMATON_CHECK, place) == state)
                        return automaton_element(automaton, PHX_AUTOMATON_NEXT, place);
                state = automaton_element(automaton, PHX_AUTOMATON_DEFAULT, state);
                if (!(base & BASE_DIFFERENCE))
                        return state;
        }
        return 0;
}

uint32_t phx_automaton_run(
                const struct phx_automaton *automaton,
                uint32_t state,
                const void *string,
                size_t size) {
        bool has_classes = automaton->tables[PHX_AUTOMATON_CLASSES].data;
        const uint8_t *bytes = string;

        for (size_t i = 0; i < size && state != 0; i++) {
                uint32_t byte = bytes[i];

                if (has_classes)
                        byte = automaton_element(automaton, PHX_AUTOMATON_CLASSES, byte);
                state = automaton_step(automaton, state, byte);
        }
        return state;
}

uint32_t phx_automaton_accept(const struct phx_automaton *automaton, uint32_t state) {
        return automaton_element(automaton, PHX_AUTOMATON_ACCEPT, state);
}

uint32_t phx_automaton_accept_more(const struct phx_automaton *automaton, uint32_t state) {
        return automaton_element(automaton, PHX_AUTOMATON_ACCEPT_MORE, state);
}
