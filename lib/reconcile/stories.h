/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/strings.h"
#include "state/desired.h"

/* Which containers are to run in a profile: a record about the profile belongs to their stories,
 * too. The zero value has none. */
struct phx_stories {
        struct phx_strings profiles; /* of the configured containers */
        struct phx_strings ids;      /* theirs, at the same places */
};

/* Bytes of ids that one record may name: with the fields around them, a change stays below 4 KiB.
 * Where there are more, a record has their number alone: a part of them would look like all. */
#define PHX_STORIES_SIZE 1024

/* Replaces what STORIES has by the containers of DESIRED. 0 or -ENOMEM. */
int phx_stories_take(struct phx_stories *stories, const struct phx_desired *desired);
/* How many containers are to run in PROFILE, which may be NULL. Appends their ids to FOUND, unless
 * they are more than a record may name. Without memory FOUND has fewer. */
size_t phx_stories_find(
                const struct phx_stories *stories,
                const char *profile,
                struct phx_strings *found);
void phx_stories_done(struct phx_stories *stories);
