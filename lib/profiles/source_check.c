/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A tolerant walk over a profile's text: it knows words, strings, lists in parentheses and blocks,
 * and no rules. What it does not understand it leaves to the compiler, which has the last word.
 *
 * Its tokens are finer than the words of source/lexer.h, of which it has strings and comments: it
 * must see the flags of a profile also where something before them is not what it should be. */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/findings.h"
#include "base/strings.h"
#include "profiles/source.h"
#include "source/lexer.h"

enum token_kind {
        TOKEN_END,
        TOKEN_OPEN,
        TOKEN_CLOSE,
        TOKEN_COMMA,
        TOKEN_EQUALS,
        TOKEN_LIST,   /* "(…)", without the parentheses */
        TOKEN_STRING, /* without the quotes */
        TOKEN_WORD,
};

struct token {
        enum token_kind kind;
        unsigned line;
        const char *from;
        size_t length;
};

struct scan {
        const char *name;
        const struct phx_source_rules *rules;
        const char *at, *end;
        unsigned line;
        unsigned profiles;
        bool has_failed; /* and went on */
        struct phx_error *error;
};

/* "NAME: line N: " and the text: -EINVAL, or 0 when everything that is wrong is to be found. */
static int PHX_PRINTF(3, 4) refuse(struct scan *scan, unsigned line, const char *format, ...) {
        const struct phx_position position = { scan->name, line, 0 };
        char what[sizeof(scan->error->text)];
        va_list arguments;
        int r;

        va_start(arguments, format);
        (void) vsnprintf(what, sizeof(what), format, arguments);
        va_end(arguments);
        r = phx_error_set_at(scan->error, -EINVAL, &position, "%s", what);
        if (!phx_error_list(scan->error, r))
                return r;
        scan->has_failed = true;
        return 0;
}

static void source_check_pass(struct scan *scan, const char *to) {
        for (; scan->at < to; scan->at++)
                scan->line += *scan->at == '\n';
}

static void source_check_skip_space(struct scan *scan) {
        source_check_pass(scan, phx_lexer_skip_blank(scan->at, scan->end));
}

/* The parenthesis that ends a list and is neither escaped nor in a string; else the end. */
static const char *find_end_of_list(const char *at, const char *end) {
        while (at < end && *at != ')') {
                if (*at == '"')
                        at = phx_lexer_skip_string(at, end);
                else
                        at += *at == '\\' && at + 1 < end ? 2 : 1;
        }
        return at;
}

/* A path or a pattern: its braces and the commas between them are its own. */
static const char *find_end_of_pattern(const char *at) {
        for (; *at && !isspace((unsigned char) *at) && *at != '"'; at++) {
                if (*at == '\\' && at[1])
                        at++;
                else if (*at == ',' && (at[1] == '\0' || strchr(" \t\r\n\",", at[1])))
                        return at;
        }
        return at;
}

/* A keyword ends before a sign, a name or path does not. */
static const char *source_check_find_end_of_word(const char *at) {
        size_t length = 0;

        while (isalnum((unsigned char) at[length]) || at[length] == '_')
                length++;
        if (length > 0 && (at[length] == '\0' || strchr(" \t\r\n{}(,\"=<", at[length])))
                return at + length;
        return find_end_of_pattern(at);
}

static void set_token(struct scan *scan, struct token *token, const char *from, const char *to) {
        token->from = from;
        token->length = (size_t) (to - from);
        source_check_pass(scan, to);
}

static void take_list(struct scan *scan, struct token *token) {
        token->kind = TOKEN_LIST;
        set_token(scan, token, scan->at + 1, find_end_of_list(scan->at + 1, scan->end));
        scan->at += scan->at < scan->end;
}

static void take_string(struct scan *scan, struct token *token) {
        const char *to = phx_lexer_skip_string(scan->at, scan->end);
        bool is_closed = to > scan->at + 1 && to[-1] == '"';

        token->kind = TOKEN_STRING;
        set_token(scan, token, scan->at + 1, is_closed ? to - 1 : to);
        scan->at += is_closed;
}

static void source_check_next(struct scan *scan, struct token *token) {
        static const char signs[] = "{},=";
        static const enum token_kind kinds[] = { TOKEN_OPEN,
                                                 TOKEN_CLOSE,
                                                 TOKEN_COMMA,
                                                 TOKEN_EQUALS };
        const char *sign;

        source_check_skip_space(scan);
        *token = (struct token){ .kind = TOKEN_END, .line = scan->line, .from = scan->at };
        if (!*scan->at)
                return;

        sign = strchr(signs, *scan->at);
        if (sign) {
                token->kind = kinds[sign - signs];
                set_token(scan, token, scan->at, scan->at + 1);
        } else if (*scan->at == '"')
                take_string(scan, token);
        else if (*scan->at == '(')
                take_list(scan, token);
        else {
                const char *end = phx_has_prefix(scan->at, "#include")
                                                  ? scan->at + strlen("#include")
                                                  : source_check_find_end_of_word(scan->at);

                token->kind = TOKEN_WORD;
                /* Whatever it is, it must not be seen for ever. */
                set_token(scan, token, scan->at, end > scan->at ? end : scan->at + 1);
        }
}

static bool source_check_is_word(const struct token *token, const char *word) {
        return token->kind == TOKEN_WORD && token->length == strlen(word) &&
               memcmp(token->from, word, token->length) == 0;
}

/* What a message may show of the text, which may hold anything. */
struct shown {
        char text[129];
};

static const char *source_check_show(const struct token *token, struct shown *shown) {
        size_t length = token->length < sizeof(shown->text) ? token->length
                                                            : sizeof(shown->text) - 1;

        memcpy(shown->text, token->from, length);
        shown->text[length] = '\0';
        return shown->text;
}

static int check_flag(struct scan *scan, unsigned line, const struct token *flag) {
        struct shown shown;

        if (source_check_is_word(flag, "complain") && !scan->rules->allow_complain)
                return refuse(scan,
                              line,
                              "flag 'complain' disables enforcement; remove it or set "
                              "allow_complain");
        if ((source_check_is_word(flag, "unconfined") ||
             source_check_is_word(flag, "default_allow")) &&
            !scan->rules->allow_unconfined)
                return refuse(scan,
                              line,
                              "flag '%s' disables confinement; remove it or set "
                              "allow_unconfined_flag",
                              source_check_show(flag, &shown));
        return 0;
}

static int check_flags(struct scan *scan, const struct token *list) {
        struct token flag = { .kind = TOKEN_WORD, .line = list->line, .from = list->from };
        const char *end = list->from + list->length;
        int r = 0;

        while (r >= 0 && flag.from < end) {
                size_t blank = strspn(flag.from, ", \t\r\n\"");

                flag.from += blank;
                flag.length = strcspn(flag.from, ", \t\r\n\")");
                if (flag.from < end)
                        r = check_flag(scan, list->line, &flag);
                flag.from += flag.length;
                if (blank + flag.length == 0)
                        break;
        }
        return r;
}

/* Passes the value behind "=", which may begin with a brace. A list is left to be seen. */
static void skip_value(struct scan *scan) {
        source_check_skip_space(scan);
        if (*scan->at != '(' && *scan->at != '"')
                source_check_pass(scan, find_end_of_pattern(scan->at));
}

static int complain_of_attachment(struct scan *scan, const struct token *token) {
        struct shown shown;

        return refuse(scan,
                      token->line,
                      "found the attachment '%s'; a container's profile must not attach to "
                      "programs of the host",
                      source_check_show(token, &shown));
}

/* What stands between a profile's name and its block, which is opened. Of a child an attachment is
 * harmless: it is a transition within its parent. */
static int check_head(struct scan *scan, bool is_child) {
        bool is_xattrs = false;
        struct token token;
        int r = 0;

        for (source_check_next(scan, &token); r >= 0; source_check_next(scan, &token)) {
                if (token.kind == TOKEN_OPEN || token.kind == TOKEN_END ||
                    token.kind == TOKEN_CLOSE)
                        return 0;
                if (token.kind == TOKEN_LIST && !is_xattrs)
                        r = check_flags(scan, &token);
                else if (!is_child && source_check_is_word(&token, "xattrs"))
                        r = complain_of_attachment(scan, &token);
                else if (!is_child && token.length > 0 &&
                         (token.kind == TOKEN_STRING || strchr("/@", *token.from)))
                        r = complain_of_attachment(scan, &token);
                if (token.kind != TOKEN_EQUALS)
                        is_xattrs = source_check_is_word(&token, "xattrs");
        }
        return r;
}

static void skip_include(struct scan *scan) {
        struct phx_include_name name;

        (void) phx_lexer_include_name(scan->at, scan->end, &name);
        source_check_pass(scan, name.behind);
}

static bool source_check_is_include(const struct token *token) {
        return source_check_is_word(token, "include") || source_check_is_word(token, "#include");
}

static bool begins_profile(const struct token *token) {
        return source_check_is_word(token, "profile") || source_check_is_word(token, "hat");
}

/* The block of a profile, up to its closing brace. */
static int check_block(struct scan *scan) {
        unsigned depth = 1;
        struct token token;
        int r = 0;

        while (r >= 0 && depth > 0) {
                source_check_next(scan, &token);
                if (token.kind == TOKEN_END)
                        return 0;
                if (token.kind == TOKEN_OPEN)
                        depth++;
                else if (token.kind == TOKEN_CLOSE)
                        depth--;
                else if (token.kind == TOKEN_EQUALS)
                        skip_value(scan);
                else if (source_check_is_include(&token))
                        skip_include(scan);
                else if (begins_profile(&token) ||
                         (token.kind == TOKEN_WORD && *token.from == '^')) {
                        r = check_head(scan, true);
                        depth++;
                }
        }
        return r;
}

static int source_check_name(struct scan *scan, const struct token *token) {
        struct shown shown;

        if (scan->profiles > 1)
                return refuse(scan,
                              token->line,
                              "found a second profile '%s', expected one profile in this file",
                              source_check_show(token, &shown));
        if (token->length > 0 && *token->from == ':')
                return refuse(scan,
                              token->line,
                              "found '%s', a profile in a policy namespace, expected '%s'",
                              source_check_show(token, &shown),
                              scan->name);
        if (token->length != strlen(scan->name) ||
            memcmp(token->from, scan->name, token->length) != 0)
                return refuse(scan,
                              token->line,
                              "the profile is named '%s', expected the file's name "
                              "'%s'",
                              source_check_show(token, &shown),
                              scan->name);
        return 0;
}

static int source_check_profile(struct scan *scan, const struct token *name) {
        int r;

        scan->profiles++;
        r = source_check_name(scan, name);
        if (r >= 0)
                r = check_head(scan, false);
        return r < 0 ? r : check_block(scan);
}

/* A variable's line, and those that a backslash joins to it. */
static void source_check_skip_line(struct scan *scan) {
        for (; *scan->at && *scan->at != '\n'; source_check_pass(scan, scan->at + 1))
                if (*scan->at == '\\' && scan->at[1])
                        source_check_pass(scan, scan->at + 1);
}

/* abi, alias, and what the compiler will have to judge. */
static int skip_statement(struct scan *scan) {
        struct token token;

        for (;;) {
                source_check_next(scan, &token);
                if (token.kind == TOKEN_OPEN)
                        return check_block(scan);
                if (token.kind == TOKEN_COMMA || token.kind == TOKEN_END)
                        return 0;
        }
}

static int check_statement(struct scan *scan, const struct token *first) {
        struct token name = *first;

        if (source_check_is_include(first)) {
                skip_include(scan);
                return 0;
        }
        if (begins_profile(first)) {
                source_check_next(scan, &name);
                return source_check_profile(scan, &name);
        }
        if (first->kind == TOKEN_WORD && strchr("@$", *first->from)) {
                source_check_skip_line(scan);
                return 0;
        }
        if (first->kind == TOKEN_STRING ||
            (first->kind == TOKEN_WORD &&
             (strchr("/:^", *first->from) || strncmp(first->from, "lxc-", strlen("lxc-")) == 0)))
                return source_check_profile(scan, &name);
        return first->kind == TOKEN_COMMA ? 0 : skip_statement(scan);
}

int phx_source_check(
                const char *name,
                const char *text,
                const struct phx_source_rules *rules,
                struct phx_error *error) {
        struct scan scan = { name, rules, text, text + strlen(text), 1, 0, false, error };
        struct token token;

        if (phx_has_prefix(text, "\357\273\277")) {
                int r = refuse(&scan,
                               1,
                               "the file begins with a byte order mark: save it as UTF-8 without "
                               "one");

                if (r < 0)
                        return r;
                scan.at += strlen("\357\273\277");
        }
        for (source_check_next(&scan, &token); token.kind != TOKEN_END;
             source_check_next(&scan, &token)) {
                int r = check_statement(&scan, &token);

                if (r < 0)
                        return r;
        }
        if (scan.profiles == 0)
                return phx_error_set_in(
                                error,
                                -EINVAL,
                                name,
                                "defines no profile, expected one named '%s'",
                                name);
        return scan.has_failed ? -EINVAL : 0;
}
