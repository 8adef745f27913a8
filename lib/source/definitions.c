/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A reader of profile texts that wants one thing only: the names, which stand in the heads of the
 * outermost blocks of the lexer. It does not judge; a text that the parser refuses gives some names
 * or none. */

#include "source/definitions.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/sorted.h"
#include "source/lexer.h"

/* Blocks that are open: conditions at the top level, or a profile and what is in it. */
struct nesting {
        size_t conditions;
        size_t blocks;
};

static void definition_done(struct phx_definition *definition) {
        free(definition->name);
        free(definition->file);
}

int phx_definitions_add(
                struct phx_definitions *definitions,
                const char *name,
                const char *file,
                unsigned line) {
        phx_cleanup(definition_done) struct phx_definition definition = { .line = line };
        struct phx_definition *items;

        definition.name = strdup(name);
        definition.file = strdup(file);
        if (!definition.name || !definition.file)
                return -ENOMEM;
        items = reallocarray(definitions->items, definitions->count + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;

        definitions->items = items;
        definitions->items[definitions->count++] = PHX_TAKE_STRUCT(definition);
        definitions->is_sorted = false;
        return 0;
}

/* A word without its quotes and escapes. In a string a backslash is one but before a quote. */
static char *definitions_text_of(const struct phx_word *word) {
        char *text = calloc(1, word->length + 1), *to = text;
        bool is_string = *word->from == '"';
        const char *at = word->from + is_string, *end = word->from + word->length;

        end -= is_string && word->length > 1 && end[-1] == '"';
        while (text && at < end) {
                if (*at == '\\' && at + 1 < end && (!is_string || at[1] == '"'))
                        at++;
                *to++ = *at++;
        }
        return text;
}

static int definitions_open_block(
                const struct phx_lexed *head,
                const char *file,
                struct nesting *nesting,
                struct phx_definitions *definitions) {
        const char *at = head->from, *end = at + head->length;
        phx_autofree char *name = NULL;
        struct phx_word word;
        bool has_name = phx_lexer_word(&at, end, &word);

        if (nesting->blocks == 0 && has_name &&
            (phx_word_is(&word, "if") || phx_word_is(&word, "else"))) {
                nesting->conditions++;
                return 0;
        }
        nesting->blocks++;
        if (has_name && (phx_word_is(&word, "profile") || phx_word_is(&word, "hat")))
                has_name = phx_lexer_word(&at, end, &word);
        if (nesting->blocks > 1 || !has_name)
                return 0;
        name = definitions_text_of(&word);
        if (!name)
                return -ENOMEM;
        return name[0] ? phx_definitions_add(
                                         definitions,
                                         name,
                                         file,
                                         phx_lexed_line_at(head, word.from))
                       : 0;
}

static void definitions_close_block(struct nesting *nesting) {
        if (nesting->blocks > 0)
                nesting->blocks--;
        else if (nesting->conditions > 0)
                nesting->conditions--;
}

int phx_definitions_scan(
                const char *text,
                size_t size,
                const char *file,
                struct phx_definitions *ret_definitions) {
        phx_cleanup(phx_definitions_done) struct phx_definitions definitions = { 0 };
        struct phx_lexer lexer = { text, text + size, 1 };
        struct nesting nesting = { 0 };
        struct phx_lexed lexed;

        while (phx_lexer_next(&lexer, &lexed)) {
                int r = 0;

                if (lexed.kind == PHX_STATEMENT_OPEN)
                        r = definitions_open_block(&lexed, file, &nesting, &definitions);
                else if (lexed.kind == PHX_STATEMENT_CLOSE)
                        definitions_close_block(&nesting);
                if (r < 0)
                        return r;
        }

        *ret_definitions = PHX_TAKE_STRUCT(definitions);
        return 0;
}

void phx_definitions_done(struct phx_definitions *definitions) {
        for (size_t i = 0; i < definitions->count; i++)
                definition_done(&definitions->items[i]);
        free(definitions->items);
        phx_strings_done(&definitions->unreadable);
        *definitions = (struct phx_definitions){ 0 };
}

static int definitions_compare_name(const void *name, const void *item) {
        return strcmp(name, ((const struct phx_definition *) item)->name);
}

const struct phx_definition *phx_definitions_find(
                const struct phx_definitions *definitions,
                const char *name,
                const char *but_file) {
        size_t first = phx_lower_bound(
                        name,
                        definitions->items,
                        definitions->is_sorted ? definitions->count : 0,
                        sizeof(*definitions->items),
                        definitions_compare_name);

        for (size_t i = first; i < definitions->count; i++) {
                const struct phx_definition *item = &definitions->items[i];
                int order = strcmp(item->name, name);

                if (order == 0 && !phx_equal(item->file, but_file))
                        return item;
                if (order > 0 && definitions->is_sorted)
                        break;
        }
        return NULL;
}

bool phx_definitions_equal(const struct phx_definitions *a, const struct phx_definitions *b) {
        if (a->count != b->count || !phx_strings_equal(&a->unreadable, &b->unreadable))
                return false;
        for (size_t i = 0; i < a->count; i++) {
                const struct phx_definition *x = &a->items[i], *y = &b->items[i];

                if (strcmp(x->name, y->name) != 0 || strcmp(x->file, y->file) != 0 ||
                    x->line != y->line)
                        return false;
        }
        return true;
}

int phx_definitions_add_all(struct phx_definitions *to, const struct phx_definitions *from) {
        int r;

        for (size_t i = 0; i < from->count; i++) {
                const struct phx_definition *item = &from->items[i];

                r = phx_definitions_add(to, item->name, item->file, item->line);
                if (r < 0)
                        return r;
        }
        return phx_strings_copy(&to->unreadable, &from->unreadable);
}

static int compare_definitions(const void *a, const void *b) {
        const struct phx_definition *one = a, *other = b;
        int order = strcmp(one->name, other->name);

        if (order == 0)
                order = strcmp(one->file, other->file);
        if (order == 0)
                order = (one->line > other->line) - (one->line < other->line);
        return order;
}

void phx_definitions_sort(struct phx_definitions *definitions) {
        if (definitions->count > 1)
                qsort(definitions->items,
                      definitions->count,
                      sizeof(*definitions->items),
                      compare_definitions);
        phx_strings_sort(&definitions->unreadable);
        definitions->is_sorted = true;
}
