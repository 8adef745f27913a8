/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/findings.h"
#include "state/configuration.h"

/* Asks liblxc about the options of a configuration, each distinct one once and all in one child,
 * and appends to FINDINGS, at its place in FILE, what it refuses. Included files are those of this
 * machine: where the configuration is for another one (IS_HERE false), one that is refused is only
 * a warning. 0, or a negative errno with a text when liblxc cannot be asked. */
int phx_options_review(
                const char *file,
                const struct phx_configuration *configuration,
                bool is_here,
                struct phx_findings *findings,
                struct phx_error *error);
