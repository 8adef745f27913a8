/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The parser's lexer (its parser_lex.l) has some twenty states and takes the longest match in each.
 * This one has none: it knows what can be known without the grammar, and the parser was asked where
 * that was in doubt (3.0.8):
 *
 *   comments    '#' begins one where a word may begin, and is a letter within a word. "#include" is
 *               none, whatever is behind it: "#includes x" includes "s"
 *   strings     may have line feeds. A quote behind a backslash does not end one, not even behind
 *               two: the parser takes the longest match, so that only where no other quote follows
 *               the last of those does
 *   words       end at white space; a backslash takes the next character along, and a string or a
 *               list in parentheses is within a word as it is
 *   commas      end a rule before white space, '#', '"', '}' and the end of the text: "r,}" is a
 *               rule and the end of a block, "{a,b}" and "{a,}" are alternations
 *   braces      open a block where a word may begin, and are an alternation within a word; but
 *               "mount {a,b}" and "-> {a,b}" begin a word with an alternation
 *   variables   are assigned until the end of the line: "@{X} = a", "@X += b", "$X = true"
 *
 * Where the parser is in a mount rule, '#' is a letter; here it begins a comment, which shortens
 * what is shown. Who must not miss anything for that (source/include_scan.c) decides about comments
 * by itself and takes only the characters from here.
 *
 * Each character is looked at a bounded number of times: a list that is not closed ends at the next
 * '(', and there is one string at most that nothing closes. */

#include "source/lexer.h"

#include <ctype.h>
#include <string.h>

#include "base/macros.h"

/* More before one rule are no qualifiers. */
#define QUALIFIERS_LIMIT 16

/* --- characters --- */

bool phx_lexer_is_space(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool phx_lexer_begins_with(const char *at, const char *end, const char *word) {
        size_t length = strlen(word);

        return (size_t) (end - at) >= length && memcmp(at, word, length) == 0;
}

static const char *lexer_skip_space(const char *at, const char *end) {
        while (at < end && phx_lexer_is_space(*at))
                at++;
        return at;
}

const char *phx_lexer_skip_line(const char *at, const char *end) {
        const char *line_end = memchr(at, '\n', (size_t) (end - at));

        return line_end ? line_end : end;
}

const char *phx_lexer_skip_string(const char *at, const char *end) {
        const char *last = NULL;

        for (const char *to = at + 1; to < end; to++) {
                if (*to != '"')
                        continue;
                if (to[-1] != '\\')
                        return to + 1;
                last = to;
        }
        return last ? last + 1 : phx_lexer_skip_line(at, end);
}

static bool lexer_is_include(const char *at, const char *end) {
        const char *behind;

        if (phx_lexer_begins_with(at, end, "#include"))
                return true;
        if (!phx_lexer_begins_with(at, end, "include"))
                return false;
        behind = at + strlen("include");
        return behind < end && (phx_lexer_is_space(*behind) || *behind == '<' || *behind == '"');
}

bool phx_lexer_is_comment(const char *at, const char *end) {
        return *at == '#' && !lexer_is_include(at, end);
}

const char *phx_lexer_skip_blank(const char *at, const char *end) {
        while (at < end) {
                if (phx_lexer_is_space(*at))
                        at++;
                else if (phx_lexer_is_comment(at, end))
                        at = phx_lexer_skip_line(at, end);
                else
                        break;
        }
        return at;
}

/* --- words --- */

/* Behind the list at AT; a parenthesis that nothing closes is only itself. */
static const char *skip_list(const char *at, const char *end) {
        for (const char *to = at + 1; to < end && !strchr("({}", *to); to++) {
                if (*to == '"')
                        to = phx_lexer_skip_string(to, end) - 1;
                else if (*to == ')')
                        return to + 1;
        }
        return at + 1;
}

/* Behind "@{NAME}", "@NAME" and the like; AT + 1 where that is none. */
static const char *skip_variable(const char *at, const char *end) {
        bool has_brace = at + 1 < end && at[1] == '{';
        const char *to = at + 1 + has_brace;

        while (to < end && (isalnum((unsigned char) *to) || *to == '_' || *to == '^'))
                to++;
        if (!has_brace)
                return to;
        return to < end && *to == '}' ? to + 1 : at + 2;
}

/* Behind what is one piece at AT, whatever it holds. */
static const char *skip_piece(const char *at, const char *end) {
        if (*at == '\\' && at + 1 < end)
                return at + 2;
        if (*at == '"')
                return phx_lexer_skip_string(at, end);
        if (*at == '(')
                return skip_list(at, end);
        if ((*at == '@' || *at == '$') && at + 1 < end && at[1] == '{')
                return skip_variable(at, end);
        return at + 1;
}

bool phx_lexer_word(const char **at, const char *end, struct phx_word *ret_word) {
        const char *from = phx_lexer_skip_blank(*at, end), *to = from;

        while (to < end && !phx_lexer_is_space(*to))
                to = skip_piece(to, end);
        *at = to;
        *ret_word = (struct phx_word){ from, (size_t) (to - from) };
        return to > from;
}

bool phx_word_is(const struct phx_word *word, const char *text) {
        return word->length == strlen(text) && memcmp(word->from, text, word->length) == 0;
}

bool phx_word_is_qualifier(const struct phx_word *word) {
        static const char *const qualifiers[] = { "audit", "deny",   "allow",  "owner",
                                                  "other", "prompt", "access", "quiet" };

        for (size_t i = 0; i < PHX_ELEMENTS(qualifiers); i++)
                if (phx_word_is(word, qualifiers[i]))
                        return true;
        return word->length > strlen("priority=") &&
               memcmp(word->from, "priority=", strlen("priority=")) == 0;
}

/* --- includes --- */

/* Behind "if exists" and the blanks around it. */
static const char *skip_condition(const char *at, const char *end) {
        const char *name = lexer_skip_space(at, end), *next = name;

        if (!phx_lexer_begins_with(next, end, "if") || next + 2 >= end ||
            !phx_lexer_is_space(next[2]))
                return name;
        next = lexer_skip_space(next + 2, end);
        if (!phx_lexer_begins_with(next, end, "exists"))
                return name;
        return lexer_skip_space(next + strlen("exists"), end);
}

/* A bare word, as the compiler delimits it; the comma that ends an abi rule is not its. */
static const char *find_end_of_bare_name(const char *at, const char *end) {
        const char *from = at;

        while (at < end && !phx_lexer_is_space(*at) && !strchr("\"!<>", *at))
                at++;
        while (at > from && at[-1] == ',')
                at--;
        return at;
}

static const char *find_bracket(const char *at, const char *end) {
        while (at < end && *at != '>' && *at != '\n')
                at++;
        return at < end && *at == '>' ? at : NULL;
}

bool phx_lexer_include_name(const char *at, const char *end, struct phx_include_name *ret_name) {
        const char *from = skip_condition(at, end), *to;

        *ret_name = (struct phx_include_name){ .behind = from };
        if (from == end || *from == '{')
                return false;
        ret_name->is_searched = *from == '<';
        if (ret_name->is_searched) {
                to = find_bracket(++from, end);
                ret_name->behind = to ? to + 1 : phx_lexer_skip_line(from, end);
        } else if (*from == '"') {
                ret_name->behind = phx_lexer_skip_string(from, end);
                to = ret_name->behind > from + 1 && ret_name->behind[-1] == '"'
                                     ? ret_name->behind - 1
                                     : NULL;
                from++;
        } else
                ret_name->behind = to = find_end_of_bare_name(from, end);
        if (!to)
                return false;

        from = lexer_skip_space(from, to);
        while (to > from && phx_lexer_is_space(to[-1]))
                to--;
        /* <"name"> is the name. */
        if (ret_name->is_searched && to - from >= 2 && *from == '"' && to[-1] == '"') {
                from++;
                to--;
        }
        ret_name->name = (struct phx_word){ from, (size_t) (to - from) };
        return to > from;
}

/* --- statements --- */

static void lexer_pass(struct phx_lexer *lexer, const char *to) {
        for (; lexer->at < to; lexer->at++)
                lexer->line += *lexer->at == '\n';
}

static bool lexer_is_assignment(const char *at, const char *end) {
        const char *behind;

        if (*at != '@' && *at != '$')
                return false;
        behind = skip_variable(at, end);
        if (behind <= at + 1 + (at + 1 < end && at[1] == '{'))
                return false;
        while (behind < end && (*behind == ' ' || *behind == '\t'))
                behind++;
        behind += behind < end && *behind == '+';
        return behind < end && *behind == '=';
}

static const char *find_end_of_assignment(const char *at, const char *end) {
        while (at < end && *at != '\n' && !(*at == '#' && phx_lexer_is_space(at[-1])))
                at = *at == '(' ? at + 1 : skip_piece(at, end);
        return at;
}

/* Whether the words between FROM and TO may be followed by a word that begins with an alternation.
 */
static bool takes_patterns(const char *from, const char *to) {
        static const char *const keywords[] = { "mount",      "remount", "umount",        "unmount",
                                                "pivot_root", "unix",    "dbus",          "signal",
                                                "ptrace",     "mqueue",  "file",          "link",
                                                "capability", "network", "change_profile" };
        const char *at = from, *last = to;
        struct phx_word word;

        while (last > from && phx_lexer_is_space(last[-1]))
                last--;
        if (last - from >= 2 && memcmp(last - 2, "->", 2) == 0)
                return true;
        for (unsigned i = 0; i < QUALIFIERS_LIMIT && phx_lexer_word(&at, to, &word); i++)
                if (!phx_word_is_qualifier(&word))
                        break;
        for (size_t i = 0; i < PHX_ELEMENTS(keywords); i++)
                if (phx_word_is(&word, keywords[i]))
                        return true;
        return false;
}

static bool lexer_opens_block(const char *from, const char *at, const char *end) {
        const char before = at[-1];

        if (!phx_lexer_is_space(before) && before != ')' && before != '"')
                return false;
        return at + 1 == end || phx_lexer_is_space(at[1]) || at[1] == '}' ||
               !takes_patterns(from, at);
}

/* BRACES are those of alternations that are open: "{a,}" has an empty one at its end. */
static bool ends_rule(const char *at, const char *end, unsigned braces) {
        return at + 1 == end || phx_lexer_is_space(at[1]) || at[1] == '#' || at[1] == '"' ||
               (at[1] == '}' && braces == 0);
}

/* Of the word that AT is in. */
static unsigned count_braces(unsigned braces, char c) {
        if (phx_lexer_is_space(c))
                return 0;
        if (c == '{')
                return braces + 1;
        return c == '}' && braces > 0 ? braces - 1 : braces;
}

/* Without the blanks and comments behind its last word. */
static void lexer_trim(struct phx_lexed *lexed) {
        const char *at = lexed->from, *end = at + lexed->length, *last = at;
        struct phx_word word;

        while (phx_lexer_word(&at, end, &word))
                last = at;
        lexed->length = (size_t) (last - lexed->from);
}

/* Sets the statement's kind and length. Returns where the next one may begin. */
static const char *find_end(struct phx_lexed *lexed, const char *end) {
        const char *from = lexed->from, *at = skip_piece(from, end);
        unsigned braces = 0;

        lexed->kind = PHX_STATEMENT_UNENDED;
        while (at < end) {
                lexed->length = (size_t) (at - from);
                if (*at == ',' && ends_rule(at, end, braces)) {
                        lexed->kind = PHX_STATEMENT_RULE;
                        return at + 1;
                }
                if (*at == '{' && lexer_opens_block(from, at, end)) {
                        lexed->kind = PHX_STATEMENT_OPEN;
                        return at + 1;
                }
                if (phx_lexer_is_space(at[-1]) && (*at == '}' || lexer_is_include(at, end))) {
                        lexer_trim(lexed);
                        return at;
                }
                if (*at == '#' && phx_lexer_is_space(at[-1])) {
                        at = phx_lexer_skip_line(at, end);
                        continue;
                }
                braces = count_braces(braces, *at);
                at = skip_piece(at, end);
        }
        lexed->length = (size_t) (end - from);
        lexer_trim(lexed);
        return end;
}

static const char *take_include(struct phx_lexed *lexed, const char *end) {
        const char *behind = lexed->from + (*lexed->from == '#') + strlen("include");
        struct phx_include_name name;

        if (phx_lexer_include_name(behind, end, &name) && name.is_searched)
                lexed->include = name.name;
        lexed->kind = PHX_STATEMENT_INCLUDE;
        lexed->length = (size_t) (name.behind - lexed->from);
        return name.behind;
}

static const char *take_statement(struct phx_lexed *lexed, const char *end) {
        const char *from = lexed->from, *behind;

        if (*from == '{' || *from == '}') {
                lexed->kind = *from == '{' ? PHX_STATEMENT_OPEN : PHX_STATEMENT_CLOSE;
                return from + 1;
        }
        if (lexer_is_include(from, end))
                return take_include(lexed, end);
        if (!lexer_is_assignment(from, end))
                return find_end(lexed, end);
        behind = find_end_of_assignment(from, end);
        lexed->kind = PHX_STATEMENT_ASSIGNMENT;
        lexed->length = (size_t) (behind - from);
        return behind;
}

bool phx_lexer_next(struct phx_lexer *lexer, struct phx_lexed *ret_lexed) {
        lexer_pass(lexer, phx_lexer_skip_blank(lexer->at, lexer->end));
        while (lexer->at < lexer->end && *lexer->at == ',')
                lexer_pass(lexer, phx_lexer_skip_blank(lexer->at + 1, lexer->end));
        if (lexer->at == lexer->end)
                return false;
        *ret_lexed = (struct phx_lexed){ .line = lexer->line, .from = lexer->at };
        lexer_pass(lexer, take_statement(ret_lexed, lexer->end));
        return true;
}

unsigned phx_lexed_line_at(const struct phx_lexed *lexed, const char *at) {
        unsigned line = lexed->line;

        for (const char *c = lexed->from; c < at; c++)
                line += *c == '\n';
        return line;
}
