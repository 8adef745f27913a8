/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "codec/json_scan.h"

/* Every refusal says file, line, path, what was found and what is right, as in
 *   phoenix_lxc_configs.json:12: lxc_configs.910.boot_delay: found -1, expected a whole number …
 * All of them return -EINVAL, or -ENOMEM when there is no memory for saying it. */

/* The place one step below PARENT, which must outlive it. */
struct phx_json_place phx_json_member(const struct phx_json_place *parent, const char *key);
struct phx_json_place phx_json_element(const struct phx_json_place *parent, size_t index);

/* "FILE:LINE: PATH: " and the formatted text, returns -EINVAL. */
int phx_json_refuse(
                struct phx_error *error,
                const struct phx_json_place *place,
                const char *format,
                ...) PHX_PRINTF(3, 4);

/* "FILE:LINE: PATH: found …, " and the formatted text, which begins with "expected". */
int phx_json_refuse_found(
                struct phx_error *error,
                const struct phx_json_place *place,
                const char *format,
                ...) PHX_PRINTF(3, 4);

/* What is wrong where the text cannot be walked, because it is none: "FILE:LINE: " and the
 * formatted text, returns -EINVAL. LINE and COLUMN as in struct phx_finding. */
int phx_json_refuse_line(
                struct phx_error *error,
                const struct phx_json_text *text,
                size_t line,
                size_t column,
                const char *format,
                ...) PHX_PRINTF(5, 6);

/* A warning about PLACE, for an error that has a list of findings; nothing otherwise. */
void phx_json_warn(
                struct phx_error *error,
                const struct phx_json_place *place,
                const char *format,
                ...) PHX_PRINTF(3, 4);

/* For PLACE as a key that should not be there: "FILE:LINE: PATH OF ITS OBJECT: unknown key '…'; "
 * and what was meant, or which keys there are. */
int phx_json_refuse_key(
                struct phx_error *error,
                const struct phx_json_place *place,
                const char *meant,
                const struct phx_strings *known);

/* The one of KNOWN that is at most LIMIT edits away from KEY and nearest; NULL when there is none.
 * Case does not count, nor does what is neither a letter nor a digit: "AppArmor-Profile" is 0 edits
 * away from "apparmor_profile". */
const char *phx_json_nearest(const char *key, const struct phx_strings *known, size_t limit);

/* "FILE: out of memory", returns -ENOMEM. */
int phx_json_no_memory(struct phx_error *error, const struct phx_json_text *text);
