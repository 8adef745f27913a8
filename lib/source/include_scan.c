/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the AppArmor parser takes for a reference depends on the state of its lexer: a '#' begins a
 * comment between rules, and is a letter within a mount rule. To follow all its states would be to
 * copy it, and to be wrong with its next release. So only what is beyond doubt is passed over: a
 * comment that begins where a rule has just ended. Everything else is searched, strings too. Too
 * much found costs nothing; too little would let the compiler read a file that nobody has judged.
 */

#include "source/include_scan.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/grow.h"
#include "base/macros.h"

struct scan {
        const char *text, *at, *end;
        unsigned line;
        unsigned parens;
        char last; /* the last that is neither white space nor comment; 0 where a rule may begin */
        bool in_assignment; /* of a variable: it ends with its line and not with a comma */
        bool in_string;
        bool is_unsure; /* until the end of the line: perhaps a comment */
        bool is_inside; /* the keyword stands behind something that may be one word with it */
        bool is_abi;    /* the keyword is "abi" */
        bool is_lost;   /* until the end of the text: strings can no longer be told */
        struct phx_references found;
};

static bool scan_is_word(char c) {
        return isalnum((unsigned char) c) || c == '_';
}

static bool scan_is_space(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char previous(const struct scan *scan) {
        if (scan->at == scan->text)
                return '\n';
        return scan->at[-1];
}

static bool has_prefix_at(const char *at, const char *end, const char *prefix) {
        size_t length = strlen(prefix);

        return (size_t) (end - at) >= length && memcmp(at, prefix, length) == 0;
}

static const char *scan_skip_space(const char *at, const char *end) {
        while (at < end && scan_is_space(*at))
                at++;
        return at;
}

/* Behind the length of the keyword that stands here; 0 when none does. Paths and longer words that
 * only contain it are the compiler's longer match. "#include" needs nothing behind it. */
static size_t keyword_length(const struct scan *scan) {
        char before = previous(scan);
        const char *behind;
        size_t length;

        if (has_prefix_at(scan->at, scan->end, "include"))
                length = strlen("include");
        else if (has_prefix_at(scan->at, scan->end, "abi"))
                length = strlen("abi");
        else
                return 0;
        if (scan_is_word(before) || strchr("/-.=", before))
                return 0;

        behind = scan->at + length;
        if (before == '#' || behind == scan->end)
                return length;
        return scan_is_space(*behind) || *behind == '<' || *behind == '"' ? length : 0;
}

/* Passes over "if exists". */
static const char *skip_condition(const char *at, const char *end) {
        const char *next = scan_skip_space(at, end);

        if (!has_prefix_at(next, end, "if") || next + 2 >= end || !scan_is_space(next[2]))
                return next;
        next = scan_skip_space(next + 2, end);
        if (!has_prefix_at(next, end, "exists"))
                return scan_skip_space(at, end);
        return scan_skip_space(next + strlen("exists"), end);
}

static const char *find_quote(const char *at, const char *end) {
        for (; at < end && *at != '"'; at++)
                if (*at == '\\' && at + 1 < end)
                        at++;
        return at < end ? at : NULL;
}

static const char *find_bracket(const char *at, const char *end) {
        while (at < end && *at != '>' && *at != '\n')
                at++;
        return at < end && *at == '>' ? at : NULL;
}

/* A bare word, as the compiler delimits it; the comma that ends an abi rule is not its. */
static const char *scan_find_end_of_word(const char *at, const char *end) {
        const char *from = at;

        while (at < end && !scan_is_space(*at) && !strchr("\"!<>", *at))
                at++;
        while (at > from && at[-1] == ',')
                at--;
        return at;
}

static int scan_add(struct scan *scan, const char *from, const char *to, bool is_searched) {
        struct phx_reference *reference;

        while (from < to && scan_is_space(*from))
                from++;
        while (to > from && scan_is_space(to[-1]))
                to--;
        /* <"name"> is the name. */
        if (is_searched && to - from >= 2 && *from == '"' && to[-1] == '"') {
                from++;
                to--;
        }
        if (from == to)
                return 0;

        reference = phx_grow(&scan->found.items, &scan->found.count, sizeof(*reference));
        if (!reference)
                return -ENOMEM;
        reference->name = strndup(from, (size_t) (to - from));
        reference->line = scan->line;
        reference->is_searched = is_searched;
        reference->is_abi = scan->is_abi;
        reference->is_certain = !scan->in_string && !scan->is_inside && !scan->is_unsure &&
                                !scan->is_lost;
        return reference->name ? 0 : -ENOMEM;
}

static int take_reference(struct scan *scan, const char *behind) {
        const char *from = skip_condition(behind, scan->end), *to;

        if (from == scan->end || *from == '{')
                return 0;
        if (*from == '<') {
                to = find_bracket(from + 1, scan->end);
                return to ? scan_add(scan, from + 1, to, true) : 0;
        }
        if (*from == '"') {
                to = find_quote(from + 1, scan->end);
                return to ? scan_add(scan, from + 1, to, false) : 0;
        }
        return scan_add(scan, from, scan_find_end_of_word(from, scan->end), false);
}

/* Whether a rule may begin here, so that '#' begins a comment. */
static bool is_between_rules(const struct scan *scan) {
        return scan->last == 0 || scan->last == '{' || scan->last == '}' || scan->last == '>' ||
               (scan->last == ',' && scan->parens == 0);
}

static bool scan_begins_comment(const struct scan *scan) {
        return *scan->at == '#' && !scan->in_string && scan_is_space(previous(scan)) &&
               !has_prefix_at(scan->at + 1, scan->end, "include");
}

static void pass_comment(struct scan *scan) {
        const char *line_end = memchr(scan->at, '\n', (size_t) (scan->end - scan->at));

        if (!line_end)
                line_end = scan->end;
        if (!scan->is_lost && is_between_rules(scan)) {
                scan->at = line_end;
                return;
        }
        scan->is_unsure = true;
        /* A quote in what may be a comment or not: from here on strings cannot be told. */
        if (memchr(scan->at, '"', (size_t) (line_end - scan->at)))
                scan->is_lost = true;
        scan->at++;
}

static void pass_newline(struct scan *scan) {
        scan->line++;
        scan->is_unsure = false;
        if (scan->in_assignment && !scan->in_string)
                scan->last = 0;
        scan->in_assignment = false;
}

/* Braces and arrows within a word or rule end nothing. */
static char significance(const struct scan *scan) {
        char c = *scan->at, before = previous(scan);

        if ((c == '{' || c == '}') && !scan_is_space(before) && !strchr(",(){}", before))
                return 'x';
        if (c == '>' && before == '-')
                return 'x';
        return c;
}

static void pass_character(struct scan *scan) {
        char c = *scan->at;

        if (c == '\\' && scan->at + 1 < scan->end) {
                scan->line += scan->at[1] == '\n';
                scan->last = 'x';
                scan->at += 2;
                return;
        }
        if (c == '\n')
                pass_newline(scan);
        if (!scan_is_space(c)) {
                scan->in_assignment |= (c == '@' || c == '$') && is_between_rules(scan);
                scan->last = significance(scan);
        }
        scan->parens += c == '(';
        scan->parens -= c == ')' && scan->parens > 0;
        scan->in_string ^= c == '"';
        scan->at++;
}

static int scan_step(struct scan *scan) {
        size_t length;
        int r = 0;

        if (scan_begins_comment(scan)) {
                pass_comment(scan);
                return 0;
        }
        length = keyword_length(scan);
        if (length > 0) {
                scan->is_inside = previous(scan) == '#' && scan->at - scan->text >= 2 &&
                                  !scan_is_space(scan->at[-2]);
                scan->is_abi = *scan->at == 'a';
                r = take_reference(scan, scan->at + length);
        }
        pass_character(scan);
        return r;
}

int phx_references_scan(const char *text, size_t size, struct phx_references *ret_references) {
        struct scan scan = { .text = text, .at = text, .end = text + size, .line = 1 };

        while (scan.at < scan.end) {
                int r = scan_step(&scan);

                if (r < 0) {
                        phx_references_done(&scan.found);
                        return r;
                }
        }
        *ret_references = scan.found;
        return 0;
}

void phx_references_done(struct phx_references *references) {
        for (size_t i = 0; i < references->count; i++)
                free(references->items[i].name);
        free(references->items);
        *references = (struct phx_references){ 0 };
}
