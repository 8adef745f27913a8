/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The edit of pve/leftovers.h as it is shown to an operator. */

#include "pve/known.h"
#include "pve/leftovers.h"
#include "state/offer.h"

/* Of the file PATH, which has what is KNOWN. No value is quoted in a sentence. 1; 0 when there is
 * nothing to offer, also for a file that cannot be judged; or -ENOMEM. OBJECT stays NULL. */
int phx_pve_offer(
                const struct phx_pve_known *known,
                const char *path,
                const struct phx_pve_wanted *wanted,
                struct phx_offer *ret_offer);
