/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "state/input.h"
#include "state/observed.h"

/* What the configuration and the settings ask of this host, of which nothing but the names of its
 * containers counts; pure. Appends the containers to what was judged. A container is the directory
 * named as its id, or else as its name, when no other entry has that as its id or name. A directory
 * of the containers that is not believed is one more refusal. 0 or -ENOMEM. */
int phx_desire(struct phx_input *input, const struct phx_observed *observed);
