/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "lxc/known.h"

/* Whether an answer of liblxc is about what we have read: it reads the files itself, by their
 * names, after us. Borrowed, but for FRESH. */
struct phx_lxc_answer {
        const struct phx_lxc *lxc;
        const struct phx_lxc_cache *cache;
        int path_fd;                  /* of LXC_PATH */
        struct phx_lxc_reader *fresh; /* reads again, with nothing remembered */
        bool is_settled;              /* all that is included had been, before it was asked */
};

void phx_lxc_answer_done(struct phx_lxc_answer *answer);

/* Before liblxc is asked about configs of which the youngest is settled after so many nanoseconds
 * (base/stamp.h): waits for that, and for what they include, when it is a moment. 0 or -ENOMEM. */
int phx_lxc_answer_begin(struct phx_lxc_answer *answer, uint64_t settles_in);
/* After it was asked about KNOWN; in doubt false. */
bool phx_lxc_answer_holds(struct phx_lxc_answer *answer, const struct phx_lxc_known *known);
/* The same, about SOURCE at PATH, which is no config yet: true with its COMBINED. */
bool phx_lxc_answer_holds_for(
                struct phx_lxc_answer *answer,
                const char *path,
                struct phx_lxc_source *source);
