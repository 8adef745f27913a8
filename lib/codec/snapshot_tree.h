/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include <jansson.h>

#include "base/error.h"
#include "codec/fields.h"

/* Texts of snapshots as a tree of their values, for what cannot be read straight from the text
 * (phx_fields_scan()), and for saying what is wrong. */

#define PHX_SNAPSHOT_VERSION 1

/* A new reference. -EINVAL for what is no JSON, or of another version. */
int phx_snapshot_tree_load(
                const char *text,
                size_t size,
                json_t **ret_json,
                struct phx_error *error);

/* As phx_fields_parse(). */
int phx_snapshot_tree_take(
                const struct phx_shape *shape,
                json_t *json,
                void *object,
                struct phx_error *error);
