/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/scope.h"

/* What is called when something has happened, with what must be read again because of it: NULL for
 * everything, when events were lost. Borrowed. */
struct listener {
        void (*look)(void *data, const struct phx_scope *scope);
        void *data;
};

/* Which containers run may have changed, or what is loaded. */
static const struct phx_scope listener_tasks = { .has_tasks = true };
static const struct phx_scope listener_policy = { .has_policy = true };
