/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "compiler/outcome.h"

/* What became of a run that several profiles have shared. It is believed as a whole or not at all:
 * only when it ended well in time, said nothing, and wrote the policies of the profiles NAMES,
 * COUNT of them, in this order and nothing else, so no children either. RET_OUTPUT then has all of
 * them, and is the caller's; RET_SIZES the bytes of each, one behind the other. Negative else, and
 * nothing is known of any. */
int phx_shared_judge(
                const struct phx_compile_end *end,
                const char *const *names,
                size_t count,
                char **ret_output,
                size_t *ret_sizes);
