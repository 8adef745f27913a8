/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "state/desired.h"
#include "state/observed.h"

/* What the boot gate does about a container that is started now and would be less confined than it
 * is to be. The names are part of the interface. */
enum phx_gated {
        PHX_GATED_UNKNOWN, /* it is not on this host, or its config cannot be read */
        PHX_GATED_REFUSES,
        PHX_GATED_WARNS,      /* as the settings say, in observe mode, or while it is suspended */
        PHX_GATED_NOT_NEEDED, /* it is to be unconfined, or has Proxmox's own profile */
        PHX_GATED_OFF,        /* as the settings say */
        PHX_GATED_NOT_ASKED,  /* LXC has no hook of the gate for it; the last */
};

#define PHX_GATEDS (PHX_GATED_NOT_ASKED + 1)

/* "unknown", "refuses", … NULL for a number that is none. */
const char *phx_gated_to_string(enum phx_gated gated);
/* Whether it would start unchecked. */
bool phx_gated_is_missing(enum phx_gated gated);

/* Whether the gate has to do with it at all. */
bool phx_gated_concerns(const struct phx_desired_container *want);

/* HAVE is NULL for a container that is not on this host. */
enum phx_gated phx_gated_of(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have);
