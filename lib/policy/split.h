/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* Takes apart what one run of the parser wrote for COUNT files, each of which defines the profile
 * of its name and nothing else, in their order: RET_SIZES, one for each of NAMES, are the bytes of
 * each, which follow each other and are all that there is. -EPROTO when BLOB is anything else: a
 * profile is missing, is not one of NAMES, comes in another order, or has children, of which it
 * cannot be said which file defines them; or what phx_policy_parse() says of the whole. */
int phx_policy_split(
                const void *blob,
                size_t size,
                const char *const *names,
                size_t count,
                size_t *ret_sizes);
