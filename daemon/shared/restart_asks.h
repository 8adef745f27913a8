/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Restarts that operators ask for, on their way from the loop to the engine, which stores them. */

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "state/restarts.h"

/* The object of an ask for every container that requires a restart. */
#define RESTART_ASK_ALL "*"

struct restart_ask {
        char *object;               /* a container's id, or RESTART_ASK_ALL; NULL: there is none */
        enum phx_restart_when when; /* PHX_RESTART_NOW or PHX_RESTART_IN_WINDOW */
        unsigned by_uid;
        uint64_t at_usec; /* when it was asked for, on the wall's clock */
};

void restart_ask_done(struct restart_ask *ask);
/* COPY must be zero. 0 or -ENOMEM. */
int restart_ask_copy(struct restart_ask *copy, const struct restart_ask *ask);

/* In the order in which they came. The zero value is an empty list. */
struct restart_asks {
        struct restart_ask *items;
        size_t count;
};

/* Appends a copy. 0 or -ENOMEM. */
int restart_asks_add(struct restart_asks *asks, const struct restart_ask *ask);
void restart_asks_done(struct restart_asks *asks);

/* A line "WHEN UID AT OBJECT" for each; the caller's. 0 or -ENOMEM. */
int restart_asks_to_text(const struct restart_asks *asks, char **ret_text);
/* 0, -EBADMSG for a text that is none of the above, or -ENOMEM. */
int restart_asks_from_text(const char *text, struct restart_asks *ret_asks);
