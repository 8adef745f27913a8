/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Goes through a profile as the compiler does, one statement at a time, without a tree: a stack of
 * frames, one for each file that is being read, of which the last is read from. An include pushes
 * a frame and the walk goes on in it; at the end of a file its frame is dropped and the one below
 * goes on after the include. So a statement's place is known at all times: the file, its line, and
 * the line of the profile whose include led there (site, inherited by deeper includes).
 *
 * Each file is gone through at most once outside of blocks and once inside, which ends circles
 * without a limit of depth; that is enough to find a place, as a second reading has the same
 * lines.
 *
 * Statements borrow from the texts in FILES, which must outlive the walk. The splitting is only as
 * exact as places need: strings, comments, braces at the beginning of a word, commas at the end of
 * one. Wrong input gives a best effort, never a failure: memory that runs short ends the walk
 * early, and the caller has no place to show. */

#include "source/walk.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"

/* A file that is being gone through. */
struct frame {
        const char *file; /* NULL for the profile itself */
        const char *at, *end;
        unsigned line;
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

static bool walk_is_space(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool walk_begins_with(const char *at, const char *end, const char *word) {
        size_t length = strlen(word);

        return (size_t) (end - at) >= length && memcmp(at, word, length) == 0;
}

/* --- going through files --- */

static struct frame *push(struct phx_source_walk *walk, const struct phx_file_seen *seen) {
        struct frame *frame;

        if (!seen || seen->result < 0)
                return NULL;
        frame = phx_grow(&walk->frames, &walk->count, sizeof(*frame));
        if (!frame)
                return NULL;
        frame->at = seen->text;
        frame->end = seen->text + seen->size;
        frame->line = 1;
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
        size_t length = strlen(name);

        for (size_t i = closure->count; i > 0; i--) {
                const char *item = closure->items[i - 1].name;
                bool is_inside = strncmp(item, name, length) == 0 && item[length] == '/' &&
                                 !strchr(item + length + 1, '/');

                if (is_inside || strcmp(item, name) == 0)
                        push_include(walk, i - 1, site);
        }
}

static struct frame *top(const struct phx_source_walk *walk) {
        return &walk->frames[walk->count - 1];
}

static void walk_pass(struct frame *frame, const char *to) {
        for (; frame->at < to; frame->at++)
                frame->line += *frame->at == '\n';
}

/* --- statements --- */

static const char *walk_skip_line(const char *at, const char *end) {
        const char *line_end = memchr(at, '\n', (size_t) (end - at));

        return line_end ? line_end : end;
}

static bool walk_is_include(const char *at, const char *end) {
        const char *behind;

        at += at < end && *at == '#';
        if (!walk_begins_with(at, end, "include"))
                return false;
        behind = at + strlen("include");
        return behind < end && (walk_is_space(*behind) || *behind == '<' || *behind == '"');
}

static const char *skip_blank(const char *at, const char *end) {
        while (at < end) {
                if (walk_is_space(*at))
                        at++;
                else if (*at == '#' && !walk_is_include(at, end))
                        at = walk_skip_line(at, end);
                else
                        break;
        }
        return at;
}

/* Behind the string at AT; one that nothing closes ends with its line. */
static const char *walk_skip_string(const char *at, const char *end) {
        for (const char *to = at + 1; to < end; to++) {
                if (*to == '\\' && to + 1 < end)
                        to++;
                else if (*to == '"')
                        return to + 1;
        }
        return walk_skip_line(at, end);
}

/* Behind the list at AT; a parenthesis that nothing closes is only itself. */
static const char *skip_list(const char *at, const char *end) {
        for (const char *to = at + 1; to < end && *to != '{' && *to != '}'; to++) {
                if (*to == '"')
                        to = walk_skip_string(to, end) - 1;
                else if (*to == ')')
                        return to + 1;
        }
        return at + 1;
}

static const char *skip_variable(const char *at, const char *end) {
        const char *to = at + 2;

        while (to < end && (isalnum((unsigned char) *to) || *to == '_' || *to == '^'))
                to++;
        return to < end && *to == '}' ? to + 1 : at + 2;
}

/* Behind what is one piece at AT, whatever it holds. */
static const char *skip_piece(const char *at, const char *end) {
        if (*at == '\\' && at + 1 < end)
                return at + 2;
        if (*at == '"')
                return walk_skip_string(at, end);
        if (*at == '(')
                return skip_list(at, end);
        if ((*at == '@' || *at == '$') && at + 1 < end && at[1] == '{')
                return skip_variable(at, end);
        return at + 1;
}

static bool walk_is_assignment(const char *at, const char *end) {
        const char *behind;

        if ((*at != '@' && *at != '$') || at + 1 >= end || at[1] != '{')
                return false;
        behind = skip_variable(at, end);
        while (behind < end && (*behind == ' ' || *behind == '\t'))
                behind++;
        behind += behind < end && *behind == '+';
        return behind < end && *behind == '=' && behind > at + 2;
}

static const char *find_end_of_assignment(const char *at, const char *end) {
        while (at < end && *at != '\n' && !(*at == '#' && walk_is_space(at[-1])))
                at = *at == '(' ? at + 1 : skip_piece(at, end);
        return at;
}

/* Whose arguments may begin with a brace that is an alternation. */
static bool takes_patterns(const struct phx_statement *statement) {
        static const char *const keywords[] = { "mount",      "remount", "umount",        "unmount",
                                                "pivot_root", "unix",    "dbus",          "signal",
                                                "ptrace",     "mqueue",  "change_profile" };
        struct phx_word word;

        if (!phx_statement_keyword(statement, NULL, &word))
                return false;
        for (size_t i = 0; i < PHX_ELEMENTS(keywords); i++)
                if (phx_word_is(&word, keywords[i]))
                        return true;
        return false;
}

static bool walk_opens_block(
                const struct phx_statement *statement,
                const char *at,
                const char *end) {
        const char before = at[-1];

        if (!walk_is_space(before) && before != ')' && before != '"')
                return false;
        return at + 1 == end || walk_is_space(at[1]) || at[1] == '}' || !takes_patterns(statement);
}

static bool ends_rule(const char *at, const char *end) {
        return at + 1 == end || walk_is_space(at[1]) || strchr("#}\"", at[1]);
}

/* Without the blanks and comments behind its last word. */
static void walk_trim(struct phx_statement *statement) {
        const char *at = statement->from, *last = at;
        struct phx_word word;

        while (phx_statement_word(statement, &at, &word))
                last = at;
        statement->length = (size_t) (last - statement->from);
}

/* Sets the statement's kind and length. Returns where the next one may begin. */
static const char *find_end(struct phx_statement *statement, const char *end) {
        const char *from = statement->from, *at = skip_piece(from, end);

        statement->kind = PHX_STATEMENT_UNENDED;
        while (at < end) {
                statement->length = (size_t) (at - from);
                if (*at == ',' && ends_rule(at, end)) {
                        statement->kind = PHX_STATEMENT_RULE;
                        return at + 1;
                }
                if (*at == '{' && walk_opens_block(statement, at, end)) {
                        statement->kind = PHX_STATEMENT_OPEN;
                        return at + 1;
                }
                if (walk_is_space(at[-1]) && (*at == '}' || walk_is_include(at, end))) {
                        walk_trim(statement);
                        return at;
                }
                if (*at == '#' && walk_is_space(at[-1])) {
                        at = walk_skip_line(at, end);
                        continue;
                }
                at = skip_piece(at, end);
        }
        statement->length = (size_t) (end - from);
        walk_trim(statement);
        return end;
}

/* The name in "include [if exists] <NAME>", without its brackets or quotes; and behind it. */
static const char *walk_take_include(
                struct phx_statement *statement,
                const char *end,
                char **ret_name) {
        const char *at = statement->from + (*statement->from == '#') + strlen("include"), *to;
        bool has_brackets;

        at = skip_blank(at, end);
        if (walk_begins_with(at, end, "if") && at + 2 < end && walk_is_space(at[2])) {
                at = skip_blank(at + 2, end);
                at = skip_blank(walk_begins_with(at, end, "exists") ? at + strlen("exists") : at,
                                end);
        }
        has_brackets = at < end && *at == '<';
        to = at + has_brackets;
        while (to < end && *to != '\n' && (has_brackets ? *to != '>' : !walk_is_space(*to)))
                to++;
        *ret_name = has_brackets ? strndup(at + 1, (size_t) (to - at - 1)) : NULL;
        to += to < end && has_brackets && *to == '>';
        statement->kind = PHX_STATEMENT_INCLUDE;
        statement->length = (size_t) (to - statement->from);
        return to;
}

static void walk_follow(struct phx_source_walk *walk, const char *written) {
        phx_autofree char *name = written ? phx_include_name(written) : NULL;
        const struct frame *frame = top(walk);

        if (name && name[0])
                push_all(walk, name, frame->file ? frame->site : frame->line);
}

static void take_statement(struct phx_source_walk *walk, struct phx_statement *statement) {
        struct frame *frame = top(walk);
        phx_autofree char *name = NULL;

        if (*frame->at == '{' || *frame->at == '}') {
                statement->kind = *frame->at == '{' ? PHX_STATEMENT_OPEN : PHX_STATEMENT_CLOSE;
                walk_pass(frame, frame->at + 1);
        } else if (walk_is_include(frame->at, frame->end)) {
                const char *behind = walk_take_include(statement, frame->end, &name);

                walk_pass(frame, behind);
                walk_follow(walk, name);
        } else if (walk_is_assignment(frame->at, frame->end)) {
                statement->kind = PHX_STATEMENT_ASSIGNMENT;
                walk_pass(frame, find_end_of_assignment(frame->at, frame->end));
                statement->length = (size_t) (frame->at - statement->from);
        } else
                walk_pass(frame, find_end(statement, frame->end));
        walk->depth += statement->kind == PHX_STATEMENT_OPEN;
        walk->depth -= statement->kind == PHX_STATEMENT_CLOSE && walk->depth > 0;
}

bool phx_source_walk_next(struct phx_source_walk *walk, struct phx_statement *ret_statement) {
        while (walk && walk->count > 0) {
                struct frame *frame = top(walk);

                walk_pass(frame, skip_blank(frame->at, frame->end));
                if (frame->at == frame->end) {
                        walk->count--;
                        continue;
                }
                if (*frame->at == ',') {
                        walk_pass(frame, frame->at + 1);
                        continue;
                }
                *ret_statement = (struct phx_statement){
                        .place = { frame->file,
                                   frame->line,
                                   frame->file ? frame->site : frame->line },
                        .depth = walk->depth,
                        .from = frame->at,
                };
                take_statement(walk, ret_statement);
                return true;
        }
        return false;
}

unsigned phx_source_line(const struct phx_file_seen *seen, unsigned counted) {
        const char *at = seen->text, *end = at + seen->size;
        unsigned line = 1, count = 1;

        while (at < end && count < counted) {
                const char *to = *at == '"' ? walk_skip_string(at, end) : at + 1;

                if (*at == '#' && !walk_is_include(at, end))
                        to = walk_skip_line(at, end);
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
        const char *end = statement->from + statement->length;
        const char *from = skip_blank(*at, end), *to = from;

        while (to < end && !walk_is_space(*to))
                to = skip_piece(to, end);
        *at = to;
        *ret_word = (struct phx_word){ from, (size_t) (to - from) };
        return to > from;
}

bool phx_word_is(const struct phx_word *word, const char *text) {
        return word->length == strlen(text) && memcmp(word->from, text, word->length) == 0;
}

static bool walk_is_qualifier(const struct phx_word *word) {
        static const char *const qualifiers[] = { "audit", "deny",   "allow",  "owner",
                                                  "other", "prompt", "access", "quiet" };

        for (size_t i = 0; i < PHX_ELEMENTS(qualifiers); i++)
                if (phx_word_is(word, qualifiers[i]))
                        return true;
        return word->length > strlen("priority=") &&
               memcmp(word->from, "priority=", strlen("priority=")) == 0;
}

bool phx_statement_keyword(
                const struct phx_statement *statement,
                const char **at,
                struct phx_word *ret_word) {
        const char *start = statement->from, **position = at ? at : &start;
        size_t length = 0;

        while (phx_statement_word(statement, position, ret_word))
                if (!walk_is_qualifier(ret_word))
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
