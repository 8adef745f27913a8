/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Patterns of AppArmor's language, matched by trying: variables become alternations first, and then
 * each alternative is tried in its turn. That is slow for what somebody has made slow on purpose,
 * so that there is an end to it; nothing but a line in a message depends on the answer. */

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "source/rules.h"

#define EXPANDED_LIMIT (64UL << 10)
#define VARIABLE_DEPTH 8
#define STEP_LIMIT 20000

struct expansion {
        const struct phx_profile_text *text;
        const char *scope;
        struct phx_buffer result;
        unsigned depth;
};

static int pattern_expand(struct expansion *expansion, const char *pattern);

/* All values of the variable NAME, of LENGTH bytes, as "{a,b}"; unknown ones may be anything. */
static int expand_variable(struct expansion *expansion, const char *name, size_t length) {
        const struct phx_profile_text *text = expansion->text;
        size_t found = 0;
        int r = 0;

        if ((length == strlen("profile_name") && strncmp(name, "profile_name", length) == 0))
                return phx_buffer_add_text(&expansion->result, expansion->scope);
        if (expansion->depth == VARIABLE_DEPTH || expansion->result.size > EXPANDED_LIMIT)
                return phx_buffer_add_text(&expansion->result, "**");
        expansion->depth++;
        for (size_t i = 0; r >= 0 && i < text->variable_count; i++) {
                const struct phx_variable *variable = &text->variables[i];

                if (strlen(variable->name) != length || strncmp(variable->name, name, length) != 0)
                        continue;
                r = phx_buffer_add_text(&expansion->result, found++ == 0 ? "{" : ",");
                if (r >= 0)
                        r = pattern_expand(expansion, variable->value);
        }
        expansion->depth--;
        if (r < 0)
                return r;
        return phx_buffer_add_text(&expansion->result, found > 0 ? "}" : "**");
}

static int pattern_expand(struct expansion *expansion, const char *pattern) {
        int r = 0;

        for (const char *at = pattern; r >= 0 && *at;) {
                const char *end = phx_has_prefix(at, "@{") ? strchr(at, '}') : NULL;

                if (!end) {
                        r = phx_buffer_add(&expansion->result, at++, 1);
                        continue;
                }
                r = expand_variable(expansion, at + 2, (size_t) (end - at) - 2);
                at = end + 1;
        }
        return r;
}

/* --- matching --- */

struct match {
        unsigned steps;
};

static bool pattern_matches(struct match *match, const char *pattern, const char *subject);

/* Behind the ']' of a class, or NULL when there is none. */
static const char *match_class(const char *pattern, char c, bool *ret_matches) {
        const char *at = pattern + 1;
        bool is_negated = *at == '^' || *at == '!', found = false;

        at += is_negated;
        for (bool is_first = true; *at && (*at != ']' || is_first); is_first = false) {
                char low = *at++, high = low;

                if (at[0] == '-' && at[1] && at[1] != ']') {
                        high = at[1];
                        at += 2;
                }
                found |= c >= low && c <= high;
        }
        *ret_matches = found != is_negated;
        return *at == ']' ? at + 1 : NULL;
}

/* The end of the alternative at AT: a ',' or '}' of its own level. */
static const char *alternative_end(const char *at) {
        unsigned depth = 0;

        for (; *at; at++) {
                if (*at == '\\' && at[1])
                        at++;
                else if (*at == '{')
                        depth++;
                else if (depth == 0 && (*at == ',' || *at == '}'))
                        return at;
                else if (*at == '}')
                        depth--;
        }
        return at;
}

static bool match_alternatives(struct match *match, const char *pattern, const char *subject) {
        const char *rest = pattern + 1;

        while (*(rest = alternative_end(rest)) == ',')
                rest++;
        if (*rest == '}')
                rest++;
        for (const char *at = pattern + 1; match->steps < STEP_LIMIT;) {
                const char *end = alternative_end(at);
                phx_autofree char *one = NULL;

                if (phx_printf(&one, "%.*s%s", (int) (end - at), at, rest) < 0)
                        return false;
                if (pattern_matches(match, one, subject))
                        return true;
                if (*end != ',')
                        return false;
                at = end + 1;
        }
        return false;
}

static bool match_star(struct match *match, const char *pattern, const char *subject) {
        bool is_deep = pattern[1] == '*';
        const char *rest = pattern + (is_deep ? 2 : 1);

        for (const char *at = subject;; at++) {
                if (pattern_matches(match, rest, at))
                        return true;
                if (!*at || (*at == '/' && !is_deep) || match->steps >= STEP_LIMIT)
                        return false;
        }
}

static bool match_one(struct match *match, const char *pattern, const char *subject) {
        bool found = false;
        const char *rest;

        if (*pattern == '[') {
                rest = match_class(pattern, *subject, &found);
                return rest && *subject && found && pattern_matches(match, rest, subject + 1);
        }
        if (*pattern == '?')
                return *subject && *subject != '/' &&
                       pattern_matches(match, pattern + 1, subject + 1);
        if (*pattern == '\\' && pattern[1])
                pattern++;
        return *pattern == *subject && pattern_matches(match, pattern + 1, subject + 1);
}

/* Two slashes are one, as a variable's value may end in one. */
static bool pattern_matches(struct match *match, const char *pattern, const char *subject) {
        if (match->steps++ >= STEP_LIMIT)
                return false;
        while (pattern[0] == '/' && pattern[1] == '/')
                pattern++;
        if (!*pattern)
                return !*subject;
        if (*pattern == '{')
                return match_alternatives(match, pattern, subject);
        return *pattern == '*' ? match_star(match, pattern, subject)
                               : match_one(match, pattern, subject);
}

bool phx_profile_text_matches(
                const struct phx_profile_text *text,
                const char *scope,
                const char *pattern,
                const char *subject) {
        struct expansion expansion = { .text = text, .scope = scope };
        struct match match = { 0 };
        bool result;

        result = pattern_expand(&expansion, pattern) >= 0 && expansion.result.data &&
                 pattern_matches(&match, expansion.result.data, subject);
        phx_buffer_done(&expansion.result);
        return result;
}
