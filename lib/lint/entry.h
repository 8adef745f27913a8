/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "policy/policy.h"
#include "state/configuration.h"
#include "state/lint.h"

/* Whether an entry of the configuration fits its profile: the rules of state/rules.h that are about
 * containers, asked of the profile's compiled policy. All borrowed. */
struct phx_lint_entry {
        const struct phx_container_config *config;
        const char *namespace;           /* the container's policy namespace, or NULL */
        const struct phx_policy *policy; /* of its profile: what BLOB says */
        const void *blob;
        size_t size;
};

/* Appends what the entry breaks, with lines of the configuration. 0, -EPROTO
 * with a text for an automaton that cannot be read, -ENOMEM. */
int phx_lint_entry(
                const struct phx_lint_entry *entry,
                struct phx_lints *lints,
                struct phx_error *error);
