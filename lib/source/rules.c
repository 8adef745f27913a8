/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One pass over the text, which goes into an include where it stands. Words, quotes, comments and
 * braces are told apart as the parser's lexer does: a brace that begins a word opens a block, one
 * inside of a word is an alternation; a comma ends a rule only where a word ends.
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

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"

/* The compiler's own limit is 10 open files or so; circles end here. */
#define DEPTH_LIMIT 32
/* Of all texts together: texts that include one another, each several times, end here. */
#define STATEMENT_LIMIT 100000
#define INCLUDE_LIMIT 4000

struct reader {
        const struct phx_profile_source *source;
        struct phx_profile_text *text;
        const char *at;
        const char *end;
        unsigned line;
        const char *file;               /* NULL in the profile's own */
        unsigned include_line;          /* of the profile's own file, that led to this one */
        unsigned depth;                 /* of includes */
        unsigned *included;             /* how many were read */
        struct phx_strings scopes;      /* names of the blocks around */
        struct phx_statement statement; /* that is being read */
        unsigned parens;
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

static bool rules_is_space(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_at_end(const struct reader *reader) {
        return reader->at >= reader->end;
}

static char rules_take(struct reader *reader) {
        char c = *reader->at++;

        reader->line += c == '\n';
        return c;
}

static void skip_comment(struct reader *reader) {
        while (!is_at_end(reader) && *reader->at != '\n')
                reader->at++;
}

/* A comma ends a rule where a word ends with it. */
static bool is_stop(const struct reader *reader) {
        const char *next = reader->at + 1;

        return *reader->at == ',' && reader->parens == 0 &&
               (next >= reader->end || rules_is_space(*next) || *next == '#' || *next == '"');
}

static int rules_read_quoted(struct reader *reader, struct phx_buffer *word) {
        int r = 0;

        reader->at++;
        while (r >= 0 && !is_at_end(reader) && *reader->at != '"') {
                char c = rules_take(reader);

                r = phx_buffer_add(word, &c, 1);
        }
        if (!is_at_end(reader))
                reader->at++;
        return r;
}

/* "@{X}=a": no blank is needed. */
static bool is_at_assignment(const struct reader *reader, char last) {
        size_t left = (size_t) (reader->end - reader->at);

        return last == '}' && reader->statement.words.count == 0 &&
               (*reader->at == '=' || (left > 1 && strncmp(reader->at, "+=", 2) == 0));
}

static bool ends_word(const struct reader *reader, unsigned braces, char last) {
        char c = *reader->at;

        return (rules_is_space(c) && reader->parens == 0) || (braces == 0 && is_stop(reader)) ||
               (c == '}' && braces == 0) || (c == '{' && last == ')') ||
               is_at_assignment(reader, last);
}

static int rules_read_word(struct reader *reader, struct phx_buffer *word) {
        unsigned braces = 0;
        char last = 0;
        int r = 0;

        while (r >= 0 && !is_at_end(reader) && !ends_word(reader, braces, last)) {
                if (*reader->at == '"') {
                        r = rules_read_quoted(reader, word);
                        continue;
                }
                last = rules_take(reader);
                braces += last == '{';
                braces -= last == '}';
                reader->parens += last == '(';
                reader->parens -= last == ')' && reader->parens > 0;
                r = phx_buffer_add(word, rules_is_space(last) ? " " : &last, 1);
                if (r >= 0 && last == '\\' && !is_at_end(reader)) {
                        last = rules_take(reader);
                        r = phx_buffer_add(word, &last, 1);
                }
        }
        reader->parens = 0;
        return r;
}

/* --- statements --- */

static int set_scope(const struct reader *reader, struct phx_statement *statement) {
        size_t count = reader->scopes.count;

        return phx_replace(&statement->scope, count > 0 ? reader->scopes.items[count - 1] : "");
}

/* Words that stand before the rule itself. */
static bool rules_is_qualifier(const char *word) {
        static const char *const qualifiers[] = { "audit", "deny",  "allow",
                                                  "owner", "other", "quiet" };

        for (size_t i = 0; i < PHX_ELEMENTS(qualifiers); i++)
                if (strcmp(qualifiers[i], word) == 0)
                        return true;
        return phx_has_prefix(word, "priority=");
}

static void drop_first(struct phx_strings *words) {
        free(words->items[0]);
        memmove(words->items, words->items + 1, (words->count - 1) * sizeof(*words->items));
        words->count--;
}

static int add_variable(struct reader *reader, const char *name, const char *value) {
        struct phx_profile_text *text = reader->text;
        struct phx_variable *variable;
        const char *end = strchr(name, '}');

        if (!end)
                return 0;
        variable = phx_grow(&text->variables, &text->variable_count, sizeof(*variable));
        if (!variable)
                return -ENOMEM;
        variable->name = strndup(name + 2, (size_t) (end - name) - 2);
        variable->value = strdup(value);
        return variable->name && variable->value ? 0 : -ENOMEM;
}

/* Keeps what was read, without its qualifiers. */
static int keep(struct reader *reader) {
        struct phx_statement *statement = &reader->statement, *kept;
        struct phx_strings *words = &statement->words;

        while (words->count > 1 && rules_is_qualifier(words->items[0])) {
                statement->is_denial |= strcmp(words->items[0], "deny") == 0;
                drop_first(words);
        }
        if (words->count == 0 || reader->text->count >= STATEMENT_LIMIT) {
                statement_done(statement);
                return 0;
        }
        kept = phx_grow(&reader->text->items, &reader->text->count, sizeof(*kept));
        if (!kept)
                return -ENOMEM;
        *kept = *statement;
        *statement = (struct phx_statement){ 0 };
        return set_scope(reader, kept);
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

/* A brace that begins a word is an alternation where a rule has begun, or nothing has. */
static bool rules_opens_block(const struct reader *reader) {
        static const char *const rules[] = { "mount",         "umount", "remount",    "pivot_root",
                                             "signal",        "ptrace", "capability", "network",
                                             "unix",          "dbus",   "file",       "link",
                                             "change_profile" };
        const struct phx_strings *words = &reader->statement.words;
        size_t first = 0;

        while (first < words->count && rules_is_qualifier(words->items[first]))
                first++;
        if (first == words->count)
                return false;
        for (size_t i = 0; i < PHX_ELEMENTS(rules); i++)
                if (strcmp(words->items[first], rules[i]) == 0)
                        return false;
        return strcmp(words->items[words->count - 1], "->") != 0;
}

static int rules_open_block(struct reader *reader) {
        struct phx_strings *scopes = &reader->scopes;
        const char *outer = scopes->count > 0 ? scopes->items[scopes->count - 1] : "",
                   *name = block_name(&reader->statement.words);
        int r;

        if (!name)
                r = phx_strings_add(scopes, strdupa(outer));
        else if (outer[0])
                r = phx_strings_addf(scopes, "%s//%s", strdupa(outer), strdupa(name));
        else
                r = phx_strings_add(scopes, name);
        return r < 0 ? r : keep(reader);
}

static void rules_close_block(struct reader *reader) {
        struct phx_strings *scopes = &reader->scopes;

        statement_done(&reader->statement);
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
        inner.at = seen->text;
        inner.end = seen->text + seen->size;
        inner.line = 1;
        inner.file = seen->path;
        inner.include_line = reader->file ? reader->include_line : line;
        inner.depth++;
        inner.statement = (struct phx_statement){ 0 };
        r = read_text(&inner);
        statement_done(&inner.statement);
        reader->scopes = inner.scopes;
        return r;
}

/* A file, or all files of a directory, which the closure names as "NAME/…". */
static int include(struct reader *reader, char *name, unsigned line) {
        const struct phx_closure *closure = reader->source->closure;
        size_t length = strlen(name);
        int r = 0;

        if (length > 1 && (name[0] == '<' || name[0] == '"')) {
                name[length - 1] = '\0';
                name++;
                length -= 2;
        }
        for (size_t i = 0; r >= 0 && i < closure->count; i++) {
                const struct phx_include *item = &closure->items[i];
                bool is_it = strcmp(item->name, name) == 0,
                     is_in_it = strncmp(item->name, name, length) == 0 &&
                                item->name[length] == '/' && !strchr(item->name + length + 1, '/');

                if (item->path && (is_it || is_in_it) && strcmp(item->digest, "directory") != 0)
                        r = rules_enter(reader, item->path, line);
        }
        return r;
}

/* Until the name: "include if exists <x>". */
static bool rules_is_include(const struct phx_strings *words) {
        const char *last = words->items[words->count - 1];

        if (strcmp(words->items[0], "include") != 0 && strcmp(words->items[0], "#include") != 0)
                return false;
        return words->count > 1 && strcmp(last, "if") != 0 && strcmp(last, "exists") != 0;
}

static int rules_take_include(struct reader *reader) {
        struct phx_strings *words = &reader->statement.words;
        phx_autofree char *name = strdup(words->items[words->count - 1]);
        unsigned line = reader->statement.line;

        statement_done(&reader->statement);
        return name ? include(reader, name, line) : -ENOMEM;
}

/* --- the text --- */

/* "@{X} = a b" and "@{X} += c" end with their line. */
static int take_assignment(struct reader *reader) {
        struct phx_strings *words = &reader->statement.words;
        phx_autofree char *name = strdup(words->items[0]);
        int r = 0;

        if (!name)
                return -ENOMEM;
        while (r >= 0 && !is_at_end(reader) && *reader->at != '\n' && *reader->at != '#') {
                phx_cleanup(phx_buffer_done) struct phx_buffer word = { 0 };

                if (rules_is_space(*reader->at)) {
                        reader->at++;
                        continue;
                }
                r = rules_read_word(reader, &word);
                if (r >= 0 && word.size == 0)
                        reader->at++; /* a brace or a comma, which no value has */
                else if (r >= 0)
                        r = add_variable(reader, name, word.data);
        }
        statement_done(&reader->statement);
        return r;
}

static bool rules_is_assignment(struct reader *reader) {
        const struct phx_strings *words = &reader->statement.words;
        const char *at = reader->at;

        if (words->count != 1 || !phx_has_prefix(words->items[0], "@{"))
                return false;
        while (at < reader->end && (*at == ' ' || *at == '\t'))
                at++;
        if (at < reader->end && *at == '+')
                at++;
        if (at >= reader->end || *at != '=')
                return false;
        reader->at = at + 1;
        return true;
}

static int take_word(struct reader *reader) {
        phx_cleanup(phx_buffer_done) struct phx_buffer word = { 0 };
        struct phx_statement *statement = &reader->statement;
        int r;

        if (statement->words.count == 0) {
                statement->file = reader->file;
                statement->file_line = reader->file ? reader->line : 0;
                statement->line = reader->file ? reader->include_line : reader->line;
        }
        r = rules_read_word(reader, &word);
        if (r < 0 || word.size == 0)
                return r;
        r = phx_strings_add(&statement->words, word.data);
        if (r < 0)
                return r;
        if (rules_is_include(&statement->words))
                return rules_take_include(reader);
        return rules_is_assignment(reader) ? take_assignment(reader) : 0;
}

static bool rules_begins_comment(const struct reader *reader) {
        return *reader->at == '#' && strncmp(reader->at, "#include", 8) != 0;
}

static int read_text(struct reader *reader) {
        int r = 0;

        while (r >= 0 && !is_at_end(reader)) {
                if (rules_is_space(*reader->at))
                        (void) rules_take(reader);
                else if (rules_begins_comment(reader))
                        skip_comment(reader);
                else if (is_stop(reader)) {
                        reader->at++;
                        r = keep(reader);
                } else if (*reader->at == '{' && rules_opens_block(reader)) {
                        reader->at++;
                        r = rules_open_block(reader);
                } else if (*reader->at == '}') {
                        reader->at++;
                        rules_close_block(reader);
                } else
                        r = take_word(reader);
        }
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
                .at = source->text,
                .end = source->text + source->size,
                .line = 1,
        };
        int r;

        r = read_text(&reader);
        statement_done(&reader.statement);
        phx_strings_done(&reader.scopes);
        if (r < 0)
                return r;
        *ret_text = PHX_TAKE_STRUCT(text);
        return 0;
}
