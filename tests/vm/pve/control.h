/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The control socket: README.md has the words. */

#include "state.h"

/* A listening socket at PATH, or a negative errno. */
int pve_control_listen(const char *path);
/* Answers requests on SOCKET, one at a time, until something can be read from END. */
void pve_control_run(struct pve_state *state, int socket, int end);
/* Sends WORDS and, for "write", standard input; prints the answer. Returns an exit status: 0, or 1
 * with the reason on standard error. */
int pve_control_ask(const char *path, char **words);
