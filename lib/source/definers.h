/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "source/definitions.h"

/* A file younger than this is read again at the next look, whatever its times say. */
#define PHX_DEFINERS_SETTLE_MSEC 100

/* What was found in each file when it was last read. */
struct phx_definers;

int phx_definers_new(struct phx_definers **ret_definers);
struct phx_definers *phx_definers_free(struct phx_definers *definers);
PHX_DEFINE_FREEP(phx_definers)

/* The next look reads every file. */
void phx_definers_forget(struct phx_definers *definers);

/* Which profiles the files in the directory DIR_FD define: those directly in it and those in its
 * sub-directories, but for the ones that hold pieces and links (abstractions, tunables, local, abi,
 * disable, force-complain, cache). Names that AppArmor passes over are passed over; links to
 * files are followed. A
 * file whose inode, size and times are those of the last look is not opened; a large look therefore
 * costs a stat for each file. */
int phx_definers_observe(
                struct phx_definers *definers,
                int dir_fd,
                struct phx_definitions *ret_definitions,
                struct phx_error *error);
