/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "source/walk.h"

/* A message of the compiler on its way to the author: where it belongs, and in whose words. */
struct phx_explanation {
        const struct phx_source_text *text;
        const char *parser;
        bool has_place;
        struct phx_place place; /* where the compiler saw it, then where it is to be changed */
        char words[900];
};

/* Replaces place and words by better ones, if SAID, all that the compiler wrote, is among what is
 * known. The places and words of messages that are no syntax errors. */
bool phx_explain_meaning(struct phx_explanation *explanation, const char *said);

/* The same for what does not follow AppArmor's grammar: the words are the compiler's, and SAID may
 * have more of them. */
bool phx_explain_syntax(struct phx_explanation *explanation, const char *said);

/* Parts of it: of a character that does not belong there, of words of the grammar, in STATEMENT if
 * that is known, and of sentences. */
bool phx_explain_character(struct phx_explanation *explanation, const char *said);
bool phx_explain_tokens(struct phx_explanation *explanation, const struct phx_statement *statement);
bool phx_explain_words(struct phx_explanation *explanation);

/* Sets the words. True, so that `return phx_explain(…)` is one line. */
bool phx_explain(struct phx_explanation *explanation, const char *format, ...) PHX_PRINTF(2, 3);
