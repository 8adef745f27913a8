/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* jansson keeps no positions, so that the place of a value is found by walking the text once more.
 * This runs only on a text that jansson has accepted, and only when something is to be said about
 * it: it trusts the syntax, but never reads outside the text. */

struct phx_json_text {
        const char *file; /* as it is to be named in messages */
        const char *data;
        size_t size;
        struct phx_json_index
                        *index; /* see json_index.h; NULL: all is searched from the beginning */
};

/* A value of the text: a chain up to the root, which has no parent. Each link lives on the stack of
 * the function that went one step down. */
struct phx_json_place {
        const struct phx_json_text *text;
        const struct phx_json_place *parent;
        const char *key; /* NULL for the root and for an element of an array */
        size_t index;
};

/* Bytes BEGIN up to, but without, END. */
struct phx_json_span {
        size_t begin;
        size_t end;
};

struct phx_json_member {
        struct phx_json_span key; /* with its quotes; empty for the root and for elements */
        struct phx_json_span value;
};

/* False when the text has no such value. */
bool phx_json_find(const struct phx_json_place *place, struct phx_json_member *ret_member);

/* Walks the members of the object at PLACE in one go, however many there are: CALLED gets each key
 * as it is written, without quotes, and the byte where its value begins, or that of the value's own
 * member INNER where it has one. */
void phx_json_walk(
                const struct phx_json_place *place,
                const char *inner,
                void (*called)(void *data, const char *key, size_t key_size, size_t offset),
                void *data);

/* Walks the elements of the array whose bracket is the byte OFFSET; of anything else there are
 * none. CALLED gets the byte where each begins. */
void phx_json_walk_array(
                const struct phx_json_text *text,
                size_t offset,
                void (*called)(void *data, size_t index, size_t offset),
                void *data);

/* Walks the members of the object or array whose bracket is the byte OFFSET; of anything else there
 * are none. True for an object. */
bool phx_json_walk_members(
                const struct phx_json_text *text,
                size_t offset,
                void (*called)(void *data, const struct phx_json_member *member),
                void *data);

/* The key at SPAN, which has its quotes, where it differs from what stands there; else NULL. The
 * caller's. 0 or -ENOMEM. */
int phx_json_decode_key(
                const struct phx_json_text *text,
                struct phx_json_span span,
                char **ret_key);

/* Finds the key whose closing quote is the byte before END, which is where jansson says a duplicate
 * is: its path (added to PATH) and the first of the two. True when found; false also when memory is
 * short, since it only serves a message. */
bool phx_json_find_duplicate(
                const struct phx_json_text *text,
                size_t end,
                struct phx_buffer *path,
                struct phx_json_span *ret_first);

/* Adds ".KEY" or "[INDEX]" (without the dot when PATH is empty). Odd keys are quoted and what
 * cannot be printed is shown as '?'. 0 or -ENOMEM. */
int phx_json_path_add(struct phx_buffer *path, const char *key, size_t index);

/* Counted from 1; the column in bytes. */
size_t phx_json_column(const struct phx_json_text *text, size_t offset);
size_t phx_json_line(const struct phx_json_text *text, size_t offset);
