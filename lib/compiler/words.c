/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The compiler's own words, where they are those of its grammar, in ours. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/strings.h"
#include "compiler/explain.h"
#include "source/places.h"

/* --- characters --- */

/* The line NUMBER of the file where the place is. */
static const char *line_at(const struct phx_explanation *explanation, size_t *ret_length) {
        const struct phx_source_text *text = explanation->text;
        const struct phx_file_seen *seen = explanation->place.file
                                                           ? phx_files_get(text->files,
                                                                           explanation->place.file)
                                                           : text->profile;
        const char *at = seen && seen->result >= 0 ? seen->text : "";

        for (unsigned line = 1; line < explanation->place.line && *at; line++) {
                at += strcspn(at, "\n");
                at += *at == '\n';
        }
        *ret_length = strcspn(at, "\n");
        return at;
}

static bool explain_foreign_character(struct phx_explanation *explanation) {
        size_t length = 0, size = 1;
        const char *line = line_at(explanation, &length);
        bool is_first = explanation->place.line == 1;

        if (is_first && phx_has_prefix(line, "\357\273\277"))
                return phx_explain(
                                explanation,
                                "the file begins with a byte order mark: save it as UTF-8 without "
                                "one");
        while (length > 0 && (unsigned char) *line < 0x80) {
                line++;
                length--;
        }
        if (length == 0)
                return phx_explain(explanation, "found a character that AppArmor does not accept");
        while (size < length && size < 4 && ((unsigned char) line[size] & 0xc0) == 0x80)
                size++;
        return phx_explain(
                        explanation,
                        "the character '%.*s' may stand only in a comment or a string",
                        (int) size,
                        line);
}

bool phx_explain_character(struct phx_explanation *explanation, const char *said) {
        const char *at = strstr(said, "Lexer found unexpected character: '"), *code;
        long c;

        code = at ? strstr(at, "(0x") : NULL;
        if (!code)
                return false;
        c = strtol(code + strlen("(0x"), NULL, 16) & 0xff;
        if (c >= 0x80)
                return explain_foreign_character(explanation);
        if (c == '\n' || c == '\r')
                return phx_explain(explanation, "the line ends within a name or a rule");
        if (c == '<' && strstr(said, "in state: INCLUDE"))
                return phx_explain(explanation, "the name of an include ends with '>'");
        if (c == '"')
                return phx_explain(
                                explanation,
                                "found a '\"' that is out of place or begins a string that is not "
                                "closed");
        if (c == '\'')
                return phx_explain(
                                explanation,
                                "found a single quote: AppArmor quotes with '\"', and only text "
                                "with blanks");
        if (c < ' ' || c == 0x7f)
                return phx_explain(explanation, "found a control character (0x%02x)", (unsigned) c);
        return phx_explain(explanation, "unexpected character '%c'", (char) c);
}

/* --- words of the grammar --- */

struct token {
        const char *name, *words;
};

static const struct token tokens[] = {
        { "TOK_ADD_ASSIGN", "'+='" },
        { "TOK_ALLOW", "'allow'" },
        { "TOK_ARROW", "'->'" },
        { "TOK_AUDIT", "'audit'" },
        { "TOK_BOOL_VAR", "a variable ${NAME}" },
        { "TOK_CLOSE", "'}'" },
        { "TOK_CLOSEPAREN", "')'" },
        { "TOK_CONDID", "a condition such as 'peer='" },
        { "TOK_CONDLISTID", "a condition such as 'peer=('" },
        { "TOK_DENY", "'deny'" },
        { "TOK_ELSE", "'else'" },
        { "TOK_END_OF_RULE", "','" },
        { "TOK_EQUALS", "'='" },
        { "TOK_ID", "a word" },
        { "TOK_IN", "'in'" },
        { "TOK_LE", "'<='" },
        { "TOK_MODE", "permissions such as 'r'" },
        { "TOK_OPEN", "'{'" },
        { "TOK_OPENPAREN", "'('" },
        { "TOK_OWNER", "'owner'" },
        { "TOK_SET_VAR", "a variable @{NAME}" },
        { "TOK_SLASH", "'/'" },
        { "TOK_VALUE", "a value" },
};

static const char *words_of(const char *token, size_t length, char shown[40]) {
        size_t used = 0;

        for (size_t i = 0; i < PHX_ELEMENTS(tokens); i++)
                if (strlen(tokens[i].name) == length && memcmp(tokens[i].name, token, length) == 0)
                        return tokens[i].words;
        if (length <= strlen("TOK_") || length > 30 || !phx_has_prefix(token, "TOK_")) {
                (void) snprintf(shown, 40, "%.*s", (int) (length < 39 ? length : 39), token);
                return shown;
        }
        /* The others are keywords. */
        shown[used++] = '\'';
        for (size_t i = strlen("TOK_"); i < length; i++)
                shown[used++] = (char) tolower((unsigned char) token[i]);
        shown[used++] = '\'';
        shown[used] = '\0';
        return shown;
}

/* What is unexpected, as something that stands there: "word" and not "a word such as". */
static void add_found(const char *words, struct phx_buffer *buffer) {
        const char *such = strstr(words, " such as");
        size_t length = such ? (size_t) (such - words) : strlen(words), article = 0;

        if (phx_has_prefix(words, "a "))
                article = strlen("a ");
        (void) phx_buffer_addf(buffer, "%.*s", (int) (length - article), words + article);
}

/* "unexpected X[, expecting Y or Z]" in words: "unexpected ',', expected a word or '{'". */
bool phx_explain_tokens(
                struct phx_explanation *explanation,
                const struct phx_statement *statement) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        const char *at = strstr(explanation->words, "unexpected "), *end;
        char shown[40], rule[80] = "";
        bool is_first = true;

        if (!at)
                return false;
        at += strlen("unexpected ");
        end = at + strcspn(at, ",");
        add_found(words_of(at, (size_t) (end - at), shown), &buffer);
        at = strstr(end, "expecting ");
        at = at ? at + strlen("expecting ") : NULL;
        while (at) {
                end = strstr(at, " or ");
                (void) phx_buffer_addf(
                                &buffer,
                                "%s%s",
                                is_first ? ", expected " : " or ",
                                words_of(at, end ? (size_t) (end - at) : strlen(at), shown));
                at = end ? end + strlen(" or ") : NULL;
                is_first = false;
        }
        if (statement)
                phx_statement_show(statement, rule, sizeof(rule));
        return phx_explain(
                        explanation,
                        "syntax error%s%s%s: unexpected %s",
                        rule[0] ? " in '" : "",
                        rule,
                        rule[0] ? "'" : "",
                        buffer.data ? buffer.data : "word");
}

static bool explain_mode(struct phx_explanation *explanation) {
        const char *at = strstr(explanation->words, " character '");
        char kind[32] = "";

        if (!phx_has_prefix(explanation->words, "Internal: unexpected ") || !at)
                return false;
        (void) sscanf(explanation->words, "Internal: unexpected %31s", kind);
        return phx_explain(
                        explanation,
                        "a word that begins with '%c' is not a permission of %s rules",
                        at[strlen(" character '")],
                        strcmp(kind, "mode") == 0 || strcmp(kind, "perms") == 0 ? "file" : kind);
}

/* --- sentences --- */

static bool explain_sentence(struct phx_explanation *explanation) {
        static const struct {
                const char *theirs, *ours;
        } sentences[] = {
                { "Invalid network entry",
                  "unknown network: expected a family such as 'inet', then a type such as 'stream' "
                  "or a protocol such as 'tcp'" },
                { "unsafe rule missing exec permissions",
                  "'safe' and 'unsafe' belong to rules with an execute permission such as 'px'" },
                { "Variable declarations do not accept trailing commas",
                  "a variable's value is not followed by ','" },
                { "Conflict 'a' and 'w' perms", "the permissions 'a' and 'w' exclude each other" },
                { "Invalid mode, in deny rules 'x'",
                  "a deny rule takes 'x' alone, without 'i', 'p', 'c' or 'u'" },
                { "Invalid perms, in deny rules 'x'",
                  "a deny rule takes 'x' alone, without 'i', 'p', 'c' or 'u'" },
                { "Invalid mode, 'x' must be",
                  "'x' needs 'i', 'p', 'c' or 'u' before it, such as 'ix'" },
                { "Invalid perms, 'x' must be",
                  "'x' needs 'i', 'p', 'c' or 'u' before it, such as 'ix'" },
                { "bad mount rule", "invalid mount rule" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(sentences); i++)
                if (phx_has_prefix(explanation->words, sentences[i].theirs))
                        return phx_explain(explanation, "%s", sentences[i].ours);
        return false;
}

bool phx_explain_words(struct phx_explanation *explanation) {
        size_t length = strlen(explanation->words);

        if (explain_mode(explanation) || explain_sentence(explanation))
                return true;
        if (length > 0 && explanation->words[length - 1] == '.')
                explanation->words[length - 1] = '\0';
        return false;
}
