/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strings.h"
#include "source/files.h"
#include "source/includes.h"

/* The rules of a profile as its author wrote them, with what it includes in place, so that it can
 * be said which line brings what a compiled policy allows. It does not judge: what is allowed is
 * asked of the policy, and this finds words for it. */

struct phx_statement {
        struct phx_strings words; /* without quotes, commas and comments; "(", ")" stay in them */
        char *scope; /* the profile that it is in, as the policy names it; "" outside of any */
        bool is_denial;
        unsigned line;    /* of the profile's own file: its own, or that of the include */
        const char *file; /* where it is, when that is an include: borrowed from FILES */
        unsigned file_line;
};

/* A variable and one of its values. */
struct phx_variable {
        char *name; /* without @{} */
        char *value;
};

struct phx_profile_text {
        struct phx_statement *items; /* as the compiler reads them */
        size_t count;
        struct phx_variable *variables;
        size_t variable_count;
};

/* What the text is about; all borrowed. */
struct phx_profile_source {
        const char *name;
        const char *text;
        size_t size;
        const struct phx_closure *closure; /* of TEXT, in FILES */
        struct phx_files *files;
};

/* 0 or -ENOMEM. A text that does not compile gives some rules or none. */
int phx_profile_text_read(
                const struct phx_profile_source *source,
                struct phx_profile_text *ret_text);
void phx_profile_text_done(struct phx_profile_text *text);

/* Whether PATTERN (*, **, ?, [], {,}, and variables) matches SUBJECT. SCOPE is what
 * @{profile_name} is. A pattern that needs too long matches nothing. */
bool phx_profile_text_matches(
                const struct phx_profile_text *text,
                const char *scope,
                const char *pattern,
                const char *subject);
