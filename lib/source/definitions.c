/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A reader of profile texts that wants one thing only: the names. It does not judge; a text that
 * the parser refuses gives some names or none. Words, quotes, comments and braces are told apart as
 * the parser's lexer does (parser_lex.l): a brace that begins a word opens a block, one inside of a
 * word is an alternation. */

#include "source/definitions.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct scanner {
        const char *text;
        size_t size;
        size_t position;
        unsigned line;
};

enum token {
        TOKEN_END,
        TOKEN_WORD,
        TOKEN_OPEN,
        TOKEN_CLOSE,
        TOKEN_STOP, /* a comma on its own */
};

/* A word without its quotes and escapes. LIMIT is more than a name may have; the rest is cut. */
#define WORD_LIMIT 1024

struct word {
        char text[WORD_LIMIT];
        size_t length;
        unsigned line;
        bool is_quoted;
};

static int definitions_peek(const struct scanner *scanner) {
        return scanner->position < scanner->size ? (unsigned char) scanner->text[scanner->position]
                                                 : -1;
}

static int advance(struct scanner *scanner) {
        int c = definitions_peek(scanner);

        if (c < 0)
                return c;
        scanner->position++;
        if (c == '\n')
                scanner->line++;
        return c;
}

static bool definitions_is_space(int c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void definitions_skip_line(struct scanner *scanner) {
        int c;

        do {
                c = advance(scanner);
        } while (c >= 0 && c != '\n');
}

static void definitions_append(struct word *word, int c) {
        if (c > 0 && word->length + 1 < sizeof(word->text))
                word->text[word->length++] = (char) c;
}

static void definitions_read_quoted(struct scanner *scanner, struct word *word) {
        int c;

        (void) advance(scanner);
        while ((c = advance(scanner)) >= 0 && c != '"') {
                if (c == '\\' && definitions_peek(scanner) == '"')
                        c = advance(scanner);
                definitions_append(word, c);
        }
}

/* To the end of the word; braces of its own are counted, so that one too many closes a block. */
static void read_bare(struct scanner *scanner, struct word *word) {
        unsigned braces = 0;
        int c, last = 0;

        while ((c = definitions_peek(scanner)) >= 0 && !definitions_is_space(c)) {
                if ((c == '}' && braces == 0) || (c == '{' && last == ')'))
                        return;
                if (c == '{')
                        braces++;
                else if (c == '}')
                        braces--;
                else if (c == '\\') {
                        (void) advance(scanner);
                        c = definitions_peek(scanner);
                }
                definitions_append(word, c);
                last = c;
                (void) advance(scanner);
        }
}

static enum token next_token(struct scanner *scanner, struct word *word) {
        int c;

        while ((c = definitions_peek(scanner)) >= 0 && (definitions_is_space(c) || c == '#')) {
                if (c == '#')
                        definitions_skip_line(scanner); /* a comment, or an old-style #include */
                else
                        (void) advance(scanner);
        }
        *word = (struct word){ .line = scanner->line };
        switch (c) {
        case -1:
                return TOKEN_END;
        case '{':
                (void) advance(scanner);
                return TOKEN_OPEN;
        case '}':
                (void) advance(scanner);
                return TOKEN_CLOSE;
        case ',':
                (void) advance(scanner);
                return TOKEN_STOP;
        case '"':
                word->is_quoted = true;
                definitions_read_quoted(scanner, word);
                return TOKEN_WORD;
        default:
                read_bare(scanner, word);
                return TOKEN_WORD;
        }
}

/* What stands before a block's brace, as far as it was read. */
struct head {
        enum {
                HEAD_EMPTY,
                HEAD_KEYWORD, /* "profile": the name comes next */
                HEAD_NAMED,
                HEAD_CONDITION, /* "if", "else": its block is as good as none */
        } state;
        struct word name;
        int parentheses; /* commas between them do not end a statement */
};

/* Blocks that are open: conditions at the top level, or a profile and what is in it. */
struct nesting {
        size_t conditions;
        size_t blocks;
};

static bool is_keyword(const struct word *word, const char *keyword) {
        return !word->is_quoted && strcmp(word->text, keyword) == 0;
}

/* Lines that are whole statements without a comma at their end, and have no block. */
static bool is_line_statement(const struct scanner *scanner, const struct word *word) {
        size_t position = scanner->position;

        if (is_keyword(word, "include") || is_keyword(word, "abi") || is_keyword(word, "alias"))
                return true;
        if (word->is_quoted || (word->text[0] != '@' && word->text[0] != '$'))
                return false;

        /* "@{NAME} += value", with blanks or without, is an assignment; "@{NAME} {" is a profile.
         */
        if (strstr(word->text, "}=") || strstr(word->text, "}+=") || word->text[0] == '$')
                return true;
        while (position < scanner->size &&
               (scanner->text[position] == ' ' || scanner->text[position] == '\t'))
                position++;
        if (position < scanner->size && scanner->text[position] == '+')
                position++;
        return position < scanner->size && scanner->text[position] == '=';
}

static void begin_head(struct scanner *scanner, const struct word *word, struct head *head) {
        if (is_line_statement(scanner, word)) {
                definitions_skip_line(scanner);
                return;
        }
        if (is_keyword(word, "profile") || is_keyword(word, "hat"))
                head->state = HEAD_KEYWORD;
        else if (is_keyword(word, "if") || is_keyword(word, "else"))
                head->state = HEAD_CONDITION;
        else {
                head->state = HEAD_NAMED;
                head->name = *word;
        }
}

static void count_parentheses(const struct word *word, struct head *head) {
        for (const char *p = word->text; *p && !word->is_quoted; p++) {
                if (*p == '(')
                        head->parentheses++;
                else if (*p == ')')
                        head->parentheses--;
        }
}

static void extend_head(struct scanner *scanner, const struct word *word, struct head *head) {
        if (head->state == HEAD_EMPTY)
                begin_head(scanner, word, head);
        else if (head->state == HEAD_KEYWORD) {
                head->state = HEAD_NAMED;
                head->name = *word;
        }
        count_parentheses(word, head);

        /* A rule, in a file that is a piece of a profile. */
        if (head->parentheses <= 0 && !word->is_quoted && word->length > 0 &&
            word->text[word->length - 1] == ',')
                *head = (struct head){ 0 };
}

static void definition_done(struct phx_definition *definition) {
        free(definition->name);
        free(definition->file);
}

static int add_definition(
                struct phx_definitions *definitions,
                const char *name,
                const char *file,
                unsigned line) {
        phx_cleanup(definition_done) struct phx_definition definition = { .line = line };
        struct phx_definition *items;

        definition.name = strdup(name);
        definition.file = strdup(file);
        if (!definition.name || !definition.file)
                return -ENOMEM;
        items = reallocarray(definitions->items, definitions->count + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;

        definitions->items = items;
        definitions->items[definitions->count++] = PHX_TAKE_STRUCT(definition);
        return 0;
}

static int definitions_open_block(
                const struct head *head,
                const char *file,
                struct nesting *nesting,
                struct phx_definitions *definitions) {
        if (nesting->blocks == 0 && head->state == HEAD_CONDITION) {
                nesting->conditions++;
                return 0;
        }

        nesting->blocks++;
        if (nesting->blocks > 1 || head->state != HEAD_NAMED || head->name.length == 0)
                return 0;
        return add_definition(definitions, head->name.text, file, head->name.line);
}

static void definitions_close_block(struct nesting *nesting) {
        if (nesting->blocks > 0)
                nesting->blocks--;
        else if (nesting->conditions > 0)
                nesting->conditions--;
}

int phx_definitions_scan(
                const char *text,
                size_t size,
                const char *file,
                struct phx_definitions *ret_definitions) {
        phx_cleanup(phx_definitions_done) struct phx_definitions definitions = { 0 };
        struct scanner scanner = { text, size, 0, 1 };
        struct nesting nesting = { 0 };
        struct head head = { 0 };
        struct word word;
        enum token token;

        while ((token = next_token(&scanner, &word)) != TOKEN_END) {
                int r = 0;

                if (token == TOKEN_WORD) {
                        if (nesting.blocks == 0)
                                extend_head(&scanner, &word, &head);
                        continue;
                }
                if (token == TOKEN_STOP && head.parentheses > 0)
                        continue;
                if (token == TOKEN_OPEN)
                        r = definitions_open_block(&head, file, &nesting, &definitions);
                else if (token == TOKEN_CLOSE)
                        definitions_close_block(&nesting);
                if (r < 0)
                        return r;
                head = (struct head){ 0 };
        }

        *ret_definitions = PHX_TAKE_STRUCT(definitions);
        return 0;
}

void phx_definitions_done(struct phx_definitions *definitions) {
        for (size_t i = 0; i < definitions->count; i++)
                definition_done(&definitions->items[i]);
        free(definitions->items);
        phx_strings_done(&definitions->unreadable);
        *definitions = (struct phx_definitions){ 0 };
}

const struct phx_definition *phx_definitions_find(
                const struct phx_definitions *definitions,
                const char *name,
                const char *but_file) {
        for (size_t i = 0; i < definitions->count; i++) {
                const struct phx_definition *item = &definitions->items[i];

                if (strcmp(item->name, name) == 0 && !phx_equal(item->file, but_file))
                        return item;
        }
        return NULL;
}

int phx_definitions_add_all(struct phx_definitions *to, const struct phx_definitions *from) {
        int r;

        for (size_t i = 0; i < from->count; i++) {
                const struct phx_definition *item = &from->items[i];

                r = add_definition(to, item->name, item->file, item->line);
                if (r < 0)
                        return r;
        }
        return phx_strings_copy(&to->unreadable, &from->unreadable);
}

static int compare_definitions(const void *a, const void *b) {
        const struct phx_definition *one = a, *other = b;
        int order = strcmp(one->name, other->name);

        if (order == 0)
                order = strcmp(one->file, other->file);
        if (order == 0)
                order = (one->line > other->line) - (one->line < other->line);
        return order;
}

void phx_definitions_sort(struct phx_definitions *definitions) {
        if (definitions->count > 1)
                qsort(definitions->items,
                      definitions->count,
                      sizeof(*definitions->items),
                      compare_definitions);
        phx_strings_sort(&definitions->unreadable);
}
