/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "policy/graph.h"
#include "policy/policy.h"
#include "state/configuration.h"
#include "state/lint.h"

/* What the rules below ask of a profile's compiled policy: read once, for all entries that name the
 * profile. */
struct phx_lint_policy {
        struct phx_policy policy;
        struct phx_policy_graph *files; /* of the profile itself; NULL: none may be opened */
        uint64_t capabilities;          /* of the profile and its children */
};

/* BLOB is the policy of PROFILE, has SIZE bytes and must outlive what is read. The codes of
 * phx_policy_parse(), -EPROTO with a text for an automaton that cannot be read, -ENOMEM. */
int phx_lint_policy_read(
                const char *profile,
                const void *blob,
                size_t size,
                struct phx_lint_policy *ret_policy,
                struct phx_error *error);
void phx_lint_policy_done(struct phx_lint_policy *policy);

/* Whether an entry of the configuration fits its profile: the rules of state/rules.h that are about
 * containers. All borrowed. */
struct phx_lint_entry {
        const struct phx_container_config *config;
        const char *namespace; /* the container's policy namespace, or NULL */
        const struct phx_lint_policy *policy;
};

/* Appends what the entry breaks, with lines of the configuration. 0 or -ENOMEM. */
int phx_lint_entry(const struct phx_lint_entry *entry, struct phx_lints *lints);

/* Appends all of the entry that the rules look at, but not where it stands: entries with the same
 * text break the same rules of the same policy. NAMESPACE as above. 0 or -ENOMEM. */
int phx_lint_entry_text(
                const struct phx_container_config *config,
                const char *namespace,
                struct phx_buffer *text);
/* Appends to LINTS what ASKED breaks, FOUND, as an entry with the same text breaks it: with the
 * places of CONFIG. 0 or -ENOMEM. */
int phx_lint_entry_move(
                const struct phx_lints *found,
                const struct phx_container_config *asked,
                const struct phx_container_config *config,
                struct phx_lints *lints);
