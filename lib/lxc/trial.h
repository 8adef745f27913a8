/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Options are tried on liblxc before they are written: whether it takes them, and whether what they
 * ask for is in effect without. Asked in a child, as in lxc/ask.h, from texts in memory: no file
 * of a container is touched. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "state/lxc_options.h"

enum phx_lxc_verdict {
        PHX_LXC_IN_EFFECT = 'e', /* nothing is to be written */
        PHX_LXC_WANTED = 'w',    /* to be written behind the config's own lines */
        PHX_LXC_REFUSED = 'r',   /* liblxc does not take the value, here or anywhere */
        PHX_LXC_UNKNOWN = 'u',   /* liblxc does not know the key */
        PHX_LXC_UNASKED = '?',
};

/* Borrowed. */
struct phx_lxc_trial {
        const char *name; /* the config, for messages */
        const char *text; /* as it is */
        size_t size;
        const char *base; /* without the options that are in it as lines of ours */
        size_t base_size;
        const struct phx_lxc_options *options;
};

struct phx_lxc_verdicts {
        int code;       /* 0; -EINVAL: liblxc refuses BASE; -ETIMEDOUT, -EIO: it hung, it died */
        char *text;     /* why there are no verdicts, for the operator */
        char *verdicts; /* one for each option */
};
void phx_lxc_verdicts_done(struct phx_lxc_verdicts *verdicts);

/* VERDICTS has room for one item per trial, all zero. DEADLINE_USEC is for each trial. 0, or a
 * negative errno when there is no asking at all. */
int phx_lxc_try(const struct phx_lxc_trial *trials,
                size_t count,
                uint64_t deadline_usec,
                struct phx_lxc_verdicts *verdicts,
                struct phx_error *error);

/* What liblxc says of one option by itself. */
struct phx_lxc_opinion {
        enum phx_lxc_verdict verdict; /* PHX_LXC_WANTED: it takes it */
        char *text;                   /* else liblxc's words, which may quote the value */
};
void phx_lxc_opinion_done(struct phx_lxc_opinion *opinion);

/* OPINIONS has room for one item per option, all zero. One that counts only with another, as the
 * mode of a network of some type, is taken when it is with any. A hang and a crash are refusals.
 * -ENOTSUP when liblxc cannot be used here. */
int phx_lxc_try_options(
                const struct phx_lxc_options *options,
                uint64_t deadline_usec,
                struct phx_lxc_opinion *opinions,
                struct phx_error *error);
