/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "lxc/known.h"

/* Where an entry is. */
struct phx_lxc_entry_place {
        const struct phx_lxc *lxc;
        struct phx_lxc_cache *cache;
        int path_fd; /* of LXC_PATH */
};

/* What may be otherwise. */
enum phx_lxc_doubt {
        PHX_LXC_DOUBT_ENTRY,  /* anything, in the directory too */
        PHX_LXC_DOUBT_CONFIG, /* its config: LXC_PATH has its stamp, so that the names in it lead
                                 where they led, and no event was about another name in the
                                 directory */
};

/* Nothing of the entry itself has changed since it was read; what it includes is another question.
 * A link, and what could not be read, is never believed. */
bool phx_lxc_known_is_believed(
                int path_fd,
                const struct phx_lxc_known *known,
                enum phx_lxc_doubt doubt);

/* The directory has the stamp that is known. */
bool phx_lxc_known_has_directory(int path_fd, const struct phx_lxc_known *known);

/* Reads the entry as if nothing were known but liblxc's answer about one text: 1 and the config
 * when there is none about this one, 0, or -ENOMEM. What else is wrong is KNOWN's trouble. */
int phx_lxc_known_read(
                const struct phx_lxc_entry_place *place,
                struct phx_lxc_known *known,
                struct phx_lxc_source *ret_source);

/* A copy of TEXT for *TROUBLE, as it can be shown. 0 or -ENOMEM. */
int phx_lxc_set_trouble(char **trouble, const char *text);
