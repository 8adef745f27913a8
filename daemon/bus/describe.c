/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The answers of the board. An object is never read for one: the text that the engine has sent is
 * copied into its place. What is not an object is small, and rendered when it is asked for.
 *
 * A text about all objects is of one pass, although the board may change before it is whole: its
 * objects are pinned when it is begun, and so are never changed under it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/board.h"
#include "codec/snapshot_json.h"

/* --- what is written in parts --- */

void board_text_done(struct board_text *text) {
        size_t count = 0;

        for (unsigned list = 0; list < text->lists; list++)
                count += text->counts[list];
        for (size_t i = 0; text->items && i < count; i++)
                (void) shelf_object_free(text->items[i]);
        free(text->items);
        free(text->head);
        free(text->tail);
        *text = (struct board_text){ 0 };
}

#define LIST_BEFORE ",\""
#define LIST_BEGIN "\":["
#define LIST_END "]"

/* Pins all objects of LISTS kinds from KIND on, between the head and the tail. */
static int text_pin(
                const struct board *board,
                enum phx_object_kind kind,
                unsigned lists,
                struct board_text *text) {
        size_t count = 0, at = 0;

        for (unsigned list = 0; list < lists; list++)
                count += board->shelves.kinds[kind + list].count;
        text->items = calloc(count + 1, sizeof(*text->items));
        if (!text->items)
                return -ENOMEM;
        text->kind = kind;
        text->lists = lists;
        text->size = strlen(text->head) + strlen(text->tail);
        for (unsigned list = 0; list < lists; list++) {
                const struct shelf *shelf = &board->shelves.kinds[kind + list];

                text->counts[list] = shelf->count;
                text->size += strlen(LIST_BEFORE LIST_BEGIN LIST_END) +
                              strlen(phx_object_kind_to_string(kind + list));
                for (size_t i = 0; i < shelf->count; i++) {
                        text->items[at++] = shelf_object_pin(shelf->items[i]);
                        text->size += shelf->items[i]->size + (i > 0);
                }
        }
        return 0;
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
        text.head[strlen(text.head) - 1] = '\0';
        text.tail[0] = ',';
        r = text_pin(board, PHX_OBJECT_PROFILE, PHX_OBJECT_DRIFT + 1, &text);
        if (r < 0)
                return r;
        *ret_text = PHX_TAKE_STRUCT(text);
        return 0;
}

int board_describe_plan(const struct board *board, struct board_text *ret_text) {
        phx_cleanup(board_text_done) struct board_text text = { 0 };
        int r;

        r = phx_plan_head_render(board->rest.snapshot, &text.head);
        if (r >= 0)
                r = phx_replace(&text.tail, "}");
        if (r < 0)
                return r;
        text.head[strlen(text.head) - 1] = '\0';
        r = text_pin(board, PHX_OBJECT_STEP, 2, &text);
        if (r < 0)
                return r;
        *ret_text = PHX_TAKE_STRUCT(text);
        return 0;
}

static char *write_word(char *to, const char *word) {
        const size_t size = strlen(word);

        memcpy(to, word, size);
        return to + size;
}

/* The next object, with what comes before it; or the end of a list, or the begin of the next. */
static char *text_write_next(const struct board *board, struct board_text *text, char *to) {
        if (!text->is_begun) {
                text->is_begun = true;
                text->left = text->counts[text->list];
                to = write_word(to, LIST_BEFORE);
                to = write_word(to, phx_object_kind_to_string(text->kind + text->list));
                return write_word(to, LIST_BEGIN);
        }
        if (text->left == 0) {
                text->is_begun = false;
                text->list++;
                return write_word(to, LIST_END);
        }
        if (text->left < text->counts[text->list])
                *to++ = ',';
        text->left--;
        return shelf_write(&board->shelves, text->items[text->at++], to);
}

char *board_text_write(const struct board *board, struct board_text *text, size_t limit, char *to) {
        const char *begin = to;

        if (text->head)
                to = write_word(to, text->head);
        free(PHX_TAKE(text->head));
        while (text->list < text->lists) {
                if ((size_t) (to - begin) >= limit)
                        return to;
                to = text_write_next(board, text, to);
        }
        text->is_whole = true;
        return write_word(to, text->tail);
}

/* --- what is short --- */

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
