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
        uint64_t settles_in;          /* what is to be asked about */
};

void phx_lxc_answer_done(struct phx_lxc_answer *answer);

/* The config with this stamp is to be asked about. */
void phx_lxc_answer_add(struct phx_lxc_answer *answer, const struct phx_stamp *stamp);
/* Before liblxc is asked: waits until the configs, and what they include, are settled
 * (base/stamp.h), as far as that is a moment. 0 or -ENOMEM. */
int phx_lxc_answer_begin(struct phx_lxc_answer *answer);
/* After it was asked about KNOWN; in doubt false. */
bool phx_lxc_answer_holds(struct phx_lxc_answer *answer, const struct phx_lxc_known *known);
/* The same, about SOURCE at PATH, which is no config yet: true with its COMBINED. */
bool phx_lxc_answer_holds_for(
                struct phx_lxc_answer *answer,
                const char *path,
                struct phx_lxc_source *source);
