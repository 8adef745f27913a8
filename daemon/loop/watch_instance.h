/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Begins the one inotify instance that libinotifytools has, for watch.c: its descriptor, which
 * stays the library's, does not block and is closed on exec. Negative errno when there is none. */
int watch_instance_open(int *ret_fd);
