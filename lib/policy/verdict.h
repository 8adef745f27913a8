/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy/policy.h"
#include "policy/test.h"

/* Who answers for a compiled policy before it is in force: the kernel, see kernel/probe.h, or a
 * fake. All return 0 or a negative errno with a text. */
struct phx_policy_prober {
        /* Takes all profiles of BLOB up, instead of any others. */
        int (*load)(void *data, const void *blob, size_t size, struct phx_error *error);
        /* Whether PROFILE grants every bit of MASK for the query's match string. */
        int (*ask)(void *data,
                   const char *profile,
                   const struct phx_policy_query *query,
                   uint32_t mask,
                   bool *ret_allowed,
                   struct phx_error *error);
        /* Forgets them; called once for each load() that succeeded. */
        void (*unload)(void *data);
        void *data;
};

/* A policy and the test that it must pass; borrowed. */
struct phx_policy_trial {
        const char *file; /* of the test, for messages */
        const struct phx_policy_test *test;
        const char *profile;
        const struct phx_policy *policy; /* what BLOB says */
        const void *blob;
        size_t size;
};

/* 0 when every assertion holds; -EINVAL with the first that does not, its answer, and how many more
 * there are (an error with a list gets all of them); another negative errno when nothing could
 * be asked. */
int phx_policy_trial_run(
                const struct phx_policy_trial *trial,
                const struct phx_policy_prober *prober,
                struct phx_error *error);
