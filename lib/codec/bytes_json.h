/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>

/* Texts that must come back byte by byte. JSON is UTF-8, file names are bytes: what is not UTF-8
 * travels as {"hex": "…"}. NULL is null. */

/* A new reference; NULL when memory is short. */
json_t *phx_bytes_render(const char *text);
/* 0, -EINVAL for what that does not render, or -ENOMEM. The text is the caller's. */
int phx_bytes_parse(const json_t *json, char **ret_text);
