/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* The mode of a profile, or of a label, in the kernel's words (policy/profiles/NAME/mode and
 * "LABEL (MODE)"). */
enum phx_policy_mode {
        PHX_POLICY_UNKNOWN, /* the kernel said something else, or could not be asked */
        PHX_POLICY_ENFORCE,
        PHX_POLICY_COMPLAIN,
        PHX_POLICY_KILL,
        PHX_POLICY_UNCONFINED,
        PHX_POLICY_USER,   /* asks a program in user space; newer parsers call it prompt */
        PHX_POLICY_MIXED,  /* of a stack alone: its profiles are in different modes */
        PHX_POLICY_ABSENT, /* no profile of this name is loaded; the last */
};

#define PHX_POLICY_MODES (PHX_POLICY_ABSENT + 1)

/* "enforce", "complain", "kill", "unconfined", "user", "mixed" or "unknown"; NULL for
 * PHX_POLICY_ABSENT. */
const char *phx_policy_mode_to_string(enum phx_policy_mode mode);
/* PHX_POLICY_UNKNOWN for what is none of the above, and for NULL; "prompt" is "user". */
enum phx_policy_mode phx_policy_mode_from_string(const char *text);

/* Whether what a profile in this mode does not allow is denied. */
bool phx_policy_mode_is_enforced(enum phx_policy_mode mode);
