/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/scope.h"

/* What is called when something has happened. Borrowed. */
struct listener {
        /* With what must be read again because of it: NULL for everything, when events were lost.
         */
        void (*look)(void *data, const struct phx_scope *scope);
        /* Before that, when a container may have come, which may be started at any moment. */
        void (*arrival)(void *data);
        void *data;
};

/* Which containers run may have changed, or what is loaded. */
static const struct phx_scope listener_tasks = { .has_tasks = true };
static const struct phx_scope listener_policy = { .has_policy = true };
