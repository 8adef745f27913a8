/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/refused.h"

#include <stddef.h>

const char *phx_refused_to_string(enum phx_refused refused) {
        switch (refused) {
        case PHX_REFUSED_SETTINGS:
                return "settings";
        case PHX_REFUSED_CONFIGURATION:
                return "configuration";
        case PHX_REFUSED_PROFILES:
                return "profiles";
        case PHX_REFUSED_LXC_PATH:
                return "lxc_path";
        case PHX_REFUSED_CLUSTER:
                return "cluster";
        case PHX_REFUSED_STATE:
                return "state";
        case PHX_REFUSED_PROFILE:
        case PHX_REFUSED_TEST:
                break;
        }
        return NULL;
}
