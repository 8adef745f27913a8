/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* Why nothing is done about a drift, or who must do something about it. The identifiers are part of
 * the interface (JSON, D-Bus); the sentences are made in reconcile/sentence.h alone. */
enum phx_cause {
        PHX_CAUSE_NONE,
        PHX_CAUSE_REQUIRES_RESTART, /* of the container; nothing else resolves it */
        PHX_CAUSE_RESTARTING,       /* its restart is under way */
        PHX_CAUSE_RESTART_FAILED,   /* the detail says why; not tried again by itself */
        PHX_CAUSE_REQUIRES_START,   /* of the container, which its entry wants to run */
        PHX_CAUSE_STARTING,
        PHX_CAUSE_START_FAILED,  /* the detail says why; not tried again by itself */
        PHX_CAUSE_REQUIRES_STOP, /* of the container, which its entry wants not to run */
        PHX_CAUSE_STOPPING,
        PHX_CAUSE_STOP_FAILED,      /* as a start */
        PHX_CAUSE_ROLLED_BACK,      /* its restart failed, and its profile before is in force */
        PHX_CAUSE_NOT_ENFORCED,     /* the settings accept that its profile is not enforced */
        PHX_CAUSE_SUSPENDED,        /* by an operator; the detail says who and until when */
        PHX_CAUSE_NO_CONFIGURATION, /* none was accepted yet */
        PHX_CAUSE_LAST_GOOD,        /* the last known good version is in force */
        PHX_CAUSE_NO_LAST_GOOD,
        PHX_CAUSE_INPUT_REFUSED,     /* nothing is changed until the input is accepted */
        PHX_CAUSE_PATH_REFUSED,      /* nothing below lxc_path is read or written */
        PHX_CAUSE_CANNOT_CONFINE,    /* the kernel does not enforce AppArmor */
        PHX_CAUSE_NO_APPARMOR,       /* the same, of a container that is to be assigned a profile */
        PHX_CAUSE_PROFILE_REFUSED,   /* no version of its profile was accepted yet */
        PHX_CAUSE_PROFILE_COMPILING, /* no version of it was compiled yet; one is just now */
        PHX_CAUSE_PROFILE_ABSENT,    /* its profile is neither among ours nor in the kernel */
        PHX_CAUSE_PROFILE_NOT_LOADED,
        PHX_CAUSE_PROFILE_OUTDATED,  /* the kernel does not have this version of it yet */
        PHX_CAUSE_PROFILE_UNMANAGED, /* it is not ours, and not enforced */
        PHX_CAUSE_NAMESPACE_ABSENT,
        PHX_CAUSE_CONFIG_UNKNOWN, /* the container's config cannot be read */
        PHX_CAUSE_UNREADABLE,     /* nothing is changed until it can be read */
        PHX_CAUSE_RETRY,          /* checked again by itself */
        PHX_CAUSE_REST_IN_FORCE,  /* what is left of the entry is in force */
        PHX_CAUSE_NOT_CREATED,    /* nothing to do until the container is created */
        PHX_CAUSE_CREATING,       /* its creation is under way */
        PHX_CAUSE_CREATE_WAITS,   /* the detail says for what */
        PHX_CAUSE_CREATE_FAILED,  /* the detail says why; not tried again by itself */
        PHX_CAUSE_CREATE_REFUSED, /* its entry asks for what cannot be done; the detail says what */
        PHX_CAUSE_ANOTHER_NODE,   /* nothing to do here: another node of the cluster has it */
        PHX_CAUSE_UNMANAGED,      /* phoenixd never changes it */
        PHX_CAUSE_IN_USE,         /* the detail is the container that uses it */
        PHX_CAUSE_USE_UNKNOWN,    /* which containers use it cannot be determined */
        PHX_CAUSE_OPERATOR,       /* an operator must decide */
        PHX_CAUSE_FILE_FOREIGN,   /* the deployed file is not ours: remove it or adopt it */
        PHX_CAUSE_FILE_NOT_OURS,  /* of the policy: its deployed file is not ours */
        PHX_CAUSE_FILE_UNKNOWN,   /* of the policy: its deployed file was not read */
        PHX_CAUSE_NEXT_BOOT,      /* gone after the next boot; the last */
};

#define PHX_CAUSES (PHX_CAUSE_NEXT_BOOT + 1)

/* "requires-restart", …; NULL for PHX_CAUSE_NONE, and for a number that is none. */
const char *phx_cause_to_string(enum phx_cause cause);
