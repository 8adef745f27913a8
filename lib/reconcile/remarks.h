/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/set.h"
#include "reconcile/stories.h"
#include "state/desired.h"
#include "state/record.h"

/* Records who is unconfined by configuration, the notes, and the rules that are broken, each once:
 * RECORDED has the messages that were recorded and still hold, and is brought up to date.
 * GENERATION is
 * "" for none. 0 or -ENOMEM. */
int phx_remarks_tell(
                struct phx_set *recorded,
                const struct phx_audit *audit,
                const struct phx_stories *stories,
                const char *generation,
                const struct phx_desired *desired);
