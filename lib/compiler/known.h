/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/stamp.h"
#include "compiler/account.h"
#include "compiler/parser_options.h"
#include "source/files.h"

/* Which compiler it is that is there now, how this machine has it used, and by whom. Reading the
 * program takes a while, so it is read again only when it is another one: an upgrade under way
 * makes other policies. The zero value knows nothing. */
struct phx_compiler_known {
        char *identity; /* see phx_compiler_identity() */
        char *features;
        char *words; /* of the options, see phx_parser_options_identity() */
        struct phx_stamp program;
        /* See phx_compiler_is_repeatable(): asked when it first matters. */
        enum { PHX_UNASKED, PHX_REPEATABLE, PHX_NOT_REPEATABLE } repeats;
        bool is_settled; /* the stamp can be relied on, also after a restart */
        struct phx_parser_options options;
        struct phx_compiler_account account;
        struct phx_strings watches; /* where a change may change the last two */
};

/* Where to look; all borrowed. */
struct phx_compiler_place {
        struct phx_files *files; /* with which the two are read */
        const char *config;      /* PHX_PARSER_CONFIG; NULL for none */
        const char *accounts;    /* PHX_COMPILER_ACCOUNTS; NULL: `nobody` will do */
        bool may_be_nobody;      /* where there is no account */
        const char *parser;
        const char *features; /* id of the kernel's */
        const char *deployed_dir;
};

/* Brings KNOWN up to date. Negative with a text when nothing may be compiled. */
int phx_compiler_know(
                struct phx_compiler_known *known,
                const struct phx_compiler_place *place,
                struct phx_error *error);
/* Whether PARSER still is the program that it was. */
bool phx_compiler_is_known(const struct phx_compiler_known *known, const char *parser);
/* Whether what PARSER makes in a run of several is what it makes alone. */
bool phx_compiler_known_is_repeatable(struct phx_compiler_known *known, const char *parser);
void phx_compiler_known_done(struct phx_compiler_known *known);
