/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "policy/policy.h"
#include "source/rules.h"
#include "state/lint.h"

/* What a profile allows and hardly ought to: the rules of state/rules.h that are about profiles,
 * asked of the compiled policy, child by child. The text is read for one thing alone, to say which
 * line brings it; but for the rule about abi, which is about the text. */

struct phx_lint_subject {
        const struct phx_profile_source *source; /* names the profile */
        const struct phx_policy *policy;         /* what BLOB says */
        const void *blob;
        size_t size;
};

/* Appends what SUBJECT breaks. 0, -EPROTO with a text for an automaton that cannot be read,
 * -ENOMEM.
 */
int phx_lint_profile(
                const struct phx_lint_subject *subject,
                struct phx_lints *lints,
                struct phx_error *error);
