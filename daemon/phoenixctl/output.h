/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "phoenixctl/ctl.h"

/* Of standard output: how wide it is, and whether it shows colours. */
void output_look(struct ctl *ctl);

/* STATUS, or CTL_ERROR when what was written did not all arrive: said on standard error. */
int output_end(int status);
