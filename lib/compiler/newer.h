/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "source/walk.h"

/* What came to AppArmor's language after 3.0, which older compilers refuse as nonsense. */

/* The release of the program at PARSER, as "3.0.8"; false when it does not say. */
bool phx_compiler_version(const char *parser, char *ret_version, size_t size);

/* What in the statement is of a newer AppArmor than VERSION ("" for any): its words, what that is,
 * and the release that has it. */
struct phx_newer {
        char what[64];
        const char *kind; /* "a rule" */
        const char *since;
};
bool phx_statement_is_newer(
                const struct phx_statement *statement,
                const char *version,
                struct phx_newer *ret_newer);

/* The release that has the profile flag FLAG, if that is newer than VERSION; else NULL. */
const char *phx_flag_is_newer(const char *flag, const char *version);
