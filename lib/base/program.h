/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/buffer.h"

/* By which file a program is recognized, so that what an earlier process has kept is believed only
 * by the same program: another build of the same version may answer otherwise. 0, or a negative
 * errno when it cannot be found out; then nothing is to be kept or believed. */

/* Adds a line for the program that runs. */
int phx_program_add(struct phx_buffer *lines);
/* Adds one for each library that is loaded, in the order of loading. To be called when the program
 * begins, before it forks: a library that is replaced later is another file than the one that runs,
 * here and in each child that does not exec. */
int phx_program_add_libraries(struct phx_buffer *lines);
