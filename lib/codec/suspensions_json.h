/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "codec/fields.h"
#include "state/suspensions.h"

/* One of them, for who has a place for one. */
extern const struct phx_shape phx_suspension_shape;

/* Suspensions as they are kept over restarts and travel to the engine: parse(render(x)) is x. The
 * caller's to free. */
int phx_suspensions_render(const struct phx_suspensions *suspensions, char **ret_text);

/* RET_SUSPENSIONS is replaced on success. -EBADMSG for what we would not have written, -ENOMEM. */
int phx_suspensions_parse(
                const char *text,
                size_t size,
                struct phx_suspensions *ret_suspensions,
                struct phx_error *error);
