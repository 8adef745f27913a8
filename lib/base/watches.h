/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/strings.h"

/* Which directories to watch so that no change of a path goes unseen. 0 or a negative errno.
 *
 * On the way to a path each component can be replaced, and each symbolic link turned, so that every
 * directory in which a component is looked up is added, under its real path, as "DIRECTORY//NAME":
 * only that name matters there. Where the way leads elsewhere, other directories are asked for.
 * Where the way ends early, it ends with the nearest directory that exists. At its end stands
 * "DIRECTORY", in which every name matters. Directories on the way that others may write are passed
 * over: anybody could wake us through them, and nothing behind them is trusted (DESIGN §4, P7). A
 * way that comes to PHX_REMOTE_ROOT (base/trust.h) ends before it. */

/* The way to DIRECTORY, and the directory itself. */
int phx_watches_add_directory(struct phx_strings *watches, const char *directory);
/* The same for NAMES, paths from the directory ABOVE, the way to which is walked once. */
int phx_watches_add_directories(
                struct phx_strings *watches,
                const char *above,
                const struct phx_strings *names);
/* The way to the file PATH, up to its name in the directory that really holds it: what else is made
 * beside it does not matter. */
int phx_watches_add_file(struct phx_strings *watches, const char *path);
