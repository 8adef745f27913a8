/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "state/inventory.h"

/* Reads what phx_inventory_render() wrote; FILE is how messages name it. -EBADMSG when it is
 * damaged or of another version: the caller then rebuilds it, owning nothing. -ENOMEM. RET must be
 * empty. */
int phx_inventory_parse(
                const char *file,
                const char *text,
                size_t size,
                struct phx_inventory *ret_inventory,
                struct phx_error *error);

/* The same inventory always gives the same bytes. The text is the caller's and has a NUL behind
 * RET_SIZE bytes. -EILSEQ when something in it is not UTF-8, or -ENOMEM. */
int phx_inventory_render(const struct phx_inventory *inventory, char **ret_text, size_t *ret_size);
