/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whether a running container was started with its managed lines. Those that confine it take
 * effect at a start only, as its profile's name does; what liblxc says of the running container and
 * of the config is compared list by list, see lxc/effect.h. Pure, but for included files. */

#include <stdbool.h>
#include <stddef.h>

#include "base/strings.h"
#include "state/lxc_options.h"
#include "state/observed.h"

/* Managed lines, taken apart. The zero value is empty. */
struct phx_lxc_started {
        struct phx_strings keys; /* what liblxc is to be asked for, each once */
        struct phx_strings lists;
        struct phx_strings item_keys; /* of the options, those of included files too; */
        struct phx_strings item_values;
        struct phx_strings gone_keys; /* and of lines that no option asks for any more */
        struct phx_strings gone_values;
};

void phx_lxc_started_done(struct phx_lxc_started *started);

/* Whether a line of this key is compared: it confines, it takes effect at a start alone, and the
 * monitor shows it as it was written. Not when the container starts, its network or its limits. */
bool phx_lxc_started_counts(const char *key);

/* GONE are lines "key=value". 0 or -ENOMEM. */
int phx_lxc_started_make(
                const struct phx_lxc_options *options,
                const struct phx_strings *gone,
                struct phx_lxc_started *ret_started);

/* Values of the KEYS, in their order. */
struct phx_lxc_started_values {
        const struct phx_strings *running; /* of the running container */
        const struct phx_strings *config;  /* of its config; NULL: it need not be known */
        const struct phx_strings *options; /* of a config that has the options alone; likewise */
};

/* Appends to WRONG the lines that its next start brings, or takes away. 1 when that is all, 0 when
 * the CONFIG must be known to say more; then nothing was appended. A key that cannot be compared is
 * in UNKNOWN, once. Or -ENOMEM. */
int phx_lxc_started_compare(
                const struct phx_lxc_started *started,
                const struct phx_lxc_started_values *values,
                struct phx_wrong_lines *wrong,
                struct phx_strings *unknown);
