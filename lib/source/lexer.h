/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* AppArmor's language as characters, words and statements: for all that looks into a profile's
 * text. It reads within AT and END, allocates nothing and never fails: of a text that the compiler
 * refuses it makes the best.
 *
 * The places to which it returns are borrowed from the text. */

#include <stdbool.h>
#include <stddef.h>

/* --- characters --- */

bool phx_lexer_is_space(char c);
bool phx_lexer_begins_with(const char *at, const char *end, const char *word);

/* Behind white space and comments. */
const char *phx_lexer_skip_blank(const char *at, const char *end);
/* The line feed that ends the line, or END. */
const char *phx_lexer_skip_line(const char *at, const char *end);
/* Behind the string that the quote at AT opens; one that nothing closes ends with its line. */
const char *phx_lexer_skip_string(const char *at, const char *end);

/* Whether the '#' at AT begins a comment, and not "#include". */
bool phx_lexer_is_comment(const char *at, const char *end);

/* --- words --- */

/* What stands between blanks: a string with its quotes, a list with its parentheses. */
struct phx_word {
        const char *from;
        size_t length;
};

/* The next word at or behind *AT, which is moved behind it; false at the end. Blanks and comments
 * are passed over. */
bool phx_lexer_word(const char **at, const char *end, struct phx_word *ret_word);
bool phx_word_is(const struct phx_word *word, const char *text);
/* audit, deny, priority=N and the like: what may stand before a rule. */
bool phx_word_is_qualifier(const struct phx_word *word);

/* What an include or abi names. */
struct phx_include_name {
        struct phx_word name; /* without brackets, quotes and blanks around it */
        bool is_searched;     /* <name>, and not a path */
        const char *behind;
};

/* The name behind the keyword that ends at AT, and behind "if exists". False when there is none. */
bool phx_lexer_include_name(const char *at, const char *end, struct phx_include_name *ret_name);

/* --- statements --- */

enum phx_statement_kind {
        PHX_STATEMENT_RULE,       /* up to its comma, which is not in it */
        PHX_STATEMENT_UNENDED,    /* likewise, but a brace, an include or the end came first */
        PHX_STATEMENT_ASSIGNMENT, /* of a variable */
        PHX_STATEMENT_INCLUDE,
        PHX_STATEMENT_OPEN, /* the head of a block: "profile x", "^hat", "if …"; may be empty */
        PHX_STATEMENT_CLOSE,
};

struct phx_lexed {
        enum phx_statement_kind kind;
        unsigned line; /* where it begins */
        const char *from;
        size_t length;
        struct phx_word include; /* of an include the <name>; empty for a path */
};

/* A text that is being read; LINE is 1 at its beginning. */
struct phx_lexer {
        const char *at, *end;
        unsigned line;
};

/* The next statement; false at the end. */
bool phx_lexer_next(struct phx_lexer *lexer, struct phx_lexed *ret_lexed);

/* The line of AT, which is within the statement. */
unsigned phx_lexed_line_at(const struct phx_lexed *lexed, const char *at);
