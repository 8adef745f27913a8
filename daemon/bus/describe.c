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

/* --- all of it --- */

#define LIST_BEFORE ",\""
#define LIST_BEGIN "\":["
#define LIST_END "]"

static size_t list_size(const struct board *board, enum phx_object_kind kind) {
        const struct shelf *shelf = &board->shelves.kinds[kind];
        size_t size = strlen(LIST_BEFORE) + strlen(phx_object_kind_to_string(kind)) +
                      strlen(LIST_BEGIN) + strlen(LIST_END);

        for (size_t i = 0; i < shelf->count; i++)
                size += shelf->items[i]->size + (i > 0);
        return size;
}

static char *write_word(char *to, const char *word, size_t size) {
        memcpy(to, word, size);
        return to + size;
}

static char *write_list(const struct board *board, enum phx_object_kind kind, char *to) {
        const struct shelf *shelf = &board->shelves.kinds[kind];
        const char *name = phx_object_kind_to_string(kind);

        to = write_word(to, LIST_BEFORE, strlen(LIST_BEFORE));
        to = write_word(to, name, strlen(name));
        to = write_word(to, LIST_BEGIN, strlen(LIST_BEGIN));
        for (size_t i = 0; i < shelf->count; i++) {
                if (i > 0)
                        *to++ = ',';
                to = shelf_write(&board->shelves, shelf->items[i], to);
        }
        return write_word(to, LIST_END, strlen(LIST_END));
}

void board_text_done(struct board_text *text) {
        free(text->head);
        free(text->tail);
        *text = (struct board_text){ 0 };
}

/* Two JSON objects become one: without the end of the first, and with a comma for the begin of the
 * other. */
int board_describe(const struct board *board, struct board_text *ret_text) {
        phx_cleanup(board_text_done) struct board_text text = { 0 };
        int r;

        r = phx_description_head_render(&board->daemon, board->rest.snapshot, &text.head);
        if (r >= 0)
                r = phx_description_tail_render(board->rest.snapshot, &text.tail);
        if (r < 0)
                return r;
        text.size = strlen(text.head) - 1 + strlen(text.tail);
        for (unsigned kind = 0; kind <= PHX_OBJECT_DRIFT; kind++)
                text.size += list_size(board, (enum phx_object_kind) kind);
        *ret_text = PHX_TAKE_STRUCT(text);
        return 0;
}

void board_text_write(const struct board *board, const struct board_text *text, char *to) {
        to = write_word(to, text->head, strlen(text->head) - 1);
        for (unsigned kind = 0; kind <= PHX_OBJECT_DRIFT; kind++)
                to = write_list(board, (enum phx_object_kind) kind, to);
        *to++ = ',';
        (void) write_word(to, text->tail + 1, strlen(text->tail) - 1);
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
                r = shelf_add(&board->shelves, object, buffer);
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
        const char *version = "{\"version\":1,", *drifts = ",\"drifts\":[";
        size_t at = buffer->size + strlen(version) - 1;
        int r;

        /* The members of the container's object, without its begin and its end. */
        r = phx_buffer_add(buffer, version, strlen(version) - 1);
        if (r >= 0)
                r = shelf_add(&board->shelves, container, buffer);
        if (r >= 0) {
                buffer->data[at] = ',';
                buffer->size--;
                r = phx_buffer_add_text(buffer, drifts);
        }
        if (r >= 0)
                r = shelves_join_drifts(&board->shelves, shelf_key(container), buffer);
        return r < 0 ? r : phx_buffer_add_text(buffer, "]}");
}

int board_describe_plan(const struct board *board, struct phx_buffer *buffer) {
        phx_autofree char *head = NULL;
        int r;

        r = phx_plan_head_render(board->rest.snapshot, &head);
        if (r >= 0)
                r = phx_buffer_add(buffer, head, strlen(head) - 1); /* without its end */
        if (r >= 0)
                r = add_list(board, PHX_OBJECT_STEP, buffer);
        if (r >= 0)
                r = add_list(board, PHX_OBJECT_OFFER, buffer);
        return r < 0 ? r : phx_buffer_add(buffer, "}", 1);
}
