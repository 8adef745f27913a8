/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/desired.h"
#include "state/observed.h"

/* Says of each observed container how many of the tasks that were seen in it are under another
 * label or mode than the desired one, or than its own config's where it is not ours; pure. 0 or
 * -ENOMEM.
 */
int phx_confine(const struct phx_desired *desired, struct phx_observed *observed);
