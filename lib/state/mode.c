/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/mode.h"

#include <stddef.h>
#include <string.h>

#include "base/macros.h"
#include "base/strings.h"

static const char *const mode_names[] = {
        [PHX_POLICY_UNKNOWN] = "unknown",       [PHX_POLICY_ENFORCE] = "enforce",
        [PHX_POLICY_COMPLAIN] = "complain",     [PHX_POLICY_KILL] = "kill",
        [PHX_POLICY_UNCONFINED] = "unconfined", [PHX_POLICY_USER] = "user",
        [PHX_POLICY_MIXED] = "mixed",           [PHX_POLICY_ABSENT] = NULL,
};

const char *phx_policy_mode_to_string(enum phx_policy_mode mode) {
        return mode_names[mode];
}

enum phx_policy_mode phx_policy_mode_from_string(const char *text) {
        if (!text)
                return PHX_POLICY_UNKNOWN;
        for (size_t i = 0; i < PHX_ELEMENTS(mode_names); i++)
                if (phx_equal(text, mode_names[i]))
                        return (enum phx_policy_mode) i;
        return strcmp(text, "prompt") == 0 ? PHX_POLICY_USER : PHX_POLICY_UNKNOWN;
}

bool phx_policy_mode_is_enforced(enum phx_policy_mode mode) {
        return mode == PHX_POLICY_ENFORCE || mode == PHX_POLICY_KILL;
}
