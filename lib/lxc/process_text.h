/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files of /proc/PID, as text. */

#include <stdbool.h>
#include <stddef.h>

/* /proc gives a file whole in one read: 0, and TEXT has what fits into SIZE, with a NUL; or a
 * negative errno. */
int phx_process_read(int dir_fd, const char *path, char *text, size_t size);

/* The value of a line of /proc/PID/status, up to the end of TEXT; "" when there is none. KEY has
 * its colon. */
const char *phx_process_field(const char *status, const char *key);

/* Whether /proc/PID/cgroup names PREFIXNAME, as "/lxc.payload.web", or what is below it; or, where
 * that was taken when LXC made it, PREFIXNAME-N. */
bool phx_process_is_below(const char *cgroups, const char *prefix, const char *name);
