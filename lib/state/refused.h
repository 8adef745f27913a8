/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What of the input may be refused. */
enum phx_refused {
        PHX_REFUSED_SETTINGS,
        PHX_REFUSED_CONFIGURATION,
        PHX_REFUSED_PROFILES, /* the directory of the profiles as a whole */
        PHX_REFUSED_PROFILE,  /* one of them: a state of the desired profile, and a drift */
        PHX_REFUSED_TEST,     /* of a profile that does not exist */
        PHX_REFUSED_LXC_PATH,
        PHX_REFUSED_CLUSTER, /* the files that a cluster shares, which cannot be read now */
        PHX_REFUSED_STATE,   /* no input: the record of what is ours, which cannot be saved */
};

/* "settings", "configuration", "profiles", "lxc_path", "cluster" or "state"; NULL for a profile and
 * a test, which have names of their own. */
const char *phx_refused_to_string(enum phx_refused refused);
