/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "codec/json.h"
#include "state/lint.h"

/* The key "accept" of phoenixd.json: an array of objects with "rule", "reason", and "profile" or
 * "container", whichever the rule is about. RET must be empty. -EINVAL with the place, and for a
 * rule that there is not with what was meant; -ENOMEM. */
int phx_acceptances_read(
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_acceptances *ret,
                struct phx_error *error);
