/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "policy/policy.h"
#include "state/settings.h"

/* Whether a compiled policy is what the source NAME may define: the profile NAME and its children,
 * nothing else, in a mode that the settings allow, attached to no program of the host. What a text
 * really defines is what the compiler made of it. -EINVAL with "NAME: …". */
int phx_policy_check(
                const struct phx_policy *policy,
                const char *name,
                const struct phx_settings *settings,
                struct phx_error *error);
