/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy/verdict.h"

/* The kernel asked about a policy that is not in force: the very bytes are loaded into a policy
 * namespace of their own, in which nothing runs, and which takes them with it when it goes. The
 * host's own policy, its revision included, does not move. */
struct phx_policy_probe {
        const char *apparmorfs; /* PHX_KERNEL_APPARMORFS; borrowed */
};

/* Not a container's: those begin with "lxc-". */
#define PHX_PROBE_NAMESPACE "phoenixd-probe"

/* PROBE must outlive what is returned. */
struct phx_policy_prober phx_policy_probe_prober(struct phx_policy_probe *probe);

/* The kernel asked about a policy that is in force: LABEL is a profile, with its namespace where
 * it has one; of a stack only the parts in the innermost namespace would be asked. 0, or a negative
 * errno with a text: -ENOENT when there is no such label. Capabilities cannot be asked. */
int phx_policy_ask_label(
                const char *label,
                const struct phx_policy_query *query,
                bool *ret_allowed,
                struct phx_error *error);

/* Removes the namespace that a crash has left. 1 when there was one, else 0, or a negative errno.
 */
int phx_policy_probe_clean(const struct phx_policy_probe *probe);
