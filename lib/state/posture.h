/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "state/desired.h"
#include "state/lint.h"
#include "state/observed.h"

/* How a container is confined, by the labels that its tasks have now. The names are part of the
 * interface: bus, JSON, metrics, phoenixctl and the status line use them alike. What a container is
 * to run in, and whether it must be restarted for that, is no part of it: see enum
 * phx_container_state. */
enum phx_posture {
        PHX_POSTURE_UNKNOWN, /* a label cannot be read, or its profile is not known to the kernel */
        PHX_POSTURE_CONFINED,
        PHX_POSTURE_MAY_LEAVE, /* confined by a profile that lets it out, which nothing accepts */
        PHX_POSTURE_NOT_ENFORCED, /* its profile does not deny: complain, unconfined, user mode */
        PHX_POSTURE_PARTLY_UNCONFINED, /* some of its tasks are unconfined */
        PHX_POSTURE_UNCONFINED,
        PHX_POSTURE_STOPPED, /* nothing runs that could be confined */
        PHX_POSTURE_MISSING, /* not on this host; the last */
};

#define PHX_POSTURES (PHX_POSTURE_MISSING + 1)

/* "confined", "may-leave", …; NULL for a number that is none. */
const char *phx_posture_to_string(enum phx_posture posture);
/* The same for sentences: "may leave". */
const char *phx_posture_words(enum phx_posture posture);

/* The least confined task decides. HAVE is NULL for a container that is not on this host. Of a
 * stack one profile that confines is enough, and what is in a policy namespace does not count.
 * Pure. */
enum phx_posture phx_posture_of(
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                const struct phx_observed_container *have);

/* Whether a container is not confined, may leave its profile, or could not be verified. A stopped
 * one is judged by ASSIGNED, in which it will start (NULL: unknown), and by whether the profile
 * that it is to run in can be left. One that is missing exposes nothing. */
bool phx_posture_is_exposed(enum phx_posture posture, const char *assigned, enum phx_escape escape);
