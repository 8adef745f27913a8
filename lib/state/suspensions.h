/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

/* The object of a suspension that holds for all. */
#define PHX_SUSPEND_ALL "*"
/* How much an operator may say. */
#define PHX_SUSPENSION_REASON_LIMIT 200

/* What an operator has set aside: looked at and reported, not repaired. Times are microseconds
 * since the epoch. */
struct phx_suspension {
        char *object; /* "*", a profile's name or a container's id; NULL: there is none */
        char *reason;
        uint64_t since;
        uint64_t until; /* PHX_NEVER: until it is resumed */
        unsigned by_uid;
};

void phx_suspension_done(struct phx_suspension *suspension);
/* Replaces *COPY, which must be a suspension or zero. 0 or -ENOMEM. */
int phx_suspension_copy(struct phx_suspension *copy, const struct phx_suspension *suspension);
/* An object that can be one, a reason that is one short line, an end after its beginning. */
bool phx_suspension_is_valid(const struct phx_suspension *suspension);
/* "by uid 0 until 2026-11-25 22:00:00 UTC: REASON"; the caller's, NULL when memory is short. */
char *phx_suspension_words(const struct phx_suspension *suspension);

/* One for each object, sorted by it. The zero value is an empty list. */
struct phx_suspensions {
        struct phx_suspension *items;
        size_t count;
};

/* Adds a copy, in place of the one for the same object. 0 or -ENOMEM. */
int phx_suspensions_set(
                struct phx_suspensions *suspensions,
                const struct phx_suspension *suspension);
/* 1 when it was there, else 0. */
int phx_suspensions_remove(struct phx_suspensions *suspensions, const char *object);
/* The one that holds for OBJECT: its own, else that for all; NULL when it is not suspended. */
const struct phx_suspension *phx_suspensions_find(
                const struct phx_suspensions *suspensions,
                const char *object);
/* One that is over, or NULL. */
const struct phx_suspension *phx_suspensions_find_over(
                const struct phx_suspensions *suspensions,
                uint64_t wall_usec);
/* When the first of them ends: PHX_NEVER when none does. */
uint64_t phx_suspensions_next_end(const struct phx_suspensions *suspensions);
int phx_suspensions_copy(struct phx_suspensions *copy, const struct phx_suspensions *suspensions);
void phx_suspensions_done(struct phx_suspensions *suspensions);
