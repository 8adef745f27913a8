/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A machine with one state, what is expected next, and a stack of the brackets that are open. It
 * does not recurse: a text may nest as deep as it is long. What is foreign begins with an opening
 * bracket and ends with the one that closes it, at which it is blanked in the copy.
 *
 * Every byte is looked at once. The state after a value depends only on the innermost bracket
 * (behind_value), so opening pushes it and closing pops it. Nothing is decoded: the copy keeps the
 * size and every position, so a line and column that jansson reports for the copy is right for the
 * text.
 *
 * The first error ends it: its position is where the byte stands that does not fit, and `expected`
 * is turned into words. The stack is the only memory, and is freed by syntax_done(); the copy is
 * the caller's. */

#include "codec/json_syntax.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "codec/json.h"

#define BLANKS " \t\r\n"
#define DIGITS "0123456789"
#define HEX "0123456789abcdefABCDEF"
#define LARGEST "9223372036854775807"
#define SMALLEST "9223372036854775808"
/* As much of what was found as is shown. */
#define FOUND_SHOWN 20

enum expected {
        EXPECT_VALUE,
        EXPECT_VALUE_OR_END, /* behind '[' */
        EXPECT_KEY,
        EXPECT_KEY_OR_END, /* behind '{' */
        EXPECT_COLON,
        EXPECT_COMMA_OR_END,
        EXPECT_NOTHING, /* behind the root */
};

struct syntax {
        const struct phx_json_text *text;
        phx_json_is_ours *is_ours;
        char *copy;
        struct phx_error *error;
        size_t at;
        enum expected expected;
        char *brackets; /* '{' or '[' for each level */
        size_t depth;
        size_t capacity;
        bool is_foreign;      /* the key that was read last */
        size_t foreign_depth; /* of the outermost bracket that is foreign; 0: none */
        size_t foreign_begin;
};

static void syntax_done(struct syntax *syntax) {
        free(syntax->brackets);
}

/* NUL at the end, as no text that gets here has one. */
static char peek_at(const struct syntax *syntax, size_t at) {
        return at < syntax->text->size ? syntax->text->data[at] : '\0';
}

static char json_syntax_peek(const struct syntax *syntax) {
        return peek_at(syntax, syntax->at);
}

static bool json_syntax_is_blank(char c) {
        return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* --- refusing --- */

static int json_syntax_refuse_at(
                struct syntax *syntax,
                size_t at,
                const char *found,
                const char *expected) {
        return phx_json_refuse_line(
                        syntax->error,
                        syntax->text,
                        phx_json_line(syntax->text, at),
                        phx_json_column(syntax->text, at),
                        "not valid JSON: found %s, expected %s",
                        found,
                        expected);
}

static int refuse_utf8(struct syntax *syntax, size_t at) {
        return phx_json_refuse_line(
                        syntax->error,
                        syntax->text,
                        phx_json_line(syntax->text, at),
                        phx_json_column(syntax->text, at),
                        "not valid UTF-8: found the byte 0x%02x",
                        (unsigned char) syntax->text->data[at]);
}

/* How many bytes the character at AT has; 0 when it is no UTF-8. */
static size_t json_syntax_character_size(const struct syntax *syntax, size_t at) {
        unsigned char c = (unsigned char) peek_at(syntax, at);
        unsigned char next = (unsigned char) peek_at(syntax, at + 1);
        unsigned char lowest = 0x80, highest = 0xbf;
        size_t size = 0;

        if (c < 0x80)
                return 1;
        if (c >= 0xc2 && c <= 0xdf)
                size = 2;
        else if (c >= 0xe0 && c <= 0xef)
                size = 3;
        else if (c >= 0xf0 && c <= 0xf4)
                size = 4;
        if (c == 0xe0)
                lowest = 0xa0; /* shorter ways to write it are none */
        if (c == 0xed)
                highest = 0x9f; /* halves of pairs are no characters */
        if (c == 0xf0)
                lowest = 0x90;
        if (c == 0xf4)
                highest = 0x8f;
        if (next < lowest || next > highest)
                return 0;
        for (size_t i = 2; i < size; i++)
                if (((unsigned char) peek_at(syntax, at + i) & 0xc0) != 0x80)
                        return 0;
        return size;
}

/* What stands at the cursor: a word, or a character. */
static int json_syntax_refuse(struct syntax *syntax, const char *expected) {
        const char *begin = syntax->text->data + syntax->at;
        size_t left = syntax->text->size - syntax->at, size = 0;
        char found[FOUND_SHOWN + 16];

        if (left == 0)
                return json_syntax_refuse_at(syntax, syntax->at, "the end of the file", expected);
        while (size < left && size < FOUND_SHOWN &&
               (strchr(DIGITS "+-._", begin[size]) || !phx_is_separator(begin[size])) &&
               (unsigned char) begin[size] < 0x80 && begin[size])
                size++;
        if (size == 0)
                size = json_syntax_character_size(syntax, syntax->at);
        if (size == 0)
                return refuse_utf8(syntax, syntax->at);
        if ((unsigned char) *begin < ' ' || *begin == 0x7f)
                (void) snprintf(found, sizeof(found), "the byte 0x%02x", (unsigned char) *begin);
        else
                (void) snprintf(found, sizeof(found), "'%.*s'", (int) size, begin);
        return json_syntax_refuse_at(syntax, syntax->at, found, expected);
}

/* --- tokens --- */

static int skip_escape(struct syntax *syntax) {
        char c = peek_at(syntax, syntax->at + 1);
        char found[] = { '\'', '\\', c, '\'', '\0' };

        if (c != 'u') {
                if (c && strchr("\"\\/bfnrt", c)) {
                        syntax->at += 2;
                        return 0;
                }
                return json_syntax_refuse_at(
                                syntax,
                                syntax->at,
                                c > ' ' && c < 0x7f ? found : "a backslash",
                                "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u; a backslash itself is "
                                "\\\\");
        }
        for (size_t i = 2; i < 6; i++) {
                char digit = peek_at(syntax, syntax->at + i);

                if (!digit || !strchr(HEX, digit))
                        return json_syntax_refuse_at(
                                        syntax,
                                        syntax->at,
                                        "'\\u'",
                                        "four hexadecimal digits after it");
        }
        syntax->at += 6;
        return 0;
}

/* What must not stand in a string as it is; BEGIN is where that begins. */
static int refuse_control(struct syntax *syntax, size_t begin) {
        char c = json_syntax_peek(syntax);

        if (syntax->at >= syntax->text->size || c == '\n' || c == '\r')
                return json_syntax_refuse_at(
                                syntax,
                                begin,
                                "a string that does not end on its line",
                                "a closing '\"'");
        if (c == '\t')
                return json_syntax_refuse_at(syntax, syntax->at, "a tab in a string", "\\t");
        return json_syntax_refuse_at(
                        syntax,
                        syntax->at,
                        "a control character in a string",
                        "\\u and its number");
}

static int json_syntax_skip_string(struct syntax *syntax) {
        size_t begin = syntax->at++;
        bool has_escapes = false;

        for (char c = json_syntax_peek(syntax); c != '"'; c = json_syntax_peek(syntax)) {
                size_t size = c == '\\' ? 0 : json_syntax_character_size(syntax, syntax->at);
                int r = 0;

                if ((unsigned char) c < ' ')
                        return refuse_control(syntax, begin);
                if (c == '\\')
                        r = skip_escape(syntax);
                else if (size == 0)
                        r = refuse_utf8(syntax, syntax->at);
                if (r < 0)
                        return r;
                has_escapes |= c == '\\';
                syntax->at += size;
        }
        if (has_escapes)
                phx_json_soften_string(syntax->copy + begin + 1, syntax->at - begin - 1);
        syntax->at++;
        return 0;
}

static size_t skip_digits(struct syntax *syntax) {
        size_t begin = syntax->at;

        while (json_syntax_peek(syntax) >= '0' && json_syntax_peek(syntax) <= '9')
                syntax->at++;
        return syntax->at - begin;
}

static bool is_large(const char *digits, size_t count, bool is_negative) {
        size_t limit = strlen(LARGEST);

        if (count != limit)
                return count > limit;
        return memcmp(digits, is_negative ? SMALLEST : LARGEST, limit) > 0;
}

/* A fraction, an exponent: true when there is one. */
static bool skip_fraction(struct syntax *syntax, bool *ret_is_wrong) {
        size_t begin = syntax->at;

        if (json_syntax_peek(syntax) == '.') {
                syntax->at++;
                *ret_is_wrong |= skip_digits(syntax) == 0;
        }
        if (json_syntax_peek(syntax) == 'e' || json_syntax_peek(syntax) == 'E') {
                syntax->at++;
                if (json_syntax_peek(syntax) == '+' || json_syntax_peek(syntax) == '-')
                        syntax->at++;
                *ret_is_wrong |= skip_digits(syntax) == 0;
        }
        return syntax->at > begin;
}

static int skip_number(struct syntax *syntax) {
        size_t begin = syntax->at, first, count;
        bool is_negative = json_syntax_peek(syntax) == '-', is_wrong = false, is_real;

        syntax->at += is_negative;
        first = syntax->at;
        count = skip_digits(syntax);
        is_wrong |= count == 0 || (count > 1 && syntax->text->data[first] == '0');
        is_real = skip_fraction(syntax, &is_wrong);
        if (is_wrong ||
            (json_syntax_peek(syntax) && !strchr(BLANKS ",]}:", json_syntax_peek(syntax)))) {
                syntax->at = begin;
                return json_syntax_refuse(
                                syntax,
                                "a number as JSON writes it, such as 12, -0.5 or 1e6");
        }
        if (is_real || is_large(syntax->text->data + first, count, is_negative)) {
                memset(syntax->copy + begin, ' ', syntax->at - begin);
                memcpy(syntax->copy + begin, "0.5", strlen("0.5"));
        }
        return 0;
}

static int skip_word(struct syntax *syntax) {
        static const char *const words[] = { "true", "false", "null" };

        for (size_t i = 0; i < PHX_ELEMENTS(words); i++) {
                size_t length = strlen(words[i]), left = syntax->text->size - syntax->at;
                char behind = peek_at(syntax, syntax->at + length);

                if (left < length || memcmp(syntax->text->data + syntax->at, words[i], length) != 0)
                        continue;
                if (behind && !strchr(BLANKS ",]}:", behind))
                        continue;
                syntax->at += length;
                return 0;
        }
        return json_syntax_refuse(
                        syntax,
                        syntax->expected == EXPECT_VALUE_OR_END
                                        ? "a value or ']'"
                                        : "a value: a string in double quotes, a number, true, "
                                          "false, null, an object or an array");
}

/* --- levels --- */

static enum expected behind_value(const struct syntax *syntax) {
        return syntax->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static int grow(struct syntax *syntax) {
        size_t capacity = syntax->capacity ? 2 * syntax->capacity : PHX_JSON_DEPTH;
        char *brackets = realloc(syntax->brackets, capacity);

        if (!brackets)
                return phx_json_no_memory(syntax->error, syntax->text);
        syntax->brackets = brackets;
        syntax->capacity = capacity;
        return 0;
}

static int open_bracket(struct syntax *syntax) {
        char bracket = json_syntax_peek(syntax);
        int r = syntax->depth == syntax->capacity ? grow(syntax) : 0;

        if (r < 0)
                return r;
        syntax->brackets[syntax->depth++] = bracket;
        if (syntax->depth > PHX_JSON_DEPTH && !syntax->is_ours)
                return phx_json_refuse_line(
                                syntax->error,
                                syntax->text,
                                phx_json_line(syntax->text, syntax->at),
                                phx_json_column(syntax->text, syntax->at),
                                "nests deeper than %d levels",
                                PHX_JSON_DEPTH);
        if (syntax->foreign_depth == 0 && (syntax->is_foreign || syntax->depth > PHX_JSON_DEPTH)) {
                syntax->foreign_depth = syntax->depth;
                syntax->foreign_begin = syntax->at;
        }
        syntax->at++;
        syntax->expected = bracket == '{' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
        return 0;
}

static void close_bracket(struct syntax *syntax) {
        syntax->at++;
        if (syntax->depth == syntax->foreign_depth) {
                memset(syntax->copy + syntax->foreign_begin,
                       ' ',
                       syntax->at - syntax->foreign_begin);
                syntax->copy[syntax->foreign_begin] = '0';
                syntax->foreign_depth = 0;
        }
        syntax->depth--;
        syntax->expected = behind_value(syntax);
}

static int read_key(struct syntax *syntax) {
        size_t begin = syntax->at + 1, size;
        int r;

        if (json_syntax_peek(syntax) == '}' && syntax->expected == EXPECT_KEY_OR_END) {
                close_bracket(syntax);
                return 0;
        }
        if (json_syntax_peek(syntax) != '"')
                return json_syntax_refuse(
                                syntax,
                                syntax->expected == EXPECT_KEY_OR_END
                                                ? "a key in double quotes or '}'"
                                                : "a key in double quotes after the ','");
        r = json_syntax_skip_string(syntax);
        size = syntax->at - begin - 1;
        if (r >= 0 && syntax->foreign_depth == 0 && syntax->is_ours)
                syntax->is_foreign =
                                !memchr(syntax->text->data + begin, '\\', size) &&
                                !syntax->is_ours(syntax->depth, syntax->text->data + begin, size);
        syntax->expected = EXPECT_COLON;
        return r;
}

static int json_syntax_read_value(struct syntax *syntax) {
        char c = json_syntax_peek(syntax);
        int r;

        if (c == '{' || c == '[')
                return open_bracket(syntax);
        if (c == ']' && syntax->expected == EXPECT_VALUE_OR_END) {
                close_bracket(syntax);
                return 0;
        }
        if (c == '"')
                r = json_syntax_skip_string(syntax);
        else if (c == '-' || (c >= '0' && c <= '9'))
                r = skip_number(syntax);
        else
                r = skip_word(syntax);
        syntax->expected = behind_value(syntax);
        return r;
}

static int read_comma(struct syntax *syntax) {
        bool is_object = syntax->brackets[syntax->depth - 1] == '{';

        if (json_syntax_peek(syntax) == (is_object ? '}' : ']')) {
                close_bracket(syntax);
                return 0;
        }
        if (json_syntax_peek(syntax) != ',')
                return json_syntax_refuse(syntax, is_object ? "',' or '}'" : "',' or ']'");
        syntax->at++;
        syntax->expected = is_object ? EXPECT_KEY : EXPECT_VALUE;
        /* An element is as foreign as its array. */
        syntax->is_foreign = false;
        return 0;
}

static int json_syntax_step(struct syntax *syntax) {
        switch (syntax->expected) {
        case EXPECT_VALUE:
        case EXPECT_VALUE_OR_END:
                return json_syntax_read_value(syntax);
        case EXPECT_KEY:
        case EXPECT_KEY_OR_END:
                return read_key(syntax);
        case EXPECT_COLON:
                if (json_syntax_peek(syntax) != ':')
                        return json_syntax_refuse(syntax, "':' after the key");
                syntax->at++;
                syntax->expected = EXPECT_VALUE;
                return 0;
        case EXPECT_COMMA_OR_END:
                return read_comma(syntax);
        case EXPECT_NOTHING:
                return json_syntax_refuse(syntax, "nothing after the end of the value");
        }
        return -EINVAL;
}

int phx_json_soften(
                const struct phx_json_text *text,
                phx_json_is_ours *is_ours,
                char *copy,
                struct phx_error *error) {
        phx_cleanup(syntax_done) struct syntax syntax = {
                .text = text,
                .is_ours = is_ours,
                .copy = copy,
                .error = error,
        };
        int r = 0;

        while (r >= 0) {
                while (json_syntax_is_blank(json_syntax_peek(&syntax)))
                        syntax.at++;
                if (syntax.at >= text->size && syntax.expected == EXPECT_NOTHING)
                        return 0;
                r = json_syntax_step(&syntax);
        }
        return r;
}

/* --- strings --- */

static unsigned json_syntax_hex_value(const char *text) {
        unsigned value = 0;

        for (size_t i = 0; i < 4; i++) {
                char c = phx_lower(text[i]);

                value = value * 16 + (unsigned) (c <= '9' ? c - '0' : c - 'a' + 10);
        }
        return value;
}

static bool is_escape(const char *text, size_t left, unsigned lowest, unsigned highest) {
        unsigned value;

        if (left < 6 || text[0] != '\\' || text[1] != 'u')
                return false;
        value = json_syntax_hex_value(text + 2);
        return value >= lowest && value <= highest;
}

void phx_json_soften_string(char *text, size_t size) {
        for (size_t i = 0; i < size;) {
                size_t left = size - i;

                if (text[i] != '\\') {
                        i++;
                        continue;
                }
                if (is_escape(text + i, left, 0xd800, 0xdbff) &&
                    is_escape(text + i + 6, left - 6, 0xdc00, 0xdfff)) {
                        i += 12;
                        continue;
                }
                if (is_escape(text + i, left, 0xd800, 0xdfff) || is_escape(text + i, left, 0, 0))
                        memcpy(text + i + 2, "0001", 4);
                i += left > 1 && text[i + 1] == 'u' ? 6 : 2;
        }
}
