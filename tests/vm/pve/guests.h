/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The registry of guests, which .vmlist shows. PATH is any path: those that are no guest's config
 * change nothing. */

#include <stdbool.h>

struct pve_state;

/* The file PATH was written: its guest is there now. Returns 0 or -ENOMEM. */
int pve_guest_enters(struct pve_state *state, const char *path);
void pve_guest_leaves(struct pve_state *state, const char *path);
/* The guest that PATH names is registered on another node, or as another type. */
bool pve_is_guest_elsewhere(struct pve_state *state, const char *path);
bool pve_is_same_guest(const char *a, const char *b);
/* Registers what the entries name, counted from one: a start. Returns 0 or -ENOMEM. */
int pve_renumber(struct pve_state *state);
