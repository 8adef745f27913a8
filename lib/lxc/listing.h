/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The values of some keys, as liblxc writes them, of texts that are configs. Asked in a child, as
 * in lxc/ask.h. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strings.h"

struct phx_lxc_listing {
        const char *name; /* for messages; borrowed, as what follows */
        const char *text;
        size_t size;
        const struct phx_strings *keys;
        int code;                  /* 0; -EINVAL: liblxc refuses the text; else it hung, it died */
        char *why;                 /* there are no values, for the operator */
        struct phx_strings values; /* of KEYS, in their order; "" for none */
};

void phx_lxc_listing_done(struct phx_lxc_listing *listing);

/* DEADLINE_USEC is for each. 0, or a negative errno when there is no asking at all. */
int phx_lxc_list_values(
                struct phx_lxc_listing *listings,
                size_t count,
                uint64_t deadline_usec,
                struct phx_error *error);
