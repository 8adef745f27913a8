/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/desired.h"
#include "state/observed.h"

/* Whether the policy of our profiles is still as the last pass left it in the kernel. What has
 * changed since then, somebody else has changed. The zero value knows nothing yet. */
struct phx_foreign {
        struct phx_kernel_entries left;
        struct phx_strings absent; /* profiles that were not loaded */
        bool is_known;
};

/* Appends the names of desired profiles that are not as they were left: loaded in another version
 * or mode, gone, or come. 0 or -ENOMEM. */
int phx_foreign_compare(
                const struct phx_foreign *foreign,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_strings *changed);
/* A pass leaves them like this. 0 or -ENOMEM, and then nothing is known. */
int phx_foreign_leave(
                struct phx_foreign *foreign,
                const struct phx_desired *desired,
                const struct phx_observed *observed);
void phx_foreign_done(struct phx_foreign *foreign);
