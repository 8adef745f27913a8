/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The answers of the board. An object is never read for one: the text that the engine has sent is
 * copied into its place. What is not an object is small, and rendered when it is asked for. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/board.h"
#include "codec/snapshot_json.h"

/* A member that is a list of all objects of KIND, and the comma before it. */
static int add_list(
                const struct board *board,
                enum phx_object_kind kind,
                struct phx_buffer *buffer) {
        int r;

        r = phx_buffer_addf(buffer, ",\"%s\":[", phx_object_kind_to_string(kind));
        if (r >= 0)
                r = shelves_join(
                                &board->shelves,
                                kind,
                                0,
                                board->shelves.kinds[kind].count,
                                buffer);
        return r < 0 ? r : phx_buffer_add(buffer, "]", 1);
}

/* A JSON object without its end, to which members may be added. */
static int add_open(const char *json, size_t size, struct phx_buffer *buffer) {
        return phx_buffer_add(buffer, json, size - 1);
}

/* --- all of it --- */

/* There is room for it. */
static void text_add(struct board_text *text, const char *piece, size_t size) {
        struct iovec *item = &text->pieces[text->count++];

        memcpy(&item->iov_base, &piece, sizeof(piece));
        item->iov_len = size;
}

static void text_add_word(struct board_text *text, const char *word) {
        text_add(text, word, strlen(word));
}

static void text_add_list(
                struct board_text *text,
                const struct board *board,
                enum phx_object_kind kind) {
        const struct shelf *shelf = &board->shelves.kinds[kind];

        text_add_word(text, ",\"");
        text_add_word(text, phx_object_kind_to_string(kind));
        text_add_word(text, "\":[");
        for (size_t i = 0; i < shelf->count; i++) {
                if (i > 0)
                        text_add_word(text, ",");
                text_add(text, shelf_json(shelf->items[i]), shelf->items[i]->size);
        }
        text_add_word(text, "]");
}

static int text_reserve(const struct board *board, struct board_text *text) {
        /* The head, a comma and the tail; and of each list what is around its objects. */
        size_t count = 3;

        for (unsigned kind = 0; kind <= PHX_OBJECT_DRIFT; kind++)
                count += 2 * board->shelves.kinds[kind].count + 4;
        text->pieces = calloc(count, sizeof(*text->pieces));
        return text->pieces ? 0 : -ENOMEM;
}

void board_text_done(struct board_text *text) {
        free(text->pieces);
        free(text->head);
        free(text->tail);
        *text = (struct board_text){ 0 };
}

int board_describe(const struct board *board, struct board_text *ret_text) {
        phx_cleanup(board_text_done) struct board_text text = { 0 };
        int r;

        r = phx_description_head_render(&board->daemon, board->rest.snapshot, &text.head);
        if (r >= 0)
                r = phx_description_tail_render(board->rest.snapshot, &text.tail);
        if (r >= 0)
                r = text_reserve(board, &text);
        if (r < 0)
                return r;
        /* Two JSON objects become one: without the end of the first, and without the begin of the
         * other. */
        text_add(&text, text.head, strlen(text.head) - 1);
        for (unsigned kind = 0; kind <= PHX_OBJECT_DRIFT; kind++)
                text_add_list(&text, board, (enum phx_object_kind) kind);
        text_add_word(&text, ",");
        text_add_word(&text, text.tail + 1);
        *ret_text = PHX_TAKE_STRUCT(text);
        return 0;
}

int board_describe_daemon(const struct board *board, struct phx_buffer *buffer) {
        phx_autofree char *text = NULL;
        int r;

        r = phx_daemon_render(&board->daemon, board->rest.snapshot, &board->rest.tally, &text);
        return r < 0 ? r : phx_buffer_add_text(buffer, text);
}

/* The key as a JSON string, or null. */
static int add_next(const char *key, struct phx_buffer *buffer) {
        phx_autofree char *text = NULL;
        int r;

        if (!key)
                return phx_buffer_add_text(buffer, "],\"next\":null}");
        r = phx_key_render(key, &text);
        return r < 0 ? r : phx_buffer_addf(buffer, "],\"next\":%s}", text);
}

int board_describe_objects(
                const struct board *board,
                enum phx_object_kind kind,
                const char *after,
                size_t count,
                struct phx_buffer *buffer) {
        const struct shelf *shelf = &board->shelves.kinds[kind];
        size_t first = shelves_from(&board->shelves, kind, after), end;
        int r;

        if (first < shelf->count && strcmp(shelf_key(shelf->items[first]), after) == 0)
                first++;
        end = shelf->count - first > count ? first + count : shelf->count;
        r = phx_buffer_addf(buffer, "{\"version\":1,\"%s\":[", phx_object_kind_to_string(kind));
        if (r >= 0)
                r = shelves_join(&board->shelves, kind, first, end, buffer);
        if (r < 0)
                return r;
        return add_next(end < shelf->count ? shelf_key(shelf->items[end - 1]) : NULL, buffer);
}

/* A list of the one object of this name, or an empty one. */
static int add_one(
                const struct board *board,
                enum phx_object_kind kind,
                const char *name,
                struct phx_buffer *buffer) {
        const struct shelf_object *object = shelves_find(&board->shelves, kind, name);
        int r;

        r = phx_buffer_addf(buffer, ",\"%s\":[", phx_object_kind_to_string(kind));
        if (r >= 0 && object)
                r = phx_buffer_add(buffer, shelf_json(object), object->size);
        return r < 0 ? r : phx_buffer_add(buffer, "]", 1);
}

int board_describe_object(const struct board *board, const char *name, struct phx_buffer *buffer) {
        int r;

        r = phx_buffer_add_text(buffer, "{\"version\":1");
        if (r >= 0)
                r = add_one(board, PHX_OBJECT_PROFILE, name, buffer);
        if (r >= 0)
                r = add_one(board, PHX_OBJECT_CONTAINER, name, buffer);
        if (r >= 0)
                r = phx_buffer_add_text(buffer, ",\"drifts\":[");
        if (r >= 0)
                r = shelves_join_drifts(&board->shelves, name, buffer);
        return r < 0 ? r : phx_buffer_add_text(buffer, "]}");
}

int board_describe_container(
                const struct board *board,
                const struct shelf_object *container,
                struct phx_buffer *buffer) {
        int r;

        r = phx_buffer_add_text(buffer, "{\"version\":1,");
        if (r >= 0)
                r = add_open(shelf_json(container) + 1, container->size - 1, buffer);
        if (r >= 0)
                r = phx_buffer_add_text(buffer, ",\"drifts\":[");
        if (r >= 0)
                r = shelves_join_drifts(&board->shelves, shelf_key(container), buffer);
        return r < 0 ? r : phx_buffer_add_text(buffer, "]}");
}

int board_describe_plan(const struct board *board, struct phx_buffer *buffer) {
        phx_autofree char *head = NULL;
        int r;

        r = phx_plan_head_render(board->rest.snapshot, &head);
        if (r >= 0)
                r = add_open(head, strlen(head), buffer);
        if (r >= 0)
                r = add_list(board, PHX_OBJECT_STEP, buffer);
        if (r >= 0)
                r = add_list(board, PHX_OBJECT_OFFER, buffer);
        return r < 0 ? r : phx_buffer_add(buffer, "}", 1);
}
