/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "state/restarts.h"

/* Restarts as they are kept over restarts of the daemon: parse(render(x)) is x, each item resumed.
 * The caller's to free. */
int phx_restarts_render(const struct phx_restarts *restarts, char **ret_text);

/* RET_RESTARTS is replaced on success. -EBADMSG for what we would not have written, -ENOMEM. */
int phx_restarts_parse(
                const char *text,
                size_t size,
                struct phx_restarts *ret_restarts,
                struct phx_error *error);
