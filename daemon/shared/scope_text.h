/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/scope.h"

/* A scope as the text of a message: a line for each thing that is in it. 0 or -ENOMEM; the caller's
 * to free. A path that no line can hold makes it everything. */
int scope_to_text(const struct phx_scope *scope, char **ret_text);
/* What is no such text is everything. */
void scope_from_text(const char *text, struct phx_scope *ret_scope);
