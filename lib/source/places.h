/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "source/walk.h"

/* Where in a profile and its includes something stands that a message of the compiler names. Each
 * returns whether it is there; also false when memory is short. */

/* The first use of @{NAME} or ${NAME} (NAME as in the message), also in another variable's value.
 */
bool phx_place_of_variable(
                const struct phx_source_text *text,
                const char *name,
                struct phx_place *ret_place);

/* The assignment of NAME that is number WHICH, from 0, of those that set it, or with ADDS of those
 * that add to it. With USED only those in whose value that variable stands. */
struct phx_assignment {
        const char *name;
        unsigned which;
        bool adds;
        const char *used;
};
bool phx_place_of_assignment(
                const struct phx_source_text *text,
                const struct phx_assignment *assignment,
                struct phx_place *ret_place);

/* A block NAME that is defined a second time beside the first. Without a second one FIRST is set
 * all the same, if there is any: a file that is included twice is walked once. */
bool phx_places_of_block(
                const struct phx_source_text *text,
                const char *name,
                struct phx_place *ret_first,
                struct phx_place *ret_second);

/* Two rules that give one program different ways to be executed. PATH is the program, or NULL for
 * patterns that overlap. */
struct phx_exec_conflict {
        struct phx_place first, second;
        char first_rule[128], second_rule[128];
};
bool phx_places_of_exec_conflict(
                const struct phx_source_text *text,
                const char *path,
                struct phx_exec_conflict *ret_conflict);

/* The first place where WORDS stand as they are, outside of comments. */
bool phx_place_of_words(
                const struct phx_source_text *text,
                const char *words,
                struct phx_place *ret_place);

/* A pattern whose braces or brackets are not right by themselves. */
struct phx_bad_pattern {
        struct phx_place place;
        char pattern[128];
};
bool phx_place_of_bad_pattern(const struct phx_source_text *text, struct phx_bad_pattern *ret_bad);

/* The first include that leads to the closure's item NAME, by itself or by its directory; with
 * IS_INSIDE the first one within a block. */
bool phx_place_of_include(
                const struct phx_source_text *text,
                const char *name,
                bool is_inside,
                struct phx_place *ret_place);

/* As much of the statement as a message may show, with single blanks; cut with "…". */
void phx_statement_show(const struct phx_statement *statement, char *shown, size_t size);
