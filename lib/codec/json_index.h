/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "codec/json_scan.h"

/* Where things stand in a text, found once: for texts about which much is to be said. Each object
 * or array is walked when something in it is looked for, so that the whole costs no more than the
 * text is deep, whatever is asked. A text that has one (struct phx_json_text) is asked through
 * phx_json_find(), phx_json_line() and phx_json_column() as any other. */

struct phx_json_node {
        struct phx_json_member member;
        char *key;      /* decoded; NULL: as it stands between the quotes */
        size_t first;   /* of its members among the nodes */
        size_t count;   /* of them */
        bool is_object; /* otherwise they are found by their number */
        bool is_walked;
};

/* The lines before a block of the text. */
struct phx_json_mark {
        size_t lines;
        size_t begin; /* of the line that goes on into the block */
};

/* The zero value is empty; for one text only, which must not change. */
struct phx_json_index {
        struct phx_json_node *nodes;
        size_t *sorted; /* for each object's members, in their place: numbers of nodes, by key */
        size_t count;
        size_t capacity;
        struct phx_json_mark *marks;
        size_t mark_count;
};
void phx_json_index_done(struct phx_json_index *index);

/* 1 and the member, 0 when there is none, or -ENOMEM. PLACE's text has an index. */
int phx_json_index_find(const struct phx_json_place *place, struct phx_json_member *ret_member);

/* 0 or -ENOMEM. LINE and the byte at which it begins, OFFSET being within the text or at its end.
 */
int phx_json_index_line(
                const struct phx_json_text *text,
                size_t offset,
                size_t *ret_line,
                size_t *ret_begin);
