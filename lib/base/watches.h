#pragma once

#include "base/strings.h"

/* Which directories to watch so that no change of a path goes unseen. 0 or -ENOMEM. */

/* DIRECTORY and its parent (which sees it replaced, or its symbolic link turned); where it does not
 * exist, the nearest ancestor that does. */
int phx_watches_add_directory(struct phx_strings *watches, const char *directory);
/* The same for the directory that holds PATH. */
int phx_watches_add_file(struct phx_strings *watches, const char *path);
