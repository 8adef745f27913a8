/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/strings.h"
#include "policy/test.h"

/* The words of one assertion on their way to queries, as the parts of policy/test.h share them. */
struct phx_assertion_words {
        struct phx_strings strings; /* "allow" or "deny", the class, and the rest */
        size_t at;                  /* the next one to be read */
        struct phx_policy_assertion *assertion;
        struct phx_error *error;
};

void phx_assertion_words_done(struct phx_assertion_words *words);

/* Each reads what follows its class, and adds the queries. 0, -EINVAL with a text, or -ENOMEM. */
int phx_assertion_file(struct phx_assertion_words *words);
int phx_assertion_capability(struct phx_assertion_words *words);
int phx_assertion_network(struct phx_assertion_words *words);
int phx_assertion_mount(struct phx_assertion_words *words);
int phx_assertion_umount(struct phx_assertion_words *words);
int phx_assertion_pivot_root(struct phx_assertion_words *words);
int phx_assertion_ptrace(struct phx_assertion_words *words);
int phx_assertion_signal(struct phx_assertion_words *words);
int phx_assertion_change_profile(struct phx_assertion_words *words);

/* For those that are in another file than the caller. */

/* The next word, or NULL behind the last. */
const char *phx_assertion_next(struct phx_assertion_words *words);
/* -EINVAL when there is a word left. */
int phx_assertion_end(struct phx_assertion_words *words);
/* "… expected WHAT". */
int phx_assertion_expected(struct phx_assertion_words *words, const char *found, const char *what);
/* A zeroed query, described in words; NULL when memory is short. */
struct phx_policy_query *phx_assertion_query(
                struct phx_assertion_words *words,
                const char *format,
                ...) PHX_PRINTF(2, 3);
/* The paths that PATTERN stands for. A test asks about paths, not about sets of them: "*" and "**"
 * stand for samples, one and (for "**") two components deep; what ends in one is a directory where
 * IS_DIRECTORY. -EINVAL for what is not absolute, or a pattern of another kind. */
int phx_assertion_paths(
                struct phx_assertion_words *words,
                const char *pattern,
                bool is_directory,
                struct phx_strings *paths);
