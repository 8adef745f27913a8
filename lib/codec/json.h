/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/error.h"
#include "base/strings.h"
#include "codec/json_refuse.h"
#include "codec/json_syntax.h"

/* Reading JSON that a person wrote. Codes: -EINVAL for what the author must correct, -EFBIG,
 * -ENOMEM.
 */

/* As much as any file of ours may have. What is foreign in it costs no more than its own size, see
 * json_syntax.h. */
#define PHX_JSON_LIMIT ((size_t) 64 * 1024 * 1024)
/* The real configuration nests six deep. jansson itself would recurse 2048 deep. */
#define PHX_JSON_DEPTH 64

static inline void phx_json_decref(json_t **value) {
        json_decref(*value);
        *value = NULL;
}

/* Parses TEXT, whose root must be an object, without duplicate keys. With IS_OURS, what is not may
 * hold anything, and objects and arrays of it are read as 0, see json_syntax.h. The caller gets a
 * reference. */
int phx_json_load(
                const struct phx_json_text *text,
                phx_json_is_ours *is_ours,
                json_t **ret_root,
                struct phx_error *error);

/* JSON has no comments: a key that begins with "//" is one, and a key that begins with "$" is for
 * other programs. */
bool phx_json_is_comment(const char *key);

/* Typed readers. RET is written on success only; what they return is borrowed from VALUE. */
int phx_json_boolean(
                const struct phx_json_place *place,
                const json_t *value,
                bool *ret,
                struct phx_error *error);

struct phx_json_range {
        long long lowest;
        long long highest;
};
/* 2.0 is no integer, and true is no number. */
int phx_json_integer(
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_json_range range,
                long long *ret,
                struct phx_error *error);

/* WHAT tells what is expected of a string: "a string", "an absolute path". */
int phx_json_string(
                const struct phx_json_place *place,
                const json_t *value,
                const char *what,
                const char **ret,
                struct phx_error *error);

/* What apparmor_profile and default_profile may be. */
int phx_json_profile(
                const struct phx_json_place *place,
                const json_t *value,
                const char **ret,
                struct phx_error *error);

/* An array of strings that are not empty and have no control characters. RET must be empty. */
int phx_json_strings(
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_strings *ret,
                struct phx_error *error);
