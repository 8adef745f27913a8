/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Goes through a profile as the compiler does, one statement of the lexer at a time, without a
 * tree: a stack of frames, one for each file that is being read, of which the last is read from. An
 * include pushes a frame and the walk goes on in it; at the end of a file its frame is dropped and
 * the one below goes on after the include. So a statement's place is known at all times: the file,
 * its line, and the line of the profile whose include led there (site, inherited by deeper
 * includes).
 *
 * Each file is gone through at most once outside of blocks and once inside, which ends circles
 * without a limit of depth; that is enough to find a place, as a second reading has the same
 * lines.
 *
 * Statements borrow from the texts in FILES, which must outlive the walk. Wrong input gives a best
 * effort, never a failure: memory that runs short ends the walk early, and the caller has no place
 * to show. */

#include "source/walk.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"

/* A file that is being gone through. */
struct frame {
        const char *file; /* NULL for the profile itself */
        struct phx_lexer lexer;
        unsigned site;
};

struct phx_source_walk {
        struct phx_source_text text;
        struct frame *frames; /* the last is read from */
        size_t count;
        unsigned depth;
        /* Of each include of the closure, whether it was gone through outside of all blocks, and in
         * one: once each, or a circle would have no end. */
        bool (*was_seen)[2];
};

/* --- going through files --- */

static struct frame *push(struct phx_source_walk *walk, const struct phx_file_seen *seen) {
        struct frame *frame;

        if (!seen || seen->result < 0)
                return NULL;
        frame = phx_grow(&walk->frames, &walk->count, sizeof(*frame));
        if (!frame)
                return NULL;
        frame->lexer = (struct phx_lexer){ seen->text, seen->text + seen->size, 1 };
        return frame;
}

struct phx_source_walk *phx_source_walk_new(const struct phx_source_text *text) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = calloc(1, sizeof(*walk));

        if (!walk)
                return NULL;
        walk->text = *text;
        walk->was_seen = calloc(text->closure->count + 1, sizeof(*walk->was_seen));
        if (!walk->was_seen || !push(walk, text->profile))
                return NULL;
        return PHX_TAKE(walk);
}

struct phx_source_walk *phx_source_walk_free(struct phx_source_walk *walk) {
        if (!walk)
                return NULL;
        free(walk->frames);
        free(walk->was_seen);
        free(walk);
        return NULL;
}

static void push_include(struct phx_source_walk *walk, size_t index, unsigned site) {
        const struct phx_include *include = &walk->text.closure->items[index];
        bool *was_seen = &walk->was_seen[index][walk->depth > 0];
        struct frame *frame;

        if (*was_seen || !include->path || strcmp(include->digest, "directory") == 0)
                return;
        *was_seen = true;
        frame = push(walk, phx_files_get(walk->text.files, include->path));
        if (!frame)
                return;
        frame->file = include->path;
        frame->site = site;
}

/* All that NAME stands for; the last that is pushed is read first. */
static void push_all(struct phx_source_walk *walk, const char *name, unsigned site) {
        const struct phx_closure *closure = walk->text.closure;

        for (size_t i = closure->count; i > 0; i--)
                if (phx_include_means(name, closure->items[i - 1].name))
                        push_include(walk, i - 1, site);
}

static struct frame *top(const struct phx_source_walk *walk) {
        return &walk->frames[walk->count - 1];
}

/* --- statements --- */

static void walk_follow(
                struct phx_source_walk *walk,
                const struct phx_word *include,
                unsigned line) {
        phx_autofree char *written = strndup(include->from, include->length);
        phx_autofree char *name = written ? phx_include_name(written) : NULL;
        const struct frame *frame = top(walk);

        if (name && name[0])
                push_all(walk, name, frame->file ? frame->site : line);
}

bool phx_source_walk_next(struct phx_source_walk *walk, struct phx_statement *ret_statement) {
        while (walk && walk->count > 0) {
                struct frame *frame = top(walk);
                struct phx_lexed lexed;

                if (!phx_lexer_next(&frame->lexer, &lexed)) {
                        walk->count--;
                        continue;
                }
                *ret_statement = (struct phx_statement){
                        .kind = lexed.kind,
                        .place = { frame->file,
                                   lexed.line,
                                   frame->file ? frame->site : lexed.line },
                        .depth = walk->depth,
                        .from = lexed.from,
                        .length = lexed.length,
                        .include = lexed.include,
                };
                if (lexed.include.length > 0)
                        walk_follow(walk, &lexed.include, lexed.line);
                walk->depth += lexed.kind == PHX_STATEMENT_OPEN;
                walk->depth -= lexed.kind == PHX_STATEMENT_CLOSE && walk->depth > 0;
                return true;
        }
        return false;
}

unsigned phx_source_line(const struct phx_file_seen *seen, unsigned counted) {
        const char *at = seen->text, *end = at + seen->size;
        unsigned line = 1, count = 1;

        while (at < end && count < counted) {
                const char *to = *at == '"' ? phx_lexer_skip_string(at, end) : at + 1;

                if (phx_lexer_is_comment(at, end))
                        to = phx_lexer_skip_line(at, end);
                count += *at == '\n';
                for (; at < to; at++)
                        line += *at == '\n';
        }
        return line + counted - count;
}

bool phx_source_walk_find(
                const struct phx_source_text *text,
                const struct phx_place *place,
                struct phx_statement *ret_statement) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;
        bool is_found = false;

        while (phx_source_walk_next(walk, &statement)) {
                if (!phx_equal(statement.place.file, place->file) ||
                    statement.place.line > place->line)
                        continue;
                *ret_statement = statement;
                is_found = true;
        }
        return is_found;
}

/* --- within a statement --- */

struct phx_place phx_statement_place_at(const struct phx_statement *statement, const char *at) {
        struct phx_place place = statement->place;

        for (const char *c = statement->from; c < at; c++)
                place.line += *c == '\n';
        if (!place.file)
                place.site = place.line;
        return place;
}

bool phx_statement_word(
                const struct phx_statement *statement,
                const char **at,
                struct phx_word *ret_word) {
        return phx_lexer_word(at, statement->from + statement->length, ret_word);
}

bool phx_statement_keyword(
                const struct phx_statement *statement,
                const char **at,
                struct phx_word *ret_word) {
        const char *start = statement->from, **position = at ? at : &start;
        size_t length = 0;

        while (phx_statement_word(statement, position, ret_word))
                if (!phx_word_is_qualifier(ret_word))
                        break;
        while (length < ret_word->length &&
               (isalnum((unsigned char) ret_word->from[length]) || ret_word->from[length] == '_'))
                length++;
        if (length > 0 && length < ret_word->length && ret_word->from[length] == '(') {
                ret_word->length = length;
                *position = ret_word->from + length;
        }
        return ret_word->length > 0;
}
