/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A syntax error's line is that of the word behind the mistake, and its words are names of the
 * compiler's grammar. What stands there says more: a rule without its comma, a rule that a newer
 * AppArmor has, a file of variables that is included within a block. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "compiler/explain.h"
#include "compiler/newer.h"
#include "source/places.h"

/* The statement of the compiler's place, and those before it. */
struct around {
        struct phx_statement here;
        struct phx_statement before; /* the last before it that is no include */
        bool has_before;
        unsigned end_line; /* of the profile, without empty lines behind */
        unsigned open;     /* the line of the first block that is still open at its end */
};

static bool look_around(const struct phx_explanation *explanation, struct around *around) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(
                        explanation->text);
        const struct phx_place *place = &explanation->place;
        struct phx_statement statement, last = { 0 };
        bool is_found = false;

        *around = (struct around){ 0 };
        while (phx_source_walk_next(walk, &statement)) {
                bool is_code = statement.kind != PHX_STATEMENT_INCLUDE;

                if (statement.kind == PHX_STATEMENT_OPEN && statement.depth == 0)
                        around->open = statement.place.line;
                if (phx_equal(statement.place.file, place->file) &&
                    statement.place.line <= place->line) {
                        is_found = true;
                        around->here = statement;
                        around->before = last;
                        around->has_before = last.from != NULL;
                }
                if (is_code)
                        last = statement;
        }
        return is_found;
}

static void move_to(struct phx_explanation *explanation, const struct phx_place *place) {
        explanation->place = *place;
        explanation->has_place = true;
}

/* --- what newer releases have --- */

static bool explain_newer(struct phx_explanation *explanation, const struct around *around) {
        struct phx_newer newer;
        char version[32] = "";

        (void) phx_compiler_version(explanation->parser, version, sizeof(version));
        if (!phx_statement_is_newer(&around->here, version, &newer))
                return false;
        move_to(explanation, &around->here.place);
        return phx_explain(
                        explanation,
                        "%s is %s of AppArmor %s; this parser is %s",
                        newer.what,
                        newer.kind,
                        newer.since,
                        version[0] ? version : "older");
}

static bool explain_flag(struct phx_explanation *explanation) {
        static const char before[] = "Invalid profile flag: ";
        char version[32] = "", flag[64];
        const char *since;

        if (!phx_has_prefix(explanation->words, before))
                return false;
        (void) snprintf(flag, sizeof(flag), "%s", explanation->words + strlen(before));
        flag[strcspn(flag, "=")] = '\0';
        if (phx_has_suffix(flag, "."))
                flag[strlen(flag) - 1] = '\0';
        (void) phx_compiler_version(explanation->parser, version, sizeof(version));
        since = phx_flag_is_newer(flag, version);
        if (!since)
                return phx_explain(explanation, "'%s' is not a profile flag", flag);
        return phx_explain(
                        explanation,
                        "%s is a profile flag of AppArmor %s; this parser is %s",
                        flag,
                        since,
                        version[0] ? version : "older");
}

/* --- what stands on the wrong side of a brace --- */

static const char *name_of(const struct phx_explanation *explanation, const char *file) {
        const struct phx_closure *closure = explanation->text->closure;

        for (size_t i = 0; i < closure->count; i++)
                if (phx_equal(closure->items[i].path, file))
                        return closure->items[i].name;
        return "";
}

static bool are_of_one_kind(const char *name, const char *other) {
        size_t length = strcspn(name, "/");

        return name[length] == '/' && strncmp(name, other, length + 1) == 0;
}

/* The include by which a file came to where it must not be: tunables may include tunables, and are
 * right by themselves. */
static void move_to_include(struct phx_explanation *explanation, bool is_inside) {
        const char *name = name_of(explanation, explanation->place.file);
        struct phx_place place = explanation->place;

        for (unsigned depth = 0; depth < 64 && place.file; depth++) {
                const char *file = name_of(explanation, place.file);

                if (!are_of_one_kind(name, file) ||
                    !phx_place_of_include(explanation->text, file, is_inside, &place))
                        break;
        }
        move_to(explanation, &place);
}

static bool explain_misplaced(struct phx_explanation *explanation, const struct around *around) {
        const struct phx_place seen = explanation->place;
        bool is_assignment = around->here.kind == PHX_STATEMENT_ASSIGNMENT;
        struct phx_statement include;
        char shown[128] = "";

        if (is_assignment != (around->here.depth > 0) || around->here.kind == PHX_STATEMENT_CLOSE ||
            around->here.kind == PHX_STATEMENT_OPEN)
                return false;
        if (!is_assignment && !seen.file)
                return false;
        if (!seen.file)
                return phx_explain(
                                explanation,
                                "a variable is set inside the profile: set it above the profile");
        move_to_include(explanation, is_assignment);
        if (phx_source_walk_find(explanation->text, &explanation->place, &include))
                phx_statement_show(&include, shown, sizeof(shown));
        return phx_explain(
                        explanation,
                        is_assignment ? "tunables belong above the profile, not inside it: move "
                                        "'%s' (in %s:%u)"
                                      : "rules belong inside a profile, not above it: move '%s' "
                                        "(in %s:%u)",
                        shown,
                        seen.file,
                        seen.line);
}

/* --- what is not ended --- */

static bool starts_rule(const char *at, const char *end) {
        static const char *const keywords[] = {
                "allow",    "audit",  "capability", "change_profile", "dbus",   "deny",
                "file",     "hat",    "if",         "include",        "link",   "mount",
                "network",  "owner",  "pivot_root", "profile",        "ptrace", "remount",
                "set",      "signal", "umount",     "unix",           "userns", "mqueue",
                "io_uring", "abi",
        };
        size_t length = 0;

        while (at + length < end && (islower((unsigned char) at[length]) || at[length] == '_'))
                length++;
        for (size_t i = 0; i < PHX_ELEMENTS(keywords); i++)
                if (strlen(keywords[i]) == length && memcmp(keywords[i], at, length) == 0)
                        return true;
        return at < end && strchr("/@\"^", *at);
}

/* The end of the last line of the statement before a line that looks as if it began a rule. NULL
 * without one. */
static const char *find_missing_comma(const struct phx_statement *statement) {
        const char *end = statement->from + statement->length, *at = statement->from, *last = at;
        struct phx_word word;

        while (phx_statement_word(statement, &at, &word)) {
                const char *newline = memchr(last, '\n', (size_t) (word.from - last));

                if (newline && starts_rule(word.from, end))
                        return last;
                last = at;
        }
        return NULL;
}

static bool say_comma(struct phx_explanation *explanation, const struct phx_statement *rule) {
        char shown[80];

        phx_statement_show(rule, shown, sizeof(shown));
        return phx_explain(explanation, "a ',' is missing at the end of '%s'", shown);
}

static bool explain_comma(struct phx_explanation *explanation, const struct around *around) {
        struct phx_statement rule = around->here;
        const char *end = NULL;

        /* A brace or an include where a rule should have ended. */
        if (around->has_before && around->before.kind == PHX_STATEMENT_UNENDED &&
            (explanation->place.file || around->here.kind == PHX_STATEMENT_CLOSE ||
             around->here.kind == PHX_STATEMENT_INCLUDE))
                rule = around->before;
        if (rule.kind == PHX_STATEMENT_UNENDED || rule.kind == PHX_STATEMENT_RULE ||
            rule.kind == PHX_STATEMENT_OPEN)
                end = find_missing_comma(&rule);
        if (end)
                rule.length = (size_t) (end - rule.from);
        else if (rule.kind != PHX_STATEMENT_UNENDED)
                return false;
        move_to(explanation, &rule.place);
        explanation->place = phx_statement_place_at(&rule, rule.from + rule.length);
        return say_comma(explanation, &rule);
}

/* The compiler's line is behind the end of the file. */
static bool explain_end(struct phx_explanation *explanation, const struct around *around) {
        const char *text = explanation->text->profile->text;
        size_t length = explanation->text->profile->size;

        if (!strstr(explanation->words, "unexpected end of file") &&
            !strstr(explanation->words, "unexpected $end"))
                return false;
        if (explanation->place.file)
                return false;
        while (length > 0 && isspace((unsigned char) text[length - 1]))
                length--;
        explanation->place.line = 1;
        for (size_t i = 0; i < length; i++)
                explanation->place.line += text[i] == '\n';
        if (around->here.kind == PHX_STATEMENT_UNENDED && around->here.depth > 0)
                return phx_explain(
                                explanation,
                                "the file ends within the rule that begins at line %u",
                                around->here.place.line);
        if (around->open == 0)
                return phx_explain(explanation, "the file ends too early: expected '{'");
        return phx_explain(
                        explanation,
                        "the file ends within a block: a '}' is missing (the profile begins at line "
                        "%u)",
                        around->open);
}

/* A rule whose first word is none that AppArmor has. */
static bool explain_unknown_rule(struct phx_explanation *explanation, const struct around *around) {
        static const char *const keywords[] = {
                "capability", "change_profile", "dbus",    "file",   "link",   "mount", "network",
                "pivot_root", "ptrace",         "remount", "signal", "umount", "unix",  "rlimit",
                "hat",        "include",        "profile", "deny",   "allow",  "audit", "owner"
        };
        const char *at = around->here.from, *near = NULL;
        char word[40];
        struct phx_word keyword;

        if (around->here.depth == 0 || around->here.kind != PHX_STATEMENT_RULE ||
            !phx_statement_keyword(&around->here, &at, &keyword) ||
            keyword.length >= sizeof(word) || !isalpha((unsigned char) *keyword.from))
                return false;
        (void) snprintf(word, sizeof(word), "%.*s", (int) keyword.length, keyword.from);
        if (strcmp(word, "alias") == 0 || strcmp(word, "abi") == 0)
                return phx_explain(explanation, "'%s' belongs above the profile", word);
        for (size_t i = 0; i < PHX_ELEMENTS(keywords); i++) {
                size_t distance = phx_distance(word, keywords[i]);

                if (distance == 0)
                        return false;
                if (distance <= 2 && strlen(keywords[i]) > 3)
                        near = keywords[i];
        }
        /* "r /x,": permissions may come first. */
        if (strspn(word, "rwalkmixpcuPCU") == strlen(word))
                return false;
        move_to(explanation, &around->here.place);
        return phx_explain(
                        explanation,
                        "'%s' is not a rule; a path begins with '/' or a variable%s%s%s",
                        word,
                        near ? "; did you mean '" : "",
                        near ? near : "",
                        near ? "'?" : "");
}

/* --- small slips --- */

static bool parser_syntax_has_word(const struct phx_explanation *explanation, const char *token) {
        return strstr(explanation->words, token) != NULL;
}

/* The first statement with a parenthesis that nothing closes. */
static bool explain_parenthesis(struct phx_explanation *explanation) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(
                        explanation->text);
        struct phx_statement statement;
        struct phx_word word;

        if (!parser_syntax_has_word(explanation, "TOK_CLOSEPAREN"))
                return false;
        while (phx_source_walk_next(walk, &statement)) {
                const char *at = statement.from, *open;

                while (phx_statement_word(&statement, &at, &word)) {
                        open = memchr(word.from, '(', word.length);
                        if (!open || memchr(open, ')', word.length - (size_t) (open - word.from)))
                                continue;
                        move_to(explanation, &(struct phx_place){ 0 });
                        explanation->place = phx_statement_place_at(&statement, open);
                        return phx_explain(explanation, "a ')' is missing after this '('");
                }
        }
        return false;
}

static bool parser_syntax_begins_with(const struct phx_statement *statement, const char *words) {
        return statement->length >= strlen(words) &&
               memcmp(statement->from, words, strlen(words)) == 0;
}

static bool explain_comment(struct phx_explanation *explanation, const struct around *around) {
        if (!parser_syntax_begins_with(&around->here, "//") &&
            !parser_syntax_begins_with(&around->here, "/*"))
                return false;
        if (around->here.length > 2 && !isspace((unsigned char) around->here.from[2]))
                return false;
        move_to(explanation, &around->here.place);
        return phx_explain(explanation, "a comment begins with '#'");
}

/* ";" where a rule should have ended. */
static bool explain_semicolon(struct phx_explanation *explanation, const struct around *around) {
        const char *at = around->here.from;
        struct phx_word word;

        while (phx_statement_word(&around->here, &at, &word)) {
                if (word.from[word.length - 1] != ';')
                        continue;
                explanation->place = phx_statement_place_at(&around->here, word.from);
                return phx_explain(explanation, "a rule ends with ',' and not with ';'");
        }
        return false;
}

static bool explain_slip(struct phx_explanation *explanation, const struct around *around) {
        if (around->here.kind == PHX_STATEMENT_INCLUDE &&
            parser_syntax_has_word(explanation, "unexpected TOK_END_OF_RULE"))
                return phx_explain(explanation, "an include is not followed by ','");
        if (parser_syntax_has_word(explanation, "unexpected TOK_CLOSE, expecting end of file") ||
            parser_syntax_has_word(explanation, "unexpected TOK_CLOSE, expecting $end"))
                return phx_explain(explanation, "found a '}' without a '{'");
        if (parser_syntax_has_word(explanation, "expecting TOK_VALUE") && around->has_before &&
            around->before.kind == PHX_STATEMENT_ASSIGNMENT) {
                move_to(explanation, &around->before.place);
                return phx_explain(explanation, "the value of a variable is missing");
        }
        return explain_parenthesis(explanation) || explain_comment(explanation, around) ||
               explain_semicolon(explanation, around);
}

static bool explain_structure(struct phx_explanation *explanation, const struct around *around) {
        return explain_misplaced(explanation, around) || explain_slip(explanation, around) ||
               explain_end(explanation, around) || explain_comma(explanation, around) ||
               explain_unknown_rule(explanation, around);
}

bool phx_explain_syntax(struct phx_explanation *explanation, const char *said) {
        bool is_syntax = phx_has_prefix(explanation->words, "syntax error"), has_statement;
        struct around around = { 0 };

        if (explain_flag(explanation))
                return true;
        has_statement = look_around(explanation, &around);
        if (has_statement &&
            phx_has_prefix(explanation->words, "missing an end of line character") &&
            explain_comma(explanation, &around))
                return true;
        if (has_statement &&
            (is_syntax || parser_syntax_has_word(explanation, "Invalid network")) &&
            explain_newer(explanation, &around))
                return true;
        if (phx_explain_character(explanation, said))
                return true;
        if (!is_syntax)
                return phx_explain_words(explanation);
        if (has_statement && explain_structure(explanation, &around))
                return true;
        return phx_explain_tokens(explanation, has_statement ? &around.here : NULL);
}
