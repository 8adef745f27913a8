/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/lint.h"

/* What a compiled policy and its text break of the rules, kept in the cache beside the policy of
 * KEY, as asking takes far longer than reading. It is believed only when it is whole, and was asked
 * by this very program, as another one may have other rules. */

/* Best effort: what is not kept is asked again. TROUBLE is why the rules could not be asked, or
 * NULL. */
void phx_lints_keep(
                int dir_fd,
                const char *key,
                const struct phx_lints *lints,
                const char *trouble);
/* 0, -ENOENT when they are to be asked, or -ENOMEM. Both are the caller's. */
int phx_lints_recall(int dir_fd, const char *key, struct phx_lints *ret_lints, char **ret_trouble);
