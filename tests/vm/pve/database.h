/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the stand-in keeps for its next start, even if it is killed: in DIRECTORY, config.db and
 * config.db-wal. Each change is appended to the latter, which another program can watch, before it
 * is made. Without a directory nothing is kept, and the functions return 0. */

struct pve_entry;
struct pve_state;

/* Reads what is there into the state, and opens the log. */
int pve_database_open(struct pve_state *state, const char *directory);
/* A clean end: the log becomes part of the database and is gone. */
int pve_database_close(struct pve_state *state, const char *directory);

int pve_database_put(struct pve_state *state, const struct pve_entry *entry);
int pve_database_drop(struct pve_state *state, const char *path);
int pve_database_move(struct pve_state *state, const char *from, const char *to);
