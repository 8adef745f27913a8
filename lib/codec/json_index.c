/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Node 0 is the root. The members of an object or array are walked all at once and lie one behind
 * the other. Those of an object have a second order, by key, in which they are searched; of a key
 * that stands twice the first one is found, as it is without an index. */

#include "codec/json_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t) 512)
#define FEW 64

void phx_json_index_done(struct phx_json_index *index) {
        for (size_t i = 0; i < index->count; i++)
                free(index->nodes[i].key);
        free(index->nodes);
        free(index->sorted);
        free(index->marks);
        *index = (struct phx_json_index){ 0 };
}

/* --- members --- */

static int reserve(struct phx_json_index *index) {
        size_t capacity = index->capacity ? 2 * index->capacity : FEW, *sorted;
        struct phx_json_node *nodes;

        if (index->count < index->capacity)
                return 0;
        nodes = reallocarray(index->nodes, capacity, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;
        index->nodes = nodes;
        sorted = reallocarray(index->sorted, capacity, sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        index->sorted = sorted;
        index->capacity = capacity;
        return 0;
}

struct walk {
        const struct phx_json_text *text;
        bool failed;
};

static void index_add(void *data, const struct phx_json_member *member) {
        struct walk *walk = data;
        struct phx_json_index *index = walk->text->index;
        struct phx_json_node *node;

        if (walk->failed || reserve(index) < 0) {
                walk->failed = true;
                return;
        }
        node = &index->nodes[index->count];
        *node = (struct phx_json_node){ .member = *member };
        index->sorted[index->count] = index->count;
        index->count++;
        if (phx_json_decode_key(walk->text, member->key, &node->key) < 0)
                walk->failed = true;
}

/* A key as it is compared. */
struct key {
        const char *text;
        size_t size;
};

static struct key key_of(const struct phx_json_text *text, const struct phx_json_node *node) {
        const struct phx_json_span span = node->member.key;

        if (node->key)
                return (struct key){ node->key, strlen(node->key) };
        if (span.end < span.begin + 2)
                return (struct key){ "", 0 };
        return (struct key){ text->data + span.begin + 1, span.end - span.begin - 2 };
}

static int compare_keys(struct key a, struct key b) {
        size_t size = a.size < b.size ? a.size : b.size;
        int r = size > 0 ? memcmp(a.text, b.text, size) : 0;

        if (r == 0 && a.size != b.size)
                r = a.size < b.size ? -1 : 1;
        return r;
}

static int compare_nodes(const void *a, const void *b, void *data) {
        const struct phx_json_text *text = ((const struct walk *) data)->text;
        size_t one = *(const size_t *) a, two = *(const size_t *) b;
        int r = compare_keys(
                        key_of(text, &text->index->nodes[one]),
                        key_of(text, &text->index->nodes[two]));

        if (r != 0)
                return r;
        return one < two ? -1 : one > two;
}

/* What fails half way leaves nothing behind. */
static int walk_members(const struct phx_json_text *text, size_t number) {
        struct phx_json_index *index = text->index;
        size_t first = index->count, begin = index->nodes[number].member.value.begin;
        struct walk walk = { .text = text };
        struct phx_json_node *node;
        bool is_object;

        is_object = phx_json_walk_members(text, begin, index_add, &walk);
        if (walk.failed) {
                while (index->count > first)
                        free(index->nodes[--index->count].key);
                return -ENOMEM;
        }
        node = &index->nodes[number];
        node->first = first;
        node->count = index->count - first;
        node->is_object = is_object;
        node->is_walked = true;
        if (is_object && node->count > 1)
                qsort_r(index->sorted + first,
                        node->count,
                        sizeof(*index->sorted),
                        compare_nodes,
                        &walk);
        return 0;
}

static const struct phx_json_node *index_search(
                const struct phx_json_text *text,
                const struct phx_json_node *node,
                const char *key) {
        const struct phx_json_index *index = text->index;
        const struct key wanted = { key, strlen(key) };
        size_t low = node->first, high = node->first + node->count;
        const struct phx_json_node *found;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                found = &index->nodes[index->sorted[middle]];
                if (compare_keys(key_of(text, found), wanted) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == node->first + node->count)
                return NULL;
        found = &index->nodes[index->sorted[low]];
        if (found->member.key.end < found->member.key.begin + 2)
                return NULL; /* cut off */
        return compare_keys(key_of(text, found), wanted) == 0 ? found : NULL;
}

static int add_root(const struct phx_json_text *text) {
        const struct phx_json_text plain = { text->file, text->data, text->size, NULL };
        const struct phx_json_place place = { .text = &plain };
        struct phx_json_index *index = text->index;
        int r = reserve(index);

        if (r < 0)
                return r;
        index->nodes[0] = (struct phx_json_node){ 0 };
        (void) phx_json_find(&place, &index->nodes[0].member);
        index->count = 1;
        return 0;
}

/* 1 and the number of PLACE's node, 0 or -ENOMEM. */
static int find_node(const struct phx_json_place *place, size_t *ret_number) {
        struct phx_json_index *index = place->text->index;
        const struct phx_json_node *node, *found;
        size_t above = 0;
        int r;

        if (!place->parent) {
                *ret_number = 0;
                r = index->count == 0 ? add_root(place->text) : 0;
                return r < 0 ? r : 1;
        }
        r = find_node(place->parent, &above);
        if (r > 0 && !index->nodes[above].is_walked && walk_members(place->text, above) < 0)
                return -ENOMEM;
        if (r <= 0)
                return r;
        node = &index->nodes[above];
        if (node->is_object != !!place->key)
                return 0;
        if (!place->key) {
                *ret_number = node->first + place->index;
                return place->index < node->count;
        }
        found = index_search(place->text, node, place->key);
        if (found)
                *ret_number = (size_t) (found - index->nodes);
        return !!found;
}

int phx_json_index_find(const struct phx_json_place *place, struct phx_json_member *ret_member) {
        size_t number = 0;
        int r = find_node(place, &number);

        if (r > 0)
                *ret_member = place->text->index->nodes[number].member;
        return r;
}

/* --- lines --- */

static int mark_lines(const struct phx_json_text *text) {
        struct phx_json_index *index = text->index;
        struct phx_json_mark mark = { .lines = 0 };
        size_t count = text->size / BLOCK + 1;

        index->marks = calloc(count, sizeof(*index->marks));
        if (!index->marks)
                return -ENOMEM;
        for (size_t i = 0; i < text->size; i++) {
                if (i % BLOCK == 0)
                        index->marks[i / BLOCK] = mark;
                if (text->data[i] == '\n') {
                        mark.lines++;
                        mark.begin = i + 1;
                }
        }
        if (text->size % BLOCK == 0)
                index->marks[count - 1] = mark;
        index->mark_count = count;
        return 0;
}

int phx_json_index_line(
                const struct phx_json_text *text,
                size_t offset,
                size_t *ret_line,
                size_t *ret_begin) {
        struct phx_json_mark mark;
        int r = text->index->mark_count == 0 ? mark_lines(text) : 0;

        if (r < 0)
                return r;
        mark = text->index->marks[offset / BLOCK];
        for (size_t i = offset / BLOCK * BLOCK; i < offset; i++)
                if (text->data[i] == '\n') {
                        mark.lines++;
                        mark.begin = i + 1;
                }
        *ret_line = mark.lines + 1;
        *ret_begin = mark.begin;
        return 0;
}
