/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files that the server makes itself. */

#include <stdbool.h>

#include "state.h"

const char *pve_served_name(enum pve_served file);
bool pve_served_find(const char *path, enum pve_served *ret_file);
/* Makes the text of FILE from the state as it is now, and keeps it: reads give it until the next
 * time, however old it becomes. Returns 0 or -ENOMEM. */
int pve_served_make(struct pve_state *state, enum pve_served file);
