/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

/* JSON that is written without a tree of its values. */

/* Whether JSON shows TEXT as it is: ASCII without control characters, quotes and backslashes. */
bool phx_json_is_plain(const char *text);
/* Appends it as a string; TEXT is plain. 0 or -ENOMEM. */
int phx_json_add_plain(struct phx_buffer *buffer, const char *text);
