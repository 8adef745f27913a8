/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "policy/policy.h"
#include "policy/verdict.h"

/* A compiled policy asked without a kernel: by its own automata, and by the rules by which the
 * kernel reads their answers (security/apparmor/file.c, lib.c and apparmorfs.c, profile_query_cb).
 * For where no AppArmor is; what is put in force is judged by the kernel itself, see
 * kernel/probe.h. */

/* The zero value has taken up nothing. */
struct phx_policy_matcher {
        const void *blob; /* borrowed from load() to unload() */
        size_t size;
        struct phx_policy policy;
};

/* MATCHER must outlive what is returned; unload() frees all that load() took. */
struct phx_policy_prober phx_policy_matcher_prober(struct phx_policy_matcher *matcher);
