/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "source/places.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

static bool is_name(char c) {
        return isalnum((unsigned char) c) || c == '_';
}

void phx_statement_show(const struct phx_statement *statement, char *shown, size_t size) {
        static const char more[] = "…";
        const char *at = statement->from;
        struct phx_word word;
        size_t used = 0;

        shown[0] = '\0';
        while (phx_statement_word(statement, &at, &word)) {
                if (used + word.length + sizeof(more) + 1 >= size) {
                        (void) snprintf(shown + used, size - used, "%s", more);
                        return;
                }
                used += (size_t) snprintf(
                                shown + used,
                                size - used,
                                "%s%.*s",
                                used > 0 ? " " : "",
                                (int) word.length,
                                word.from);
        }
}

/* --- variables --- */

/* Where @{NAME} or ${NAME} stands between FROM and END, or NULL. */
static const char *find_variable(const char *from, const char *end, const char *name) {
        size_t length = strlen(name);

        for (const char *at = from; at + 1 + length <= end; at++) {
                bool has_brace = at[1] == '{';
                const char *start = at + 1 + has_brace;

                if ((*at != '@' && *at != '$') || strncmp(start, name, length) != 0)
                        continue;
                if (has_brace ? start[length] == '}' : !is_name(start[length]))
                        return at;
        }
        return NULL;
}

static const char *end_of(const struct phx_statement *statement) {
        return statement->from + statement->length;
}

/* Behind the name that an assignment sets. */
static const char *places_value_of(const struct phx_statement *assignment) {
        const char *equals = memchr(assignment->from, '=', assignment->length);

        return equals ? equals + 1 : end_of(assignment);
}

/* The compiler does not look at the names of profiles to which a rule for a file leads. */
static bool ends_at_arrow(const struct phx_statement *statement) {
        struct phx_word word;

        return statement->kind == PHX_STATEMENT_RULE &&
               phx_statement_keyword(statement, NULL, &word) &&
               (strchr("/@\"", *word.from) || phx_word_is(&word, "file"));
}

/* In a statement, but for its comments. */
static const char *find_use(const struct phx_statement *statement, const char *name) {
        const char *at = statement->kind == PHX_STATEMENT_ASSIGNMENT ? places_value_of(statement)
                                                                     : statement->from;
        struct phx_word word;

        while (phx_statement_word(statement, &at, &word)) {
                const char *found = find_variable(word.from, word.from + word.length, name);

                if (found)
                        return found;
                if (phx_word_is(&word, "->") && ends_at_arrow(statement))
                        return NULL;
        }
        return NULL;
}

bool phx_place_of_variable(
                const struct phx_source_text *text,
                const char *name,
                struct phx_place *ret_place) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;

        while (phx_source_walk_next(walk, &statement)) {
                const char *at = find_use(&statement, name);

                if (!at)
                        continue;
                *ret_place = phx_statement_place_at(&statement, at);
                return true;
        }
        return false;
}

static bool places_is_assignment(
                const struct phx_statement *statement,
                const struct phx_assignment *assignment) {
        const char *value = places_value_of(statement);
        bool adds;

        if (statement->kind != PHX_STATEMENT_ASSIGNMENT || value - statement->from < 2)
                return false;
        adds = value[-2] == '+';
        return adds == assignment->adds &&
               find_variable(statement->from, value, assignment->name) == statement->from &&
               (!assignment->used || find_use(statement, assignment->used));
}

bool phx_place_of_assignment(
                const struct phx_source_text *text,
                const struct phx_assignment *assignment,
                struct phx_place *ret_place) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;
        unsigned count = 0;

        while (phx_source_walk_next(walk, &statement)) {
                if (!places_is_assignment(&statement, assignment) || count++ < assignment->which)
                        continue;
                *ret_place = statement.place;
                return true;
        }
        return false;
}

/* --- blocks --- */

/* Of "profile NAME …", "hat NAME …", "^NAME …" or "NAME …". */
static bool places_is_named(const struct phx_statement *head, const char *name) {
        const char *at = head->from;
        struct phx_word word;

        if (!phx_statement_word(head, &at, &word))
                return false;
        if ((phx_word_is(&word, "profile") || phx_word_is(&word, "hat")) &&
            !phx_statement_word(head, &at, &word))
                return false;
        if (word.length > 0 && *word.from == '^') {
                word.from++;
                word.length--;
        }
        if (word.length >= 2 && *word.from == '"') {
                word.from++;
                word.length -= 2;
        }
        return phx_word_is(&word, name);
}

bool phx_places_of_block(
                const struct phx_source_text *text,
                const char *name,
                struct phx_place *ret_first,
                struct phx_place *ret_second) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;
        unsigned depth = 0;
        bool has_first = false;

        while (phx_source_walk_next(walk, &statement)) {
                /* What holds the first is closed: another of that name is a child of another. */
                if (statement.kind == PHX_STATEMENT_CLOSE && statement.depth <= depth)
                        has_first = false;
                if (statement.kind != PHX_STATEMENT_OPEN || !places_is_named(&statement, name))
                        continue;
                if (has_first && statement.depth == depth) {
                        *ret_second = statement.place;
                        return true;
                }
                *ret_first = statement.place;
                depth = statement.depth;
                has_first = true;
        }
        return false;
}

/* --- programs that are executed --- */

/* A rule that lets something be executed: its path and how. */
struct exec_rule {
        struct phx_place place;
        char path[128];
        char mode[16];
        char target[64];
};

static bool is_mode(const struct phx_word *word) {
        if (word->length == 0 || word->length > 12)
                return false;
        for (size_t i = 0; i < word->length; i++)
                if (!strchr("rwalkmixpcuPCU", word->from[i]))
                        return false;
        return true;
}

static bool places_is_path(const struct phx_word *word) {
        return word->length > 0 && strchr("/@\"{", *word->from);
}

/* The letters about executing. */
static void take_mode(const struct phx_word *word, char mode[16]) {
        size_t length = 0;

        for (size_t i = 0; i < word->length && length < 15; i++)
                if (strchr("ixpcuPCU", word->from[i]))
                        mode[length++] = word->from[i];
        mode[length] = '\0';
}

static void copy(char *to, size_t size, const struct phx_word *word) {
        bool is_string = word->length >= 2 && *word->from == '"';

        (void) snprintf(to,
                        size,
                        "%.*s",
                        (int) (word->length - (is_string ? 2 : 0)),
                        word->from + is_string);
}

/* "[file] PATH MODE [-> TARGET]" or "[file] MODE PATH …". */
static bool take_exec_rule(const struct phx_statement *statement, struct exec_rule *rule) {
        struct phx_word word, path = { 0 }, mode = { 0 };
        const char *at = statement->from;

        if (statement->kind != PHX_STATEMENT_RULE ||
            !phx_statement_keyword(statement, &at, &word) ||
            memmem(statement->from, (size_t) (word.from - statement->from), "deny", 4))
                return false;
        if (phx_word_is(&word, "file") && !phx_statement_word(statement, &at, &word))
                return false;
        for (unsigned i = 0; i < 2; i++) {
                if (places_is_path(&word))
                        path = word;
                else if (is_mode(&word))
                        mode = word;
                if (i == 0 && !phx_statement_word(statement, &at, &word))
                        return false;
        }
        *rule = (struct exec_rule){ .place = statement->place };
        take_mode(&mode, rule->mode);
        copy(rule->path, sizeof(rule->path), &path);
        if (phx_statement_word(statement, &at, &word) && phx_word_is(&word, "->") &&
            phx_statement_word(statement, &at, &word))
                copy(rule->target, sizeof(rule->target), &word);
        return rule->path[0] && strchr(rule->mode, 'x');
}

static bool differ(const struct exec_rule *a, const struct exec_rule *b) {
        return strcmp(a->mode, b->mode) != 0 || strcmp(a->target, b->target) != 0;
}

static size_t literal_length(const char *pattern) {
        return strcspn(pattern, "*?[{@");
}

/* Whether PATTERN may be PATH once its variables have their values. */
static bool may_be(const char *pattern, const char *path) {
        const char *variable = strstr(pattern, "@{");
        size_t length = variable ? (size_t) (variable - pattern) : strlen(pattern);

        if (!variable)
                return strcmp(pattern, path) == 0;
        pattern = strchr(variable, '}');
        return strncmp(variable - length, path, length) == 0 && pattern &&
               (strstr(pattern, "@{") || phx_has_suffix(path, pattern + 1));
}

/* By what they begin with; enough to find two that a person should look at. */
static bool may_overlap(const char *a, const char *b) {
        size_t one = literal_length(a), other = literal_length(b);

        return a[one] && b[other] && strncmp(a, b, one < other ? one : other) == 0;
}

static bool conflict(const struct exec_rule *a, const struct exec_rule *b, const char *path) {
        return differ(a, b) && (path || may_overlap(a->path, b->path));
}

static void show_rule(const struct exec_rule *rule, char *shown, size_t size) {
        (void) snprintf(shown,
                        size,
                        "%.60s %s%s%.40s",
                        rule->path,
                        rule->mode,
                        rule->target[0] ? " -> " : "",
                        rule->target);
}

/* The first rule after FIRST that is at odds with it. */
static bool find_other(
                const struct phx_source_text *text,
                const struct exec_rule *first,
                const char *path,
                struct phx_exec_conflict *ret_conflict) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;
        struct exec_rule rule;
        bool is_behind = false;

        while (phx_source_walk_next(walk, &statement)) {
                if (!take_exec_rule(&statement, &rule))
                        continue;
                if (phx_equal(rule.place.file, first->place.file) &&
                    rule.place.line == first->place.line && strcmp(rule.path, first->path) == 0)
                        is_behind = true;
                if (!is_behind || (path && !may_be(rule.path, path)) ||
                    !conflict(first, &rule, path))
                        continue;
                ret_conflict->first = first->place;
                ret_conflict->second = rule.place;
                show_rule(first, ret_conflict->first_rule, sizeof(ret_conflict->first_rule));
                show_rule(&rule, ret_conflict->second_rule, sizeof(ret_conflict->second_rule));
                return true;
        }
        return false;
}

/* So many are tried as the first of the two: the work grows with the square. */
#define FIRSTS_LIMIT 200

bool phx_places_of_exec_conflict(
                const struct phx_source_text *text,
                const char *path,
                struct phx_exec_conflict *ret_conflict) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;
        struct exec_rule rule;
        unsigned count = 0;

        while (phx_source_walk_next(walk, &statement) && count < FIRSTS_LIMIT) {
                if (!take_exec_rule(&statement, &rule) || (path && !may_be(rule.path, path)))
                        continue;
                count++;
                if (find_other(text, &rule, path, ret_conflict))
                        return true;
        }
        return false;
}

/* --- words and patterns --- */

bool phx_place_of_words(
                const struct phx_source_text *text,
                const char *words,
                struct phx_place *ret_place) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;

        while (phx_source_walk_next(walk, &statement)) {
                const char *at = memmem(statement.from, statement.length, words, strlen(words));

                if (!at || statement.kind == PHX_STATEMENT_INCLUDE)
                        continue;
                *ret_place = phx_statement_place_at(&statement, at);
                return true;
        }
        return false;
}

/* Braces open and closed in their order, with at least two alternatives each; brackets likewise. */
static bool is_bad_pattern(const struct phx_word *word) {
        unsigned commas[64] = { 0 }, depth = 0;
        const char *end = word->from + word->length;
        bool is_class = false;

        for (const char *at = word->from; at < end; at++) {
                if (*at == '\\') {
                        at++;
                } else if (*at == '[' || *at == ']') {
                        if (is_class == (*at == '['))
                                return *at == ']';
                        is_class = *at == '[';
                } else if (is_class) {
                        continue;
                } else if ((*at == '@' || *at == '$') && at + 1 < end && at[1] == '{') {
                        while (at < end && *at != '}')
                                at++;
                } else if (*at == '{') {
                        if (++depth >= PHX_ELEMENTS(commas))
                                return true;
                        commas[depth] = 0;
                } else if (*at == ',') {
                        commas[depth]++;
                } else if (*at == '}' && (depth == 0 || commas[depth--] == 0))
                        return true;
        }
        return depth > 0 || is_class;
}

bool phx_place_of_bad_pattern(const struct phx_source_text *text, struct phx_bad_pattern *ret_bad) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;
        struct phx_word word;

        while (phx_source_walk_next(walk, &statement)) {
                const char *at = statement.from;

                if (statement.kind == PHX_STATEMENT_INCLUDE ||
                    statement.kind == PHX_STATEMENT_CLOSE)
                        continue;
                while (phx_statement_word(&statement, &at, &word)) {
                        if (!is_bad_pattern(&word))
                                continue;
                        ret_bad->place = phx_statement_place_at(&statement, word.from);
                        copy(ret_bad->pattern, sizeof(ret_bad->pattern), &word);
                        return true;
                }
        }
        return false;
}

/* --- includes --- */

static bool leads_to(const struct phx_statement *include, const char *name) {
        phx_autofree char *written = strndup(include->include.from, include->include.length);
        phx_autofree char *normal = written ? phx_include_name(written) : NULL;

        return normal && normal[0] && phx_include_means(normal, name);
}

bool phx_place_of_include(
                const struct phx_source_text *text,
                const char *name,
                bool is_inside,
                struct phx_place *ret_place) {
        phx_cleanup(phx_source_walk_freep) struct phx_source_walk *walk = phx_source_walk_new(text);
        struct phx_statement statement;

        while (phx_source_walk_next(walk, &statement)) {
                if (statement.kind != PHX_STATEMENT_INCLUDE ||
                    (is_inside && statement.depth == 0) || !leads_to(&statement, name))
                        continue;
                *ret_place = statement.place;
                return true;
        }
        return false;
}
