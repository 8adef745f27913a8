/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "codec/json_scan.h"

/* Whether a text is JSON, and what of it jansson need not see.
 *
 * Other programs' keys may hold whatever JSON can say, while jansson holds neither every number nor
 * every string, and refuses a text for one that is never read. So the grammar is checked here, and
 * jansson gets a copy of the same size, so that every byte stands where it stood, in which
 *   - an object or array of a key that is not ours, or below PHX_JSON_DEPTH levels, is the
 *     number 0,
 *   - a number that is no integer of 64 bits is 0.5, which no reader of ours takes,
 *   - what is no character of a string (\u0000, half of a surrogate pair) is \u0001, which no
 *     reader of ours takes either. */

/* Whether KEY (as it is written, without quotes) of an object that is DEPTH levels deep is ours;
 * the root is 1 deep. Asked for objects of ours only, and not for keys with a backslash. */
typedef bool phx_json_is_ours(size_t depth, const char *key, size_t size);

/* COPY has TEXT's bytes, and gets what is above. IS_OURS NULL: all keys are ours, and none may nest
 * deeper. -EINVAL with what is wrong and where, -ENOMEM. */
int phx_json_soften(
                const struct phx_json_text *text,
                phx_json_is_ours *is_ours,
                char *copy,
                struct phx_error *error);

/* The same for what stands between the quotes of one string, which is known to be one. */
void phx_json_soften_string(char *text, size_t size);
