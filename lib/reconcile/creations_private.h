/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "reconcile/creations.h"

/* The job of STEP, and the digest of all that it is made of: another entry is another try. 0 or
 * -ENOMEM. */
int phx_creation_make_job(
                const struct phx_creations *creations,
                const struct phx_step_create *step,
                struct phx_job *job,
                char input[PHX_SHA256_HEX]);
