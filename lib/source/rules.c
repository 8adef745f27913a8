/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One pass over the statements of the lexer, which goes into an include where it stands.
 *
 * The result is a flat list of statements in the order of the compiler, each with the block that
 * it is in (scope) and two places: the line in its own file, and the line of the profile that led
 * there, which is the one that the author looks for. A reader exists for each file on the way; it
 * shares the text, the scopes and the number of includes with the one that included it.
 *
 * It does not check grammar: what the compiler would refuse gives some statements or none. It
 * finds words for what the compiled policy allows, and never decides what is allowed. Limits on
 * depth, includes and statements end circles and texts that include each other many times. */

#include "source/rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "source/lexer.h"

/* The compiler's own limit is 10 open files or so; circles end here. */
#define DEPTH_LIMIT 32
/* Of all texts together: texts that include one another, each several times, end here. */
#define STATEMENT_LIMIT 100000
#define INCLUDE_LIMIT 4000

struct reader {
        const struct phx_profile_source *source;
        struct phx_profile_text *text;
        struct phx_lexer lexer;
        const char *file;          /* NULL in the profile's own */
        unsigned include_line;     /* of the profile's own file, that led to this one */
        unsigned depth;            /* of includes */
        unsigned *included;        /* how many were read */
        struct phx_strings scopes; /* names of the blocks around */
};

static void statement_done(struct phx_statement *statement) {
        phx_strings_done(&statement->words);
        free(statement->scope);
        *statement = (struct phx_statement){ 0 };
}

void phx_profile_text_done(struct phx_profile_text *text) {
        for (size_t i = 0; i < text->count; i++)
                statement_done(&text->items[i]);
        free(text->items);
        for (size_t i = 0; i < text->variable_count; i++) {
                free(text->variables[i].name);
                free(text->variables[i].value);
        }
        free(text->variables);
        *text = (struct phx_profile_text){ 0 };
}

/* --- words --- */

static int rules_add_string(struct phx_buffer *text, const char *from, const char *to) {
        bool is_closed = to > from + 1 && to[-1] == '"';

        return phx_buffer_add(text, from + 1, (size_t) (to - from) - 1 - is_closed);
}

/* Without its quotes, and with one blank for each that a list has; escapes are the pattern's. */
static int rules_text_of(const struct phx_word *word, struct phx_buffer *text) {
        const char *end = word->from + word->length;
        int r = phx_buffer_add_text(text, "");

        for (const char *at = word->from; r >= 0 && at < end;) {
                const char *to = *at == '"' ? phx_lexer_skip_string(at, end) : at + 1;

                if (*at == '\\' && to < end)
                        to++;
                if (*at == '"')
                        r = rules_add_string(text, at, to);
                else if (phx_lexer_is_space(*at))
                        r = phx_buffer_add_text(text, " ");
                else
                        r = phx_buffer_add(text, at, (size_t) (to - at));
                at = to;
        }
        return r;
}

/* All words between FROM and END. */
static int rules_add_words(struct phx_strings *words, const char *from, const char *end) {
        struct phx_word word;
        int r = 0;

        while (r >= 0 && phx_lexer_word(&from, end, &word)) {
                phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

                r = rules_text_of(&word, &text);
                if (r >= 0 && text.size > 0)
                        r = phx_strings_add(words, text.data);
        }
        return r;
}

/* --- statements --- */

/* The words that are no qualifiers begin at the place that is returned. */
static const char *skip_qualifiers(const struct phx_lexed *lexed, bool *ret_is_denial) {
        const char *end = lexed->from + lexed->length, *from = lexed->from, *at = from;
        struct phx_word word;

        *ret_is_denial = false;
        while (phx_lexer_word(&at, end, &word) && phx_word_is_qualifier(&word)) {
                *ret_is_denial |= phx_word_is(&word, "deny");
                from = at;
        }
        return from;
}

/* Keeps what was read, without its qualifiers; nothing where there is nothing else. */
static int keep(struct reader *reader, const struct phx_lexed *lexed) {
        struct phx_statement statement = {
                .file = reader->file,
                .file_line = reader->file ? lexed->line : 0,
                .line = reader->file ? reader->include_line : lexed->line,
        };
        const char *from = skip_qualifiers(lexed, &statement.is_denial);
        size_t scopes = reader->scopes.count;
        struct phx_statement *kept;
        int r;

        r = rules_add_words(&statement.words, from, lexed->from + lexed->length);
        if (r >= 0)
                r = phx_replace(&statement.scope,
                                scopes > 0 ? reader->scopes.items[scopes - 1] : "");
        if (r < 0 || statement.words.count == 0 || reader->text->count >= STATEMENT_LIMIT) {
                statement_done(&statement);
                return r < 0 ? r : 0;
        }
        kept = phx_grow(&reader->text->items, &reader->text->count, sizeof(*kept));
        if (!kept) {
                statement_done(&statement);
                return -ENOMEM;
        }
        *kept = statement;
        return 0;
}

/* One value of the variable NAME. */
static int add_variable(struct reader *reader, const struct phx_word *name, const char *value) {
        struct phx_profile_text *text = reader->text;
        struct phx_variable *variable;

        variable = phx_grow(&text->variables, &text->variable_count, sizeof(*variable));
        if (!variable)
                return -ENOMEM;
        variable->name = strndup(name->from, name->length);
        variable->value = strdup(value);
        return variable->name && variable->value ? 0 : -ENOMEM;
}

/* "@{X} = a b" and "@{X} += c". */
static int take_assignment(struct reader *reader, const struct phx_lexed *lexed) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        const char *end = lexed->from + lexed->length,
                   *equals = memchr(lexed->from, '=', lexed->length);
        bool has_brace = lexed->from[1] == '{';
        struct phx_word name = { lexed->from + 1 + has_brace, 0 };
        int r;

        if (*lexed->from != '@')
                return 0;
        while (isalnum((unsigned char) name.from[name.length]) || name.from[name.length] == '_')
                name.length++;
        r = rules_add_words(&values, equals + 1, end);
        for (size_t i = 0; r >= 0 && i < values.count; i++)
                r = add_variable(reader, &name, values.items[i]);
        return r;
}

/* "profile NAME …", "hat NAME", "^NAME", "NAME": what a block is called; NULL for another one. */
static const char *block_name(const struct phx_strings *words) {
        const char *first = words->count > 0 ? words->items[0] : NULL;

        if (!first || strcmp(first, "if") == 0 || strcmp(first, "else") == 0)
                return NULL;
        if (strcmp(first, "profile") == 0 || strcmp(first, "hat") == 0)
                return words->count > 1 ? words->items[1] : NULL;
        return first[0] == '^' ? first + 1 : first;
}

static int rules_open_block(struct reader *reader, const struct phx_lexed *lexed) {
        phx_cleanup(phx_strings_done) struct phx_strings words = { 0 };
        struct phx_strings *scopes = &reader->scopes;
        phx_autofree char *outer = strdup(
                        scopes->count > 0 ? scopes->items[scopes->count - 1] : "");
        const char *name;
        bool is_denial;
        int r;

        if (!outer)
                return -ENOMEM;
        r = rules_add_words(
                        &words,
                        skip_qualifiers(lexed, &is_denial),
                        lexed->from + lexed->length);
        if (r < 0)
                return r;
        name = block_name(&words);
        if (!name)
                r = phx_strings_add(scopes, outer);
        else if (outer[0])
                r = phx_strings_addf(scopes, "%s//%s", outer, name);
        else
                r = phx_strings_add(scopes, name);
        return r < 0 ? r : keep(reader, lexed);
}

static void rules_close_block(struct reader *reader) {
        struct phx_strings *scopes = &reader->scopes;

        if (scopes->count > 0)
                free(scopes->items[--scopes->count]);
}

/* --- includes --- */

static int read_text(struct reader *reader);

static int rules_enter(struct reader *reader, const char *path, unsigned line) {
        const struct phx_file_seen *seen = phx_files_get(reader->source->files, path);
        struct reader inner = *reader;
        int r;

        if (!seen)
                return -ENOMEM;
        if (seen->result < 0 || reader->depth == DEPTH_LIMIT ||
            (*reader->included)++ >= INCLUDE_LIMIT)
                return 0;
        inner.lexer = (struct phx_lexer){ seen->text, seen->text + seen->size, 1 };
        inner.file = seen->path;
        inner.include_line = reader->file ? reader->include_line : line;
        inner.depth++;
        r = read_text(&inner);
        reader->scopes = inner.scopes;
        return r;
}

/* A file, or all files of a directory, which the closure names as "NAME/…". */
static int rules_take_include(struct reader *reader, const struct phx_lexed *lexed) {
        const struct phx_closure *closure = reader->source->closure;
        phx_autofree char *written = strndup(lexed->include.from, lexed->include.length);
        phx_autofree char *name = written ? phx_include_name(written) : NULL;
        int r = name ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && name[0] && i < closure->count; i++) {
                const struct phx_include *item = &closure->items[i];

                if (item->path && phx_include_means(name, item->name) &&
                    strcmp(item->digest, "directory") != 0)
                        r = rules_enter(reader, item->path, lexed->line);
        }
        return r;
}

/* --- the text --- */

static int read_statement(struct reader *reader, const struct phx_lexed *lexed) {
        switch (lexed->kind) {
        case PHX_STATEMENT_RULE:
                return keep(reader, lexed);
        case PHX_STATEMENT_UNENDED:
                return 0;
        case PHX_STATEMENT_ASSIGNMENT:
                return take_assignment(reader, lexed);
        case PHX_STATEMENT_INCLUDE:
                return lexed->include.length > 0 ? rules_take_include(reader, lexed) : 0;
        case PHX_STATEMENT_OPEN:
                return rules_open_block(reader, lexed);
        case PHX_STATEMENT_CLOSE:
                rules_close_block(reader);
                return 0;
        }
        return 0;
}

static int read_text(struct reader *reader) {
        struct phx_lexed lexed;
        int r = 0;

        while (r >= 0 && phx_lexer_next(&reader->lexer, &lexed))
                r = read_statement(reader, &lexed);
        return r;
}

int phx_profile_text_read(
                const struct phx_profile_source *source,
                struct phx_profile_text *ret_text) {
        phx_cleanup(phx_profile_text_done) struct phx_profile_text text = { 0 };
        unsigned included = 0;
        struct reader reader = {
                .included = &included,
                .source = source,
                .text = &text,
                .lexer = { source->text, source->text + source->size, 1 },
        };
        int r;

        r = read_text(&reader);
        phx_strings_done(&reader.scopes);
        if (r < 0)
                return r;
        *ret_text = PHX_TAKE_STRUCT(text);
        return 0;
}
