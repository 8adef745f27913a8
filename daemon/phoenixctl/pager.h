/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "phoenixctl/ctl.h"

/* Standard output goes through a pager from now on, where it is a terminal and no option says
 * otherwise: what $PAGER says, or less. Without one it stays as it is. */
void pager_open(const struct ctl *ctl);
/* Waits for it: the reader must be done before the prompt is back. */
void pager_close(void);
