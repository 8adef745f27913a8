/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the AppArmor parser takes for a reference depends on the state of its lexer: a '#' begins a
 * comment between rules, and is a letter within a mount rule. To follow all its states would be to
 * copy it, and to be wrong with its next release. The characters and names are those of the lexer,
 * its words and comments are not: only what is beyond doubt is passed over: a
 * comment that begins where a rule has just ended. Everything else is searched, strings too. Too
 * much found costs nothing; too little would let the compiler read a file that was not judged.
 */

#include "source/include_scan.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/grow.h"
#include "base/macros.h"
#include "source/lexer.h"

struct scan {
        const char *text, *at, *end;
        unsigned line;
        unsigned parens;
        char last; /* the last that is neither white space nor comment; 0 where a rule may begin */
        bool in_assignment;     /* of a variable: it ends with its line and not with a comma */
        const char *string_end; /* behind the last string that was begun */
        bool is_unsure;         /* until the end of the line: perhaps a comment */
        bool is_inside; /* the keyword stands behind something that may be one word with it */
        bool is_abi;    /* the keyword is "abi" */
        bool is_lost;   /* until the end of the text: strings are no longer known */
        struct phx_references found;
};

static bool scan_is_word(char c) {
        return isalnum((unsigned char) c) || c == '_';
}

static bool is_in_string(const struct scan *scan) {
        return scan->string_end && scan->at < scan->string_end;
}

static char previous(const struct scan *scan) {
        if (scan->at == scan->text)
                return '\n';
        return scan->at[-1];
}

/* Behind the length of the keyword that stands here; 0 when none does. Paths and longer words that
 * only contain it are the compiler's longer match. "#include" needs nothing behind it. */
static size_t keyword_length(const struct scan *scan) {
        char before = previous(scan);
        const char *behind;
        size_t length;

        if (phx_lexer_begins_with(scan->at, scan->end, "include"))
                length = strlen("include");
        else if (phx_lexer_begins_with(scan->at, scan->end, "abi"))
                length = strlen("abi");
        else
                return 0;
        if (scan_is_word(before) || strchr("/-.=", before))
                return 0;

        behind = scan->at + length;
        if (before == '#' || behind == scan->end)
                return length;
        return phx_lexer_is_space(*behind) || *behind == '<' || *behind == '"' ? length : 0;
}

static int take_reference(struct scan *scan, const char *behind) {
        struct phx_include_name name;
        struct phx_reference *reference;

        if (!phx_lexer_include_name(behind, scan->end, &name))
                return 0;
        reference = phx_grow(&scan->found.items, &scan->found.count, sizeof(*reference));
        if (!reference)
                return -ENOMEM;
        reference->name = strndup(name.name.from, name.name.length);
        reference->line = scan->line;
        reference->is_searched = name.is_searched;
        reference->is_abi = scan->is_abi;
        reference->is_certain = !is_in_string(scan) && !scan->is_inside && !scan->is_unsure &&
                                !scan->is_lost;
        return reference->name ? 0 : -ENOMEM;
}

/* Whether a rule may begin here, so that '#' begins a comment. */
static bool is_between_rules(const struct scan *scan) {
        return scan->last == 0 || scan->last == '{' || scan->last == '}' || scan->last == '>' ||
               (scan->last == ',' && scan->parens == 0);
}

static bool scan_begins_comment(const struct scan *scan) {
        return *scan->at == '#' && !is_in_string(scan) && phx_lexer_is_space(previous(scan)) &&
               !phx_lexer_begins_with(scan->at + 1, scan->end, "include");
}

static void pass_comment(struct scan *scan) {
        const char *line_end = phx_lexer_skip_line(scan->at, scan->end);

        if (!scan->is_lost && is_between_rules(scan)) {
                scan->at = line_end;
                return;
        }
        scan->is_unsure = true;
        /* A quote in what may be a comment or not: from here on strings are not known. */
        if (memchr(scan->at, '"', (size_t) (line_end - scan->at)))
                scan->is_lost = true;
        scan->at++;
}

static void pass_newline(struct scan *scan) {
        scan->line++;
        scan->is_unsure = false;
        if (scan->in_assignment && !is_in_string(scan))
                scan->last = 0;
        scan->in_assignment = false;
}

/* Braces and arrows within a word or rule end nothing. */
static char significance(const struct scan *scan) {
        char c = *scan->at, before = previous(scan);

        if ((c == '{' || c == '}') && !phx_lexer_is_space(before) && !strchr(",(){}", before))
                return 'x';
        if (c == '>' && before == '-')
                return 'x';
        return c;
}

/* All the rest of the text for one that nothing closes: of a string nothing is passed over. */
static void begin_string(struct scan *scan) {
        const char *to = phx_lexer_skip_string(scan->at, scan->end);

        scan->string_end = to > scan->at + 1 && to[-1] == '"' ? to : scan->end;
}

static void pass_character(struct scan *scan) {
        char c = *scan->at;

        if (c == '\\' && !is_in_string(scan) && scan->at + 1 < scan->end) {
                scan->line += scan->at[1] == '\n';
                scan->last = 'x';
                scan->at += 2;
                return;
        }
        if (c == '\n')
                pass_newline(scan);
        if (!phx_lexer_is_space(c)) {
                scan->in_assignment |= (c == '@' || c == '$') && is_between_rules(scan);
                scan->last = significance(scan);
        }
        scan->parens += c == '(';
        scan->parens -= c == ')' && scan->parens > 0;
        if (c == '"' && !is_in_string(scan))
                begin_string(scan);
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
                                  !phx_lexer_is_space(scan->at[-2]);
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
