/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/lint.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "base/strings.h"

static void lints_lint_done(struct phx_lint *lint) {
        free(lint->text);
        free(lint->source);
        free(lint->included_file);
        free(lint->key);
        free(lint->accepted);
        *lint = (struct phx_lint){ 0 };
}

static int lints_lint_copy(struct phx_lint *lint, const struct phx_lint *from) {
        lint->rule = from->rule;
        lint->line = from->line;
        lint->included_line = from->included_line;
        lint->column = from->column;
        if (phx_replace(&lint->text, from->text) < 0 ||
            phx_replace(&lint->source, from->source) < 0 ||
            phx_replace(&lint->included_file, from->included_file) < 0 ||
            phx_replace(&lint->key, from->key) < 0 ||
            phx_replace(&lint->accepted, from->accepted) < 0)
                return -ENOMEM;
        return 0;
}

void phx_lints_done(struct phx_lints *lints) {
        if (!lints->shared || --lints->shared->holders == 0) {
                for (size_t i = 0; i < lints->count; i++)
                        lints_lint_done(&lints->items[i]);
                free(lints->items);
                free(lints->shared);
        }
        *lints = (struct phx_lints){ 0 };
}

static int lints_append(struct phx_lints *lints, const struct phx_lints *from) {
        for (size_t i = 0; i < from->count; i++) {
                struct phx_lint *lint = phx_grow(&lints->items, &lints->count, sizeof(*lint));

                if (!lint || lints_lint_copy(lint, &from->items[i]) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* It is to be changed: no other list has its items then. 0 or -ENOMEM. */
static int lints_own(struct phx_lints *lints) {
        phx_cleanup(phx_lints_done) struct phx_lints own = { 0 };
        struct phx_lints before = *lints;

        if (lints->shared && lints->shared->holders == 1) {
                lints->shared->hash.is_known = false;
                return 0;
        }
        own.shared = calloc(1, sizeof(*own.shared));
        if (!own.shared)
                return -ENOMEM;
        own.shared->holders = 1;
        if (lints_append(&own, lints) < 0)
                return -ENOMEM;
        *lints = own;
        own = before;
        return 0;
}

struct phx_lint *phx_lints_add(struct phx_lints *lints, enum phx_rule rule, const char *text) {
        phx_autofree char *copy = strdup(text);
        struct phx_lint *lint;

        if (!copy || lints_own(lints) < 0)
                return NULL;
        lint = phx_grow(&lints->items, &lints->count, sizeof(*lint));
        if (!lint)
                return NULL;
        lint->rule = rule;
        lint->text = PHX_TAKE(copy);
        return lint;
}

int phx_lints_copy(struct phx_lints *lints, const struct phx_lints *from) {
        if (from->count == 0)
                return 0;
        if (lints->count > 0 || !from->shared)
                return lints_own(lints) < 0 ? -ENOMEM : lints_append(lints, from);
        phx_lints_done(lints);
        *lints = *from;
        lints->shared->holders++;
        return 0;
}

bool phx_lints_are_same(const struct phx_lints *a, const struct phx_lints *b) {
        return a->count == b->count && (a->count == 0 || a->items == b->items);
}

static bool lints_lint_equal(const struct phx_lint *a, const struct phx_lint *b) {
        return a->rule == b->rule && a->line == b->line && a->included_line == b->included_line &&
               a->column == b->column && phx_equal(a->text, b->text) &&
               phx_equal(a->source, b->source) && phx_equal(a->included_file, b->included_file) &&
               phx_equal(a->key, b->key) && phx_equal(a->accepted, b->accepted);
}

bool phx_lints_equal(const struct phx_lints *a, const struct phx_lints *b) {
        if (phx_lints_are_same(a, b))
                return true;
        if (a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++)
                if (!lints_lint_equal(&a->items[i], &b->items[i]))
                        return false;
        return true;
}

size_t phx_lints_warnings(const struct phx_lints *lints) {
        size_t count = 0;

        for (size_t i = 0; i < lints->count; i++)
                count += !lints->items[i].accepted;
        return count;
}

const char *phx_escape_to_string(enum phx_escape escape) {
        switch (escape) {
        case PHX_ESCAPE_NONE:
                break;
        case PHX_ESCAPE_ACCEPTED:
                return "may-leave-accepted";
        case PHX_ESCAPE_POSSIBLE:
                return "may-leave";
        }
        return NULL;
}

enum phx_escape phx_lints_escape(const struct phx_lints *lints) {
        enum phx_escape escape = PHX_ESCAPE_NONE;

        for (size_t i = 0; i < lints->count; i++) {
                const struct phx_lint *lint = &lints->items[i];

                if (!phx_rule_info(lint->rule)->leaves)
                        continue;
                if (!lint->accepted)
                        return PHX_ESCAPE_POSSIBLE;
                escape = PHX_ESCAPE_ACCEPTED;
        }
        return escape;
}

static int add_place(struct phx_buffer *words, const struct phx_lint *lint, const char *object) {
        const char *name = object;
        int r = 0;

        if (lint->included_file) {
                if (name && lint->line > 0)
                        r = phx_buffer_addf(
                                        words,
                                        " (by the include at %s:%u, which has ",
                                        name,
                                        lint->line);
                else
                        r = phx_buffer_add_text(words, " (by an include, which has ");
                if (r >= 0)
                        r = phx_buffer_addf(
                                        words,
                                        "'%s' at %s:%u)",
                                        lint->source ? lint->source : "the rule",
                                        lint->included_file,
                                        lint->included_line);
                return r;
        }
        if (lint->source && name && lint->line > 0)
                return phx_buffer_addf(
                                words,
                                " (by '%s' at %s:%u)",
                                lint->source,
                                name,
                                lint->line);
        if (lint->source)
                return phx_buffer_addf(words, " (by '%s')", lint->source);
        return 0;
}

char *phx_lint_sentence(const struct phx_lint *lint, const char *object) {
        phx_cleanup(phx_buffer_done) struct phx_buffer words = { 0 };
        const struct phx_rule_info *info = phx_rule_info(lint->rule);
        int r;

        r = phx_buffer_add_text(&words, lint->text);
        if (r >= 0)
                r = add_place(&words, lint, object);
        if (r >= 0)
                r = phx_buffer_addf(&words, " [PHX%u %s]", info->number, info->name);
        if (r >= 0 && lint->accepted)
                r = phx_buffer_addf(&words, ": accepted: %s", lint->accepted);
        return r < 0 ? NULL : PHX_TAKE(words.data);
}

int phx_acceptances_add(
                struct phx_acceptances *acceptances,
                const struct phx_acceptance *acceptance) {
        struct phx_acceptance copy = { .rule = acceptance->rule, .line = acceptance->line };
        struct phx_acceptance *added = NULL;

        if (phx_replace(&copy.object, acceptance->object) >= 0 &&
            phx_replace(&copy.reason, acceptance->reason) >= 0)
                added = phx_grow(&acceptances->items, &acceptances->count, sizeof(*added));
        if (!added) {
                free(copy.object);
                free(copy.reason);
                return -ENOMEM;
        }
        *added = copy;
        return 0;
}

void phx_acceptances_done(struct phx_acceptances *acceptances) {
        for (size_t i = 0; i < acceptances->count; i++) {
                free(acceptances->items[i].object);
                free(acceptances->items[i].reason);
        }
        free(acceptances->items);
        *acceptances = (struct phx_acceptances){ 0 };
}

int phx_acceptances_apply(
                const struct phx_acceptances *acceptances,
                const char *object,
                struct phx_lints *lints,
                bool *used) {
        for (size_t i = 0; i < lints->count; i++)
                for (size_t j = 0; j < acceptances->count; j++) {
                        const struct phx_acceptance *acceptance = &acceptances->items[j];

                        if (acceptance->rule != lints->items[i].rule ||
                            strcmp(acceptance->object, object) != 0)
                                continue;
                        used[j] = true;
                        if (phx_equal(lints->items[i].accepted, acceptance->reason))
                                continue;
                        if (lints_own(lints) < 0 ||
                            phx_replace(&lints->items[i].accepted, acceptance->reason) < 0)
                                return -ENOMEM;
                }
        return 0;
}
