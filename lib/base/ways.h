/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/trust.h"

/* The directories that one look has judged, so that each is judged once, however many files in it
 * are looked at. */
struct phx_ways {
        const struct phx_trust *trust; /* borrowed */
        void *tree;                    /* of struct phx_way, by path: tsearch(3) */
};

enum phx_way_kind {
        PHX_WAY_OPEN,   /* all directories on the way are real ones, and trusted */
        PHX_WAY_ABSENT, /* so are those that are there, but one is missing */
        PHX_WAY_OTHER, /* a link is on it, or something that is not trusted, …: it must be walked as
                          a whole, by a function of base/trust.h */
};

struct phx_way {
        char *path;
        enum phx_way_kind kind;
        int fd;       /* with PHX_WAY_OPEN, of the directory, by O_PATH; else -1 */
        size_t reach; /* with PHX_WAY_ABSENT, how many bytes of PATH lead to the last one that is
                         there */
};

/* The way to DIRECTORY, an absolute path; borrowed until phx_ways_done(). NULL when memory is
 * short. */
const struct phx_way *phx_ways_to(struct phx_ways *ways, const char *directory);
/* The same to the directory that holds PATH. */
const struct phx_way *phx_ways_to_parent(struct phx_ways *ways, const char *path);
/* Closes all of them: the next question judges again. */
void phx_ways_done(struct phx_ways *ways);
