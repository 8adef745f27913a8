/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "source/files.h"

/* What the machine's own loader is configured with: /etc/apparmor/parser.conf, read as
 * apparmor_parser reads it. A text means another policy by another choice of features, so a compile
 * by the defaults would not be what is loaded at boot, and may confine less.
 *
 *   policy-features, compile-features,   the features of a text without `abi`; the last one counts
 *   features-file, match-string
 *   override-policy-abi                  those of every text, whatever its `abi`
 *   Optimize                             handed on: the same automata, and so the same hash
 *   base, Include                        refused, unless they name the deployed directory: includes
 *                                        would be found elsewhere
 *
 * All else is passed over on purpose. kernel-features and the kernel's half of features-file: the
 * running kernel knows better what it mediates. Complain, readimpliesX: they confine less. The rest
 * speaks of caches, messages, jobs and other actions. */
#define PHX_PARSER_CONFIG "/etc/apparmor/parser.conf"

struct phx_parser_features {
        bool of_kernel; /* "<kernel>": the running one's, or those a compile is for */
        char *text;     /* in the parser's form; NULL for none */
        size_t size;
};

struct phx_parser_options {
        struct phx_parser_features policy;
        struct phx_parser_features override;
        struct phx_strings optimize;
};

/* At most so many optimizations are handed on. */
#define PHX_PARSER_OPTIMIZE_LIMIT 16

/* CONFIG is the file's path; NULL or no file: there are no options. Negative with a text that names
 * file and line where the loader would not start either, or would find other includes than are
 * found below DEPLOYED_DIR. WATCHES, in any case: where a change may change the answer. */
int phx_parser_options_read(
                struct phx_files *files,
                const char *config,
                const char *deployed_dir,
                struct phx_parser_options *ret_options,
                struct phx_strings *watches,
                struct phx_error *error);
void phx_parser_options_done(struct phx_parser_options *options);

/* Words that differ where the options do. The caller's to free; NULL when memory is short. */
char *phx_parser_options_identity(const struct phx_parser_options *options);
